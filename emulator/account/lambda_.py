"""Lambda: functions log with the rights of their role, and their processes end with them.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

import weakref

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, lambda_svc
from ministack.services.cloudformation import provisioners

from . import patching, permissions

#: How long to wait for the first line of an invocation, in seconds, where the one before it logged. It is in the pipe
#: by then; on a busy machine the thread that reads it comes late, and the line would be the next invocation's.
FIRST_LINE = 1.0


def install():
    patching.require(lambda_runtime, "reset", "invalidate_worker")
    emit_logs = patching.original(lambda_svc, "_emit_lambda_logs")
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    delete = handlers["delete"]

    def delete_with_processes(physical_id, props):
        delete(physical_id, props)
        lambda_runtime.invalidate_worker(physical_id, account=get_account_id(), region=get_region())

    def emit_allowed_logs(function, *rest, **named):
        if may_log(function.get("config") or function):
            emit_logs(function, *rest, **named)

    drain = patching.original(lambda_runtime.ProvidedWorker, "_drain_stderr_bounded")
    logged = weakref.WeakSet()

    def drain_of_its_own(worker, **waits):
        if worker in logged:
            waits = {"first_line_wait": FIRST_LINE, "hard_cap": 2 * FIRST_LINE, **waits}
        text = drain(worker, **waits)
        (logged.add if text else logged.discard)(worker)
        return text

    lambda_runtime.ProvidedWorker._drain_stderr_bounded = drain_of_its_own
    handlers["delete"] = delete_with_processes
    lambda_svc._emit_lambda_logs = emit_allowed_logs


def may_log(configuration):
    """A group that is missing is made, if the role may; so a deleted one does not come back by itself."""
    name = (configuration.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{configuration['FunctionName']}"
    group = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"
    needed = {"logs:PutLogEvents": f"{group}:log-stream:any"}
    if name not in cloudwatch_logs._log_groups:
        needed["logs:CreateLogGroup"] = group
    return all(permissions.role_allows(configuration.get("Role", ""), *item) for item in needed.items())


def stop_workers():
    """End the warm ``bootstrap`` processes; MiniStack leaves them behind."""
    lambda_runtime.reset()
