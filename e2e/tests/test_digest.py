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


# The function ------------------------------------------------------------------------------------


def row(number, severity):
    """As a function that found something puts it into the queue: docs/digest.schema.json."""
    group = f"sg-{number:017d}"
    arn = f"arn:aws:ec2:eu-west-1:111122223333:security-group/{group}"
    return {
        "schema": "portcullis.digest-row.v1",
        "event": f"event-{number}",
        "time": f"2026-11-21T16:40:{number:02d}Z",
        "account": "111122223333",
        "region": "eu-west-1",
        "severity": severity,
        "subject": {"type": "security-group", "id": group, "arn": arn},
        "what": "closed TCP 6379 from 0.0.0.0/0",
        "who": "alice",
        "via": None,
        "mode": "enforce",
        "checks": ["open-ingress"],
        "tally": {severity: {"done": 1}},
        "findings": [],
    }


def test_what_comes_within_a_minute_is_one_message_and_what_is_no_row_stays(watched):
    sqs, url = watched.account.client("sqs"), watched.stack.outputs["DigestQueueUrl"]
    rows = [row(number, "critical" if number == 7 else "high") for number in range(12)]
    for body in [*map(json.dumps, rows), "no row"]:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    mail = until("the mail", lambda: watched.alerts.mails(rows[7]["subject"]["id"]))[0]
    assert all(item["subject"]["id"] in mail["body"] for item in rows), mail["body"]
    (document,) = [d for d in watched.alerts.digests() if d["findings"] == len(rows)]
    assert [item["event"] for item in document["rows"]][0] == "event-7", "the worst first"
    assert {item["event"] for item in document["rows"]} == {item["event"] for item in rows}
    assert rows[7]["subject"]["id"] in json.dumps(watched.chat.wait("12 findings"))
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    until(
        "the queue holds what is no row, and nothing else",
        lambda: (
            sorted(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"].values()) == ["0", "1"]
        ),
    )


def test_a_digest_that_sns_does_not_take_stays_in_the_queue(watched):
    sqs, url = watched.account.client("sqs"), watched.stack.outputs["DigestQueueUrl"]
    iam, role = watched.account.client("iam"), watched.stack.role("digest").rsplit("/", 1)[-1]
    iam.delete_role_policy(RoleName=role, PolicyName="tell")
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(row(1, "high")))
    watched.handled("digest", "AuthorizationError", 1)
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert found["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert watched.alerts.digests() == []
