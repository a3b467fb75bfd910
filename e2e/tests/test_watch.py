"""Nothing unseen: the metrics, the alarms, the dashboard, and the check of the trail, as deployed."""

import contextlib
import datetime
import json
import re

import pytest
from harness import deploy, events, inbox, pasted, places
from harness.account import FAST, Account
from harness.guard import Guard, guarded, permission
from harness.wait import until

#: Periods of minutes pass in seconds; the trail is looked at every second.
WATCHFUL = (*FAST, "--period-scale", "0.01", "--schedule-scale", "0.001")
METRICS = places.REPO / "shared" / "aws" / "src" / "metrics.rs"


@pytest.fixture
def watched():
    """A guarded account whose clock runs fast, for tests that break something."""
    with guarded(*WATCHFUL) as guard:
        yield guard


@contextlib.contextmanager
def heard(*options, **parameters):
    """An account whose topic is there and listened to before the stack: no alarm tells before there is an ear."""
    with Account(*options) as account:
        guard, topic = Guard(account), account.client("sns").create_topic(Name="security")["TopicArn"]
        queue = inbox.subscribe(account, topic, "heard-from-the-start")
        guard.deploy(AlertTopicArn=topic, **parameters)
        guard.alerts.queue = queue
        yield guard


def total(guard, metric, **dimensions):
    """The sum of one of our metrics so far, with exactly these dimensions."""
    now = datetime.datetime.now(datetime.timezone.utc)
    answer = guard.account.client("cloudwatch").get_metric_statistics(
        Namespace="Portcullis",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - datetime.timedelta(hours=1),
        EndTime=now + datetime.timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum", "Maximum"],
    )
    return sum(point["Sum"] for point in answer["Datapoints"])


def reaches(guard, wanted, metric, **dimensions):
    until(f"{metric} {dimensions} is {wanted}", lambda: total(guard, metric, **dimensions) >= wanted)
    assert total(guard, metric, **dimensions) == wanted


def alarm(guard, logical_id):
    name = guard.stack.resources("AWS::CloudWatch::Alarm")[logical_id]
    (found,) = guard.account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found


def goes_to(guard, logical_id, state):
    """Wait until an alarm is in that state, and until its topic has said so; gives the message."""
    found = until(
        f"{logical_id} is in {state}",
        lambda: (found := alarm(guard, logical_id))["StateValue"] == state and found,
    )

    def told():
        return [m for m in guard.alerts.alarms(found["AlarmName"]) if m["NewStateValue"] == state]

    return until(f"{logical_id} tells of {state}", told)[0]


# Metrics ----------------------------------------------------------------------------------------


def test_what_happened_is_counted(fresh):
    """One public rule, closed; one clean rule; one call that failed; one that is malformed."""
    group = fresh.group("counted")
    fresh.gone(group, fresh.open(group, permission("tcp", 6379, "0.0.0.0/0")))
    fresh.open(group, permission("tcp", 6379, "10.0.0.0/8"))
    fresh.handled("ingress", group, 2)
    _, error = fresh.stack.invoke("ingress", events.corpus("authorize-failed"))
    assert error is None
    _, error = fresh.stack.invoke("ingress", events.corpus("malformed-empty-detail"))
    assert error
    reaches(fresh, 4, "Events")
    reaches(fresh, 1, "Findings", Check="open-ingress", Severity=severity_of(fresh, group))
    reaches(fresh, 1, "Actions", Action="revoke-ingress", Outcome="done")
    reaches(fresh, 1, "Ignored", Reason="malformed")
    assert 0 < total(fresh, "ContainmentSeconds") < 60
    assert total(fresh, "AlertFailures") == 0


def severity_of(guard, group):
    return guard.alerts.wait(group)[0]["findings"][0]["severity"]


def test_observing_withholds_and_says_so(observer):
    group = observer.group("withheld", permission("tcp", 6379, "0.0.0.0/0"))
    observer.alerts.wait(group)
    reaches(observer, 1, "Actions", Action="revoke-ingress", Outcome="withheld")
    assert total(observer, "ContainmentSeconds") == 0


# Alarms -----------------------------------------------------------------------------------------


def test_a_new_stack_says_once_that_it_sees():
    """No alarm goes off because a stack is new, and only changes are told."""
    with heard(*WATCHFUL) as watched:
        group = watched.group("first")
        watched.gone(group, watched.open(group, permission("tcp", 6379, "0.0.0.0/0")))
        watched.alerts.wait(group)
        goes_to(watched, "SilenceAlarm", "OK")
        looked = len(watched.stack.invocations("trail"))
        until("the trail was looked at twice more", lambda: len(watched.stack.invocations("trail")) >= looked + 2)
        assert [message["NewStateValue"] for message in watched.alerts.alarms()] == ["OK"]


