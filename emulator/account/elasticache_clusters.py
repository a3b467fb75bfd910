"""ElastiCache: cache clusters (Memcached, single nodes, members of replication groups).

AWS: API_CreateCacheCluster, API_DescribeCacheClusters, API_ModifyCacheCluster and
API_DeleteCacheCluster in https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

import time

from ministack.services import elasticache as ec

from . import elasticache_constraints as constraints
from . import elasticache_limits as limits
from . import elasticache_store as store
from . import elasticache_versions as versions
from . import failures
from .wire import AwsError, paged

#: The engines that CreateCacheCluster takes (botocore, CreateCacheCluster.Engine). A lone Valkey node exists, too: a
#: node of Redis OSS that ModifyCacheCluster upgraded.
ENGINES = ("memcached", "redis")


def make_cluster(name, settings, group_ids, subnet_group, index=0, zones=()):
    """Store a cluster with its nodes, endpoints and interfaces. ``settings`` are members of the record."""
    engine, port, count = settings["Engine"], settings["_Port"], settings.get("NumCacheNodes", 1)
    choices = store.zones_of(subnet_group)
    zones = list(zones) or [choices[index % len(choices)]] * count
    node_label = f"{name}.{store.host_hash()}"
    nodes = [
        {
            "CacheNodeId": f"{number:04d}",
            "CacheNodeStatus": "available",
            "CacheNodeCreateTime": time.time(),
            "Endpoint": {"Address": store.host(f"{node_label}.{number:04d}"), "Port": port},
            "ParameterGroupStatus": "in-sync",
            "CustomerAvailabilityZone": zones[number - 1],
        }
        for number in range(1, count + 1)
    ]
    arn = ec._arn_cluster(name)
    record = {
        "CacheClusterId": name,
        "ARN": arn,
        "CacheClusterArn": arn,  # the name under which MiniStack's tag actions look
        "CacheClusterStatus": "creating",
        "CacheClusterCreateTime": time.time(),
        "NumCacheNodes": count,
        "PreferredAvailabilityZone": zones[0] if len(set(zones)) == 1 else "Multiple",
        "PendingModifiedValues": {},
        "CacheSecurityGroups": [],
        "CacheSubnetGroupName": subnet_group["CacheSubnetGroupName"],
        "SecurityGroups": store.memberships(group_ids),
        "CacheNodes": nodes,
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        "AuthTokenEnabled": False,
        "TransitEncryptionEnabled": False,
        "AtRestEncryptionEnabled": False,
        "LogDeliveryConfigurations": [],
        "_endpoint": dict(nodes[0]["Endpoint"]),
        **settings,
    }
    if engine == "memcached":
        record["ConfigurationEndpoint"] = {"Address": store.host(f"{node_label}.cfg"), "Port": port}
        record["_endpoint"] = dict(record["ConfigurationEndpoint"])
    labels = [name] if count == 1 else [f"{name}-{node['CacheNodeId']}" for node in nodes]
    record["_Interfaces"] = [
        store.attach_interface(label, subnet_group, zones[number], index + number, group_ids)
        for number, label in enumerate(labels)
    ]
    logged = bool(record.get("ReplicationGroupId") and record["LogDeliveryConfigurations"])
    record["ReplicationGroupLogDeliveryEnabled"] = logged
    ec._clusters[name] = record
    return record


def cluster_view(record, with_nodes):
    """A cluster as DescribeCacheClusters gives it: no endpoints while creating, nodes only when asked for."""
    view = dict(record)
    if record["CacheClusterStatus"] == "creating":
        view.pop("ConfigurationEndpoint", None)
        view.pop("CacheNodes", None)
    if not with_nodes:
        view.pop("CacheNodes", None)
    return view


def base_settings(request, engine, version):
    """The members of a cluster record that come straight from a create request."""
    return {
        "Engine": engine,
        "EngineVersion": version,
        "CacheNodeType": request.get("CacheNodeType") or "cache.t3.micro",
        "AutoMinorVersionUpgrade": request.get("AutoMinorVersionUpgrade", True),
        **limits.windows_of(request),
        "SnapshotRetentionLimit": request.get("SnapshotRetentionLimit", 0),
        "NotificationConfiguration": store.notification_of(request),
        "NetworkType": request.get("NetworkType") or "ipv4",
        "IpDiscovery": request.get("IpDiscovery") or "ipv4",
        "LogDeliveryConfigurations": [
            {**item, "Status": "active"} for item in request.get("LogDeliveryConfigurations") or []
        ],
    }


def create(request):
    """CreateCacheCluster: creating, then available; the port asked for, else the engine's."""
    name = limits.new_id(request, "CacheClusterId", 50)
    if name in ec._clusters:
        raise AwsError("CacheClusterAlreadyExists", f"Cache cluster {name} already exists.")
    if request.get("ReplicationGroupId"):
        return _create_replica(name, request)
    snapshot = restored(request)
    engine, version = versions.engine_of(request, snapshot, "memcached", ENGINES)
    constraints.check_cluster(request, engine, version)
    count = request.get("NumCacheNodes", 1)
    subnet_group = store.subnet_group_of(request)
    group_ids = store.security_groups_of(request, subnet_group["VpcId"])
    transit = bool(request.get("TransitEncryptionEnabled"))
    settings = {
        **base_settings(request, engine, version),
        "NumCacheNodes": count,
        "CacheParameterGroup": {
            "CacheParameterGroupName": versions.parameter_group_of(request, engine, version),
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        "TransitEncryptionEnabled": transit,
        "TransitEncryptionMode": "required" if transit else None,
        "_Port": limits.port_of(request, store.DEFAULT_PORTS[engine]),
    }
    record = make_cluster(name, settings, group_ids, subnet_group, zones=_zones(request, count, subnet_group))
    store.comes_up(ec._clusters, name, record, "CacheClusterStatus", "cache-cluster")
    store.save_tags(record["ARN"], request)
    restoring(snapshot)
    ec._record_event(name, "cache-cluster", "Cache cluster created")
    return {"CacheCluster": cluster_view(record, True)}


def _zones(request, count, subnet_group):
    """A zone for each node: all in one, unless Memcached is asked to spread."""
    given = store.check_zones(request.get("PreferredAvailabilityZones") or [], count, subnet_group)
    if request.get("PreferredAvailabilityZone"):
        given = store.check_zones([request["PreferredAvailabilityZone"]] * count, count, subnet_group)
    if request.get("AZMode") == "cross-az":
        if count < 2:
            raise AwsError("InvalidParameterCombination", "Cross-AZ is for Memcached with several nodes.")
        choices = store.zones_of(subnet_group)
        return given or [choices[number % len(choices)] for number in range(count)]
    if len(set(given)) > 1:
        raise AwsError("InvalidParameterCombination", "Several availability zones need AZMode cross-az.")
    return given


def restored(request):
    """The snapshot from which a cache is made; it is `restoring` for that time."""
    if not request.get("SnapshotName"):
        return None
    snapshot = store.find_snapshot(request["SnapshotName"])
    if snapshot["SnapshotStatus"] not in ("available", "restoring"):
        raise AwsError(
            "SnapshotNotFoundFault", f"{request['SnapshotName']} is either not present or not available.", 404
        )
    return snapshot


def restoring(snapshot):
    if snapshot:
        snapshot["SnapshotStatus"] = "restoring"
        store.becomes(ec._snapshots, snapshot["SnapshotName"], snapshot, "SnapshotStatus", "available")


def _create_replica(name, request):
    """CreateCacheCluster into a group adds a read replica; it takes everything from the group."""
    group = store.find_group(request["ReplicationGroupId"])
    allowed = {"CacheClusterId", "ReplicationGroupId", "PreferredAvailabilityZone", "Tags", "NumCacheNodes"}
    extra = [member for member, value in request.items() if value not in (None, []) and member not in allowed]
    if extra:
        raise AwsError(
            "InvalidParameterCombination",
            "Cannot specify additional cache cluster parameters when creating a replica cluster",
        )
    from .elasticache_groups import add_member

    return {"CacheCluster": cluster_view(add_member(group, name), True)}


def describe(request):
    """DescribeCacheClusters: members of groups too, unless told otherwise; MaxRecords 20 to 100, Marker."""
    if request.get("CacheClusterId"):
        records = [store.find_cluster(request["CacheClusterId"])]
    else:
        records = sorted(ec._clusters.values(), key=lambda record: record["CacheClusterId"])
    if request.get("ShowCacheClustersNotInReplicationGroups"):
        records = [record for record in records if not record.get("ReplicationGroupId")]
    check_max_records(request, 100)
    page, marker = paged(records, request.get("MaxRecords") or 100, request.get("Marker"))
    with_nodes = bool(request.get("ShowCacheNodeInfo"))
    return {"CacheClusters": [cluster_view(record, with_nodes) for record in page], "Marker": marker}


def check_max_records(request, highest):
    if request.get("MaxRecords") is not None and not 20 <= request["MaxRecords"] <= highest:
        raise AwsError("InvalidParameterValue", f"MaxRecords must be between 20 and {highest}")


def modify(request):
    """ModifyCacheCluster: security groups and settings at once; there is no Port to modify."""
    record = store.find_cluster(request["CacheClusterId"])
    if record["CacheClusterStatus"] != "available":
        raise AwsError(
            "InvalidCacheClusterState", f"Cache cluster {record['CacheClusterId']} is not in available state."
        )
    constraints.check_cluster_change(request, record)
    if request.get("SecurityGroupIds"):
        group_ids = store.security_groups_of(request, None)
        record["SecurityGroups"] = store.memberships(group_ids)
        store.regroup_interfaces(record["_Interfaces"], group_ids)
    apply_settings(record, request)
    if request.get("NumCacheNodes") and request["NumCacheNodes"] != record["NumCacheNodes"]:
        record["PendingModifiedValues"] = {"NumCacheNodes": request["NumCacheNodes"]}
    return {"CacheCluster": cluster_view(record, False)}


def apply_settings(record, request):
    """The members that a modify request of a cluster or a group changes on a cluster."""
    plain = (
        "PreferredMaintenanceWindow",
        "AutoMinorVersionUpgrade",
        "SnapshotRetentionLimit",
        "SnapshotWindow",
        "CacheNodeType",
        "IpDiscovery",
    )
    for member in plain:
        if request.get(member) is not None:
            record[member] = request[member]
    if request.get("EngineVersion"):
        record["Engine"], record["EngineVersion"] = versions.engine_of(request, record)
    if request.get("CacheParameterGroupName"):
        record["CacheParameterGroup"] = {
            "CacheParameterGroupName": request["CacheParameterGroupName"],
            "ParameterApplyStatus": "in-sync",
        }
    if request.get("NotificationTopicArn"):
        record["NotificationConfiguration"] = store.notification_of(request)
    if request.get("NotificationTopicStatus") and record.get("NotificationConfiguration"):
        record["NotificationConfiguration"]["TopicStatus"] = request["NotificationTopicStatus"]


def delete(request):
    """DeleteCacheCluster: deleting, then gone; not the primary of a group; final snapshot first."""
    record = store.find_cluster(request["CacheClusterId"])
    name = record["CacheClusterId"]
    if record["CacheClusterStatus"] not in ("available", *failures.KINDS["cache-cluster"]):
        raise AwsError("InvalidCacheClusterState", f"Cache cluster {name} is not in available state.")
    group = ec._replication_groups.get(record.get("ReplicationGroupId") or "")
    if group:
        if group.get("ClusterEnabled") or group["MemberClusters"][0] == name:
            raise AwsError(
                "InvalidCacheClusterState",
                f"Cache cluster {name} is serving as primary for replication group and cannot be deleted.",
            )
    if request.get("FinalSnapshotIdentifier"):
        from .elasticache_snapshots import take

        take(request["FinalSnapshotIdentifier"], cluster=record, final=True)
    if group:
        from .elasticache_groups import drop_member

        drop_member(group, name)
    start_deleting(record)
    ec._record_event(name, "cache-cluster", "Cache cluster deleted")
    return {"CacheCluster": cluster_view(record, False)}


def start_deleting(record):
    record["CacheClusterStatus"] = "deleting"
    store.vanishes(ec._clusters, record["CacheClusterId"], record, record["_Interfaces"])


def reboot(request):
    """RebootCacheCluster: the nodes come back at once."""
    return {"CacheCluster": cluster_view(store.find_cluster(request["CacheClusterId"]), False)}


ACTIONS = {
    "CreateCacheCluster": ("_create_cache_cluster", create),
    "DescribeCacheClusters": ("_describe_cache_clusters", describe),
    "ModifyCacheCluster": ("_modify_cache_cluster", modify),
    "DeleteCacheCluster": ("_delete_cache_cluster", delete),
    "RebootCacheCluster": ("_reboot_cache_cluster", reboot),
}
