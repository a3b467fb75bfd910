"""SNS: what Publish refuses, and e-mails as files.

AWS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import email.message
import email.policy
import email.utils
import itertools
import json
import re
import threading
import time

from ministack.services import sns

from . import patching
from .settings import SETTINGS

MAX_BYTES = 262144
_COUNTER = itertools.count(1)
_MAIL_LOCK = threading.Lock()
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def install():
    patching.require(
        sns,
        "SnsPublishError",
        "_topic_by_arn_any_scope",
        "_resolve_message_for_protocol",
        "_matches_filter_policy",
        "_build_envelope",
    )
    publish = patching.original(sns, "publish_internal")
    fanout = patching.original(sns, "_fanout")

    def checked_publish(topic_arn, message, subject="", **rest):
        check(message, subject, rest.get("message_structure", ""))
        return publish(topic_arn, message, subject, **rest)

    def fanout_with_mail(
        topic_arn, message_id, message, subject, message_structure="", message_attributes=None, **rest
    ):
        deliver_mail(topic_arn, message_id, message, subject, message_structure, message_attributes or {})
        fanout(topic_arn, message_id, message, subject, message_structure, message_attributes, **rest)

    sns.publish_internal = checked_publish
    sns._fanout = fanout_with_mail


def check(message, subject, structure):
    """Publish refuses empty and too long messages, bad subjects, and JSON without ``default``."""
    if not message:
        raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Empty message")
    if len(message.encode()) > MAX_BYTES:
        raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Message too long")
    if subject and (len(subject) >= 100 or _CONTROL.search(subject)):
        raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Subject")
    if structure == "json":
        prefix = "Invalid parameter: Message Structure - "
        try:
            parts = json.loads(message)
        except ValueError:
            raise sns.SnsPublishError("InvalidParameter", prefix + "JSON message body failed to parse") from None
        if not isinstance(parts, dict) or not isinstance(parts.get("default"), str):
            raise sns.SnsPublishError("InvalidParameter", prefix + "No default entry in JSON message body")


def deliver_mail(topic_arn, message_id, message, subject, structure, attributes):
    """One file for each e-mail subscription that the filter policy lets through."""
    topic = sns._topic_by_arn_any_scope(topic_arn)
    for subscription in (topic or {}).get("subscriptions", []):
        protocol = subscription.get("protocol")
        if protocol not in ("email", "email-json") or not subscription.get("confirmed"):
            continue
        body = sns._resolve_message_for_protocol(message, structure, protocol)
        if not sns._matches_filter_policy(subscription, attributes, body):
            continue
        if protocol == "email-json":
            body = sns._build_envelope(topic_arn, message_id, body, subject, attributes, False)
        write_mail(subscription["endpoint"], topic, message_id, subject, body)


def write_mail(recipient, topic, message_id, subject, body):
    """``<number>-<recipient>.eml`` in the mailbox; it appears complete or not at all."""
    topic_arn = topic["arn"]
    display_name = topic.get("attributes", {}).get("DisplayName") or "AWS Notifications"
    mail = email.message.EmailMessage(policy=email.policy.SMTPUTF8.clone(max_line_length=None, linesep="\n"))
    mail["From"] = email.utils.formataddr((display_name, "no-reply@sns.amazonaws.com"))
    mail["To"] = recipient
    mail["Subject"] = subject or "AWS Notification Message"
    mail["Date"] = email.utils.formatdate(time.time())
    mail["Message-ID"] = f"<{message_id}@sns.amazonaws.com>"
    mail["X-Amz-Sns-Topic-Arn"] = topic_arn
    mail.set_content(body, cte="8bit")
    with _MAIL_LOCK:
        name = f"{next(_COUNTER):04d}-{re.sub(r'[^A-Za-z0-9@._+-]', '_', recipient)}.eml"
        partial = SETTINGS.mail_dir / f".{name}.part"
        partial.write_bytes(mail.as_bytes())
        partial.rename(SETTINGS.mail_dir / name)
