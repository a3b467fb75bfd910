"""Calls that are authorized on several resources, or that need a second action, where MiniStack asks for one of each.

AWS: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html,
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/IAM.ConditionKeys.html (the statements are apart: what a
request says of the new cache is not said of its parameter group) and
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
"""

import contextvars
import json
from dataclasses import dataclass, field

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import elasticache as ec

from . import elasticache_versions, patching, ssm, wire
from .ec2_rules import tags_for

#: The checks of the call that is being authorized, and the one that failed.
PENDING = contextvars.ContextVar("pending_checks", default=())
DENIED = contextvars.ContextVar("denied_check", default=None)
#: Actions of ElastiCache, the parameter that names the resource on which they are authorized first, and its type.
FIRST = {
    "CreateCacheCluster": ("CacheClusterId", "cluster"),
    "CreateReplicationGroup": ("ReplicationGroupId", "replicationgroup"),
    "CreateSnapshot": ("SnapshotName", "snapshot"),
    "DeleteCacheCluster": ("CacheClusterId", "cluster"),
    "DeleteReplicationGroup": ("ReplicationGroupId", "replicationgroup"),
    "ModifyCacheCluster": ("CacheClusterId", "cluster"),
    "ModifyReplicationGroup": ("ReplicationGroupId", "replicationgroup"),
}
#: Further resources that a call may name.
FURTHER = {
    "CreateCacheCluster": ("subnetgroup", "snapshot", "replicationgroup"),
    "CreateReplicationGroup": ("cluster", "subnetgroup", "snapshot", "usergroup"),
    "CreateSnapshot": ("cluster", "replicationgroup"),
    "DeleteCacheCluster": ("final snapshot",),
    "DeleteReplicationGroup": ("final snapshot",),
    "ModifyCacheCluster": ("parametergroup",),
    "ModifyReplicationGroup": ("parametergroup", "usergroup"),
}
#: Where a request names them.
MEMBERS = {
    "cluster": ("CacheClusterId", "PrimaryClusterId"),
    "replicationgroup": ("ReplicationGroupId",),
    "parametergroup": ("CacheParameterGroupName",),
    "subnetgroup": ("CacheSubnetGroupName",),
    "snapshot": ("SnapshotName",),
    "final snapshot": ("FinalSnapshotIdentifier",),
    "usergroup": ("UserGroupIds", "UserGroupIdsToAdd"),
}


@dataclass
class Check:
    """One action on one resource; only some know the tags of the request."""

    action: str
    resource: str
    with_tags: bool = False
    keys: dict = field(default_factory=dict)

    def context(self, given):
        tags = ("aws:requesttag/", "aws:tagkeys")
        kept = {key: value for key, value in (given or {}).items() if self.with_tags or not is_tag(key, tags)}
        return {**kept, **self.keys}


def is_tag(key, prefixes):
    return key.lower().startswith(prefixes)


def install():
    extract = patching.original(iam_actions, "extract_resource_arn")
    enforce = patching.original(iam_evaluator, "enforce")
    deny = patching.original(iam_actions, "access_denied_response")
    patching.require(iam_actions, "identity_denial_message")

    def extract_first(service, method, path, headers, body, query_params, region, account_id):
        parameters = {key: value[0] if isinstance(value, list) else value for key, value in query_params.items()}
        checks = ssm_checks(headers, body) if service == "ssm" else checks_of(service, parameters)
        PENDING.set(checks)
        DENIED.set(None)
        arguments = (service, method, path, headers, body, query_params, region, account_id)
        return checks[0].resource if checks else extract(*arguments)

    def enforce_all(access_key, action, service, region, resource_arn="*", service_context=None):
        checks = PENDING.get()
        PENDING.set(())
        if not checks or resource_arn != checks[0].resource:
            return enforce(access_key, action, service, region, resource_arn, service_context)
        for check in checks:
            refused = enforce(access_key, check.action, service, region, check.resource, check.context(service_context))
            if refused:
                DENIED.set(check)
                return refused
        return None

    def deny_by_name(service, action, principal_arn, request_id, **named):
        check = DENIED.get()
        if check:
            action, named["resource_arn"] = check.action, check.resource
            explicit = named.get("explicit_deny", False)
            named["message"] = iam_actions.identity_denial_message(action, principal_arn, check.resource, explicit)
        return deny(service, action, principal_arn, request_id, **named)

    iam_actions.extract_resource_arn = extract_first
    iam_evaluator.enforce = enforce_all
    iam_actions.access_denied_response = deny_by_name


