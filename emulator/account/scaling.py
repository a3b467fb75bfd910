"""Application Auto Scaling: which caches scale by themselves. Targets are kept and shown; nothing scales.

AWS: https://docs.aws.amazon.com/autoscaling/application/APIReference/
"""

import json
import time
import uuid

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import AccountRegionScopedDict, error_response_json, get_account_id, get_region

from . import patching

SERVICE = "application-autoscaling"
#: What one target is told from another by.
KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_TARGETS = AccountRegionScopedDict()


def install():
    patching.require(router, "SERVICE_PATTERNS", "detect_service")
    patching.require(iam_actions, "SERVICE_TO_IAM_NAMESPACE")
    patching.require(app, "SERVICE_HANDLERS")
    router.SERVICE_PATTERNS[SERVICE] = {"target_prefixes": ["AnyScaleFrontendService"]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    app.SERVICE_HANDLERS[SERVICE] = handle


async def handle(method, path, headers, body, query_params):
    action = ACTIONS.get(headers.get("x-amz-target", "").split(".")[-1])
    if action is None:
        return error_response_json("UnknownOperationException", "Not an operation of the emulated account.", 400)
    request = json.loads(body or b"{}")
    if not request.get("ServiceNamespace"):
        return error_response_json("ValidationException", "ServiceNamespace is required.", 400)
    answer = action(request)
    if isinstance(answer, tuple):
        return answer
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def register(request):
    key = tuple(request.get(member) for member in KEY)
    if None in key:
        return error_response_json("ValidationException", f"{', '.join(KEY)} are required.", 400)
    arn = f"arn:aws:{SERVICE}:{get_region()}:{get_account_id()}:scalable-target/{uuid.uuid4().hex[:28]}"
    known = _TARGETS.get(key) or {"CreationTime": time.time(), "ScalableTargetARN": arn}
    _TARGETS[key] = {**known, **{name: value for name, value in request.items() if name != "Tags"}}
    return {"ScalableTargetARN": _TARGETS[key]["ScalableTargetARN"]}


def describe(request):
    """Without ids, all targets of the namespace."""
    wanted, dimension = request.get("ResourceIds"), request.get("ScalableDimension")
    targets = [
        target
        for (namespace, resource, own_dimension), target in _TARGETS.items()
        if namespace == request["ServiceNamespace"]
        and (not wanted or resource in wanted)
        and dimension in (None, own_dimension)
    ]
    return {"ScalableTargets": targets}


def deregister(request):
    if _TARGETS.pop(tuple(request.get(member) for member in KEY), None) is None:
        return error_response_json("ObjectNotFoundException", "No scalable target found.", 400)
    return {}


ACTIONS = {
    "RegisterScalableTarget": register,
    "DescribeScalableTargets": describe,
    "DeregisterScalableTarget": deregister,
}
