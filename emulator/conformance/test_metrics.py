"""CloudWatch metrics that nobody puts: of invocations, of queues, of deliveries that fail, and in log lines."""

import json
import time
import uuid

from conftest import arn_of, new_queue, on_event, put, wait_for


def values(aws, namespace, metric, statistic="Sum", unit=None, **dimensions):
    """The statistic over everything so far, or None if there is no data."""
    now = time.time()
    answer = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=86400,
        Statistics=[statistic],
    )
    points = [point for point in answer["Datapoints"] if unit in (None, point["Unit"])]
    return points[0][statistic] if points else None


def test_invocations_and_their_errors(aws, function):
    aws("lambda").invoke(FunctionName=function, Payload=b'{"sleep": 0.1}')
    aws("lambda").invoke(FunctionName=function, Payload=b'{"fail": true}')
    put(aws, on_event(aws, arn_of(aws, function)), {"fail": True})  # tried three times

    def seen(metric, **options):
        return values(aws, "AWS/Lambda", metric, FunctionName=function, **options)

    wait_for(lambda: seen("Invocations") == 5)
    assert seen("Errors") == 4 and seen("Throttles") == 0 and seen("AsyncEventsReceived") == 1
    assert 100 <= seen("Duration", statistic="Maximum", unit="Milliseconds") < 5000


def test_only_a_throttle_is_counted_for_what_is_throttled(aws, function):
    aws("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        aws("lambda").invoke(FunctionName=function)
    except aws("lambda").exceptions.TooManyRequestsException:
        pass
    assert values(aws, "AWS/Lambda", "Throttles", FunctionName=function) == 1
    assert values(aws, "AWS/Lambda", "Invocations", FunctionName=function) is None


def test_a_queue_tells_how_many_messages_wait(aws):
    url, arn = new_queue(aws)
    name = arn.rsplit(":", 1)[-1]
    assert wait_for(lambda: values(aws, "AWS/SQS", METRIC, "SampleCount", QueueName=name))
    assert values(aws, "AWS/SQS", METRIC, "Maximum", QueueName=name) == 0
    for _ in range(3):
        aws("sqs").send_message(QueueUrl=url, MessageBody="{}")
    wait_for(lambda: values(aws, "AWS/SQS", METRIC, "Maximum", QueueName=name) == 3)


METRIC = "ApproximateNumberOfMessagesVisible"


def test_a_destination_that_does_not_take_a_failure(aws, function, queue):
    _, arn = queue
    aws("iam").delete_role_policy(RoleName=function, PolicyName="send")
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": true}')
    wait_for(lambda: values(aws, "AWS/Lambda", "DestinationDeliveryFailures", FunctionName=function) == 1)


def test_a_dead_letter_queue_that_does_not_take_an_event(aws, function):
    missing = arn_of(aws, function).replace(function, "gone")
    _, closed = new_queue(aws, effect="Deny")
    _, open_one = new_queue(aws)
    lost = on_event(aws, missing, DeadLetterConfig={"Arn": closed})
    kept = on_event(aws, missing, DeadLetterConfig={"Arn": open_one})
    put(aws, lost, {})
    put(aws, kept, {})
    rules = [source.replace(".", "-") for source in (lost, kept)]
    wait_for(lambda: values(aws, "AWS/Events", "InvocationsSentToDlq", RuleName=rules[1]) == 1)
    metric = "InvocationsFailedToBeSentToDlq"
    assert [values(aws, "AWS/Events", metric, RuleName=rule) for rule in rules] == [1, None]


def test_a_log_line_with_embedded_metrics(aws, function):
    """Each set of dimensions is a metric, the empty one too; the unit is kept; a list is several values."""
    namespace = f"Test{uuid.uuid4().hex[:8]}"
    directive = {
        "Namespace": namespace,
        "Dimensions": [[], ["Check"], ["Check", "Severity"]],
        "Metrics": [{"Name": "Findings", "Unit": "Count"}, {"Name": "Took", "Unit": "Milliseconds"}, {"Name": "No"}],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        **{"Check": "public", "Severity": "high", "Findings": 2, "Took": [10, 30], "text": "and more"},
    }
    aws("lambda").invoke(FunctionName=function, Payload=json.dumps({"print": json.dumps(line)}).encode())
    for dimensions in ({}, {"Check": "public"}, {"Check": "public", "Severity": "high"}):
        wait_for(lambda: values(aws, namespace, "Findings", unit="Count", **dimensions) == 2)  # noqa: B023
        assert values(aws, namespace, "Took", "Average", unit="Milliseconds", **dimensions) == 20
    assert values(aws, namespace, "Findings", Severity="high") is None
    listed = aws("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    assert sorted({metric["MetricName"] for metric in listed}) == ["Findings", "Took"] and len(listed) == 6


def test_a_line_that_only_looks_like_it_is_only_a_line(aws, function):
    aws("lambda").invoke(FunctionName=function, Payload=json.dumps({"print": '{"_aws": {"Broken": 1}}'}).encode())
    events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    assert '{"_aws": {"Broken": 1}}' in [event["message"].strip() for event in events]