def checks_of(service, parameters):
    action = parameters.get("Action", "")
    if service == "ec2" and action in ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"):
        return rule_checks(action, parameters)
    if service == "elasticache" and action in FIRST:
        return cache_checks(action, wire.parse(service, action, parameters, required=False))
    return ()


# Systems Manager --------------------------------------------------------------------------


def ssm_checks(headers, body):
    action = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "").rpartition(".")[2]
    found = ssm.resources(action, json.loads(body or b"{}"))
    return tuple(Check(f"ssm:{action}", resource, keys=keys) for resource, keys in found)


# EC2 --------------------------------------------------------------------------------------


def rule_checks(action, parameters):
    """Rules with tags are resources of their own, which get their tags by a second action."""
    from .iam_resources import group_arn

    group_id = parameters.get("GroupId")
    group = f"arn:aws:ec2:{get_region()}:{get_account_id()}:security-group/{group_id}" if group_id else None
    group = group or group_arn(parameters)
    tags = tags_for(wire.parse("ec2", action, parameters, required=False), "security-group-rule")
    if group is None or not tags:
        return ()
    rules = f"arn:aws:ec2:{get_region()}:{get_account_id()}:security-group-rule/*"
    keys = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags}
    keys["aws:TagKeys"] = [tag["Key"] for tag in tags]
    return (
        Check(f"ec2:{action}", group),
        Check(f"ec2:{action}", rules, keys=keys),
        Check("ec2:CreateTags", rules, keys={**keys, "ec2:CreateAction": action}),
    )


# ElastiCache ------------------------------------------------------------------------------


def cache_checks(action, request):
    member, kind = FIRST[action]
    first = arn(kind, request.get(member) or "*")
    checks = [Check(f"elasticache:{action}", first, with_tags=True)]
    checks += [Check(f"elasticache:{action}", resource) for resource in named(action, request) if resource != first]
    if action in ("CreateCacheCluster", "CreateReplicationGroup"):
        checks.append(Check(f"elasticache:{action}", arn("parametergroup", parameter_group(action, request))))
    if request.get("Tags"):
        checks.append(Check("elasticache:AddTagsToResource", first, with_tags=True))
    if request.get("FinalSnapshotIdentifier"):
        checks.append(Check("elasticache:CreateSnapshot", first))
        snapshot = arn("snapshot", request["FinalSnapshotIdentifier"])
        checks.append(Check("elasticache:CreateSnapshot", snapshot))
        tags = {tag["Key"]: tag["Value"] for tag in ec._tags.get(first) or []}
        if tags:
            # It gets the tags of the cache. Whether the caller is asked for that, AWS does not say; here it is.
            keys = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
            checks.append(Check("elasticache:AddTagsToResource", snapshot, keys={**keys, "aws:TagKeys": list(tags)}))
    return tuple(checks)


def named(action, request):
    """The ARNs of the further resources that the request names."""
    for kind in FURTHER[action]:
        for member in MEMBERS[kind]:
            value = request.get(member) or []
            for name in value if isinstance(value, list) else [value]:
                yield arn(kind.removeprefix("final "), name)


def parameter_group(action, request):
    """The group asked for, or the engine's default, which is a resource of the call as well."""
    if request.get("CacheParameterGroupName"):
        return request["CacheParameterGroupName"]
    snapshot = ec._snapshots.get((request.get("SnapshotName") or "").lower()) or {}
    fallback = "memcached" if action == "CreateCacheCluster" else "redis"
    try:
        engine, version = elasticache_versions.engine_of({**request, "EngineVersion": None}, snapshot, fallback)
    except wire.AwsError:
        return "*"
    return ec._default_param_group_for_engine(engine, version, request.get("NumNodeGroups") is not None)


def arn(kind, name):
    return f"arn:aws:elasticache:{get_region()}:{get_account_id()}:{kind}:{name.lower()}"
