"""What a person would look up if nothing happens: trail, rule, function, queues."""

import datetime

import stack as stacks
from botocore.exceptions import BotoCoreError, ClientError

MINUTES = 30


def lines(stack, since):
    """One line a part of the way that an event takes, in its order; what cannot be looked up says why."""
    for look in (trail, rules, function, log, queues):
        try:
            yield from look(stack, since)
        except ClientError as error:
            yield f"{look.__name__}: {stacks.in_words(error)}"
        except BotoCoreError as error:
            yield f"{look.__name__}: {error}"


def trail(stack, _):
    wrong, said = stack.invoke(stack.functions["trail"], {})
    yield f"check: {stacks.plain(f'FAILED: {wrong}' if wrong else said)}"


def rules(stack, _):
    """The rules of the stack, and what EventBridge counts for each."""
    events = stack.client("events")
    for logical, name in stack.resources("AWS::Events::Rule").items():
        name = name.rsplit("/", 1)[-1]
        state = events.describe_rule(Name=name)["State"]
        counts = [(metric, total(stack, "AWS/Events", metric, "RuleName", name)) for metric in RULE_METRICS]
        yield f"rule {name} ({logical}): {state}{'' if state == 'ENABLED' else ' (!)'}, {in_words(counts)}"


RULE_METRICS = ("TriggeredRules", "Invocations", "FailedInvocations", "InvocationsSentToDlq")
FUNCTION_METRICS = ("Invocations", "Errors", "Throttles")


def function(stack, _):
    name = stack.functions["ingress"]
    counts = [(metric, total(stack, "AWS/Lambda", metric, "FunctionName", name)) for metric in FUNCTION_METRICS]
    yield f"function {name}: {in_words(counts)}"


def log(stack, since):
    """What the function wrote since then."""
    found = log_lines(stack, "ingress", since)
    group = log_group(stack, "ingress")
    yield f"log {group}: {stacks.number(len(found), 'line')} since the port was opened{':' if found else ''}"
    yield from (f"  {stacks.plain(line)[:300]}" for line in found[-10:])


def queues(stack, _):
    for name, count in stack.waiting().items():
        advice = ": `make redrive DRY_RUN=1` shows them" if count else ""
        yield f"queue {name}: {stacks.number(count, 'message')}{advice}"


def in_words(counts):
    return ", ".join(f"{metric} {count}" for metric, count in counts) + f" in {MINUTES} minutes"


def total(stack, namespace, metric, dimension, value):
    """A sum of the last minutes; CloudWatch shows it some minutes late."""
    now = datetime.datetime.now(datetime.timezone.utc)
    answer = stack.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - datetime.timedelta(minutes=MINUTES),
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )
    return f"{sum(point['Sum'] for point in answer['Datapoints']):g}"


def log_group(stack, kind):
    configuration = stack.client("lambda").get_function_configuration(FunctionName=stack.functions[kind])
    return configuration["LoggingConfig"]["LogGroup"]


def log_lines(stack, kind, since, pattern=""):
    """The lines that a function wrote since then (ms), all or those that match CloudWatch's pattern."""
    pages = (
        stack.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=log_group(stack, kind), startTime=since, filterPattern=pattern)
    )
    return [event["message"] for page in pages for event in page["events"]]