def test_undelivered_event_sounds_the_alarm(watched):
    """Lambda does not admit EventBridge any more: the event waits, and a person is told."""
    function = watched.stack.functions["ingress"]
    client = watched.account.client("lambda")
    for statement in json.loads(client.get_policy(FunctionName=function)["Policy"])["Statement"]:
        client.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    group = watched.group("undelivered")
    watched.open(group, permission("tcp", 6379, "0.0.0.0/0"))
    message = goes_to(watched, "UndeliveredQueueAlarm", "ALARM")
    assert "make redrive" in message["AlarmDescription"]


def arrivals_told(guard):
    name = alarm(guard, "ArrivalsAlarm")["AlarmName"]
    return len([m for m in guard.alerts.alarms(name) if m["NewStateValue"] == "ALARM"])


def test_failed_event_sounds_three_alarms(watched):
    watched.stack.deliver("ingress", events.corpus("malformed-empty-detail"))
    goes_to(watched, "ErrorsAlarm", "ALARM")
    goes_to(watched, "FailureQueueAlarm", "ALARM")
    # The second one is told as well, though the first one waits still.
    goes_to(watched, "ArrivalsAlarm", "ALARM")
    until("the alarm is back", lambda: alarm(watched, "ArrivalsAlarm")["StateValue"] == "OK")
    watched.stack.deliver("ingress", events.corpus("malformed-empty-detail"))
    until("it tells again", lambda: arrivals_told(watched) == 2)
    assert alarm(watched, "FailureQueueAlarm")["StateValue"] == "ALARM"


def test_alert_that_sns_refuses_sounds_an_alarm(watched):
    """The topic is gone, so nobody hears it; but the alarm stands."""
    watched.account.client("sns").delete_topic(TopicArn=watched.stack.topic)
    group = watched.group("untold")
    watched.gone(group, watched.open(group, permission("tcp", 6379, "0.0.0.0/0")))
    until("the alarm stands", lambda: alarm(watched, "AlertFailuresAlarm")["StateValue"] == "ALARM")


def test_silence_is_told_and_its_end_too(watched):
    trail = watched.account.client("cloudtrail").describe_trails()["trailList"][0]["Name"]
    goes_to(watched, "SilenceAlarm", "OK")
    watched.account.client("cloudtrail").stop_logging(Name=trail)
    message = goes_to(watched, "SilenceAlarm", "ALARM")
    assert "blind" in message["AlarmDescription"]
    answer, error = watched.stack.invoke("trail", {})
    assert error and trail in answer["errorMessage"]
    (command,) = re.findall(r"\((aws cloudtrail start-logging [^)]*)\)", answer["errorMessage"])
    pasted.paste(command, watched.account)
    assert watched.account.client("cloudtrail").get_trail_status(Name=trail)["IsLogging"] is True
    goes_to(watched, "SilenceAlarm", "OK")


def test_a_rule_that_somebody_disabled_is_off_and_says_how_to_go_on(watched):
    (rule,) = [
        r["Name"] for r in watched.account.client("events").list_rules()["Rules"] if "IngressFunctionCalls" in r["Name"]
    ]
    goes_to(watched, "SilenceAlarm", "OK")
    watched.account.client("events").disable_rule(Name=rule)
    assert "every six hours" in goes_to(watched, "OffAlarm", "ALARM")["AlarmDescription"]
    answer, error = watched.stack.invoke("trail", {})
    (command,) = re.findall(r"\((aws events enable-rule [^)]*)\)", answer["errorMessage"])
    assert error
    pasted.paste(command, watched.account)
    assert watched.account.client("events").describe_rule(Name=rule)["State"] == "ENABLED"
    goes_to(watched, "SilenceAlarm", "OK")
    assert alarm(watched, "MuteAlarm")["StateValue"] == alarm(watched, "BlindAlarm")["StateValue"] == "OK"


def test_a_function_that_may_not_run_is_off_and_says_how_to_go_on(watched):
    client, function = watched.account.client("lambda"), watched.stack.functions["ingress"]
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    goes_to(watched, "OffAlarm", "ALARM")
    answer, error = watched.stack.invoke("trail", {})
    (command,) = re.findall(r"\((aws lambda delete-function-concurrency [^)]*)\)", answer["errorMessage"])
    assert error
    pasted.paste(command, watched.account)
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=function)
    goes_to(watched, "SilenceAlarm", "OK")


