"""What arrives: alerts in a queue, alerts as mail, events in the failure queue."""

import email
import email.policy
import json
import os

from .wait import PATIENCE, until

ADDRESS = "security@example.com"


class Queue:
    """An SQS queue, read into a list; messages are taken off it as they are seen."""

    def __init__(self, account, url):
        self.sqs, self.url, self.seen = account.client("sqs"), url, []

    def read(self):
        while True:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            messages = answer.get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                self.seen.append(json.loads(message["Body"]))
            if not messages:
                return self.seen

    def wait(self, what, accept, seconds=PATIENCE):
        """The first message that `accept` takes."""
        return until(what, lambda: next((item for item in self.read() if accept(item)), None), seconds)


def feed(account, name, service, source):
    """A new queue into which a service may put what comes from a source; (queue, its ARN)."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": source}},
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return Queue(account, url), arn


def subscribe(account, topic, name, **attributes):
    """A new queue that gets what is published to a topic."""
    queue, arn = feed(account, name, "sns", topic)
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return queue


class Chat:
    """What a chat gets: a queue that is subscribed to the topic for it."""

    def __init__(self, stack):
        self.queue = subscribe(stack.account, stack.chat_topic, "alerts-for-chat")

    def messages(self, text=""):
        """The messages so far, all or those with this text in them."""
        found = [json.loads(envelope["Message"]) for envelope in self.queue.read()]
        return [message for message in found if text in json.dumps(message)]

    def wait(self, text, number=1, seconds=PATIENCE):
        """The first, or second, ... message with this text in it."""
        return until(
            f"message {number} with {text!r} in the chat", lambda: self.messages(text)[number - 1 : number], seconds
        )[0]


class Alerts:
    """A queue and a mailbox, both subscribed to the alert topic."""

    def __init__(self, stack):
        account = stack.account
        self.queue = subscribe(account, stack.topic, "alerts-for-machines")
        account.client("sns").subscribe(TopicArn=stack.topic, Protocol="email", Endpoint=ADDRESS)
        self.mail_dir, self.letters = account.mail_dir, {}

    def documents(self, subject=None):
        """The JSON alerts so far, all or those about one subject."""
        found = [document for document in self._messages() if "subject" in document]
        return [document for document in found if subject in (None, document["subject"]["id"])]

    def moves(self):
        """What was told of moves so far, by `docs/move.schema.json`."""
        return [document for document in self._messages() if document.get("schema") == "portcullis.move.v1"]

    def hardenings(self):
        """What was told of servers about which people were asked, by `docs/hardening.schema.json`."""
        return [document for document in self._messages() if document.get("schema") == "portcullis.hardening.v1"]

    def digests(self):
        """What was told of many findings at once so far, by `docs/digest.schema.json`."""
        return [document for document in self._messages() if document.get("schema") == "portcullis.digest.v1"]

    def sweeps(self):
        """What runs of the sweep told so far, by `docs/sweep.schema.json`."""
        return [document for document in self._messages() if document.get("schema") == "portcullis.sweep.v1"]

    def alarms(self, name=""):
        """What CloudWatch's alarms told so far, of those whose name has this in it."""
        return [document for document in self._messages() if "AlarmName" in document and name in document["AlarmName"]]

    def _messages(self):
        return [json.loads(envelope["Message"]) for envelope in self.queue.read()]

    def mails(self, subject=None):
        """The mails so far, all or those whose subject line or body names the subject."""
        names = sorted(name for name in os.listdir(self.mail_dir) if name.endswith(".eml"))
        for name in names:
            if name not in self.letters:
                self.letters[name] = read_mail(os.path.join(self.mail_dir, name))
        found = [self.letters[name] for name in names]
        return [mail for mail in found if subject is None or subject in mail["subject"] + mail["body"]]

    def wait(self, subject, number=1, seconds=PATIENCE):
        """The alert about a subject as (document, mail): the first, or the second, ..."""
        document = until(
            f"alert {number} about {subject}", lambda: self.documents(subject)[number - 1 : number], seconds
        )[0]
        mail = until(f"mail {number} about {subject}", lambda: self.mails(subject)[number - 1 : number], seconds)[0]
        return document, mail


def read_mail(path):
    with open(path, "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    return {
        "path": path,
        "from": mail["From"],
        "to": mail["To"],
        "subject": mail["Subject"],
        "date": mail["Date"],
        "body": mail.get_content(),
    }
