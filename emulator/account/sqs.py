"""SQS: messages that services send by themselves, the number of messages as a metric, and who may leave dead letters.

AWS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

import hashlib
import json
import time
import uuid

from ministack.core.responses import get_account_id
from ministack.services import sqs

from . import clock, metrics, patching
from .settings import SETTINGS

#: SQS reports every minute; here sooner when periods are shorter, and at once when the number changes.
REPORT_SECONDS = 15.0
_REPORTED = {}


def install():
    patching.require(sqs, "_queues", "_queue_by_arn", "_ensure_msg_fields", "_refresh_counts", "_Err", "_HANDLERS")
    clock.every_tick(report_queues)
    create, change = patching.original(sqs, "_act_create_queue"), patching.original(sqs, "_act_set_queue_attributes")

    def create_allowed(data, url):
        check_redrive(data.get("Attributes") or {}, data.get("QueueName", ""))
        return create(data, url)

    def change_allowed(data, url):
        check_redrive(data.get("Attributes") or {}, (data.get("QueueUrl") or url).rsplit("/", 1)[-1])
        return change(data, url)

    patching.replace_action(sqs._HANDLERS, "CreateQueue", create_allowed)
    patching.replace_action(sqs._HANDLERS, "SetQueueAttributes", change_allowed)


def check_redrive(attributes, name):
    """Refuse what a RedriveAllowPolicy refuses, and one that says nothing. AWS does not document the words."""
    allow = attributes.get("RedriveAllowPolicy")
    if allow:
        permission, sources = policy_of(allow)
        if permission not in ("allowAll", "denyAll", "byQueue") or (permission == "byQueue") != (
            0 < len(sources) <= 10
        ):
            raise sqs._Err("InvalidAttributeValue", "Invalid value for the parameter RedriveAllowPolicy.", 400)
    if attributes.get("RedrivePolicy"):
        target = json.loads(attributes["RedrivePolicy"]).get("deadLetterTargetArn", "")
        queue = sqs._queue_by_arn(target)
        permission, sources = policy_of((queue or {"attributes": {}})["attributes"].get("RedriveAllowPolicy"))
        source = f"{target.rsplit(':', 1)[0]}:{name}"
        if permission == "denyAll" or permission == "byQueue" and source not in sources:
            why = f"The dead-letter queue {target} does not allow {source} as a source."
            raise sqs._Err("InvalidParameterValue", f"Invalid value for the parameter RedrivePolicy. {why}", 400)


def policy_of(text):
    """What a RedriveAllowPolicy permits, and the queues that it names."""
    policy = json.loads(text) if text else {"redrivePermission": "allowAll"}
    return policy.get("redrivePermission"), policy.get("sourceQueueArns") or []


def report_queues():
    """ApproximateNumberOfMessagesVisible and its relatives, of every queue; and how old its oldest message is."""
    every = max(0.4, min(REPORT_SECONDS, 30 * SETTINGS.period_scale))
    now = time.time()
    for scope in clock.scopes(sqs._queues):
        for url, queue in sqs._queues.items():
            numbers = counted(queue, now)
            key = (*scope, url)
            reported, then = _REPORTED.get(key, (None, 0))
            if numbers != reported or now - then >= every:
                _REPORTED[key] = numbers, now
                for metric, number in numbers.items():
                    metrics.put("AWS/SQS", metric, number, "Count", {"QueueName": queue["name"]})
                age = oldest(queue, now) / SETTINGS.period_scale
                metrics.put("AWS/SQS", "ApproximateAgeOfOldestMessage", age, "Seconds", {"QueueName": queue["name"]})


def counted(queue, now):
    visible = [message["visible_at"] <= now for message in list(queue["messages"])]
    return {
        "ApproximateNumberOfMessagesVisible": sum(visible),
        "ApproximateNumberOfMessagesNotVisible": len(visible) - sum(visible),
    }


def oldest(queue, now):
    """The age of the oldest message; one that was received three times is left out, unless there are no others.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    messages = list(queue["messages"])
    counted = [message for message in messages if message["receive_count"] < 3] or messages
    return max((now - message["sent_at"] for message in counted), default=0)


def send_to_queue(queue, body, attributes):
    now = time.time()
    message = {
        "id": str(uuid.uuid4()),
        "body": body,
        "md5_body": hashlib.md5(body.encode()).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "receive_count": 0,
        "message_attributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
        "sys": {"SenderId": get_account_id(), "SentTimestamp": str(int(now * 1000))},
    }
    queue["messages"].append(message)
    sqs._ensure_msg_fields(message)
    metrics.count("AWS/SQS", "NumberOfMessagesSent", QueueName=queue["name"])
