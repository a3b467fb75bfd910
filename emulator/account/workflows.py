"""Step Functions: executions that start once, end at once, are counted, and wait a fraction of their time.

AWS: API_StartExecution, API_StopExecution, API_SendTaskSuccess and API_SendTaskFailure in
https://docs.aws.amazon.com/step-functions/latest/apireference/, and
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

import contextlib
import contextvars
import json
import re
import threading

from ministack.core.responses import error_response_json, get_account_id, get_region, now_iso
from ministack.services import stepfunctions as sfn

from . import metrics, patching, workflow_tasks
from .settings import SETTINGS

#: The execution that this thread works for.
CURRENT = contextvars.ContextVar("execution", default=None)
#: Statuses, and the metrics that count executions which got there.
COUNTED = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
#: Scaled waits take at least this long, so that a polling workflow leaves something of the machine to others.
SHORTEST_WAIT = 0.05
_NAME = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}""")
_LOCK = threading.Lock()
#: ARN of a running execution -> what to set when it is stopped.
_STOPS = {}


class Stopped(BaseException):
    """The execution is no longer running; no Retry or Catch of its states may see this."""


def install():
    patching.require(sfn, "_executions", "_state_machines", "_resolve_state_machine_arn", "_add_event")
    patching.require(sfn, "_ExecutionError")
    emit = patching.original(sfn, "_emit_execution_status_event")
    start = patching.original(sfn, "_start_execution")
    stop = patching.original(sfn, "_stop_execution")
    run = patching.original(sfn, "_run_execution")

    def run_until_stopped(arn):
        CURRENT.set(arn)
        with _LOCK:
            _STOPS[arn] = [threading.Event()]
        try:
            with contextlib.suppress(Stopped), deadline_of(arn):
                run(arn)
        finally:
            _STOPS.pop(arn, None)

    def emit_and_count(execution):
        name = COUNTED.get(execution["status"])
        if name:
            metrics.count("AWS/States", name, StateMachineArn=execution["stateMachineArn"])
        emit(execution)

    def stop_at_once(request):
        answer = stop(request)
        wake(request.get("executionArn"))
        return answer

    patching.replace(sfn, "_start_execution", lambda request: start_once(start, request))
    patching.replace(sfn, "_stop_execution", stop_at_once)
    patching.replace(sfn, "_run_execution", run_until_stopped)
    patching.replace(sfn, "_emit_execution_status_event", emit_and_count)
    patching.replace(sfn, "_fail_execution", fail)
    patching.replace(sfn, "_scaled_sleep", wait)
    patching.replace(sfn, "_apply_state_assign", assign)
    workflow_tasks.install()


def start_once(start, request):
    """The same name and input while the execution runs is the same execution; afterwards the name is taken."""
    name, given = request.get("name"), request.get("input", "{}")
    if name is not None and not _NAME.fullmatch(name):
        return error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
    try:
        json.loads(given)
    except ValueError:
        return error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
    machine = sfn._state_machines.get(sfn._resolve_state_machine_arn(request.get("stateMachineArn", "")) or "")
    if machine and name:
        arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{name}"
        running = sfn._executions.get(arn)
        if running and running["status"] == "RUNNING" and running["input"] == given:
            return sfn.json_response({"executionArn": arn, "startDate": running["startDate"]})
    return start(request)


@contextlib.contextmanager
def deadline_of(arn):
    """A workflow's own TimeoutSeconds, in real time: its steps take theirs."""
    execution = sfn._executions.get(arn) or {}
    machine = sfn._state_machines.get(execution.get("stateMachineArn", "")) or {}
    seconds = json.loads(machine.get("definition") or "{}").get("TimeoutSeconds")
    if not seconds:
        yield
        return
    context = contextvars.copy_context()
    timer = threading.Timer(seconds, context.run, (time_out, arn))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def time_out(arn):
    execution = sfn._executions.get(arn)
    if execution and execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", stopDate=now_iso())
        sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
        sfn._emit_execution_status_event(execution)
        wake(arn)


def fail(execution, error, cause):
    """A failed execution has an error and no output; one that was stopped stays stopped."""
    if execution["status"] != "RUNNING":
        return
    execution.update(status="FAILED", error=error, cause=cause, output=None, stopDate=now_iso())
    sfn._add_event(execution, "ExecutionFailed", {"executionFailedEventDetails": {"error": error, "cause": cause}})
    sfn._emit_execution_status_event(execution)


def wait(seconds):
    """A Wait state, or the pause before a retry."""
    scaled = seconds * SETTINGS.wait_scale
    if seconds > 0:
        wait_for(threading.Event(), max(scaled, min(seconds, SHORTEST_WAIT)))


def wait_for(event, seconds):
    """Whether the event came in time; ends the thread if the execution was stopped."""
    stops = _STOPS.get(CURRENT.get())
    if stops is None:  # a TestState call or a synchronous execution
        return event.wait(seconds)
    stops.append(event)
    try:
        if stops[0].is_set():
            raise Stopped
        came = event.wait(seconds)
        if stops[0].is_set():
            raise Stopped
        return came
    finally:
        stops.remove(event)


def wake(arn):
    """Let everything that waits in this execution see that it was stopped."""
    execution = sfn._executions.get(arn)
    if execution and execution["status"] != "RUNNING":
        for event in list(_STOPS.get(arn, ())):
            event.set()


def current_role():
    """The role of the state machine whose execution this thread works for."""
    execution = sfn._executions.get(CURRENT.get() or "") or {}
    return (sfn._state_machines.get(execution.get("stateMachineArn", "")) or {}).get("roleArn")


def assign(state, raw_input, ctx, result=None, error_output=None):
    """All values of an Assign are computed from the variables as they were before it."""
    given = state.get("Assign")
    if ctx is None or not isinstance(given, dict) or sfn._state_query_language(state, ctx) != "JSONata":
        return
    values = {
        name: sfn._apply_jsonata_template(template, raw_input, ctx, result=result, error_output=error_output)
        for name, template in given.items()
    }
    ctx["variables"] = {**ctx.get("variables", {}), **values}
