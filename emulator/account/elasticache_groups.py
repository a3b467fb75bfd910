"""ElastiCache: replication groups, cluster mode disabled (one node group) and enabled (one or more).

AWS: API_CreateReplicationGroup, API_DescribeReplicationGroups, API_ModifyReplicationGroup
and API_DeleteReplicationGroup in https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

import time

from ministack.services import elasticache as ec

from . import elasticache_constraints as constraints
from . import elasticache_limits as limits
from . import elasticache_store as store
from . import elasticache_versions as versions
from .elasticache_clusters import (
    apply_settings,
    base_settings,
    check_max_records,
    make_cluster,
    restored,
    restoring,
    start_deleting,
)
from .elasticache_shards import check_counts, check_failover, is_clustered, shards_of
from .wire import AwsError, paged

#: The engines that CreateReplicationGroup takes (botocore, CreateReplicationGroup.Engine).
ENGINES = ("redis", "valkey")


def create(request):
    """CreateReplicationGroup: creating without endpoints, then available; members are cache clusters."""
    name = limits.new_id(request, "ReplicationGroupId", 40)
    if name in ec._replication_groups:
        raise AwsError("ReplicationGroupAlreadyExists", f"Replication group {name} already exists.")
    snapshot = restored(request)
    primary = _primary_of(request)
    engine, version = versions.engine_of(request, snapshot or primary, engines=ENGINES)
    check_counts(request)
    constraints.check_group(request, engine, version)
    subnet_group = store.subnet_group_of(request)
    shards = shards_of(request, snapshot, subnet_group)
    clustered = is_clustered(request, shards, snapshot)
    check_failover(request, clustered, shards)
    group_ids = store.security_groups_of(request, subnet_group["VpcId"])
    default_port = primary["_Port"] if primary else store.DEFAULT_PORTS[engine]
    settings = {
        **base_settings(request, engine, version),
        "CacheParameterGroup": {
            "CacheParameterGroupName": versions.parameter_group_of(request, engine, version, clustered),
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        **_protection(request, engine),
        "_Port": limits.port_of(request, default_port),
    }
    if primary:
        settings = {**settings, **{key: primary[key] for key in settings if key in primary}}
    record = _make_group(name, request, settings, clustered, shards)
    _make_members(record, settings, group_ids, subnet_group, primary)
    ec._replication_groups[name] = record
    store.save_tags(record["ARN"], request)
    ec._propagate_replication_group_tags(record["ARN"])
    ec._stamp_replication_group_on_user_groups(name, record["UserGroupIds"])
    _come_up(record)
    restoring(snapshot)
    ec._record_event(name, "replication-group", "Replication group created")
    return {"ReplicationGroup": group_view(record)}


def _primary_of(request):
    """The cluster that becomes the primary: of Redis OSS or Valkey, available, of no group, and kept as it is.

    Replication.CreatingReplGroup.ExistingCluster.html in the guide: node type, engine, subnets and groups are its own.
    """
    if not request.get("PrimaryClusterId"):
        return None
    primary = store.find_cluster(request["PrimaryClusterId"])
    if primary["CacheClusterStatus"] != "available":
        message = f"Cache cluster {primary['CacheClusterId']} is not in available state."
        raise AwsError("InvalidCacheClusterState", message)
    if primary.get("ReplicationGroupId") or primary["Engine"] not in ENGINES:
        raise AwsError("InvalidParameterValue", f"{primary['CacheClusterId']} cannot be the primary of a new group.")
    if any(request.get(member) is not None for member in ("NumNodeGroups", "ReplicasPerNodeGroup")):
        raise constraints.combination("PrimaryClusterId is for cluster mode disabled.")
    return primary


def _come_up(record):
    """The group with its members; those of a group that fails never come up."""
    store.comes_up(ec._replication_groups, record["ReplicationGroupId"], record, "Status", "replication-group")
    for name in record["MemberClusters"]:
        store.later(_join, record, ec._clusters[name])


def _join(record, cluster):
    if record["Status"] != "create-failed" and cluster["CacheClusterStatus"] == "creating":
        cluster["CacheClusterStatus"] = "available"


def _protection(request, engine):
    """Encryption and AUTH. At rest it is on by default for Valkey and off for Redis OSS."""
    transit = bool(request.get("TransitEncryptionEnabled"))
    return {
        "TransitEncryptionEnabled": transit,
        "TransitEncryptionMode": (request.get("TransitEncryptionMode") or "required") if transit else None,
        "AtRestEncryptionEnabled": request.get("AtRestEncryptionEnabled", engine == "valkey"),
        "AuthTokenEnabled": bool(request.get("AuthToken")),
        "AuthTokenLastModifiedDate": time.time() if request.get("AuthToken") else None,
    }


def _make_group(name, request, settings, clustered, shards):
    on_off = {True: "enabled", False: "disabled"}
    return {
        "ReplicationGroupId": name,
        "ARN": ec._arn_replication_group(name),
        "Description": request["ReplicationGroupDescription"],
        "GlobalReplicationGroupInfo": {},
        "Status": "creating",
        "PendingModifiedValues": {},
        "MemberClusters": [],
        "NodeGroups": [
            {"NodeGroupId": shard_id, "Status": "available", "_Zones": zones, **({"Slots": slots} if clustered else {})}
            for shard_id, slots, zones in shards
        ],
        "AutomaticFailover": on_off[clustered or bool(request.get("AutomaticFailoverEnabled"))],
        "MultiAZ": on_off[bool(request.get("MultiAZEnabled"))],
        "ClusterEnabled": clustered,
        "ClusterMode": request.get("ClusterMode") or on_off[clustered],
        "CacheNodeType": settings["CacheNodeType"],
        "KmsKeyId": request.get("KmsKeyId"),
        "UserGroupIds": list(request.get("UserGroupIds") or []),
        "LogDeliveryConfigurations": settings["LogDeliveryConfigurations"],
        "ReplicationGroupCreateTime": time.time(),
        "DataTiering": on_off[bool(request.get("DataTieringEnabled"))],
        "Engine": settings["Engine"],
        **{
            key: settings[key]
            for key in (
                "SnapshotRetentionLimit",
                "SnapshotWindow",
                "AutoMinorVersionUpgrade",
                "NetworkType",
                "IpDiscovery",
                "TransitEncryptionEnabled",
                "TransitEncryptionMode",
                "AtRestEncryptionEnabled",
                "AuthTokenEnabled",
                "AuthTokenLastModifiedDate",
                "_Port",
            )
        },
    }


def _make_members(record, settings, group_ids, subnet_group, primary=None):
    """The cache clusters of each node group: name-001 or, in cluster mode, name-0001-001."""
    name = record["ReplicationGroupId"]
    record["_Members"] = {**settings, "ReplicationGroupId": name}
    record["_SubnetGroup"] = subnet_group
    position = 0
    for shard in record["NodeGroups"]:
        shard["NodeGroupMembers"] = []
        for number, zone in enumerate(shard.pop("_Zones"), 1):
            infix = f"-{shard['NodeGroupId']}" if record["ClusterEnabled"] else ""
            member = f"{name}{infix}-{number:03d}"
            zones = [zone] if zone else ()
            if primary and number == 1:
                cluster = primary
                cluster["ReplicationGroupId"] = name
            else:
                cluster = make_cluster(member, record["_Members"], group_ids, subnet_group, position, zones)
            _enlist(record, shard, cluster, primary=number == 1)
            position += 1
    _set_endpoints(record)


def _enlist(record, shard, cluster, primary):
    """Roles and read endpoints are given for cluster mode disabled only."""
    member = {
        "CacheClusterId": cluster["CacheClusterId"],
        "CacheNodeId": "0001",
        "PreferredAvailabilityZone": cluster["PreferredAvailabilityZone"],
    }
    if not record["ClusterEnabled"]:
        member["ReadEndpoint"] = dict(cluster["_endpoint"])
        member["CurrentRole"] = "primary" if primary else "replica"
    shard["NodeGroupMembers"].append(member)
    record["MemberClusters"].append(cluster["CacheClusterId"])


def _set_endpoints(record):
    name, port, tls = record["ReplicationGroupId"], record["_Port"], record["TransitEncryptionEnabled"]
    tail = store.host_hash()
    if record["ClusterEnabled"]:
        label = f"clustercfg.{name}.{tail}" if tls else f"{name}.{tail}.clustercfg"
        record["ConfigurationEndpoint"] = {"Address": store.host(label), "Port": port}
        return
    primary = f"master.{name}.{tail}" if tls else f"{name}.{tail}.ng.0001"
    reader = f"replica.{name}.{tail}" if tls else f"{name}-ro.{tail}.ng.0001"
    record["NodeGroups"][0]["PrimaryEndpoint"] = {"Address": store.host(primary), "Port": port}
    record["NodeGroups"][0]["ReaderEndpoint"] = {"Address": store.host(reader), "Port": port}


def group_view(record):
    """A group as DescribeReplicationGroups gives it: no endpoints while creating."""
    view = dict(record)
    if record["Status"] == "creating":
        view.pop("NodeGroups", None)
        view.pop("ConfigurationEndpoint", None)
    if not record.get("UserGroupIds"):
        view.pop("UserGroupIds", None)
    return view


def describe(request):
    """DescribeReplicationGroups: MaxRecords 20 to 100, Marker."""
    if request.get("ReplicationGroupId"):
        records = [store.find_group(request["ReplicationGroupId"])]
    else:
        records = sorted(ec._replication_groups.values(), key=lambda record: record["ReplicationGroupId"])
    check_max_records(request, 100)
    page, marker = paged(records, request.get("MaxRecords") or 100, request.get("Marker"))
    return {"ReplicationGroups": [group_view(record) for record in page], "Marker": marker}


def _available_group(request, *others):
    """The group, which must be available, or in one of the other statuses."""
    record = store.find_group(request["ReplicationGroupId"])
    if record["Status"] not in ("available", *others):
        raise AwsError(
            "InvalidReplicationGroupState",
            f"Replication group {record['ReplicationGroupId']} is not in available state.",
        )
    return record


def modify(request):
    """ModifyReplicationGroup: security groups reach all members; there is no Port to modify."""
    record = _available_group(request)
    members = [ec._clusters[name] for name in record["MemberClusters"] if name in ec._clusters]
    constraints.check_group_change(request, record, members or [record["_Members"]])
    if request.get("SecurityGroupIds"):
        group_ids = store.security_groups_of(request, None)
        for cluster in members:
            cluster["SecurityGroups"] = store.memberships(group_ids)
            store.regroup_interfaces(cluster["_Interfaces"], group_ids)
    for cluster in members:
        apply_settings(cluster, request)
    _modify_group(record, request)
    for member in ("TransitEncryptionEnabled", "TransitEncryptionMode", "AuthTokenEnabled"):
        for cluster in members:
            cluster[member] = record.get(member)
    return {"ReplicationGroup": group_view(record)}


def _modify_group(record, request):
    renamed = {"ReplicationGroupDescription": "Description", "SnapshottingClusterId": "SnapshottingClusterId"}
    plain = (
        "SnapshotRetentionLimit",
        "SnapshotWindow",
        "AutoMinorVersionUpgrade",
        "CacheNodeType",
        "IpDiscovery",
        "TransitEncryptionEnabled",
        "TransitEncryptionMode",
        "ClusterMode",
        "Engine",
    )
    for member in plain:
        if request.get(member) is not None:
            record[member] = request[member]
    snapshotting = request.get("SnapshottingClusterId")
    if snapshotting and (record["ClusterEnabled"] or snapshotting not in record["MemberClusters"]):
        raise AwsError("InvalidParameterValue", f"{snapshotting} is not a cluster that can be snapshotted.")
    for member, name in renamed.items():
        if request.get(member) is not None:
            record[name] = request[member]
    for member, name in (("AutomaticFailoverEnabled", "AutomaticFailover"), ("MultiAZEnabled", "MultiAZ")):
        if request.get(member) is not None:
            record[name] = "enabled" if request[member] else "disabled"
    if request.get("AuthToken") or request.get("AuthTokenUpdateStrategy") == "DELETE":
        record["AuthTokenEnabled"] = request.get("AuthTokenUpdateStrategy") != "DELETE"
        record["AuthTokenLastModifiedDate"] = time.time()
        record["_Rotated"] = request.get("AuthTokenUpdateStrategy") in (None, "ROTATE")
    record["UserGroupIds"] += request.get("UserGroupIdsToAdd") or []
    removed = request.get("UserGroupIdsToRemove") or (
        list(record["UserGroupIds"]) if request.get("RemoveUserGroups") else []
    )
    record["UserGroupIds"] = [group_id for group_id in record["UserGroupIds"] if group_id not in removed]


def delete(request):
    """DeleteReplicationGroup: final snapshot first, then deleting, then gone with its members."""
    record = _available_group(request, "create-failed")
    name = record["ReplicationGroupId"]
    if request.get("FinalSnapshotIdentifier"):
        from .elasticache_snapshots import take

        take(request["FinalSnapshotIdentifier"], group=record, final=True)
    kept = record["MemberClusters"][:1] if request.get("RetainPrimaryCluster") else []
    for member in record["MemberClusters"]:
        cluster = ec._clusters.get(member)
        if cluster and member in kept:
            cluster.pop("ReplicationGroupId")
        elif cluster:
            start_deleting(cluster)
    record["Status"] = "deleting"
    ec._unstamp_replication_group_from_user_groups(name, record["UserGroupIds"])
    store.vanishes(ec._replication_groups, name, record)
    ec._record_event(name, "replication-group", "Replication group deleted")
    return {"ReplicationGroup": group_view(record)}


def add_member(record, name):
    """One more replica in the first node group."""
    first = ec._clusters[record["MemberClusters"][0]]
    group_ids = [item["SecurityGroupId"] for item in first["SecurityGroups"]]
    cluster = make_cluster(name, record["_Members"], group_ids, record["_SubnetGroup"], len(record["MemberClusters"]))
    _enlist(record, record["NodeGroups"][0], cluster, primary=False)
    ec._propagate_replication_group_tags(record["ARN"])
    store.becomes(ec._clusters, name, cluster, "CacheClusterStatus", "available")
    return cluster


def drop_member(record, name):
    record["MemberClusters"].remove(name)
    for shard in record["NodeGroups"]:
        shard["NodeGroupMembers"] = [item for item in shard["NodeGroupMembers"] if item["CacheClusterId"] != name]


def increase_replicas(request):
    """IncreaseReplicaCount, cluster mode disabled."""
    record = _available_group(request)
    while len(record["MemberClusters"]) < request.get("NewReplicaCount", 0) + 1:
        add_member(record, f"{record['ReplicationGroupId']}-{len(record['MemberClusters']) + 1:03d}")
    return {"ReplicationGroup": group_view(record)}


def decrease_replicas(request):
    """DecreaseReplicaCount, cluster mode disabled."""
    record = _available_group(request)
    while len(record["MemberClusters"]) > max(request.get("NewReplicaCount", 0), 0) + 1:
        name = record["MemberClusters"][-1]
        drop_member(record, name)
        start_deleting(ec._clusters[name])
    return {"ReplicationGroup": group_view(record)}


ACTIONS = {
    "CreateReplicationGroup": ("_create_replication_group", create),
    "DescribeReplicationGroups": ("_describe_replication_groups", describe),
    "ModifyReplicationGroup": ("_modify_replication_group", modify),
    "DeleteReplicationGroup": ("_delete_replication_group", delete),
    "IncreaseReplicaCount": ("_increase_replica_count", increase_replicas),
    "DecreaseReplicaCount": ("_decrease_replica_count", decrease_replicas),
}
