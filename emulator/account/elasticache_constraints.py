"""ElastiCache: which settings go together, when a cache is made and when it is changed.

AWS: API_CreateReplicationGroup, API_CreateCacheCluster and API_ModifyReplicationGroup in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/, whose text botocore has too. Where AWS's message is
known, the report that has it is named; other messages are ours, with the code that the API reference gives.

A setting that no source shows AWS to take is refused, so that nothing relies on it: see "Known gaps" in the README.
"""

import re

from ministack.services import elasticache as ec

from . import elasticache_limits as limits
from . import elasticache_versions as versions
from .wire import AwsError

#: Node types that are not built on the Nitro system (CacheNodes.SupportedTypes.html in the guide).
_NOT_NITRO = re.compile(r"cache\.(t1|t2|m1|m2|m3|m4|c1|r3|r4)\.")
_DATA_TIERING = re.compile(r"cache\.r6gd\.")


def combination(message):
    return AwsError("InvalidParameterCombination", message)


def check_common(request, engine, version):
    """What holds for clusters and groups alike."""
    limits.check_tags(request.get("Tags"))
    limits.check_windows(request.get("PreferredMaintenanceWindow"), request.get("SnapshotWindow"))
    limits.check_number(request, "SnapshotRetentionLimit", 0, 35)
    node_type = request.get("CacheNodeType") or ""
    for member in ("NetworkType", "IpDiscovery"):
        if request.get(member):
            versions.need("network types", engine, version)
            if _NOT_NITRO.match(node_type):
                raise combination(f"{member} is not supported for node type {node_type}.")
    if request.get("NetworkType") == "dual_stack" and not request.get("IpDiscovery"):
        raise combination("NetworkType dual_stack needs IpDiscovery.")
    logs = request.get("LogDeliveryConfigurations") or []
    for item in logs:
        versions.need(item.get("LogType") or "slow-log", engine, version)
    if len({item.get("LogType") for item in logs}) < len(logs):
        raise combination("There is at most one log delivery configuration for each LogType.")


# Clusters -------------------------------------------------------------------------


def check_cluster(request, engine, version):
    """CreateCacheCluster: Memcached, or one node of Redis OSS that is not encrypted."""
    check_common(request, engine, version)
    if engine == "memcached":
        _check_memcached(request, version)
        return
    if request.get("NumCacheNodes", 1) != 1:
        raise AwsError("InvalidParameterValue", "NumCacheNodes should be 1 if engine is redis")
    if request.get("PreferredAvailabilityZones") or request.get("AZMode"):
        raise combination("AZMode and PreferredAvailabilityZones are only supported for Memcached.")
    # hashicorp/terraform-provider-aws#49066. AuthToken is a reserved parameter. Nobody has shown that an explicit
    # `false` is taken.
    if request.get("TransitEncryptionEnabled") is not None or request.get("AuthToken"):
        raise combination("Encryption feature is not supported for engine REDIS.")


def _check_memcached(request, version):
    limits.check_number(request, "NumCacheNodes", 1, 40)
    if request.get("AuthToken"):
        raise combination("AuthToken is not supported for engine MEMCACHED.")
    if request.get("TransitEncryptionEnabled") is not None:
        versions.need("encryption in transit", "memcached", version)
    if any(request.get(member) for member in ("SnapshotName", "SnapshotArns", "SnapshotRetentionLimit")):
        raise combination("Snapshots are not supported for memcached")
    if request.get("SnapshotWindow"):
        raise combination("SnapshotWindow is not supported for memcached")


# Replication groups ---------------------------------------------------------------


def check_group(request, engine, version):
    """CreateReplicationGroup: all but the shards, which ``elasticache_shards`` looks at."""
    check_common(request, engine, version)
    _check_tiering(request, engine, version)
    if request.get("ClusterMode"):
        versions.need("the setting ClusterMode", engine, version)
    if request.get("KmsKeyId") and not request.get("AtRestEncryptionEnabled", engine == "valkey"):
        raise combination("KmsKeyId needs AtRestEncryptionEnabled.")
    transit = bool(request.get("TransitEncryptionEnabled"))
    if transit:
        versions.need("encryption in transit", engine, version)
    _check_mode(request, engine, version, transit)
    check_access(request, engine, version, transit)


def _check_tiering(request, engine, version):
    """The message: cloudposse/terraform-aws-elasticache-redis#157."""
    tiering, node_type = request.get("DataTieringEnabled"), request.get("CacheNodeType") or ""
    if _DATA_TIERING.match(node_type) and not tiering:
        raise combination(f"When using the {node_type} node type, you must enable data tiering.")
    if tiering and not _DATA_TIERING.match(node_type):
        raise combination(f"Data tiering is not supported for node type {node_type}.")
    if tiering is not None:
        versions.need("data tiering", engine, version)


def _check_mode(request, engine, version, transit):
    """The last message: cloudposse/terraform-aws-elasticache-redis#239."""
    if not request.get("TransitEncryptionMode"):
        return
    versions.need("transit encryption mode", engine, version)
    if not transit:
        raise combination("TransitEncryptionMode needs TransitEncryptionEnabled.")
    if request["TransitEncryptionMode"] == "preferred" and (request.get("AuthToken") or request.get("UserGroupIds")):
        raise combination("Transit encryption preferred is not supported with redis access control.")


