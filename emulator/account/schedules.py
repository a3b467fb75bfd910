"""EventBridge Scheduler: which schedules it takes, and with whose rights it invokes a function.

AWS: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html and
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

import contextvars
import datetime
import json
import logging
import re
import time
import uuid

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import eventbridge, iam, lambda_svc, scheduler, sqs

from . import lambda_async, patching, permissions
from .sqs import send_to_queue

logger = logging.getLogger("account.schedules")

NAME = re.compile(r"[0-9a-zA-Z_.-]{1,64}")
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
RECURRING = re.compile(r"(rate|cron)\(.+\)")
#: What was asked for, by the ARN of the schedule: the same once more with the same ClientToken is the same call.
ASKED = {}
#: The role that a request names: IAM is asked about the schedule, and then about this.
ROLE = contextvars.ContextVar("role", default=None)
#: Who assumes the role of a schedule.
PRINCIPAL = "scheduler.amazonaws.com"


def install():
    patching.require(scheduler, "_schedules", "_schedule_groups", "_tick_schedules", "_group_arn", "_error")
    patching.require(iam_evaluator, "enforce", "evaluate_resource_policy", "EvalContext")
    create = patching.original(scheduler, "_create_schedule")
    invoke = patching.original(eventbridge, "_invoke_target")
    extract = patching.original(iam_actions, "extract_resource_arn")
    enforce = patching.original(iam_evaluator, "enforce")
    patching.require(scheduler, "_SCHEDULE_TICK_INTERVAL")
    scheduler._SCHEDULE_TICK_INTERVAL = 0.25

    def create_checked(name, body):
        there = scheduler._schedules.get(f"{body.get('GroupName', 'default')}/{name}")
        if there and body.get("ClientToken") and ASKED.get(there["Arn"]) == body:
            return scheduler._json_resp(200, {"ScheduleArn": there["Arn"]})
        problem = None if there else refusal(name, body)
        if problem:
            return scheduler._error(400, "ValidationException", problem)
        answer = create(name, body)
        if answer[0] == 200:
            ASKED[json.loads(answer[2])["ScheduleArn"]] = body
        return answer

    def invoke_or_deliver(target, event, rule, view=None):
        if event.get("Source") == "aws.scheduler" and ":lambda:" in target.get("Arn", ""):
            deliver(target, rule)
        else:
            invoke(target, event, rule, view)

    def extract_schedule(service, method, path, headers, body, query_params, region, account_id):
        named = re.fullmatch(r"/schedules/([^/]+)", path) if service == "scheduler" else None
        if not named:
            return extract(service, method, path, headers, body, query_params, region, account_id)
        given = query_params.get("groupName") or "default"
        group = given[0] if isinstance(given, list) else given
        if method in ("POST", "PUT"):
            group = document(body).get("GroupName", "default")
            ROLE.set((document(body).get("Target") or {}).get("RoleArn"))
        return f"arn:aws:scheduler:{region}:{account_id}:schedule/{group}/{named[1]}"

    def enforce_with_role(access_key, action, service, region, resource_arn="*", service_context=None):
        """Whoever gives a schedule a role needs the right to pass it on."""
        refused = enforce(access_key, action, service, region, resource_arn, service_context)
        if refused or action not in ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"):
            return refused
        context = {"iam:PassedToService": PRINCIPAL}
        return ROLE.get() and enforce(access_key, "iam:PassRole", "iam", region, ROLE.get(), context)

    patching.replace(scheduler, "_create_schedule", create_checked)
    eventbridge._invoke_target = invoke_or_deliver
    iam_actions.extract_resource_arn = extract_schedule
    iam_evaluator.enforce = enforce_with_role


def document(body):
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def refusal(name, body):
    """Why Scheduler does not take a schedule, or None. Only the words about the role are AWS's own."""
    expression, target = str(body.get("ScheduleExpression", "")), body.get("Target") or {}
    for what, text in (("name", name), ("groupName", body.get("GroupName", "default"))):
        if not NAME.fullmatch(text):
            return f"1 validation error detected: Value at '{what}' failed to satisfy constraint: [0-9a-zA-Z-_.]+"
    if expression and not AT.fullmatch(expression) and not RECURRING.fullmatch(expression):
        return f"Invalid Schedule Expression {expression}."
    if is_past(expression):
        return f"Invalid Schedule Expression {expression}: it is in the past."
    if (body.get("FlexibleTimeWindow") or {"Mode": "OFF"}).get("Mode") not in ("OFF", "FLEXIBLE"):
        return "1 validation error detected: Value at 'flexibleTimeWindow.mode' must be OFF or FLEXIBLE"
    retries = target.get("RetryPolicy") or {}
    if not 0 <= int(retries.get("MaximumRetryAttempts", 185)) <= 185:
        return "1 validation error detected: Value at 'target.retryPolicy.maximumRetryAttempts' must be 0 to 185"
    if not 60 <= int(retries.get("MaximumEventAgeInSeconds", 86400)) <= 86400:
        return "1 validation error detected: Value at 'target.retryPolicy.maximumEventAgeInSeconds' must be 60 to 86400"
    if app.AUTH and target.get("RoleArn") and not trusts(target["RoleArn"], body.get("GroupName", "default")):
        return "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
    return None


def is_past(expression):
    """Whether an `at(…)` in UTC is over."""
    found = AT.fullmatch(expression)
    if not found:
        return False
    moment = datetime.datetime.fromisoformat(found[1]).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() < time.time()


def trusts(role_arn, group):
    """Whether the role lets Scheduler assume it for the schedules of this group."""
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None or role["Arn"] != role_arn:
        return False
    policy = role["AssumeRolePolicyDocument"]
    context = permissions.of_service("sts:AssumeRole", role_arn, scheduler._group_arn(group))
    policy = policy if isinstance(policy, dict) else json.loads(policy)
    # A trust policy names no resource.
    statements = [{"Resource": role_arn, **statement} for statement in policy.get("Statement", [])]
    answer = iam_evaluator.evaluate_resource_policy({**policy, "Statement": statements}, context, service=PRINCIPAL)
    return answer.decision == "Allow"


def deliver(target, schedule):
    """Invoke the function asynchronously with what the schedule says, with the rights of its role."""
    arn, role = target["Arn"], target.get("RoleArn", "")
    text = target.get("Input") or "{}"
    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    may = permissions.role_allows(role, "lambda:InvokeFunction", arn)
    if app.AUTH and not (may and trusts(role, schedule["GroupName"])):
        words = f"User: {role} is not authorized to perform: lambda:InvokeFunction on resource: {arn}"
        dead_letter(target, schedule, text, "AccessDeniedException", words)
    elif function is None or configuration is None:
        dead_letter(target, schedule, text, "ResourceNotFoundException", f"Function not found: {arn}")
    else:
        record = lambda_svc._execution_record_for_config(function, configuration)
        lambda_async.accept(record, json.loads(text))


def dead_letter(target, schedule, text, code, message):
    """The input goes to the dead-letter queue at once, with the rights of the role."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    queue = sqs._queue_by_arn(queue_arn) if queue_arn else None
    if queue is None or not permissions.role_allows(target.get("RoleArn", ""), "sqs:SendMessage", queue_arn):
        logger.warning("an invocation by %s is lost (%s)", schedule.get("Arn"), code)
        return
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "EXECUTION_ID": str(uuid.uuid4()),
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SCHEDULE_ARN": schedule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
    }
    send_to_queue(queue, text, attributes)
