"""CloudWatch metrics of caches: nobody uses a cache unless somebody says so.

A node has a value for each minute that is asked for, as if it had always been there: time is scaled here, and what
has just been made may have been watched for an hour.

AWS: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.html
"""

import time

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch
from ministack.services import elasticache as ec

from . import patching

NAMESPACE = "AWS/ElastiCache"
#: CloudWatch keeps a value a minute for 15 days.
LONGEST = 15 * 24 * 60
#: What a node shows that nobody uses. The connections are ElastiCache's own.
IDLE = {
    "redis": {
        "CurrConnections": 4.0,
        **dict.fromkeys(("NewConnections", "CurrItems", "CacheHits", "CacheMisses", "GetTypeCmds", "SetTypeCmds"), 0.0),
        **dict.fromkeys(("BytesUsedForCache", "EngineCPUUtilization", "Evictions"), 0.0),
    },
    "memcached": {
        "CurrConnections": 2.0,
        "NewConnections": 1.0,
        **dict.fromkeys(("CurrItems", "CmdGet", "CmdSet", "CmdFlush", "GetHits", "GetMisses"), 0.0),
        **dict.fromkeys(("BytesUsedForCacheItems", "Evictions"), 0.0),
    },
}
UNITS = {"BytesUsedForCache": "Bytes", "BytesUsedForCacheItems": "Bytes", "EngineCPUUtilization": "Percent"}
#: (cluster, node or None) -> what somebody said of it: values by metric, and for how many minutes there are any.
_SAID = AccountRegionScopedDict()


def install():
    patching.require(cloudwatch, "_metrics", "_dims_key", "_parse_ts", "_p")
    for name in ("_get_metric_data", "_get_metric_statistics", "_list_metrics"):
        patching.replace(cloudwatch, name, measured(patching.original(cloudwatch, name)))


def measured(handler):
    """The handler, with the values of the caches that the request mentions in place."""

    def answer(params, data, is_cbor, is_json=False):
        start = data.get("StartTime") if is_cbor or is_json else cloudwatch._p(params, "StartTime")
        oldest = cloudwatch._parse_ts(start) if start else None
        for name in mentioned([params, data]) & set(ec._clusters):
            measure(ec._clusters[name], oldest)
        return handler(params, data, is_cbor, is_json)

    return answer


def mentioned(value):
    """All texts in a request."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(mentioned, value)) if isinstance(value, list) else set()


def measure(cluster, oldest):
    """Each node's metrics; with one node the cluster's are the same ones without the dimension of the node."""
    nodes = [node["CacheNodeId"] for node in cluster.get("CacheNodes") or []] or ["0001"]
    for node in nodes:
        name = cluster["CacheClusterId"]
        values, minutes = shown_by(cluster, node)
        dimensions = [{"CacheClusterId": name, "CacheNodeId": node}]
        if len(nodes) == 1:
            dimensions.append({"CacheClusterId": name})
        for metric, value in values.items():
            for each in dimensions:
                keep(metric, value, each, oldest, minutes)


def shown_by(cluster, node):
    values = dict(IDLE["memcached" if cluster["Engine"] == "memcached" else "redis"])
    if cluster["Engine"] != "memcached":
        values["IsMaster"] = float(is_primary(cluster))
    minutes = LONGEST
    for key in ((cluster["CacheClusterId"], None), (cluster["CacheClusterId"], node)):
        said = _SAID.get(key) or {}
        values.update(said.get("Values") or {})
        minutes = said.get("Minutes", minutes)
    return values, 0 if cluster["CacheClusterStatus"] == "creating" else minutes


def is_primary(cluster):
    """The first member of each shard is its primary here."""
    group = ec._replication_groups.get(cluster.get("ReplicationGroupId") or "")
    shards = group["NodeGroups"] if group else []
    members = [shard["NodeGroupMembers"] for shard in shards if shard.get("NodeGroupMembers")]
    return not members or any(shard[0]["CacheClusterId"] == cluster["CacheClusterId"] for shard in members)


def keep(metric, value, dimensions, oldest, minutes):
    """A value for each whole minute since `oldest`, in place of what was there."""
    now = int(time.time() // 60)
    first = max(now - min(minutes, LONGEST), int((oldest or 0) // 60))
    point = {"Unit": UNITS.get(metric, "Count"), "Dimensions": dimensions, "Value": float(value)}
    key = (NAMESPACE, metric, cloudwatch._dims_key(dimensions))
    cloudwatch._metrics[key] = [{**point, "Timestamp": minute * 60.0} for minute in range(first, now)]


def say(document):
    """From now on, and in hindsight, a cluster (or one node of it) shows these values."""
    name = document["CacheClusterId"]
    if name not in ec._clusters:
        raise ValueError(f"there is no cache cluster {name}; the members of a group are clusters")
    unknown = set(document) - {"CacheClusterId", "CacheNodeId", "Values", "Minutes"}
    if unknown:
        raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
    key = (name, document.get("CacheNodeId"))
    values = {metric: float(value) for metric, value in (document.get("Values") or {}).items()}
    before = _SAID.get(key) or {}
    _SAID[key] = {**before, **document, "Values": {**before.get("Values", {}), **values}}
    return _SAID[key]


def forget():
    """Nobody uses any cache again."""
    for key in list(_SAID):
        del _SAID[key]
    for key in [key for key in cloudwatch._metrics if key[0] == NAMESPACE]:
        del cloudwatch._metrics[key]
