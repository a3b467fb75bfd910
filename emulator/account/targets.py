"""EventBridge: what becomes of an event whose target is gone or closed, and when scheduled rules fire.

AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import json
import logging

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import eventbridge, lambda_svc, sns, sqs

from . import lambda_async, metrics, patching, permissions
from .settings import SETTINGS
from .sqs import send_to_queue

logger = logging.getLogger("account.events")


def install():
    patching.require(eventbridge, "_SCHEDULER_TICK_INTERVAL", "_pattern_event_view")
    patching.replace(eventbridge, "_dispatch_to_lambda", deliver_event)
    eventbridge._SCHEDULER_TICK_INTERVAL = 0.25
    rate_seconds = patching.original(eventbridge, "_parse_rate_seconds")
    invoke_target = patching.original(eventbridge, "_invoke_target")

    def scaled_rate_seconds(expression):
        seconds = rate_seconds(expression)
        return None if seconds is None else seconds * SETTINGS.schedule_scale

    def invoke_target_or_dead_letter(target, event, rule, view=None):
        refusal = why_not(target.get("Arn", ""), rule.get("Arn", ""))
        if refusal:
            metrics.count("AWS/Events", "FailedInvocations", RuleName=rule["Name"])
            dead_letter(target, event, rule, *refusal)
        else:
            metrics.count("AWS/Events", "Invocations", RuleName=rule["Name"])
            invoke_target(target, event, rule, view)

    eventbridge._parse_rate_seconds = scaled_rate_seconds
    eventbridge._invoke_target = invoke_target_or_dead_letter


def deliver_event(arn, payload):
    """EventBridge invokes a function asynchronously, so a failing one is tried again."""
    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    lambda_async.accept(lambda_svc._execution_record_for_config(function, configuration), json.loads(payload))


def why_not(arn, rule_arn):
    """Error code and message if the target is gone or closed to EventBridge; such an event is not tried again."""
    gone = ("RESOURCE_NOT_FOUND", "The target does not exist.")
    closed = ("NO_PERMISSIONS", "The target's policy does not let events.amazonaws.com deliver for this rule.")
    try:
        service = parse_arn(arn).service
    except ArnParseError:
        return gone
    if service == "lambda":
        function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
        if not function or not configuration:
            return gone
        return None if permissions.events_may_invoke(function, arn, rule_arn) else closed
    if service == "sqs":
        if sqs._queue_by_arn(arn) is None:
            return gone
        return None if permissions.events_may_send(arn, rule_arn) else closed
    if service == "sns" and sns._topic_by_arn_any_scope(arn) is None:
        return gone
    return None


def dead_letter(target, event, rule, code, message):
    """The event goes to the target's dead-letter queue at once, if the queue lets it."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    queue = sqs._queue_by_arn(queue_arn) if queue_arn else None
    if not queue_arn:
        logger.warning("an event for %s is lost (%s): there is no dead-letter queue", target.get("Arn"), code)
        return
    if queue is None or not permissions.events_may_send(queue_arn, rule.get("Arn", "")):
        logger.warning("an event for %s is lost (%s): its dead-letter queue does not take it", target.get("Arn"), code)
        metrics.count("AWS/Events", "InvocationsFailedToBeSentToDlq", RuleName=rule["Name"])
        return
    attributes = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
    }
    metrics.count("AWS/Events", "InvocationsSentToDlq", RuleName=rule["Name"])
    send_to_queue(queue, json.dumps(eventbridge._pattern_event_view(event).event_with_detail()), attributes)
