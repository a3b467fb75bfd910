"""Many alerts at once: the queue, the function behind it, its alarm, and what to do when it does not work."""

import json

import pytest
from harness.guard import guarded
from harness.wait import until
from test_operations import lying, operate
from test_watch import WATCHFUL, goes_to


@pytest.fixture
def watched():
    with guarded(*WATCHFUL, ChatTopic="yes") as guard:
        yield guard


def mapping(guard):
    client = guard.account.client("lambda")
    (found,) = client.list_event_source_mappings(FunctionName=guard.stack.functions["digest"])["EventSourceMappings"]
    return found


def stop_reading(guard):
    """Lambda reads the digest's queue no more; gives what undoes that."""
    client, uuid = guard.account.client("lambda"), mapping(guard)["UUID"]
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    return lambda: client.update_event_source_mapping(UUID=uuid, Enabled=True)


def test_the_queue_is_read_as_the_template_says(guard):
    found, queue = mapping(guard), guard.stack.outputs["DigestQueueUrl"]
    assert (found["BatchSize"], found["MaximumBatchingWindowInSeconds"]) == (1000, 60)
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["EventSourceArn"].rsplit(":", 1)[-1] == queue.rsplit("/", 1)[-1]


def test_an_alarm_tells_of_alerts_that_nobody_reads(watched):
    queue = watched.stack.outputs["DigestQueueUrl"]
    stop_reading(watched)
    watched.account.client("sqs").send_message(QueueUrl=queue, MessageBody="an alert")
    message = goes_to(watched, "DigestAlarm", "ALARM")
    assert "nobody was told" in message["AlarmDescription"]


def test_an_alert_that_was_not_told_goes_back_by_redrive(fresh):
    sqs = fresh.account.client("sqs")
    digest, failed = fresh.stack.outputs["DigestQueueUrl"], fresh.stack.failure_queue
    stop_reading(fresh)
    sqs.send_message(QueueUrl=digest, MessageBody='{"an": "alert"}')
    sqs.send_message(QueueUrl=failed, MessageBody='{"an": "alert"}')
    for _ in range(5):  # as Lambda does, without success
        (message,) = sqs.receive_message(QueueUrl=digest, VisibilityTimeout=0)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=digest, VisibilityTimeout=0)
    assert sorted(lying(fresh, failed).values()) == ['{"an": "alert"}'] * 2
    code, said = operate(fresh.account, "redrive.py", "--dry-run")
    assert code == 0 and message["MessageId"] in said and len(lying(fresh, failed)) == 2, said
    code, said = operate(fresh.account, "redrive.py", "--queue", "failed")
    assert code == 1 and "back in" in said and "1 dealt with, 1 left" in said, said
    assert list(lying(fresh, digest).values()) == ['{"an": "alert"}']
    assert message["MessageId"] not in lying(fresh, failed), "what only looks like one stays"
    assert len(lying(fresh, failed)) == 1


def test_a_dead_letter_of_another_queue_stays(fresh):
    sqs, failed = fresh.account.client("sqs"), fresh.stack.failure_queue
    arn = fresh.stack.outputs["FailureQueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    foreign = sqs.create_queue(QueueName="foreign", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=foreign, MessageBody="{}")
    for _ in range(2):
        sqs.receive_message(QueueUrl=foreign, VisibilityTimeout=0)
    until("the message is moved", lambda: lying(fresh, failed))
    code, said = operate(fresh.account, "redrive.py")
    assert code == 1 and "foreign is not the digest's queue of this stack" in said, said
    assert len(lying(fresh, failed)) == 1


def test_destroy_refuses_while_alerts_wait(fresh):
    stop_reading(fresh)
    fresh.account.client("sqs").send_message(QueueUrl=fresh.stack.outputs["DigestQueueUrl"], MessageBody="an alert")
    code, said = operate(fresh.account, "destroy.py")
    assert code == 1 and "1 event in the queue digest" in said, said
    assert len(lying(fresh, fresh.stack.outputs["DigestQueueUrl"])) == 1
