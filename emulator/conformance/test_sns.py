"""SNS: what Publish refuses, and what reaches mailboxes and queues."""

import json
import uuid

import pytest
from conftest import code_of, wait_for


@pytest.fixture
def sns(aws):
    return aws("sns")


@pytest.fixture
def topic(sns):
    return sns.create_topic(Name=f"t{uuid.uuid4().hex[:8]}", Attributes={"DisplayName": "Portcullis"})["TopicArn"]


def mails_to(account, address):
    return [mail for mail in account.mails() if mail["to"] == address]


@pytest.fixture
def reader(account, sns, topic):
    """An e-mail subscriber of the topic: a function that gives the mails so far."""
    address = f"{uuid.uuid4().hex[:8]}@example.com"
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    return lambda: mails_to(account, address)


def test_a_mail_has_subject_and_plain_text(sns, topic, reader):
    body = "Closed: 0.0.0.0/0 → tcp 6379\n\n" + "x" * 1200
    sns.publish(TopicArn=topic, Subject="Öffnung geschlossen", Message=body)
    (mail,) = wait_for(reader)
    assert mail["subject"] == "Öffnung geschlossen" and mail["body"].rstrip("\n") == body
    assert mail["from"] == "Portcullis <no-reply@sns.amazonaws.com>" and mail["date"]


def test_mails_are_files(account, sns, topic, reader):
    sns.publish(TopicArn=topic, Subject="a file", Message="text")
    (mail,) = wait_for(reader)
    text = (account.mail_dir / mail["file"]).read_text()
    assert "Subject: a file\n" in text and text.endswith("\n\ntext\n")


def test_each_protocol_gets_its_own_text(aws, sns, topic, reader):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=f"q{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    parts = {"default": "d", "email": "for people", "sqs": '{"for": "machines"}'}
    sns.publish(TopicArn=topic, Message=json.dumps(parts), MessageStructure="json")
    assert wait_for(reader)[0]["body"].strip() == "for people"
    (message,) = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(message["Body"])["Message"] == '{"for": "machines"}'


def test_default_is_the_text_for_protocols_that_are_not_named(sns, topic, reader):
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "for all"}), MessageStructure="json")
    assert wait_for(reader)[0]["body"].strip() == "for all"


@pytest.mark.parametrize(
    "bad",
    [
        {"Message": json.dumps({"email": "x"}), "MessageStructure": "json"},
        {"Message": "not json", "MessageStructure": "json"},
        {"Message": "m", "Subject": "s" * 100},
        {"Message": "m", "Subject": "two\nlines"},
        {"Message": "m", "Subject": "bell\x07"},
        {"Message": "x" * 262145},
        {"Message": "é" * 131073},
    ],
    ids=["no-default", "not-json", "long-subject", "line-break", "control-character", "long", "long-in-bytes"],
)
def test_publish_refuses(sns, topic, reader, bad):
    assert code_of(sns.publish, TopicArn=topic, **bad) == "InvalidParameter"
    assert reader() == []


def test_the_longest_subject_and_message_pass(sns, topic, reader):
    sns.publish(TopicArn=topic, Subject="s" * 99, Message="x" * 262144)
    assert len(wait_for(reader)[0]["body"].strip()) == 262144
