"""Step Functions: tasks, with Retry and Catch, and those that wait for a task token.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html,
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token and
https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

import base64
import json
import os
import random
import re
import threading
import time

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services import stepfunctions as sfn

from . import patching, permissions, ssm, workflows
from .settings import SETTINGS

CALLBACK = ".waitForTaskToken"
LARGEST_PAYLOAD = 256 * 1024
#: What no wildcard of Retry and Catch matches.
TERMINAL = ("States.Runtime", "States.DataLimitExceeded")
_TOKEN = re.compile(r"[A-Za-z0-9+/]{600}")
#: Tokens whose tasks have ended.
_CLOSED = set()


def install():
    patching.require(sfn, "_task_tokens", "_apply_jsonata_arguments", "_apply_jsonata_output", "_apply_parameters")
    patching.require(sfn, "_apply_input_path", "_apply_output_path", "_apply_result_selector", "_apply_result_path")
    patching.require(sfn, "_invoke_resource", "_find_matching_retrier", "_find_matching_catcher", "_apply_catcher")
    patching.require(sfn, "_next_or_end", "_resolve_lambda_function_ref", "_invoke_resource_with_timeout")
    patching.replace(sfn, "_execute_task", execute)
    patching.replace(sfn, "_with_retry_and_catch", with_retry_and_catch)
    patching.replace(sfn, "_error_matches", matches)
    patching.replace(sfn, "_call_lambda", invoke)
    patching.replace(sfn, "_send_task_success", send_success)
    patching.replace(sfn, "_send_task_failure", send_failure)
    patching.replace(sfn, "_send_task_heartbeat", send_heartbeat)


def execute(state, raw_input, execution, ctx):
    return with_retry_and_catch(state, raw_input, ctx, lambda: attempt(state, raw_input, execution, ctx))


def with_retry_and_catch(state, raw_input, ctx, attempt_once):
    """Attempts as Retry grants them, then what Catch makes of the last error."""
    entered, counts = ctx["State"], {}
    while True:
        # Branches leave their own state in the context; each attempt starts from this one.
        ctx["State"] = {**entered, "RetryCount": sum(counts.values())}
        try:
            return attempt_once()
        except sfn._ExecutionError as error:
            retrier, number = sfn._find_matching_retrier(state.get("Retry", []), error.error, counts)
            if retrier is None:
                return caught(state, raw_input, ctx, error)
            counts[number] = counts.get(number, 0) + 1
            workflows.wait(pause_of(retrier, counts[number]))


def pause_of(retrier, number):
    """Seconds before the retry of this number, counted from one."""
    seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** (number - 1)
    seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
    return random.uniform(0, seconds) if retrier.get("JitterStrategy") == "FULL" else seconds


def caught(state, raw_input, ctx, error):
    catcher = sfn._find_matching_catcher(state.get("Catch", []), error.error)
    if catcher is None:
        raise error
    output = {"Error": error.error, "Cause": error.cause}
    language = sfn._state_query_language(state, ctx)
    return sfn._apply_catcher(catcher, raw_input, ctx, language, output), catcher["Next"]


def matches(wanted, error):
    """Whether ErrorEquals of a Retry or Catch means this error."""
    if error in wanted:
        return True
    if error in TERMINAL:
        return False
    return "States.ALL" in wanted or ("States.TaskFailed" in wanted and error != "States.Timeout")


def attempt(state, raw_input, execution, ctx):
    resource = state.get("Resource", "")
    jsonata = sfn._state_query_language(state, ctx) == "JSONata"
    if CALLBACK in resource:
        ctx["Task"] = {"Token": base64.b64encode(os.urandom(450)).decode()}
    kind = {"resourceType": "lambda" if "lambda" in resource else "states", "resource": resource}
    try:
        if jsonata:
            arguments = sfn._apply_jsonata_arguments(state, raw_input, ctx)
        else:
            arguments = sfn._apply_parameters(state, sfn._apply_input_path(state, raw_input, ctx), ctx)
        sfn._add_event(execution, "TaskScheduled", {"taskScheduledEventDetails": kind})
        result = perform(resource, arguments, state, raw_input, ctx)
        text = json.dumps(result)
        if len(text.encode()) > LARGEST_PAYLOAD:
            message = "returned a result with a size exceeding the maximum number of bytes service limit."
            raise sfn._ExecutionError("States.DataLimitExceeded", f"The state/task '{resource}' {message}")
        sfn._add_event(execution, "TaskSucceeded", {"taskSucceededEventDetails": {**kind, "output": text}})
        return finished(state, raw_input, ctx, result, jsonata), sfn._next_or_end(state)
    except sfn._ExecutionError as error:
        details = {**kind, "error": error.error, "cause": error.cause}
        sfn._add_event(execution, "TaskFailed", {"taskFailedEventDetails": details})
        raise
    finally:
        ctx.pop("Task", None)


def finished(state, raw_input, ctx, result, jsonata):
    """The output of the state; Assign sees the result as the task gave it."""
    if jsonata:
        output = sfn._apply_jsonata_output(state, raw_input, ctx, result=result, default=result)
        sfn._apply_state_assign(state, raw_input, ctx, result=result)
        return output
    output = sfn._apply_result_path(state, raw_input, sfn._apply_result_selector(state, result))
    return sfn._apply_output_path(state, output, ctx)


def perform(resource, arguments, state, raw_input, ctx):
    if CALLBACK in resource:
        return with_callback(resource, arguments, state, raw_input, ctx)
    if ":aws-sdk:ssm:" in resource:
        check_ssm(resource.rpartition(":")[2], arguments)
    limit = seconds_of("TimeoutSeconds", state, raw_input, ctx)
    if limit is None or ":activity:" in resource:
        return sfn._invoke_resource(resource, arguments)
    return sfn._invoke_resource_with_timeout(resource, arguments, limit)


def seconds_of(field, state, raw_input, ctx):
    """A number of seconds, which JSONata may compute."""
    value = state.get(field)
    if isinstance(value, str):
        value = sfn._apply_jsonata_template(value, raw_input, ctx)
    return value


# Lambda -----------------------------------------------------------------------------------


def invoke(reference, event):
    """Invoke a function with the rights of the state machine's role; its errorType is the error's name."""
    function, configuration, name = lambda_svc._get_func_record_for_ref(reference)
    if not function or not configuration:
        raise sfn._ExecutionError("Lambda.ResourceNotFoundException", f"Function not found: {name}")
    check_role(reference if reference.startswith("arn:") else configuration["FunctionArn"])
    record = lambda_svc._execution_record_for_config(function, configuration)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    body = result.get("body")
    if result.get("throttle"):
        raise sfn._ExecutionError("Lambda.TooManyRequestsException", "Rate Exceeded.")
    if result.get("error"):
        error = body.get("errorType") if isinstance(body, dict) else None
        raise sfn._ExecutionError(error or "Lambda.Unknown", json.dumps(body) if isinstance(body, dict) else str(body))
    if isinstance(body, (str, bytes)):
        try:
            return json.loads(body)
        except ValueError:
            return body
    return body


def check_role(function_arn):
    role = workflows.current_role()
    if role is None or permissions.role_allows(role, "lambda:InvokeFunction", function_arn):
        return
    who = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/states"
    raise sfn._ExecutionError(
        "Lambda.AWSLambdaException",
        f"User: {who} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn} because no "
        "identity-based policy allows the lambda:InvokeFunction action (Service: AWSLambda; Status Code: 403; "
        "Error Code: AccessDeniedException)",
    )


def check_ssm(name, arguments):
    """Systems Manager is called with the rights of the state machine's role, on every resource that the call names."""
    role, action = workflows.current_role(), name[0].upper() + name[1:]
    for resource, keys in tuple(ssm.resources(action, arguments)) or (("*", {}),):
        if role is not None and not permissions.role_allows(role, f"ssm:{action}", resource, keys):
            who = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/states"
            why = f"User: {who} is not authorized to perform: ssm:{action} on resource: {resource}"
            raise sfn._ExecutionError("Ssm.SsmException", why)


