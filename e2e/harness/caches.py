"""Caches: made with many settings, and seen as one value that can be compared with that of another cache."""

import gzip

from .wait import PATIENCE, until

#: What differs between a cache and its copy, whatever they are called and wherever they listen.
OWN = {
    "AuthTokenLastModifiedDate",
    "CacheClusterCreateTime",
    "CacheNodeCreateTime",
    "PendingModifiedValues",
    "ReplicationGroupCreateTime",
    "ResponseMetadata",
}
NODES = {"CacheNodeType": "cache.t4g.small", "CacheSubnetGroupName": "caches"}


def make_group(guard, name, groups, **more):
    """A Valkey replication group of one node, unless told otherwise; gives its ARN."""
    asked = {
        "ReplicationGroupId": name,
        "ReplicationGroupDescription": "sessions of the shop",
        "Engine": "valkey",
        "SecurityGroupIds": groups,
        **NODES,
        **more,
    }
    if not {"NumCacheClusters", "NumNodeGroups", "NodeGroupConfiguration"} & set(more):
        asked["NumCacheClusters"] = 1
    return guard.elasticache.create_replication_group(**asked)["ReplicationGroup"]["ARN"]


def make_cluster(guard, name, groups, **more):
    """A cluster of one node, Memcached unless told otherwise; gives its ARN."""
    asked = {
        "CacheClusterId": name,
        "Engine": "memcached",
        "NumCacheNodes": 1,
        "SecurityGroupIds": groups,
        **NODES,
        **more,
    }
    return guard.elasticache.create_cache_cluster(**asked)["CacheCluster"]["ARN"]


def look(elasticache, arn):
    """A cache as Describe shows it, with its members if it is a group; None if it is not there."""
    kind, name = arn.split(":")[5:7]
    try:
        if kind == "cluster":
            return one_cluster(elasticache, name)
        answer = elasticache.describe_replication_groups(ReplicationGroupId=name)
    except (elasticache.exceptions.CacheClusterNotFoundFault, elasticache.exceptions.ReplicationGroupNotFoundFault):
        return None
    (group,) = answer["ReplicationGroups"]
    return {**group, "Members": [item for name in group["MemberClusters"] for item in if_there(elasticache, name)]}


def if_there(elasticache, name):
    """A cluster in a list, which is empty without it: the members of a group that is being deleted go one by one."""
    try:
        return [one_cluster(elasticache, name)]
    except elasticache.exceptions.CacheClusterNotFoundFault:
        return []


def one_cluster(elasticache, name):
    answer = elasticache.describe_cache_clusters(CacheClusterId=name, ShowCacheNodeInfo=True)
    return answer["CacheClusters"][0]


def status(elasticache, arn):
    """Its status; None if it is not there."""
    found = look(elasticache, arn)
    return found and (found.get("Status") or found.get("CacheClusterStatus"))


def tags(elasticache, arn):
    return {tag["Key"]: tag["Value"] for tag in elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]}


def available(elasticache, arn, seconds=PATIENCE):
    until(f"{arn} is available", lambda: status(elasticache, arn) == "available", seconds)
    return arn


def beside(elasticache, old, name):
    """The ARN of the cache of this name in the place of another, which may be a group where the other is a cluster."""
    place = old.rsplit(":", 2)[0]
    arns = [f"{place}:{kind}:{name}" for kind in ("replicationgroup", "cluster")]
    (found,) = [arn for arn in arns if look(elasticache, arn)]
    return found


def snapshots(elasticache, name):
    """The snapshots whose name begins so, by name."""
    found = everything(elasticache, "describe_snapshots", "Snapshots")
    return {item["SnapshotName"]: item for item in found if item["SnapshotName"].startswith(name)}


def everything(elasticache, call, member):
    """All pages of a Describe action."""
    return [item for page in elasticache.get_paginator(call).paginate() for item in page[member]]


def portrait(elasticache, arn):
    """Every setting of an available cache, with its tags but those of a move: two that are alike are equal."""
    name = arn.split(":")[6]
    found = look(elasticache, arn)
    kept = {key: value for key, value in tags(elasticache, arn).items() if not key.startswith("portcullis:")}
    return {**_drawn(found, name), "Tags": kept}


#: What of a lone node is another when it is the one node of a group.
OF_A_MEMBER = {
    "ARN",
    "CacheClusterId",
    "CacheNodes",
    "CacheSecurityGroups",
    "ConfigurationEndpoint",
    "ReplicationGroupId",
}


def differences(one, other):
    """What differs between two portraits: of a lone node and a group, between the node and the group's."""
    if "Members" in other and "Members" not in one:
        (member,) = other["Members"]
        drop = OF_A_MEMBER | {"ReplicationGroupLogDeliveryEnabled"}
        one = {key: value for key, value in one.items() if key not in drop}
        other = {key: value for key, value in {**member, "Tags": other["Tags"]}.items() if key in one}
    return {key: (one.get(key), other.get(key)) for key in {*one, *other} if one.get(key) != other.get(key)}


def _drawn(value, name):
    if isinstance(value, dict):
        return {key: "PORT" if key == "Port" else _drawn(item, name) for key, item in value.items() if key not in OWN}
    if isinstance(value, list):
        return [_drawn(item, name) for item in value]
    return value.replace(name, "NAME") if isinstance(value, str) else value


def ports(elasticache, arn):
    """The ports of all endpoints of a cache."""
    found = set()

    def collect(value):
        if isinstance(value, dict):
            found.update(item for key, item in value.items() if key == "Port")
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    collect(look(elasticache, arn))
    return found


def unpacked(document):
    """What the table keeps packed of a cache."""
    return gzip.decompress(document).decode()
