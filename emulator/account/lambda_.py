"""Lambda: what happens to an asynchronous invocation that fails, and to an event whose target is gone.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import contextvars
import hashlib
import json
import logging
import threading
import time
import uuid

from ministack.core import lambda_runtime
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, request_scope
from ministack.services import eventbridge, lambda_svc, sns, sqs

from . import patching, permissions
from .settings import SETTINGS
from .wire import iso_time

logger = logging.getLogger("account.lambda")


def install():
    patching.require(
        lambda_svc,
        "_execute_function",
        "_get_func_record_for_ref",
        "_execution_record_for_config",
        "_account_region_from_function_config",
    )
    patching.require(lambda_runtime, "reset")
    patching.require(sqs, "_queue_by_arn", "_ensure_msg_fields")
    patching.replace(lambda_svc, "invoke_async_with_retry", invoke_async)
    patching.replace(eventbridge, "_dispatch_to_lambda", deliver_event)
    invoke_target = patching.original(eventbridge, "_invoke_target")

    def invoke_target_or_dead_letter(target, event, rule, view=None):
        refusal = why_not(target.get("Arn", ""), rule.get("Arn", ""))
        if refusal:
            dead_letter(target, event, rule, *refusal)
        else:
            invoke_target(target, event, rule, view)

    eventbridge._invoke_target = invoke_target_or_dead_letter


def stop_workers():
    """End the warm ``bootstrap`` processes; MiniStack leaves them behind."""
    lambda_runtime.reset()


# Asynchronous invocations ---------------------------------------------------------


def invoke_async(function, event):
    """Up to two more attempts after an error, then the on-failure destination and the dead-letter queue."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_attempts, function, event), daemon=True).start()


def _attempts(function, event):
    configuration = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(configuration)
    options = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    retries = options.get("MaximumRetryAttempts")
    retries = 2 if retries is None else int(retries)
    oldest = float(options.get("MaximumEventAgeInSeconds") or 21600)
    started, failures = time.time(), 0
    with request_scope(account, region):
        while True:
            result = lambda_svc._execute_function(function, event)
            if not result.get("error"):
                return
            if not result.get("throttle"):  # a throttled attempt does not count
                failures += 1
            if failures > retries:
                return _failed(configuration, options, event, result, "RetriesExhausted", failures)
            pause = SETTINGS.retry_seconds * max(1, failures)
            if time.time() - started + pause > oldest:
                return _failed(configuration, options, event, result, "EventAgeExceeded", failures)
            time.sleep(pause)


def _failed(configuration, options, event, result, condition, attempts):
    """Both may be configured, and then both get it, each in its own form."""
    request_id = str(uuid.uuid4())
    destination = ((options.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    queue = (configuration.get("DeadLetterConfig") or {}).get("TargetArn")
    if destination:
        record = failure_record(configuration, event, result, condition, attempts, request_id)
        send(configuration, destination, json.dumps(record), detail_type="Lambda Function Invocation Result - Failure")
    if queue:
        message = (
            str((result.get("body") or {}).get("errorMessage", "")) if isinstance(result.get("body"), dict) else ""
        )
        attributes = {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": message[:1024]}
        send(configuration, queue, json.dumps(event), attributes)
    if not destination and not queue:
        logger.warning("an event of %s is lost after %d attempts", configuration.get("FunctionName"), attempts)


def failure_record(configuration, event, result, condition, attempts, request_id):
    """The invocation record that an on-failure destination gets."""
    return {
        "version": "1.0",
        "timestamp": iso_time(time.time()),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{configuration.get('FunctionArn', '')}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": configuration.get("Version", "$LATEST"),
            "functionError": result.get("function_error") or "Unhandled",
        },
        "responsePayload": result.get("body"),
    }


#: What the function's role needs in order to hand over a failed event.
SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents"}


def send(configuration, arn, body, attributes=None, detail_type=""):
    """Hand a text to a queue, a topic or an event bus, with the rights of the function's role."""
    try:
        service = parse_arn(arn).service
    except ArnParseError:
        service = ""
    role = configuration.get("Role", "")
    if service in SENDING and not permissions.role_allows(role, SENDING[service], arn):
        logger.error("a failed event is lost: %s may not %s to %s", role, SENDING[service], arn)
    elif service == "sqs" and sqs._queue_by_arn(arn) is not None:
        send_to_queue(sqs._queue_by_arn(arn), body, attributes or {})
    elif service == "sns":
        sns.publish_internal(arn, body)
    elif service == "events":
        entry = {"Source": "lambda", "DetailType": detail_type, "Detail": body, "EventBusName": arn.rsplit("/", 1)[-1]}
        eventbridge._put_events({"Entries": [entry]})
    else:
        logger.error("nothing at %s takes a failed event", arn)


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


# EventBridge to Lambda --------------------------------------------------------------


def deliver_event(arn, payload):
    """EventBridge invokes a function asynchronously, so a failing one is tried again."""
    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    invoke_async(lambda_svc._execution_record_for_config(function, configuration), json.loads(payload))


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
    if queue is None or not permissions.events_may_send(queue_arn, rule.get("Arn", "")):
        logger.warning(
            "an event for %s is lost (%s) and there is no dead-letter queue to take it", target.get("Arn"), code
        )
        return
    view = eventbridge._pattern_event_view(event)
    attributes = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
    }
    send_to_queue(queue, json.dumps(view.event_with_detail()), attributes)
