"""Lambda's asynchronous invocations: queued, tried three times, throttled without being lost, and kept in the end.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html and
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import contextvars
import heapq
import itertools
import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass, field

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import eventbridge, lambda_svc, sns, sqs

from . import metrics, patching, permissions
from .settings import SETTINGS
from .sqs import send_to_queue
from .wire import iso_time

logger = logging.getLogger("account.lambda")
#: The event that is attempted. All attempts of it are the same request: functions know by that what they began.
ATTEMPTED = contextvars.ContextVar("attempted", default=None)
#: AWS waits up to five minutes between tries of a throttled event; here it is this many seconds.
LONGEST_THROTTLE_PAUSE = 1.0


def install():
    patching.require(
        lambda_svc, "_execute_function", "_get_func_record_for_ref", "_execution_record_for_config", "_invoke_depth"
    )
    patching.replace(lambda_svc, "invoke_async_with_retry", accept)
    dispatch = patching.original(lambda_svc, "_execute_function_dispatch")

    def dispatch_again(func, config, payload, request_id, started):
        event = ATTEMPTED.get()
        return dispatch(func, config, payload, event.request if event else request_id, started)

    patching.replace(lambda_svc, "_execute_function_dispatch", dispatch_again)


@dataclass
class Event:
    """One event on its way: its function by ARN, so that each attempt finds the function as it is then."""

    arn: str
    payload: object
    context: contextvars.Context
    request: str = field(default_factory=lambda: str(uuid.uuid4()))
    accepted: float = field(default_factory=time.time)
    failures: int = 0
    throttles: int = 0


class Queue:
    """Events by the time they are due, worked off by so many threads as the account may run at once."""

    def __init__(self):
        self._due, self._order = [], itertools.count()
        self._changed = threading.Condition()
        self._threads = 0

    def put(self, event, pause=0.0):
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + pause, next(self._order), event))
            self._changed.notify()
            while self._threads < SETTINGS.concurrency:
                self._threads += 1
                threading.Thread(target=self._work, daemon=True, name="lambda-async").start()

    def _next(self):
        with self._changed:
            while True:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)

    def _work(self):
        while True:
            event = self._next()
            try:
                event.context.run(attempt, event)
            except Exception:
                logger.exception("an event for %s is lost", event.arn)


QUEUE = Queue()


def accept(function, payload):
    """Take an event; the caller goes on at once."""
    configuration = function.get("config") or function
    metrics.count("AWS/Lambda", "AsyncEventsReceived", FunctionName=configuration["FunctionName"])
    QUEUE.put(Event(configuration["FunctionArn"], payload, contextvars.copy_context()))


def attempt(event):
    """Invoke the function once, and decide what becomes of the event."""
    function, configuration, name = lambda_svc._get_func_record_for_ref(event.arn)
    if function is None or configuration is None:
        logger.warning("an event for %s is dropped: the function is gone", name)
        return
    attempted = ATTEMPTED.set(event)
    try:
        result = lambda_svc._execute_function(
            lambda_svc._execution_record_for_config(function, configuration), event.payload
        )
    finally:
        ATTEMPTED.reset(attempted)
    if not result.get("error"):
        return
    options = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    condition = given_up(event, result, options, function.get("concurrency"))
    if condition:
        keep(configuration, options, event, result, condition)
    else:
        QUEUE.put(event, pause_after(event, result))


def given_up(event, result, options, reserved):
    """Why no further attempt is made, or None; a throttled attempt does not count."""
    if result.get("throttle"):
        event.throttles += 1
        if reserved == 0:  # AWS sends such events on at once
            return "RetriesExhausted"
    else:
        event.failures += 1
    retries = options.get("MaximumRetryAttempts")
    if event.failures > (2 if retries is None else int(retries)):
        return "RetriesExhausted"
    oldest = float(options.get("MaximumEventAgeInSeconds") or 21600)
    return "EventAgeExceeded" if time.time() - event.accepted + pause_after(event, result) > oldest else None


def pause_after(event, result):
    if result.get("throttle"):
        return min(SETTINGS.retry_seconds * 2 ** min(event.throttles, 16), LONGEST_THROTTLE_PAUSE)
    return SETTINGS.retry_seconds * event.failures


# What is kept of an event that failed ----------------------------------------------------


def keep(configuration, options, event, result, condition):
    """On-failure destination and dead-letter queue: both may be configured, and each gets its own form."""
    request_id = event.request
    name = configuration["FunctionName"]
    metrics.count("AWS/Lambda", "AsyncEventsDropped", FunctionName=name)
    destination = ((options.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    queue = (configuration.get("DeadLetterConfig") or {}).get("TargetArn")
    if destination:
        record = failure_record(configuration, event, result, condition, request_id)
        detail_type = "Lambda Function Invocation Result - Failure"
        if not send(configuration, destination, json.dumps(record), detail_type=detail_type):
            metrics.count("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=name)
    if queue:
        body = result.get("body") if isinstance(result.get("body"), dict) else {}
        message = str(body.get("errorMessage", ""))[:1024]
        attributes = {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": message}
        if not send(configuration, queue, json.dumps(event.payload), attributes):
            metrics.count("AWS/Lambda", "DeadLetterErrors", FunctionName=name)
    if not destination and not queue:
        logger.warning("an event of %s is lost after %d attempts", name, event.failures)


def failure_record(configuration, event, result, condition, request_id):
    """The invocation record that an on-failure destination gets."""
    record = {
        "version": "1.0",
        "timestamp": iso_time(time.time()),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{configuration.get('FunctionArn', '')}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.failures,
        },
        "requestPayload": event.payload,
    }
    if not result.get("throttle"):  # there is a response only if the function ran
        record["responseContext"] = {
            "statusCode": 200,
            "executedVersion": configuration.get("Version", "$LATEST"),
            "functionError": result.get("function_error") or "Unhandled",
        }
        record["responsePayload"] = result.get("body")
    return record


#: What the function's role needs in order to hand over a failed event.
SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents"}


def send(configuration, arn, body, attributes=None, detail_type=""):
    """Hand a text to a queue, a topic or an event bus, with the rights of the function's role; whether that worked."""
    try:
        service = parse_arn(arn).service
    except ArnParseError:
        service = ""
    role = configuration.get("Role", "")
    if service in SENDING and not permissions.role_allows(role, SENDING[service], arn):
        logger.error("a failed event is lost: %s may not %s to %s", role, SENDING[service], arn)
        return False
    if service == "sqs" and sqs._queue_by_arn(arn) is not None:
        send_to_queue(sqs._queue_by_arn(arn), body, attributes or {})
    elif service == "sns" and sns._topic_by_arn_any_scope(arn) is not None:
        sns.publish_internal(arn, body)
    elif service == "events":
        entry = {"Source": "lambda", "DetailType": detail_type, "Detail": body, "EventBusName": arn.rsplit("/", 1)[-1]}
        eventbridge._put_events({"Entries": [entry]})
    else:
        logger.error("nothing at %s takes a failed event", arn)
        return False
    return True
