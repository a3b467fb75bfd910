"""EventBridge's scheduled rules really fire; `--schedule-scale` makes them fire sooner."""

import time

import pytest
from account.process import EmulatedAccount
from conftest import received, wait_for


@pytest.fixture(scope="module")
def hurried():
    """An account in which a quarter of an hour is 0.45 s."""
    with EmulatedAccount("--schedule-scale", "0.0005") as running:
        yield running


@pytest.fixture
def queue(hurried):
    sqs = hurried.client("sqs")
    policy = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, '
    policy += '"Action": "sqs:SendMessage", "Resource": "*"}]}'
    url = sqs.create_queue(QueueName="scheduled", Attributes={"Policy": policy})["QueueUrl"]
    yield url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.delete_queue(QueueUrl=url)


def test_a_rate_fires_again_and_again_until_it_is_disabled(hurried, queue):
    events, (url, arn) = hurried.client("events"), queue
    events.put_rule(Name="often", ScheduleExpression="rate(15 minutes)")
    events.put_rule(Name="seldom", ScheduleExpression="rate(1 day)")
    for rule in ("often", "seldom"):
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    seen = []

    def fired():
        seen.extend(message["Body"] for message in received(hurried.client, url) or [])
        return len(seen) >= 3

    wait_for(fired)
    assert all('"detail-type": "Scheduled Event"' in body and ":rule/often" in body for body in seen)
    events.disable_rule(Name="often")
    time.sleep(0.3)
    received(hurried.client, url)
    time.sleep(0.9)
    assert received(hurried.client, url) is None
