"""What CreateReplicationGroup refuses, each beside what it takes. The sources are in the modules that refuse."""

import pytest
from conftest import code_of, refused
from test_elasticache import cache, create_group, ec2, network, new_name, up

__all__ = ["cache", "ec2", "network"]
VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"
TLS = {"TransitEncryptionEnabled": True}
TOKEN = "correct-horse-battery-staple"
VALKEY = {"Engine": "valkey", "NumCacheClusters": 1}
REDIS = {"Engine": "redis", "NumCacheClusters": 1}
TWO_SHARDS = {"Engine": "valkey", "NumNodeGroups": 2}
TAGS = [{"Key": f"key {number}", "Value": "v"} for number in range(51)]


def shards(*slots, **more):
    return {"NodeGroupConfiguration": [{"Slots": text, **more} for text in slots]}


def zone(letters):
    return [f"eu-west-1{letter}" for letter in letters]


#: (asked for, code, part of the message, what of it has to change for AWS to take it)
GROUPS = {
    "memcached": ({**VALKEY, "Engine": "memcached"}, VALUE, "redis | valkey", {"Engine": "redis"}),
    "no description": (
        {**VALKEY, "ReplicationGroupDescription": ""},
        "MissingParameter",
        "ReplicationGroupDescription",
        {"ReplicationGroupDescription": "d"},
    ),
    "a token without tls": ({**VALKEY, "AuthToken": TOKEN}, COMBINATION, "in-transit", TLS),
    "a token of 15 characters": ({**VALKEY, **TLS, "AuthToken": "a" * 15}, VALUE, "Invalid AuthToken", "a" * 16),
    "a token of 129 characters": ({**VALKEY, **TLS, "AuthToken": "a" * 129}, VALUE, "Invalid AuthToken", "a" * 128),
    "a token with an at": ({**VALKEY, **TLS, "AuthToken": TOKEN + "@"}, VALUE, "Invalid AuthToken", "!&#$^<>-" * 2),
    "a token with an underscore": ({**VALKEY, **TLS, "AuthToken": TOKEN + "_"}, VALUE, "Invalid AuthToken", TOKEN),
    "a token with a space": ({**VALKEY, **TLS, "AuthToken": TOKEN + " "}, VALUE, "Invalid AuthToken", TOKEN),
    "preferred with a token": (
        {**VALKEY, **TLS, "AuthToken": TOKEN, "TransitEncryptionMode": "preferred"},
        COMBINATION,
        "Transit encryption preferred is not supported with redis access control.",
        {"TransitEncryptionMode": "required"},
    ),
    "a mode before 7.0.5": (
        {**REDIS, **TLS, "EngineVersion": "6.2", "TransitEncryptionMode": "required"},
        COMBINATION,
        "Transit encryption mode is not supported for engine version 6.2.6. Please use engine version 7.0.5 or higher.",
        {"EngineVersion": "7.0"},
    ),
    "a mode without tls": ({**VALKEY, "TransitEncryptionMode": "preferred"}, COMBINATION, "needs", TLS),
    "a key without encryption": (
        {**REDIS, "KmsKeyId": "key-1"},
        COMBINATION,
        "AtRestEncryptionEnabled",
        {"AtRestEncryptionEnabled": True},
    ),
    "failover with one node": (
        {**VALKEY, "AutomaticFailoverEnabled": True},
        COMBINATION,
        "When using automatic failover, there must be at least 2 cache clusters in the replication group.",
        {"NumCacheClusters": 2},
    ),
    "cluster mode without failover": (
        {**TWO_SHARDS, "AutomaticFailoverEnabled": False},
        VALUE,
        "auto failover turned off",
        {"AutomaticFailoverEnabled": True},
    ),
    "multi-az without failover": (
        {**VALKEY, "NumCacheClusters": 2, "MultiAZEnabled": True},
        COMBINATION,
        "AutomaticFailoverEnabled",
        {"AutomaticFailoverEnabled": True},
    ),
    "multi-az without replicas": (
        {**TWO_SHARDS, "MultiAZEnabled": True},
        COMBINATION,
        "replica",
        {"ReplicasPerNodeGroup": 1},
    ),
    "seven nodes": ({**VALKEY, "NumCacheClusters": 7}, VALUE, "within 1 and 6", {"NumCacheClusters": 6}),
    "six replicas": ({**TWO_SHARDS, "ReplicasPerNodeGroup": 6}, VALUE, "within 0 and 5", {"ReplicasPerNodeGroup": 5}),
    "501 shards": (
        {**TWO_SHARDS, "NumNodeGroups": 501},
        "NodeGroupsPerReplicationGroupQuotaExceeded",
        "",
        {"NumNodeGroups": 3},
    ),
    "nodes and shards": (
        {**VALKEY, "NumNodeGroups": 2},
        COMBINATION,
        "Cannot specify NumCacheClusters",
        {"NumCacheClusters": None},
    ),
    "shards without their number": (
        {"Engine": "valkey", **shards("0-8191", "8192-16383")},
        COMBINATION,
        "NumNodeGroups",
        {"NumNodeGroups": 2},
    ),
    "another number of shards": (
        {**TWO_SHARDS, "NumNodeGroups": 3, **shards("0-8191", "8192-16383")},
        COMBINATION,
        "NumNodeGroups",
        {"NumNodeGroups": 2},
    ),
    "replicas said twice": (
        {**TWO_SHARDS, "ReplicasPerNodeGroup": 1, **shards("0-8191", "8192-16383", ReplicaCount=1)},
        COMBINATION,
        "ReplicaCount",
        {"ReplicasPerNodeGroup": None},
    ),
    "slots in several ranges": (
        {**TWO_SHARDS, **shards("0-99,200-8191", "100-199,8192-16383")},
        VALUE,
        "startkey-endkey",
        shards("0-99", "100-16383"),
    ),
    "slots with a gap": ({**TWO_SHARDS, **shards("0-99", "101-16383")}, VALUE, "0-16383", shards("0-9", "10-16383")),
    "slots twice": ({**TWO_SHARDS, **shards("0-99", "99-16383")}, VALUE, "0-16383", shards("0-9", "10-16383")),
    "slots beyond the last": ({**TWO_SHARDS, **shards("0-9", "10-16384")}, VALUE, "0-16383", shards("0-9", "10-16383")),
    "slots of one shard only": (
        {**TWO_SHARDS, "NodeGroupConfiguration": [{"Slots": "0-16383"}, {"ReplicaCount": 0}]},
        COMBINATION,
        "or for none",
        {"NodeGroupConfiguration": [{"ReplicaCount": 0}, {"ReplicaCount": 1}]},
    ),
    "a shard id twice": (
        {**TWO_SHARDS, **shards("0-9", "10-16383", NodeGroupId="0001")},
        VALUE,
        "NodeGroupId",
        shards("0-9", "10-16383"),
    ),
    "fewer zones than nodes": (
        {**VALKEY, "NumCacheClusters": 2, "PreferredCacheClusterAZs": zone("a")},
        COMBINATION,
        "as many",
        {"PreferredCacheClusterAZs": zone("ac")},
    ),
    "fewer zones than replicas": (
        {
            **TWO_SHARDS,
            **shards("0-9", "10-16383", ReplicaCount=2, PrimaryAvailabilityZone="eu-west-1a"),
        },
        COMBINATION,
        "as many",
        shards("0-9", "10-16383", ReplicaCount=0, PrimaryAvailabilityZone="eu-west-1a"),
    ),
    "r6gd without data tiering": (
        {**VALKEY, "CacheNodeType": "cache.r6gd.xlarge"},
        COMBINATION,
        "When using the cache.r6gd.xlarge node type, you must enable data tiering.",
        {"DataTieringEnabled": True},
    ),
    "data tiering without r6gd": (
        {**VALKEY, "DataTieringEnabled": True},
        COMBINATION,
        "cache.t4g.micro",
        {"CacheNodeType": "cache.r6gd.xlarge"},
    ),
    "data tiering before 6.2": (
        {**REDIS, "EngineVersion": "6.0", "DataTieringEnabled": False},
        COMBINATION,
        "6.2 or higher",
        {"DataTieringEnabled": None},
    ),
    "the setting ClusterMode before 7.0": (
        {**REDIS, "EngineVersion": "6.2", "ClusterMode": "disabled"},
        COMBINATION,
        "7.0 or higher",
        {"ClusterMode": None},
    ),
    "a window of half an hour": (
        {**VALKEY, "SnapshotWindow": "03:00-03:30"},
        VALUE,
        "Snapshot window must be at least 60 minutes.",
        {"SnapshotWindow": "23:30-00:30"},
    ),
    "a maintenance window of half an hour": (
        {**VALKEY, "PreferredMaintenanceWindow": "sat:23:45-sun:00:15"},
        VALUE,
        "at least 60 minutes",
        {"PreferredMaintenanceWindow": "sat:23:45-sun:00:45"},
    ),
    "a window in capitals": (
        {**VALKEY, "PreferredMaintenanceWindow": "Mon:02:00-Mon:03:00"},
        VALUE,
        "ddd:hh24:mi",
        {"PreferredMaintenanceWindow": "mon:02:00-mon:03:00"},
    ),
    "hour 24": (
        {**VALKEY, "SnapshotWindow": "23:00-24:00"},
        VALUE,
        "hh24:mi",
        {"SnapshotWindow": "23:00-00:00"},
    ),
    "windows that overlap": (
        {**VALKEY, "SnapshotWindow": "02:30-03:30", "PreferredMaintenanceWindow": "mon:02:00-mon:03:00"},
        VALUE,
        "The snapshot window and maintenance window must not overlap.",
        {"SnapshotWindow": "03:00-04:00"},
    ),
    "a tag of AWS": (
        {**VALKEY, "Tags": [{"Key": "aws:cloudformation:stack-id", "Value": "s"}]},
        VALUE,
        "aws:",
        {"Tags": [{"Key": "AWSbackup", "Value": "s"}]},
    ),
    "a tag with a quote": (
        {**VALKEY, "Tags": [{"Key": "team", "Value": "shop's"}]},
        VALUE,
        "Invalid tag",
        {"Tags": [{"Key": "team", "Value": "shop+data/eu: a@b = c_d-e.f"}]},
    ),
    "51 tags": ({**VALKEY, "Tags": TAGS}, "TagQuotaPerResourceExceeded", "50", {"Tags": TAGS[:50]}),
    "no such user group": ({**VALKEY, **TLS, "UserGroupIds": ["nobody"]}, "UserGroupNotFound", "", None),
    "41 characters": (
        {**VALKEY, "ReplicationGroupId": "g" * 41},
        VALUE,
        "ReplicationGroupId is not a valid identifier",
        {"ReplicationGroupId": "g" * 40},
    ),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_group_is_refused_and_its_neighbour_is_made(cache, network, case):
    asked, code, message, change = GROUPS[case]
    change = {"AuthToken": change} if isinstance(change, str) else change
    base = {"ReplicationGroupId": new_name(), "ReplicationGroupDescription": "d", "CacheNodeType": "cache.t4g.micro"}
    call = {**base, **network, **asked}
    refused(cache.create_replication_group, code, message, **call)
    missing = code_of(cache.describe_replication_groups, ReplicationGroupId=call["ReplicationGroupId"])
    assert missing == "ReplicationGroupNotFoundFault"
    if change is None:
        return
    taken = {key: value for key, value in {**call, **change}.items() if value is not None}
    made = up(cache, cache.create_replication_group(**taken)["ReplicationGroup"])
    assert made["Engine"] == taken["Engine"] and made["AuthTokenEnabled"] == ("AuthToken" in taken)
    assert len(made["NodeGroups"]) == taken.get("NumNodeGroups", 1)


def test_tags_are_added_under_the_same_rules(cache):
    made = up(cache, create_group(cache, **VALKEY, Tags=TAGS[:49]))
    add = cache.add_tags_to_resource
    refused(add, "MissingParameter", "Tags", ResourceName=made["ARN"], Tags=[])
    refused(add, VALUE, "aws:", ResourceName=made["ARN"], Tags=[{"Key": "aws:x", "Value": "y"}])
    refused(add, "TagQuotaPerResourceExceeded", "50", ResourceName=made["ARN"], Tags=TAGS[49:])
    add(ResourceName=made["ARN"], Tags=TAGS[49:50])
    assert len(cache.list_tags_for_resource(ResourceName=made["ARN"])["TagList"]) == 50