def test_mail_that_somebody_unsubscribed_is_told_to_who_still_hears():
    with guarded(*WATCHFUL, AlertEmail="security@example.com") as guard:
        sns, topic = guard.account.client("sns"), guard.stack.topic
        goes_to(guard, "SilenceAlarm", "OK")
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        (mail,) = [item for item in found if item["Protocol"] == "email"]
        sns.unsubscribe(SubscriptionArn=mail["SubscriptionArn"])
        goes_to(guard, "MuteAlarm", "ALARM")
        answer, error = guard.stack.invoke("trail", {})
        assert error and "`security@example.com`, the stack's AlertEmail, is not subscribed" in answer["errorMessage"]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="security@example.com")
        goes_to(guard, "SilenceAlarm", "OK")


def test_function_that_was_switched_by_itself_is_off(watched):
    """As an intruder may: the stack says enforce, the function observes. The first event tells."""
    client, function = watched.account.client("lambda"), watched.stack.functions["ingress"]
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "PORTCULLIS_MODE": "observe"}}
    )
    group = watched.group("switched", permission("tcp", 6379, "0.0.0.0/0"))
    watched.alerts.wait(group)
    goes_to(watched, "OffAlarm", "ALARM")
    answer, error = watched.stack.invoke("trail", {})
    assert error and "is in mode `observe`, the stack is in mode enforce" in answer["errorMessage"]


def test_check_that_stops_running_is_told(watched):
    goes_silent = watched.account.client("events")
    until("the check runs", lambda: alarm(watched, "SilenceAlarm")["StateValue"] == "OK")
    for rule in goes_silent.list_rules()["Rules"]:
        if "TrailFunction" in rule["Name"]:
            goes_silent.disable_rule(Name=rule["Name"])
    goes_to(watched, "SilenceAlarm", "INSUFFICIENT_DATA")


def test_deploying_without_a_trail_is_told_at_once():
    """The schedule would find it too: here it is too slow to."""
    with heard(*FAST, "--period-scale", "0.01", "--no-trail") as guard:
        goes_to(guard, "SilenceAlarm", "ALARM")
        lines = [line for invocation in guard.stack.invocations("trail") for line in invocation]
        assert any("There is no trail" in line for line in lines)


def test_throttled_events_sound_an_alarm_and_are_not_lost():
    with guarded(*WATCHFUL, ReservedConcurrency="1") as guard:
        groups = [guard.group(f"throttled-{number}") for number in range(12)]
        rules = {group: guard.open(group, permission("tcp", 6379, "0.0.0.0/0")) for group in groups}
        goes_to(guard, "ThrottlesAlarm", "ALARM")
        for group in groups:
            guard.gone(group, rules[group], 60)
            guard.alerts.wait(group)


@pytest.mark.parametrize("alarms", ["all", "essential", "none"])
def test_alarms_are_a_choice(alarms):
    with guarded(
        Alarms=alarms, MoveCaches="on-request", ChatTopic="yes", HardenMemcached="ask", Sweep="enforce"
    ) as guard:
        made = set(guard.stack.resources("AWS::CloudWatch::Alarm"))
    every = {name for name, r in deploy.template()["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    of_functions = {"ErrorsAlarm", "TimeoutsAlarm"}
    assert made == {"all": every, "essential": every - of_functions, "none": set()}[alarms]


# The dashboard ----------------------------------------------------------------------------------


def test_dashboard_shows_every_metric_that_we_emit(guard):
    (name,) = [d["DashboardName"] for d in guard.account.client("cloudwatch").list_dashboards()["DashboardEntries"]]
    body = guard.account.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    console = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    assert guard.stack.outputs["DashboardUrl"] == f"{console}#dashboards:name={name}"
    text = json.dumps([widget["properties"]["metrics"] for widget in widgets])
    shown = set(re.findall(r'\["Portcullis", "(\w+)"', text)) | set(re.findall(r'MetricName=\\+"(\w+)', text))
    calls = r'\bmetric\("(\w+)"|Metric::about\([^"]*"(\w+)"|\("((?:Sweep|Missed)\w+)", '
    names = re.findall(calls, METRICS.read_text())
    emitted = {name for found in names for name in found if name}
    assert shown == emitted and len(emitted) == 19
    # Of the sweep it shows what its runs found.
    for name, function in guard.stack.functions.items():
        assert function in text or name == "sweep"
    assert "${" not in body


def test_every_alarm_has_a_section_for_two_in_the_morning():
    page = (places.REPO / "docs" / "operations.md").read_text()
    for name, resource in deploy.template()["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            assert re.search(rf"^#+ .*\b{name.removesuffix('Alarm')}\b", page, re.MULTILINE), name
