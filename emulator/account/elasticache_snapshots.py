"""ElastiCache: snapshots of clusters and replication groups. They hold settings, not data.

AWS: API_CreateSnapshot, API_DescribeSnapshots, API_DeleteSnapshot and API_CopySnapshot in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

import time

from ministack.services import elasticache as ec

from . import elasticache_limits as limits
from . import elasticache_store as store
from .elasticache_clusters import check_max_records
from .wire import AwsError, paged


def create(request):
    """CreateSnapshot: of exactly one cluster or group, which must be available; never of Memcached."""
    cluster_id, group_id = request.get("CacheClusterId"), request.get("ReplicationGroupId")
    if bool(cluster_id) == bool(group_id):
        raise AwsError(
            "InvalidParameterCombination", "Exactly one of CacheClusterId and ReplicationGroupId is required"
        )
    if cluster_id:
        source = {"cluster": store.find_cluster(cluster_id)}
    else:
        source = {"group": store.find_group(group_id)}
    limits.check_tags(request.get("Tags"))
    snapshot = take(request["SnapshotName"], **source)
    snapshot["KmsKeyId"] = request.get("KmsKeyId") or snapshot.get("KmsKeyId")
    if request.get("Tags"):
        store.save_tags(snapshot["ARN"], request)
    return {"Snapshot": snapshot_view(snapshot, False)}


def take(name, cluster=None, group=None, final=False):
    """Store a snapshot of an available cluster or group; it is ``creating`` at first, its source ``snapshotting``."""
    name = limits.new_id({"SnapshotName": name}, "SnapshotName", 255)
    if name in ec._snapshots:
        raise AwsError("SnapshotAlreadyExistsFault", f"Snapshot {name} already exists")
    if group is not None:
        if group["Status"] != "available":
            raise AwsError("InvalidReplicationGroupState", f"{group['ReplicationGroupId']} is not in available state.")
        member = ec._clusters[group["MemberClusters"][0]]
    else:
        member = cluster
        if cluster["CacheClusterStatus"] != "available":
            raise AwsError("InvalidCacheClusterState", f"{cluster['CacheClusterId']} is not in available state.")
    if member["Engine"] == "memcached":
        raise AwsError("SnapshotFeatureNotSupportedFault", "Snapshots are not supported for memcached")
    owner = group or ec._replication_groups.get(member.get("ReplicationGroupId") or "")
    if owner and owner["ClusterEnabled"] and group is None:
        raise AwsError("InvalidParameterValue", "A snapshot of a group in cluster mode is one of the whole group.")
    snapshot = _record(name, member, group)
    ec._snapshots[name] = snapshot
    # One that is made without tags gets those of its source: user guide, "Tagging your ElastiCache resources".
    inherited = ec._tags.get((group or member)["ARN"]) or []
    ec._tags[snapshot["ARN"]] = [dict(tag) for tag in inherited if not tag["Key"].startswith("aws:")]
    store.comes_up(ec._snapshots, name, snapshot, "SnapshotStatus", "snapshot")
    if not final:
        _keep_busy(member, owner, whole=group is not None)
    ec._record_event(name, "snapshot", "Snapshot created")
    return snapshot


def _keep_busy(member, group, whole):
    """The source is `snapshotting`: a group with the member, or with the primary of each shard."""
    sources = [(ec._clusters, member["CacheClusterId"], member, "CacheClusterStatus")]
    if group:
        sources.append((ec._replication_groups, group["ReplicationGroupId"], group, "Status"))
    if group and whole:
        primaries = [shard["NodeGroupMembers"][0]["CacheClusterId"] for shard in group["NodeGroups"]]
        sources += [(ec._clusters, name, ec._clusters[name], "CacheClusterStatus") for name in primaries[1:]]
    for records, name, record, status in sources:
        record[status] = "snapshotting"
        store.becomes(records, name, record, status, "available")


def _record(name, member, group):
    copied = (
        "CacheNodeType",
        "Engine",
        "EngineVersion",
        "PreferredAvailabilityZone",
        "CacheClusterCreateTime",
        "PreferredMaintenanceWindow",
        "CacheSubnetGroupName",
        "AutoMinorVersionUpgrade",
        "SnapshotRetentionLimit",
        "SnapshotWindow",
    )
    subnet_group = ec._subnet_groups.get(member["CacheSubnetGroupName"]) or {}
    snapshot = {
        "SnapshotName": name,
        "ARN": ec._arn_snapshot(name),
        "SnapshotStatus": "creating",
        "SnapshotSource": "manual",
        "NumCacheNodes": 1,
        "Port": member["_Port"],
        "VpcId": subnet_group.get("VpcId"),
        "CacheParameterGroupName": (member.get("CacheParameterGroup") or {}).get("CacheParameterGroupName"),
        "TopicArn": (member.get("NotificationConfiguration") or {}).get("TopicArn"),
        "DataTiering": "disabled",
        **{key: member.get(key) for key in copied},
    }
    if group is None:
        snapshot["CacheClusterId"] = member["CacheClusterId"]
        snapshot["NodeSnapshots"] = [_node(member["CacheClusterId"], None)]
        return snapshot
    snapshot.update(
        ReplicationGroupId=group["ReplicationGroupId"],
        ReplicationGroupDescription=group["Description"],
        NumNodeGroups=len(group["NodeGroups"]),
        AutomaticFailover=group["AutomaticFailover"],
        KmsKeyId=group.get("KmsKeyId"),
        NodeSnapshots=[_node(shard["NodeGroupMembers"][0]["CacheClusterId"], shard) for shard in group["NodeGroups"]],
        _Clustered=group["ClusterEnabled"],
    )
    return snapshot


def _node(cluster_id, shard):
    node = {
        "CacheClusterId": cluster_id,
        "CacheNodeId": "0001",
        "CacheSize": "0 MB",
        "CacheNodeCreateTime": time.time(),
        "SnapshotCreateTime": time.time(),
    }
    if shard:
        node["NodeGroupId"] = shard["NodeGroupId"]
        node["NodeGroupConfiguration"] = {
            "NodeGroupId": shard["NodeGroupId"],
            "Slots": shard.get("Slots") or "0-16383",
            "ReplicaCount": len(shard["NodeGroupMembers"]) - 1,
            "PrimaryAvailabilityZone": shard["NodeGroupMembers"][0]["PreferredAvailabilityZone"],
            "ReplicaAvailabilityZones": [item["PreferredAvailabilityZone"] for item in shard["NodeGroupMembers"][1:]],
        }
    return node


def snapshot_view(snapshot, with_configuration):
    view = dict(snapshot)
    if not with_configuration:
        view["NodeSnapshots"] = [
            {key: value for key, value in node.items() if key != "NodeGroupConfiguration"}
            for node in snapshot["NodeSnapshots"]
        ]
    return view


def describe(request):
    """DescribeSnapshots: a name that does not exist is an error; MaxRecords 20 to 50, Marker."""
    if request.get("SnapshotName"):
        snapshots = [store.find_snapshot(request["SnapshotName"])]
    else:
        snapshots = sorted(ec._snapshots.values(), key=lambda record: record["SnapshotName"])
    if request.get("SnapshotSource"):
        source = {"user": "manual", "system": "automated"}.get(request["SnapshotSource"])
        snapshots = [item for item in snapshots if item["SnapshotSource"] == source]
    for member in ("CacheClusterId", "ReplicationGroupId"):
        if request.get(member):
            snapshots = [item for item in snapshots if item.get(member) == request[member].lower()]
    check_max_records(request, 50)
    page, marker = paged(snapshots, request.get("MaxRecords") or 50, request.get("Marker"))
    with_configuration = bool(request.get("ShowNodeGroupConfig"))
    return {"Snapshots": [snapshot_view(item, with_configuration) for item in page], "Marker": marker}


def delete(request):
    """DeleteSnapshot: deleting, then gone."""
    snapshot = store.find_snapshot(request["SnapshotName"])
    if snapshot["SnapshotStatus"] not in ("available", "failed"):
        raise AwsError("InvalidSnapshotState", f"Snapshot {snapshot['SnapshotName']} is not in available state.")
    snapshot["SnapshotStatus"] = "deleting"
    store.vanishes(ec._snapshots, snapshot["SnapshotName"], snapshot)
    return {"Snapshot": snapshot_view(snapshot, False)}


ACTIONS = {
    "CreateSnapshot": ("_create_snapshot", create),
    "DescribeSnapshots": ("_describe_snapshots", describe),
    "DeleteSnapshot": ("_delete_snapshot", delete),
}
