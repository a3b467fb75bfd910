"""Lambda reading queues: batches as large as asked for, that wait for their window, with the rights of the function.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

import itertools
import time

from ministack.core.responses import error_response_json, request_scope
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from . import patching, permissions
from .settings import SETTINGS

#: What Lambda does to a queue with the rights of the function's role.
RECEIVE = "sqs:ReceiveMessage"
RIGHTS = (RECEIVE, "sqs:DeleteMessage", "sqs:GetQueueAttributes")
#: Of one invocation; a batch that would exceed it is cut. What a record has beside its body is allowed for.
PAYLOAD, BESIDE_THE_BODY = 6 * 1024 * 1024, 700


def install():
    patching.require(sqs, "_queues_lock", "_get_q", "_queue_by_arn", "_collect_msgs", "_dlq_sweep", "_expire_retained")
    patching.require(lambda_svc, "_poll_sqs", "_get_func_record_for_qualifier")
    every = patching.original(lambda_svc, "_iter_all_esms")
    create = patching.original(lambda_svc, "_create_esm")
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create_of_stack = handlers["create"]

    def those_that_are_due():
        return (item for item in every() if not is_queue(item[2]["EventSourceArn"]) or due(*item))

    def create_checked(data):
        problem = refusal(data)
        return error_response_json("InvalidParameterValueException", problem, 400) if problem else create(data)

    def create_checked_of_stack(logical_id, props, stack_name):
        problem = refusal(props)
        if problem:
            raise ValueError(f"{problem} (Service: Lambda, Status Code: 400)")
        return create_of_stack(logical_id, props, stack_name)

    lambda_svc._iter_all_esms = those_that_are_due
    lambda_svc._create_esm = create_checked
    handlers["create"] = create_checked_of_stack
    patching.replace(sqs, "_receive_messages_for_esm", receive)


def is_queue(arn):
    return arn.split(":")[2:3] == ["sqs"]


def refusal(asked):
    """Why Lambda does not take a mapping, or None."""
    arn = asked.get("EventSourceArn", "")
    queue = sqs._queue_by_arn(arn) if is_queue(arn) else None
    name = str(asked.get("FunctionName", "")).rsplit(":", 1)[-1]
    _, configuration = lambda_svc._get_func_record_for_qualifier(name, None)
    if queue is None or configuration is None:
        return None
    visible, timeout = int(queue["attributes"].get("VisibilityTimeout", 30)), int(configuration.get("Timeout", 3))
    if visible < timeout:
        return f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"
    if int(asked.get("BatchSize") or 10) > 10 and not int(asked.get("MaximumBatchingWindowInSeconds") or 0):
        return "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    for right in RIGHTS:
        if not permissions.role_allows(configuration.get("Role", ""), right, arn):
            action = right.split(":")[1]
            return f"The provided execution role does not have permissions to call {action} on SQS"
    return None


def due(account, region, mapping):
    """Whether a batch is full, or has waited for its window, and whether the function may read it."""
    with request_scope(account, region):
        queue = sqs._queue_by_arn(mapping["EventSourceArn"])
        _, configuration = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        if queue is None or configuration is None:
            return False
        if not all(
            permissions.role_allows(configuration["Role"], right, mapping["EventSourceArn"]) for right in RIGHTS
        ):
            return False
        with sqs._queues_lock:
            sqs._dlq_sweep(queue)
            now = time.time()
            since = [message["visible_at"] for message in queue["messages"] if message["visible_at"] <= now]
    window = float(mapping.get("MaximumBatchingWindowInSeconds") or 0) * SETTINGS.window_scale
    return bool(since) and (len(since) >= int(mapping.get("BatchSize") or 10) or now - min(since) >= window)


def receive(url, most):
    """So many messages as are visible, asked for, and fit into one invocation."""
    with sqs._queues_lock:
        queue = sqs._get_q(url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        bodies = (message["body"] for message in queue["messages"] if message["visible_at"] <= now)
        sizes = itertools.accumulate(len(body.encode()) + BESIDE_THE_BODY for body in bodies)
        fitting = sum(1 for _ in itertools.takewhile(lambda size: size <= PAYLOAD, sizes))
        visibility = int(queue["attributes"].get("VisibilityTimeout", 30))
        return sqs._collect_msgs(queue, min(int(most or 10), max(fitting, 1)), visibility)