# Task tokens ------------------------------------------------------------------------------


def with_callback(resource, arguments, state, raw_input, ctx):
    """Call the integration, then wait until somebody sends the token back."""
    token = ctx["Task"]["Token"]
    task = {"event": threading.Event(), "answer": None, "beat": 0, "execution": workflows.CURRENT.get()}
    sfn._task_tokens[token] = task
    try:
        sfn._invoke_resource(resource.replace(CALLBACK, ""), arguments)
        limit = seconds_of("TimeoutSeconds", state, raw_input, ctx)
        beat = seconds_of("HeartbeatSeconds", state, raw_input, ctx)
        return answer_to(task, limit, beat)
    finally:
        sfn._task_tokens.pop(token, None)
        _CLOSED.add(token)


def answer_to(task, limit, beat):
    """The task's answer, or States.Timeout. The time runs from here, so that scaling it leaves the call its own."""
    started = task["beat"] = time.monotonic()
    while task["answer"] is None:
        end = min(scaled(limit) + started, scaled(beat) + task["beat"])
        if end <= time.monotonic():
            raise sfn._ExecutionError("States.Timeout", "")
        workflows.wait_for(task["event"], min(max(end - time.monotonic(), 0), threading.TIMEOUT_MAX))
    success, value = task["answer"]
    if not success:
        raise sfn._ExecutionError(*value)
    return value


def scaled(seconds):
    return float("inf") if seconds is None else seconds * SETTINGS.timeout_scale


def answer(request, success, value):
    """Give a waiting task its answer, once."""
    token = request.get("taskToken") or ""
    task = open_task(token)
    if task is None:
        return refused(token)
    if "answer" in task:
        task["answer"] = (success, value)
    else:  # an activity's, which MiniStack waits for
        task.update({"result": json.dumps(value)} if success else {"error": {"Error": value[0], "Cause": value[1]}})
    task["event"].set()
    return sfn.json_response({})


def open_task(token):
    """The task that waits for this token, if it has no answer yet and its execution still runs."""
    task = sfn._task_tokens.get(token)
    if task is None or task.get("answer") is not None:
        return None
    execution = sfn._executions.get(task.get("execution") or "")
    return task if execution is None or execution["status"] == "RUNNING" else None


def refused(token):
    if token in _CLOSED or token in sfn._task_tokens:
        return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)
    if not _TOKEN.fullmatch(token):
        return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
    return error_response_json("TaskDoesNotExist", "Task does not exist", 400)


def send_success(request):
    try:
        value = json.loads(request.get("output", ""))
    except ValueError:
        return error_response_json("InvalidOutput", "Invalid Output: 'Could not parse as JSON'", 400)
    return answer(request, True, value)


def send_failure(request):
    return answer(request, False, (request.get("error", ""), request.get("cause", "")))


def send_heartbeat(request):
    token = request.get("taskToken") or ""
    task = open_task(token)
    if task is None:
        return refused(token)
    task["beat"] = time.monotonic()
    return sfn.json_response({})
