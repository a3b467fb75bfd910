"""CloudWatch alarms: when they change, what they tell, and that nothing else is told."""

import json
import time
import uuid

import pytest
from conftest import code_of, wait_for


@pytest.fixture
def told(aws):
    """A topic, and ``told()``: what has arrived in the queue that subscribes to it."""
    name = f"t{uuid.uuid4().hex[:8]}"
    topic = aws("sns").create_topic(Name=name)["TopicArn"]
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=f"{name}@example.com")
    seen = []

    def read():
        for message in aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            seen.append(json.loads(json.loads(message["Body"])["Message"]))
        return seen

    read.topic, read.address = topic, f"{name}@example.com"
    return read


@pytest.fixture
def alarm(aws, told):
    """``alarm(…)``: the name of a new alarm on a metric of its own, Sum > 0 in 60 s, that tells every change."""

    def make(**options):
        name = f"a{uuid.uuid4().hex[:8]}"
        metric = {"Namespace": "Test", "MetricName": name, "Statistic": "Sum", "Period": 60}
        aws("cloudwatch").put_metric_alarm(
            AlarmName=name,
            **{action: [told.topic] for action in ("AlarmActions", "OKActions", "InsufficientDataActions")},
            **({} if "Metrics" in options else metric),
            **{"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, **options},
        )
        return name

    return make


def state(aws, name):
    return aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def put(aws, name, value, **dimensions):
    datum = {"MetricName": name, "Value": value, "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()]}
    aws("cloudwatch").put_metric_data(Namespace="Test", MetricData=[datum])


def becomes(aws, name, wanted):
    wait_for(lambda: state(aws, name) == wanted)


def test_a_new_alarm_has_insufficient_data_and_says_nothing(aws, alarm, told):
    name = alarm()
    time.sleep(0.6)
    assert state(aws, name) == "INSUFFICIENT_DATA" and told() == []


def test_every_change_is_told_once(account, aws, alarm, told):
    name = alarm()
    put(aws, name, 1)
    becomes(aws, name, "ALARM")
    put(aws, name, 1)
    becomes(aws, name, "INSUFFICIENT_DATA")  # no data any more
    put(aws, name, 0)
    becomes(aws, name, "OK")
    wait_for(lambda: len(told()) == 3)
    changes = [(message["OldStateValue"], message["NewStateValue"]) for message in told()]
    assert changes == [("INSUFFICIENT_DATA", "ALARM"), ("ALARM", "INSUFFICIENT_DATA"), ("INSUFFICIENT_DATA", "OK")]
    first = told()[0]
    assert first["AlarmName"] == name and first["Region"] == "EU (Ireland)"
    assert first["Trigger"]["MetricName"] == name and first["Trigger"]["Period"] == 60
    mails = [mail for mail in account.mails() if mail["to"] == told.address]
    assert [mail["subject"] for mail in mails][0] == f'ALARM: "{name}" in EU (Ireland)'
    assert "has entered the ALARM state" in mails[0]["body"]
    history = aws("cloudwatch").describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")
    assert len(history["AlarmHistoryItems"]) >= 3


def test_missing_data_are_treated_as_asked(aws, alarm):
    after = {"ignore": "ALARM", "notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}
    names = {treatment: alarm(TreatMissingData=treatment) for treatment in after}
    for name in names.values():
        put(aws, name, 1)
    for name in names.values():
        becomes(aws, name, "ALARM")
    time.sleep(1.2)  # a period, and a tick or two
    assert {treatment: state(aws, name) for treatment, name in names.items()} == after


def test_other_dimensions_are_another_metric(aws, alarm):
    name = alarm()
    put(aws, name, 1, QueueName="other")
    time.sleep(0.6)
    assert state(aws, name) == "INSUFFICIENT_DATA"


def test_all_periods_must_breach_unless_fewer_are_asked_for(aws, alarm):
    all_of_three, one_of_three = alarm(EvaluationPeriods=3), alarm(EvaluationPeriods=3, DatapointsToAlarm=1)
    now = time.time()
    for name in (all_of_three, one_of_three):
        data = [{"MetricName": name, "Value": v, "Timestamp": now - ago / 2} for ago, v in enumerate([1, 0, 0])]
        aws("cloudwatch").put_metric_data(Namespace="Test", MetricData=data)
    becomes(aws, one_of_three, "ALARM")
    assert state(aws, all_of_three) == "OK"


def queries(expression, names):
    metrics = [
        {
            "Id": f"m{number}",
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": 300, "Stat": "Sum"},
        }
        for number, name in enumerate(names, 1)
    ]
    return [{"Id": "all", "Expression": expression, "ReturnData": True}, *metrics]


@pytest.mark.parametrize(
    ("expression", "without_data", "with_one"),
    [
        ("SUM([FILL(m1,0),FILL(m2,0)])", "OK", "ALARM"),
        ("MAX([m1,m2])", "INSUFFICIENT_DATA", "ALARM"),
        ("m1 + m2", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"),
        ("FILL(m1, 0) - 2 * FILL(m2, 0)", "OK", "OK"),
    ],
)
def test_metric_math(aws, alarm, told, expression, without_data, with_one):
    first, second = f"m{uuid.uuid4().hex[:8]}", f"m{uuid.uuid4().hex[:8]}"
    name = alarm(Metrics=queries(expression, [first, second]))
    time.sleep(0.6)
    assert state(aws, name) == without_data
    put(aws, second, 3)
    becomes(aws, name, with_one)
    described = aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    assert [query["Id"] for query in described["Metrics"]] == ["all", "m1", "m2"] and "MetricName" not in described
    if with_one == "ALARM":
        message = wait_for(lambda: [m for m in told() if m["NewStateValue"] == "ALARM"])[0]
        assert message["Trigger"]["Metrics"][0]["Expression"] == expression


@pytest.mark.parametrize("expression", ["SUM([m1,m3])", "m1 +", "SEARCH('{Test}', 'Sum')", "__import__('os')"])
def test_an_expression_that_means_nothing_is_refused(aws, alarm, expression):
    assert code_of(alarm, Metrics=queries(expression, ["x", "y"])) == "ValidationError"


def test_a_topic_must_admit_cloudwatch(aws, alarm, told):
    """A topic policy of one's own that does not name cloudwatch.amazonaws.com keeps alarms out."""
    own = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sns:Publish", "Resource": told.topic}
    set_policy(aws, told.topic, own)
    silent = alarm()
    put(aws, silent, 1)
    becomes(aws, silent, "ALARM")
    account = {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    admitted = {**own, "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Condition": account}
    set_policy(aws, told.topic, own, admitted)
    heard = alarm()
    put(aws, heard, 1)
    wait_for(told)
    assert [message["AlarmName"] for message in told() if message["NewStateValue"] == "ALARM"] == [heard]


def set_policy(aws, topic, *statements):
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    aws("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


TEMPLATE = """
Resources:
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - { Id: all, Expression: "SUM([FILL(m1,0)])", Label: Failures }
        - Id: m1
          ReturnData: false
          MetricStat:
            Metric: { Namespace: Test, MetricName: NAME, Dimensions: [{ Name: D, Value: x }] }
            Period: 300
            Stat: Sum
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 0
      AlarmActions: [TOPIC]
Outputs:
  Name: { Value: !Ref Alarm }
"""


def test_a_template_makes_an_alarm_on_an_expression(aws, told):
    name = f"s{uuid.uuid4().hex[:8]}"
    cloudformation = aws("cloudformation")
    body = TEMPLATE.replace("NAME", name).replace("TOPIC", told.topic)
    cloudformation.create_stack(StackName=name, TemplateBody=body)
    stack = wait_for(lambda: finished(cloudformation, name, "CREATE_COMPLETE"))
    alarm = stack["Outputs"][0]["OutputValue"]
    put(aws, name, 1, D="x")
    becomes(aws, alarm, "ALARM")
    assert wait_for(told)[0]["AlarmName"] == alarm
    cloudformation.delete_stack(StackName=name)
    wait_for(lambda: aws("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"] == [])


def finished(cloudformation, name, status):
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return stack if stack["StackStatus"] == status else None
