"""CloudTrail to EventBridge: every mutating EC2 and ElastiCache call appears on the default bus, if a trail logs it.

Failed and denied calls appear too, with ``errorCode``; read-only calls do not. In AWS
this is best effort; here it is immediate and complete.

AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

import contextvars
import datetime
import logging
import uuid
from urllib.parse import parse_qs

from botocore import parsers
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, get_request_client_ip
from ministack.core.router import extract_access_key_id
from ministack.services import iam

from . import bus, lookup, patching, trails, wire
from . import cloudtrail_shapes as shapes
from .settings import SETTINGS

logger = logging.getLogger("account.cloudtrail")
SERVICES = ("ec2", "elasticache")
READ_ONLY = ("Describe", "List", "Get", "Search", "Lookup")


#: The API call that this code runs for: its service and its caller. Background work inherits it.
CURRENT = contextvars.ContextVar("current_call", default=None)
#: Services that make calls of their own for their caller, and how CloudTrail names them.
FORWARDING = {"cloudformation": "cloudformation.amazonaws.com", "states": "states.amazonaws.com"}


def install():
    """Watch the place through which every API call goes, and the calls that services make among themselves."""
    patching.require(iam_evaluator, "resolve_caller_identity")
    original = patching.original(app, "_dispatch_service_request")
    wire.OBSERVERS.append(observe_internal)

    async def dispatch(method, path, headers, body, query_params, request_id):
        service, caller = _service_of(headers), caller_of(headers, query_params)
        CURRENT.set({"service": service, "caller": caller})
        response = await original(method, path, headers, body, query_params, request_id)
        if service in SERVICES:
            params = parameters_of(body, query_params)
            record_call(service, params.get("Action", ""), params, response, caller)
        return response

    app._dispatch_service_request = dispatch


def observe_internal(service, action, params, response):
    """A call that CloudFormation or Step Functions made: the caller is theirs, ``invokedBy`` the service."""
    current = CURRENT.get()
    if not current or current["service"] not in FORWARDING:
        return
    invoker = FORWARDING[current["service"]]
    identity = {key: value for key, value in current["caller"]["userIdentity"].items() if key != "accessKeyId"}
    caller = {"userIdentity": {**identity, "invokedBy": invoker}, "sourceIPAddress": invoker, "userAgent": invoker}
    record_call(service, action, flat(params), response, caller)


def record_call(service, action, params, response, caller):
    try:
        record = record_of(service, action, params, response, caller)
        if record:
            lookup.keep(record)
        if record and trails.logs(record):
            source = "aws." + record["eventSource"].split(".")[0]
            bus.put_soon(source, "AWS API Call via CloudTrail", record, delay=SETTINGS.event_delay)
    except Exception:  # the call itself has succeeded; a broken record must not change that
        logger.exception("no CloudTrail event for %s", action)


def flat(params):
    return {key: value[0] if isinstance(value, list) else value for key, value in params.items()}


def parameters_of(body, query_params):
    """The parameters of a call to EC2 or ElastiCache, which come in the body as a form."""
    form = (
        parse_qs((body or b"").decode("utf-8", "replace"), keep_blank_values=True) if len(body or b"") < 1 << 20 else {}
    )
    return flat({**form, **query_params})


def caller_of(headers, query_params):
    return {
        "userIdentity": user_identity(extract_access_key_id(headers, query_params) or ""),
        "sourceIPAddress": get_request_client_ip(),
        "userAgent": headers.get("user-agent", ""),
    }


def record_of(service, action, params, response, caller):
    """The CloudTrail record of a call, or None for calls that do not get one."""
    if service not in SERVICES or not action or action.startswith(READ_ONLY):
        return None
    if action not in wire.model(service).operation_names:
        return None
    status, _, answer = response
    answer = answer.encode() if isinstance(answer, str) else answer
    operation = wire.model(service).operation_model(action)
    parsed = parsers.create_parser(operation.service_model.protocol).parse(
        {"status_code": status, "headers": {}, "body": answer}, operation.output_shape
    )
    record = _envelope(service, action, caller)
    record["requestParameters"] = _request_parameters(service, action, params)
    record["requestID"] = parsed.get("ResponseMetadata", {}).get("RequestId") or str(uuid.uuid4())
    error = parsed.get("Error")
    if error or status >= 400:
        record["errorCode"] = _error_code(service, status, (error or {}).get("Code", "InternalError"))
        record["errorMessage"] = (error or {}).get("Message", "")
        record["responseElements"] = None
    else:
        record["responseElements"] = _response_elements(service, action, operation, parsed, answer)
    return record


def _service_of(headers):
    """From the credential scope: ``.../20260101/eu-west-1/ec2/aws4_request``."""
    scope = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else ""


def _error_code(service, status, code):
    """EC2's codes carry Client. or Server. in CloudTrail."""
    if service != "ec2":
        return code
    return f"{'Server' if status >= 500 else 'Client'}.{code}"


def _request_parameters(service, action, params):
    if service == "ec2" and action in shapes.WRAPPED:
        return shapes.wrapped_request(action, wire.nest(params))
    try:
        request = wire.parse(service, action, params)
    except wire.AwsError:  # a call that does not even parse
        request = {}
    return shapes.ec2_request(action, request) if service == "ec2" else shapes.cache_request(request)


def _response_elements(service, action, operation, parsed, answer):
    if service == "elasticache":
        return shapes.cache_response(parsed)
    if action in shapes.WRAPPED:
        return shapes.wrapped_response(action, answer)
    return shapes.ec2_response(operation.output_shape, parsed, answer)


def _envelope(service, action, caller):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "eventVersion": "1.11",
        "userIdentity": caller["userIdentity"],
        "eventTime": now,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "awsRegion": get_region(),
        "sourceIPAddress": caller["sourceIPAddress"],
        "userAgent": caller["userAgent"],
        "requestParameters": None,
        "responseElements": None,
        "requestID": "",
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }


def user_identity(access_key_id):
    """Who called: the root user, an IAM user, or a role session with its issuer."""
    account = get_account_id()
    identity = iam_evaluator.resolve_caller_identity(access_key_id) or {}
    arn = identity.get("userArn") or f"arn:aws:iam::{account}:root"
    base = {
        "principalId": identity.get("userId") or account,
        "arn": arn,
        "accountId": account,
        "accessKeyId": access_key_id,
    }
    if ":assumed-role/" in arn:
        return {"type": "AssumedRole", **base, **_session(arn, account, base)}
    if ":user/" in arn:
        return {"type": "IAMUser", **base, "userName": arn.rsplit("/", 1)[-1]}
    return {"type": "Root", **base, "principalId": account}


def _session(arn, account, base):
    role_name, session_name = arn.split(":assumed-role/", 1)[1].split("/", 1)
    role = iam._roles.get(role_name) or {}
    role_id = role.get("RoleId") or "AROA" + role_name.upper()[:16]
    created = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "principalId": f"{role_id}:{session_name}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": role.get("Arn") or f"arn:aws:iam::{account}:role/{role_name}",
                "accountId": account,
                "userName": role_name,
            },
            "attributes": {"creationDate": created, "mfaAuthenticated": "false"},
        },
    }