def check_access(request, engine, version, transit):
    """AUTH token and user groups: either, and only over TLS."""
    token, groups = request.get("AuthToken"), request.get("UserGroupIds") or []
    if token and not transit:
        raise combination("The AUTH token is only supported when encryption-in-transit is enabled")
    if token and groups:
        raise combination("AuthToken and UserGroupIds cannot be used together")
    if token:
        limits.check_token(token)
    check_user_groups(groups, engine, version, transit)


def check_user_groups(group_ids, engine, version, transit):
    """They exist, one at most, over TLS, and the version knows them and the kinds of their users."""
    for group_id in group_ids:
        if group_id not in ec._user_groups:
            raise AwsError("UserGroupNotFound", "The user group was not found or does not exist", 404)
    if not group_ids:
        return
    if len(group_ids) > 1:
        raise AwsError("InvalidParameterValue", "A replication group has at most one user group.")
    if not transit:
        raise combination("User groups need encryption in transit")
    versions.need("user groups", engine, version)
    user_ids = ec._user_groups[group_ids[0]]["UserIds"]
    members = [ec._users.get(user_id) or {} for user_id in user_ids]
    if any((user.get("Authentication") or {}).get("Type") == "iam" for user in members):
        versions.need("IAM users", engine, version)


# Changes --------------------------------------------------------------------------


def check_cluster_change(request, record):
    """ModifyCacheCluster."""
    _check_windows_change(request, record)
    if request.get("AuthToken") and not record.get("TransitEncryptionEnabled"):
        raise combination("The AUTH token is only supported when encryption-in-transit is enabled")


def check_group_change(request, record, members):
    """ModifyReplicationGroup. ``members``: the records of its clusters, at least one."""
    engine, version = members[0]["Engine"], members[0]["EngineVersion"]
    _check_windows_change(request, members[0])
    _check_failover_change(request, record)
    _check_transit_change(request, record, engine, version)
    transit = request.get("TransitEncryptionEnabled", record["TransitEncryptionEnabled"])
    removed = request.get("UserGroupIdsToRemove") or []
    kept = [] if request.get("RemoveUserGroups") else [name for name in record["UserGroupIds"] if name not in removed]
    added = request.get("UserGroupIdsToAdd") or []
    if added and record.get("TransitEncryptionMode") == "preferred":
        raise combination("Transit encryption preferred is not supported with redis access control.")
    check_user_groups([*kept, *added] if added else [], engine, version, transit)
    _check_token_change(request, record, transit, [*kept, *added], (engine, version))


def _check_windows_change(request, record):
    limits.check_number(request, "SnapshotRetentionLimit", 0, 35)
    if request.get("PreferredMaintenanceWindow") or request.get("SnapshotWindow"):
        both = {**record, **{member: value for member, value in request.items() if value}}
        limits.check_windows(both.get("PreferredMaintenanceWindow"), both.get("SnapshotWindow"))


def _check_failover_change(request, record):
    """The messages: hashicorp/terraform-provider-aws#27116, aws-cloudformation/cloudformation-coverage-roadmap#1275."""
    wanted, clustered = request.get("AutomaticFailoverEnabled"), record.get("ClusterEnabled")
    if wanted is False and clustered:
        raise combination(
            "Turning off automatic failover for replication group with cluster mode enabled is not supported."
        )
    if wanted and not clustered and len(record["MemberClusters"]) < 2:
        raise combination("Replication group must have at least one read replica to enable autofailover.")
    on = wanted if wanted is not None else record.get("AutomaticFailover") == "enabled"
    multi = request.get("MultiAZEnabled", record.get("MultiAZ") == "enabled")
    if multi and not on:
        raise combination("Must set MultiAZEnabled with AutomaticFailoverEnabled")


def _check_transit_change(request, record, engine, version):
    """From 7.0.5 on, and in two steps: first `preferred`, then `required` (botocore, TransitEncryptionMode)."""
    wanted, mode = request.get("TransitEncryptionEnabled"), request.get("TransitEncryptionMode")
    if wanted is None and not mode:
        return
    versions.need("transit encryption mode", engine, version)
    on, now = record["TransitEncryptionEnabled"], record.get("TransitEncryptionMode")
    if wanted and not on and mode != "preferred":
        raise combination("TransitEncryptionMode must be preferred before it can be required.")
    if wanted is False and on and now != "preferred":
        raise combination("TransitEncryptionMode must be preferred before encryption in transit can be turned off.")
    if mode == "preferred" and (record.get("AuthTokenEnabled") or record["UserGroupIds"]):
        raise combination("Transit encryption preferred is not supported with redis access control.")


def _check_token_change(request, record, transit, groups, engine_and_version):
    """SET only after ROTATE, DELETE only for a user group (botocore, AuthTokenUpdateStrategy)."""
    token, strategy = request.get("AuthToken"), request.get("AuthTokenUpdateStrategy") or "ROTATE"
    has = record.get("AuthTokenEnabled")
    if strategy == "DELETE":
        if not (has and groups):
            raise combination("AuthTokenUpdateStrategy DELETE is for the change to user groups.")
        return
    if has and groups or token and groups:
        raise combination("AuthToken and UserGroupIds cannot be used together")
    if not token:
        return
    mode = request.get("TransitEncryptionMode") or record.get("TransitEncryptionMode")
    if not transit or mode == "preferred":
        raise combination("The AUTH token is only supported when encryption-in-transit is enabled")
    limits.check_token(token)
    versions.need("an AUTH token after creation", *engine_and_version)
    if strategy == "SET" and not record.get("_Rotated"):
        raise combination("AuthTokenUpdateStrategy SET is only allowed after ROTATE.")
