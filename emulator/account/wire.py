"""EC2's and ElastiCache's wire formats, driven by the service models of botocore.

A handler takes the request as a dict in the shape of the API reference and
returns the response as such a dict, or raises ``AwsError``. This module does the
rest: form parameters in, XML out. The models are AWS's own, so member names,
list wrappers and types are right by construction.
"""

import datetime
import threading
import uuid
from xml.sax.saxutils import escape

import botocore.session

_SESSION = botocore.session.get_session()
_MODELS = {}
#: Handlers may be called from worker threads (CloudFormation, ElastiCache); state changes happen one at a time.
LOCK = threading.RLock()
#: Called with (service, action) before a handler; what it raises is the answer.
CHECKS = []
#: Called with (service, action, params, response) after every call of a handler made here.
OBSERVERS = []


class AwsError(Exception):
    """An error answer: the code and message that the service gives."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def model(service):
    """The service model of ``ec2`` or ``elasticache``."""
    if service not in _MODELS:
        _MODELS[service] = _SESSION.get_service_model(service)
    return _MODELS[service]


def endpoint(service, action, function, required=True):
    """Wrap ``function(request) -> response`` as a MiniStack handler ``params -> (status, headers, body)``."""

    def handler(params):
        try:
            with LOCK:
                request = parse(service, action, params, required)
                for check in CHECKS:
                    check(service, action)
                answer = function(request)
            response = 200, {"Content-Type": "text/xml"}, render(service, action, answer or {})
        except AwsError as error:
            response = render_error(service, error)
        for observe in OBSERVERS:
            observe(service, action, params, response)
        return response

    handler.__name__ = f"{service}_{action}"
    handler.__doc__ = function.__doc__
    return handler


# Requests ---------------------------------------------------------------------


def nest(params):
    """``{"A.1.B": ["x"]}`` becomes ``{"A": {"1": {"B": "x"}}}``."""
    tree = {}
    for key, value in params.items():
        if isinstance(value, list):
            value = value[0] if value else ""
        node = tree
        *parents, leaf = key.split(".")
        for part in parents:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        if not isinstance(node.get(leaf), dict):
            node[leaf] = value
    return tree


def parse(service, action, params, required=True):
    """Form parameters as the dict that the API reference describes."""
    shape = model(service).operation_model(action).input_shape
    request = _structure(service, shape, nest(params)) if shape else {}
    for member in shape.required_members if shape and required else ():
        if request.get(member) in (None, ""):
            raise AwsError("MissingParameter", f"The request must contain the parameter {member}")
    return request


def _request_names(service, name, shape):
    """The names under which a client may send a member."""
    serialization = shape.serialization
    if service != "ec2":
        return [serialization.get("name", name), name]
    location = serialization.get("queryName") or serialization.get("name") or name
    return [location[0].upper() + location[1:], name]


def _structure(service, shape, tree):
    out = {}
    for name, member in shape.members.items():
        for wire_name in _request_names(service, name, member):
            if wire_name in tree:
                out[name] = _value(service, member, tree[wire_name])
                break
    return out


def _list_items(tree):
    """The items of ``X.1``, ``X.member.1`` or ``X.ItemName.1``, in order."""
    if not isinstance(tree, dict):
        return []
    numbered = [key for key in tree if key.isdigit()]
    if not numbered:
        inner = next((child for child in tree.values() if isinstance(child, dict)), {})
        return _list_items(inner) if inner else []
    return [tree[key] for key in sorted(numbered, key=int)]


def _value(service, shape, raw):
    kind = shape.type_name
    if kind == "structure":
        return _structure(service, shape, raw) if isinstance(raw, dict) else {}
    if kind == "list":
        return [_value(service, shape.member, item) for item in _list_items(raw)]
    if isinstance(raw, dict):
        raise AwsError("MalformedQueryString", "A scalar parameter was sent as a structure")
    if kind in ("integer", "long"):
        try:
            return int(raw)
        except ValueError:
            raise AwsError("InvalidParameterValue", f"{raw} is not a number") from None
    if kind == "boolean":
        return raw.lower() == "true"
    return raw


# Responses --------------------------------------------------------------------


def render(service, action, response):
    """The XML document of a successful answer."""
    described = model(service)
    shape = described.operation_model(action).output_shape
    body = _members(service, shape, response) if shape else ""
    request_id = uuid.uuid4()
    namespace = described.metadata["xmlNamespace"].rstrip("/") + "/"
    if service == "ec2":
        if not shape or not ("Return" in shape.members and "Return" in response):
            body += "" if action.startswith(("Describe", "Get")) else "<return>true</return>"
        inner = f"<requestId>{request_id}</requestId>{body}"
    else:
        wrapper = shape.serialization.get("resultWrapper", f"{action}Result") if shape else f"{action}Result"
        inner = f"<{wrapper}>{body}</{wrapper}><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f'<{action}Response xmlns="{namespace}">{inner}</{action}Response>'.encode()


def _members(service, shape, data):
    parts = []
    for name, member in shape.members.items():
        if data.get(name) is not None:
            parts.append(_element(service, member.serialization.get("name", name), member, data[name]))
    return "".join(parts)


def _element(service, tag, shape, value):
    kind = shape.type_name
    if kind == "structure":
        inner = _members(service, shape, value)
    elif kind == "list":
        item_tag = shape.member.serialization.get("name", "item" if service == "ec2" else "member")
        inner = "".join(_element(service, item_tag, shape.member, item) for item in value)
    elif kind == "boolean":
        inner = "true" if value else "false"
    elif kind == "timestamp":
        inner = iso_time(value)
    else:
        inner = escape(str(value))
    return f"<{tag}>{inner}</{tag}>"


def iso_time(epoch):
    """``2026-01-02T03:04:05.678Z`` from seconds since 1970, or a text as it is."""
    if isinstance(epoch, str):
        return epoch
    moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def render_error(service, error):
    """The XML document of an error answer, with the HTTP status that the model gives for the code."""
    status = error.status
    for shape in model(service).error_shapes:
        described = shape.metadata.get("error", {})
        if described.get("code", shape.name) == error.code and "httpStatusCode" in described:
            status = described["httpStatusCode"]
    code, message, request_id = escape(error.code), escape(error.message), uuid.uuid4()
    if service == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        body = (
            f'<ErrorResponse xmlns="{model(service).metadata["xmlNamespace"]}"><Error><Type>Sender</Type>'
            f"<Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return status, {"Content-Type": "text/xml"}, body.encode()


def paged(items, limit, token, maximum=1000):
    """One page and the token of the next, for APIs with MaxResults/NextToken or MaxRecords/Marker."""
    start = int(token) if token and str(token).isdigit() else 0
    if token and not str(token).isdigit():
        raise AwsError("InvalidParameterValue", "The token is not valid")
    if not limit:
        return items[start:], None
    limit = min(int(limit), maximum)
    following = str(start + limit) if start + limit < len(items) else None
    return items[start : start + limit], following
