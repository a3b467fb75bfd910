"""ElastiCache: the shards that a replication group is made with: how many, with which slots, nodes and zones.

AWS: API_CreateReplicationGroup and API_NodeGroupConfiguration in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

import re

from . import elasticache_limits as limits
from . import elasticache_store as store
from .wire import AwsError

LAST_SLOT = 16383
#: Quotas of the guide (quota-limits.html): 90 shards, 500 if AWS raised it.
MOST_SHARDS = 500
_SHARD_ID = re.compile(r"\d{1,4}")
_SLOTS = re.compile(r"(\d{1,5})-(\d{1,5})")


def kept_of(request, snapshot):
    """Ids and slots of the shards in a snapshot, if as many are asked for."""
    nodes = (snapshot or {}).get("NodeSnapshots") or []
    kept = [node["NodeGroupConfiguration"] for node in nodes if "NodeGroupConfiguration" in node]
    if request.get("NumNodeGroups", len(kept)) != len(kept):
        return []
    return [{key: shard[key] for key in ("NodeGroupId", "Slots")} for shard in kept]


def check_counts(request):
    """The numbers of nodes and shards, given in one way only.

    The messages on replicas: hashicorp/terraform#10175, hashicorp/terraform-provider-aws#49695.
    """
    shards_given = request.get("NumNodeGroups") is not None or request.get("ReplicasPerNodeGroup") is not None
    if shards_given and request.get("NumCacheClusters") is not None:
        raise AwsError(
            "InvalidParameterCombination",
            "Cannot specify NumCacheClusters parameter if NumNodeGroups or ReplicasPerNodeGroup is specified.",
        )
    limits.check_number(request, "NumCacheClusters", 1, 6)
    given = request.get("NodeGroupConfiguration") or []
    counts = [shard.get("ReplicaCount") for shard in given]
    if request.get("ReplicasPerNodeGroup") is not None and any(count is not None for count in counts):
        raise AwsError("InvalidParameterCombination", "Give either ReplicasPerNodeGroup or ReplicaCount.")
    for count in (request.get("ReplicasPerNodeGroup"), *counts):
        if count is not None and not 0 <= count <= 5:
            raise AwsError("InvalidParameterValue", "The number of replicas per node group must be within 0 and 5.")
    # NumNodeGroups has the default 1, and every example of AWS has it beside NodeGroupConfiguration.
    if given and request.get("NumNodeGroups", 1) != len(given):
        raise AwsError("InvalidParameterCombination", "NodeGroupConfiguration must have NumNodeGroups members.")
    if request.get("NumNodeGroups", 1) > MOST_SHARDS:
        raise AwsError("NodeGroupsPerReplicationGroupQuotaExceeded", f"A group has at most {MOST_SHARDS} shards.")
    _check_shards(given)


def _check_shards(given):
    """Ids of up to four digits, none twice, and slots that are each in one shard (botocore, NodeGroupConfiguration)."""
    ids = [shard["NodeGroupId"] for shard in given if shard.get("NodeGroupId")]
    if len(set(ids)) < len(ids) or not all(_SHARD_ID.fullmatch(shard_id) for shard_id in ids):
        raise AwsError("InvalidParameterValue", "NodeGroupId is a number of up to four digits, and each is another.")
    ranges = [shard["Slots"] for shard in given if shard.get("Slots")]
    if ranges and len(ranges) < len(given):
        raise AwsError("InvalidParameterCombination", "Give Slots for every node group or for none.")
    following = 0
    for first, last in sorted(_range(text) for text in ranges):
        if first != following or last < first:
            raise AwsError("InvalidParameterValue", f"Slots must cover 0-{LAST_SLOT}, each of them once.")
        following = last + 1
    if ranges and following != LAST_SLOT + 1:
        raise AwsError("InvalidParameterValue", f"Slots must cover 0-{LAST_SLOT}, each of them once.")


def _range(text):
    """`startkey-endkey`: nothing shows that AWS takes several ranges, which a shard may have after resharding."""
    found = _SLOTS.fullmatch(text)
    if not found:
        raise AwsError("InvalidParameterValue", f"Slots are startkey-endkey, not {text}.")
    return int(found.group(1)), int(found.group(2))


def shards_of(request, snapshot, subnet_group):
    """(node group id, slots, zone or None of each node) of each node group."""
    given = request.get("NodeGroupConfiguration") or []
    kept = kept_of(request, snapshot)
    number = len(given) or request.get("NumNodeGroups") or (snapshot or {}).get("NumNodeGroups") or 1
    if len(given) == len(kept):
        # With a snapshot the slots may be left out: the shards keep theirs.
        given = [{**shard, **wanted} for shard, wanted in zip(kept, given, strict=True)]
    given = given or kept
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
                zones_of(request, configuration, replicas, subnet_group),
            )
        )
    return shards


def zones_of(request, configuration, replicas, subnet_group):
    """The zones of the nodes of a shard, its primary first; None where AWS chooses."""
    count = 1 + configuration.get("ReplicaCount", replicas)
    given = request.get("PreferredCacheClusterAZs") or []
    if configuration.get("PrimaryAvailabilityZone"):
        given = [configuration["PrimaryAvailabilityZone"], *(configuration.get("ReplicaAvailabilityZones") or [])]
    return store.check_zones(given, count, subnet_group) or [None] * count


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
    """The second message: hashicorp/terraform#25077."""
    failover = request.get("AutomaticFailoverEnabled")
    if clustered and failover is False:
        raise AwsError(
            "InvalidParameterValue", "Redis with cluster mode enabled cannot be created with auto failover turned off."
        )
    if failover and not clustered and len(shards[0][2]) < 2:
        raise AwsError(
            "InvalidParameterCombination",
            "When using automatic failover, there must be at least 2 cache clusters in the replication group.",
        )
    if request.get("MultiAZEnabled") and not (failover or clustered):
        raise AwsError("InvalidParameterCombination", "Must set MultiAZEnabled with AutomaticFailoverEnabled")
    if request.get("MultiAZEnabled") and min(len(zones) for _, _, zones in shards) < 2:
        raise AwsError("InvalidParameterCombination", "MultiAZEnabled needs a replica in every node group.")
