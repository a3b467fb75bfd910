"""Many alerts at once: the queue, the function behind it, its alarm, and what to do when it does not work."""

import json

import pytest
from botocore.exceptions import ClientError
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
    watched.put(queue, "an alert")
    message = goes_to(watched, "DigestAlarm", "ALARM")
    assert "nobody was notified" in message["AlarmDescription"]


def test_alerts_that_were_not_told_are_told_together_by_redrive(fresh):
    sqs = fresh.account.client("sqs")
    digest, failed = fresh.stack.outputs["DigestQueueUrl"], fresh.stack.failure_queue
    stop_reading(fresh)
    rows = [json.dumps(row(number, "high")) for number in (1, 2)]
    fresh.put(digest, *rows, "no alert")
    fresh.put(failed, rows[0])
    for _ in range(5):  # as Lambda does, without success
        dead = sqs.receive_message(QueueUrl=digest, VisibilityTimeout=0, MaxNumberOfMessages=10)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=digest, VisibilityTimeout=0)
    named = {message["Body"]: message["MessageId"] for message in dead}
    assert sorted(lying(fresh, failed).values()) == sorted([*rows, "no alert", rows[0]])
    code, said = operate(fresh.account, "redrive.py", "--dry-run")
    assert code == 0 and all(name in said for name in named.values()) and len(lying(fresh, failed)) == 4, said
    assert fresh.alerts.digests() == []
    code, said = operate(fresh.account, "redrive.py", "--queue", "failed")
    assert code == 1 and "it is no alert of ours" in said and "2 processed, 2 left" in said, said
    (document,) = until("the digest", fresh.alerts.digests)
    assert sorted(item["event"] for item in document["rows"]) == ["event-1", "event-2"]
    stays = lying(fresh, failed)
    assert sorted(stays.values()) == sorted(["no alert", rows[0]]), (
        "what no digest queue had stays, whatever it looks like"
    )
    assert named["no alert"] in stays and lying(fresh, digest) == {}


def test_no_other_queue_may_leave_its_dead_letters_here(fresh):
    """Whoever may make a queue could else put messages where they may not send any."""
    sqs, outputs = fresh.account.client("sqs"), fresh.stack.outputs
    for url in (fresh.stack.failure_queue, fresh.stack.undelivered_queue, outputs["DigestQueueUrl"]):
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        with pytest.raises(ClientError, match="RedrivePolicy"):
            sqs.create_queue(QueueName="foreign", Attributes={"RedrivePolicy": policy})
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.send_message(QueueUrl=url, MessageBody="{}")
        assert lying(fresh, url) == {}
    assert not [url for url in sqs.list_queues()["QueueUrls"] if url.endswith("foreign")]


def test_a_dead_letter_of_another_queue_stays(fresh):
    """Should somebody have opened the queue to others."""
    sqs, failed = fresh.account.client("sqs"), fresh.stack.failure_queue
    sqs.set_queue_attributes(QueueUrl=failed, Attributes={"RedriveAllowPolicy": ""})
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
    fresh.put(fresh.stack.outputs["DigestQueueUrl"], "an alert")
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
    watched.put(url, *map(json.dumps, rows), "no row")
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
    watched.put(url, json.dumps(row(1, "high")))
    watched.handled("digest", "AuthorizationError", 1)
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert found["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert watched.alerts.digests() == []
