"""ElastiCache: the shards that a replication group is made with: how many, with which slots, nodes and zones.

AWS: API_CreateReplicationGroup and API_NodeGroupConfiguration in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from . import elasticache_store as store
from .wire import AwsError

LAST_SLOT = 16383


def kept_of(request, snapshot):
    """Ids and slots of the shards in a snapshot, if as many are asked for."""
    nodes = (snapshot or {}).get("NodeSnapshots") or []
    kept = [node["NodeGroupConfiguration"] for node in nodes if "NodeGroupConfiguration" in node]
    if request.get("NumNodeGroups", len(kept)) != len(kept):
        return []
    return [{key: shard[key] for key in ("NodeGroupId", "Slots")} for shard in kept]


def shards_of(request, snapshot):
    """(node group id, slots, zone or None of each node) of each node group."""
    given = request.get("NodeGroupConfiguration") or kept_of(request, snapshot)
    if given:
        number = len(given)
    else:
        number = request.get("NumNodeGroups") or (snapshot or {}).get("NumNodeGroups") or 1
    if request.get("NumNodeGroups", number) != number:
        raise AwsError("InvalidParameterCombination", "NodeGroupConfiguration must have NumNodeGroups members.")
    replicas = request.get("ReplicasPerNodeGroup")
    if replicas is None:
        replicas = (request.get("NumCacheClusters") or 1) - 1
    width = (LAST_SLOT + 1) // number
    shards = []
    for index in range(number):
        configuration = given[index] if given else {}
        last = LAST_SLOT if index == number - 1 else (index + 1) * width - 1
        shards.append(
            (
                configuration.get("NodeGroupId") or f"{index + 1:04d}",
                configuration.get("Slots") or f"{index * width}-{last}",
                zones_of(request, configuration, replicas),
            )
        )
    return shards


def zones_of(request, configuration, replicas):
    """The zones of the nodes of a shard, its primary first; None where AWS chooses."""
    count = 1 + configuration.get("ReplicaCount", replicas)
    given = request.get("PreferredCacheClusterAZs") or []
    if configuration.get("PrimaryAvailabilityZone"):
        given = [configuration["PrimaryAvailabilityZone"], *(configuration.get("ReplicaAvailabilityZones") or [])]
    return store.check_zones(given, count) or [None] * count


def is_clustered(request, shards, snapshot):
    parameter_group = request.get("CacheParameterGroupName") or ""
    return (
        len(shards) > 1
        or request.get("ClusterMode") in ("enabled", "compatible")
        or parameter_group.endswith(".cluster.on")
        or request.get("NumNodeGroups") is not None
        and request.get("ClusterMode") != "disabled"
        or bool((snapshot or {}).get("_Clustered"))
    )


def check_failover(request, clustered, shards):
    if clustered and request.get("AutomaticFailoverEnabled") is False:
        raise AwsError(
            "InvalidParameterValue", "Redis with cluster mode enabled cannot be created with auto failover turned off."
        )
    if request.get("AutomaticFailoverEnabled") and not clustered and len(shards[0][2]) < 2:
        raise AwsError("InvalidParameterValue", "Automatic failover is not supported for a group without replicas")
    if request.get("MultiAZEnabled") and not (request.get("AutomaticFailoverEnabled") or clustered):
        raise AwsError("InvalidParameterCombination", "Must set MultiAZEnabled with AutomaticFailoverEnabled")
