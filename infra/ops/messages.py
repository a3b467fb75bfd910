"""The messages of the on-failure queue and the dead-letter queue: the event, its function, and why it failed.

Undelivered (EventBridge): the body is the event, the message attributes say why.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
Undelivered (EventBridge Scheduler): the body is what the schedule says, which names a revisit; attributes as above.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
Failed (Lambda): the body is an invocation record with event and error.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
Failed (SQS): an alert that the digest function did not send; an attribute names the queue that it was in.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

import dataclasses
import json

#: Members of `requestParameters` that name what a call was about.
SUBJECTS = (
    "groupId",
    "groupName",
    "securityGroupRuleId",
    "replicationGroupId",
    "cacheClusterId",
    "serverlessCacheName",
)


class NotUnderstood(Exception):
    """Why a message is none of ours."""


@dataclasses.dataclass(frozen=True)
class Owed:
    """An event that a function still has to process."""

    function_arn: str
    event: dict
    why: str


@dataclasses.dataclass(frozen=True)
class Untold:
    """An alert that the digest still has to tell."""

    queue_arn: str
    body: str
    why: str


def undelivered(message):
    """A message of EventBridge's, or of EventBridge Scheduler's."""
    event = document(message)
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    if not attributes.get("TARGET_ARN"):
        raise NotUnderstood("it has no attribute TARGET_ARN, so EventBridge did not send it")
    if "detail-type" not in event:
        raise NotUnderstood("its body is neither an EventBridge event nor a revisit")
    why = f"{attributes.get('ERROR_CODE', 'no ERROR_CODE')}: {attributes.get('ERROR_MESSAGE', '')}"
    return Owed(attributes["TARGET_ARN"], event, why.rstrip(": "))


def failed(message):
    """A message of Lambda's, or one that SQS moved here."""
    source = message.get("Attributes", {}).get("DeadLetterQueueSourceArn")
    if source:
        return Untold(source, message["Body"], "the digest was not sent in five attempts")
    record = document(message)
    context, event = record.get("requestContext"), record.get("requestPayload")
    if not isinstance(context, dict) or not isinstance(context.get("functionArn"), str):
        raise NotUnderstood("its body has no requestContext.functionArn, so Lambda did not send it")
    if "requestPayload" not in record:
        raise NotUnderstood("its body has no requestPayload")
    answer = record.get("responsePayload")
    why = answer.get("errorMessage") if isinstance(answer, dict) else None
    why = why or f"no error message ({context.get('condition', 'no condition')})"
    return Owed(context["functionArn"], event, f"{why} [{context.get('approximateInvokeCount', '?')} attempts]")


READERS = {"undelivered": undelivered, "failed": failed}


def document(message):
    try:
        read = json.loads(message["Body"])
    except ValueError as error:
        raise NotUnderstood(f"its body is not JSON ({error})") from error
    if not isinstance(read, dict):
        raise NotUnderstood("its body is not a JSON object")
    return read


def function_name(arn, stack_id, functions):
    """The name of the function, if it is one of the stack's, in the stack's own account and Region."""
    _, partition, _, region, account, *_ = stack_id.split(":")
    prefix = f"arn:{partition}:lambda:{region}:{account}:function:"
    # The record names it with its version, $LATEST, which is no part of its name.
    name = arn.removeprefix(prefix).split(":")[0]
    if not arn.startswith(prefix) or name not in functions:
        raise NotUnderstood(f"{arn} is not a function of this stack")
    return name


def check_queue(arn, url):
    """Both must mean the same queue: `arn:…:<account>:<name>` and `https://…/<account>/<name>`."""
    account, name = arn.split(":")[4:6] if arn.count(":") == 5 else ("", "")
    if url.split("/")[-2:] != [account, name]:
        raise NotUnderstood(f"{arn} is not the digest's queue of this stack")


def in_words(event):
    """An event in one line: when, what, on what, by whom."""
    detail = event.get("detail") if isinstance(event, dict) else None
    if not isinstance(detail, dict):
        return "an event without detail"
    if event.get("source") == "portcullis" and event.get("detail-type") == "Revisit":
        return f"{detail.get('due')}  revisit  {detail.get('subject')}  for event {detail.get('event')}"
    if isinstance(detail.get("event"), dict):  # a function's own, around the event that led to it
        return in_words(detail["event"])
    who = detail.get("userIdentity")
    who = who.get("arn") or who.get("invokedBy") if isinstance(who, dict) else None
    return (
        f"{detail.get('eventTime') or event.get('time') or 'no time'}  "
        f"{detail.get('eventName') or event.get('detail-type') or 'no name'}  "
        f"{subject(detail.get('requestParameters')) or detail.get('subject') or 'no resource'}  "
        f"by {who or 'nobody named'}"
    )


def subject(parameters):
    """The resource that the call named, however deep."""
    if isinstance(parameters, dict):
        lowered = {key.lower(): value for key, value in parameters.items()}
        named = [lowered.get(name.lower()) for name in SUBJECTS]
        deeper = [subject(value) for value in parameters.values()]
        return next((value for value in named + deeper if isinstance(value, str) and value), None)
    if isinstance(parameters, list):
        return next((found for found in map(subject, parameters) if found), None)
    return None
