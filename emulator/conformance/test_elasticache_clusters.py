"""What CreateCacheCluster refuses, each beside what it takes. The sources are in the modules that refuse."""

import pytest
from conftest import code_of, refused
from test_elasticache import cache, cluster, create_cluster, create_group, ec2, network, new_name, up

__all__ = ["cache", "ec2", "network"]
VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"
TLS = {"TransitEncryptionEnabled": True}
TOKEN = "correct-horse-battery-staple"
ALONE = {"Engine": "redis", "NumCacheNodes": 1}
MEMCACHED = {"Engine": "memcached", "NumCacheNodes": 2}
SLOW = [
    {
        "LogType": "slow-log",
        "DestinationType": "cloudwatch-logs",
        "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "/caches/slow"}},
        "LogFormat": "json",
    }
]


def zone(letters):
    return [f"eu-west-1{letter}" for letter in letters]


#: (asked for, code, part of the message, what of it has to change for AWS to take it)
CLUSTERS = {
    "valkey": ({**ALONE, "Engine": "valkey"}, VALUE, "memcached | redis", {"Engine": "redis"}),
    "redis with tls": (
        {**ALONE, **TLS},
        COMBINATION,
        "Encryption feature is not supported for engine REDIS.",
        {"TransitEncryptionEnabled": None},
    ),
    "redis with tls and token": (
        {**ALONE, **TLS, "AuthToken": TOKEN},
        COMBINATION,
        "Encryption feature is not supported for engine REDIS.",
        {"TransitEncryptionEnabled": None, "AuthToken": None},
    ),
    "redis without tls, said": (
        {**ALONE, "TransitEncryptionEnabled": False},
        COMBINATION,
        "Encryption feature",
        {"TransitEncryptionEnabled": None},
    ),
    "memcached with tls before 1.6.12": (
        {**MEMCACHED, **TLS, "EngineVersion": "1.6.6"},
        COMBINATION,
        "1.6.12 or higher",
        {"EngineVersion": "1.6.12"},
    ),
    "memcached without tls before 1.6.12, said": (
        {**MEMCACHED, "TransitEncryptionEnabled": False, "EngineVersion": "1.6.6"},
        COMBINATION,
        "1.6.12 or higher",
        {"TransitEncryptionEnabled": None},
    ),
    "memcached with a token": (
        {**MEMCACHED, **TLS, "AuthToken": TOKEN},
        COMBINATION,
        "not supported for engine MEMCACHED",
        {"AuthToken": None},
    ),
    "memcached with snapshots": (
        {**MEMCACHED, "SnapshotRetentionLimit": 3},
        COMBINATION,
        "Snapshots",
        {"SnapshotRetentionLimit": None},
    ),
    "memcached with a snapshot window": (
        {**MEMCACHED, "SnapshotWindow": "03:00-04:00"},
        COMBINATION,
        "SnapshotWindow",
        {"SnapshotWindow": None},
    ),
    "memcached with logs": (
        {**MEMCACHED, "LogDeliveryConfigurations": SLOW},
        COMBINATION,
        "engine MEMCACHED",
        {"LogDeliveryConfigurations": None},
    ),
    "memcached of 41 nodes": ({**MEMCACHED, "NumCacheNodes": 41}, VALUE, "within 1 and 40", {"NumCacheNodes": 40}),
    "two nodes of redis": ({**ALONE, "NumCacheNodes": 2}, VALUE, "should be 1", {"NumCacheNodes": 1}),
    "redis over zones": (
        {**ALONE, "PreferredAvailabilityZones": zone("a")},
        COMBINATION,
        "Memcached",
        {"PreferredAvailabilityZones": None, "PreferredAvailabilityZone": "eu-west-1a"},
    ),
    "fewer zones than nodes": (
        {**MEMCACHED, "AZMode": "cross-az", "PreferredAvailabilityZones": zone("abc")},
        COMBINATION,
        "as many",
        {"PreferredAvailabilityZones": zone("ab")},
    ),
    "cross-az with one node": (
        {**MEMCACHED, "AZMode": "cross-az", "NumCacheNodes": 1},
        COMBINATION,
        "several nodes",
        {"NumCacheNodes": 2},
    ),
    "several zones in single-az": (
        {**MEMCACHED, "PreferredAvailabilityZones": zone("ab")},
        COMBINATION,
        "cross-az",
        {"AZMode": "cross-az"},
    ),
    "no such zone": ({**ALONE, "PreferredAvailabilityZone": "eu-west-1z"}, VALUE, "1z", zone("c")),
    "a port below 1150": ({**ALONE, "Port": 1149}, VALUE, "1150-8004", {"Port": 1150}),
    "port 8005": ({**ALONE, "Port": 8005}, VALUE, "8006-65535", {"Port": 8004}),
    "a port above 65535": ({**MEMCACHED, "Port": 65536}, VALUE, "65535", {"Port": 65535}),
    "a version that is gone": (
        {**ALONE, "EngineVersion": "4.0.13"},
        COMBINATION,
        "Cannot find version 4.0.13 for redis",
        {"EngineVersion": "4.0.10"},
    ),
    "a memcached version that is not there": (
        {**MEMCACHED, "EngineVersion": "1.6.23"},
        COMBINATION,
        "Cannot find version 1.6.23 for memcached",
        {"EngineVersion": "1.6.17"},
    ),
    "a patch": (
        {**ALONE, "EngineVersion": "6.2.6"},
        VALUE,
        "Specific version selection is not allowed for '6.2.6', please use '6.2'",
        {"EngineVersion": "6.2"},
    ),
    "another family": (
        {**ALONE, "EngineVersion": "5.0.6", "CacheParameterGroupName": "default.redis7"},
        COMBINATION,
        "Expected a parameter group of family redis5.0 but found one of family redis7",
        {"CacheParameterGroupName": "default.redis5.0"},
    ),
    "a network type before 6.2": (
        {**ALONE, "EngineVersion": "6.0", "NetworkType": "ipv4"},
        COMBINATION,
        "6.2 or higher",
        {"EngineVersion": "6.2"},
    ),
    "a network type before 1.6.6": (
        {**MEMCACHED, "EngineVersion": "1.5.16", "IpDiscovery": "ipv4"},
        COMBINATION,
        "1.6.6 or higher",
        {"EngineVersion": "1.6.6"},
    ),
    "a network type without nitro": (
        {**ALONE, "NetworkType": "dual_stack", "IpDiscovery": "ipv4", "CacheNodeType": "cache.m4.large"},
        COMBINATION,
        "cache.m4.large",
        {"CacheNodeType": "cache.m5.large"},
    ),
    "dual stack without discovery": (
        {**ALONE, "NetworkType": "dual_stack"},
        COMBINATION,
        "IpDiscovery",
        {"IpDiscovery": "ipv6"},
    ),
    "logs before 6.0": (
        {**ALONE, "EngineVersion": "5.0.6", "LogDeliveryConfigurations": SLOW},
        COMBINATION,
        "6.0 or higher",
        {"EngineVersion": "6.0"},
    ),
    "36 days of snapshots": (
        {**ALONE, "SnapshotRetentionLimit": 36},
        VALUE,
        "within 0 and 35",
        {"SnapshotRetentionLimit": 35},
    ),
}


@pytest.mark.parametrize("case", CLUSTERS)
def test_a_cluster_is_refused_and_its_neighbour_is_made(cache, network, case):
    asked, code, message, change = CLUSTERS[case]
    change = {"PreferredAvailabilityZone": change[0]} if isinstance(change, list) else change
    call = {"CacheClusterId": new_name(), "CacheNodeType": "cache.t4g.micro", **network, **asked}
    refused(cache.create_cache_cluster, code, message, **call)
    assert code_of(cache.describe_cache_clusters, CacheClusterId=call["CacheClusterId"]) == "CacheClusterNotFound"
    taken = {key: value for key, value in {**call, **change}.items() if value is not None}
    made = up(cache, cache.create_cache_cluster(**taken)["CacheCluster"])
    assert made["Engine"] == taken["Engine"] and made["NumCacheNodes"] == taken["NumCacheNodes"]
    assert made["CacheNodes"][0]["Endpoint"]["Port"] == taken.get("Port", made["CacheNodes"][0]["Endpoint"]["Port"])


def test_a_zone_without_a_subnet_is_refused(cache, ec2):
    vpc = ec2.create_vpc(CidrBlock="10.41.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.41.1.0/24", AvailabilityZone="eu-west-1b")["Subnet"]
    name = new_name()
    cache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=[subnet["SubnetId"]]
    )
    call = {"CacheClusterId": new_name(), "CacheSubnetGroupName": name, "CacheNodeType": "cache.t4g.micro", **ALONE}
    refused(cache.create_cache_cluster, VALUE, "eu-west-1a", **call, PreferredAvailabilityZone="eu-west-1a")
    assert up(cache, cache.create_cache_cluster(**call)["CacheCluster"])["PreferredAvailabilityZone"] == "eu-west-1b"


def test_windows_that_are_left_out_do_not_meet_those_that_are_given(cache):
    made = up(cache, create_group(cache, Engine="valkey", NumCacheClusters=1, SnapshotWindow="05:00-06:00"))
    assert cluster(cache, made["MemberClusters"][0])["PreferredMaintenanceWindow"] == "sun:12:00-sun:13:00"
    single = up(cache, create_cluster(cache, **ALONE, PreferredMaintenanceWindow="wed:02:00-wed:09:00"))
    assert single["SnapshotWindow"] == "10:00-11:00"


def test_a_lone_valkey_node_was_one_of_redis(cache):
    """CreateCacheCluster does not make it, ModifyCacheCluster does."""
    made = up(cache, create_cluster(cache, **ALONE))
    cache.modify_cache_cluster(CacheClusterId=made["CacheClusterId"], Engine="valkey", EngineVersion="8.0")
    seen = cluster(cache, made["CacheClusterId"])
    assert (seen["Engine"], seen["EngineVersion"]) == ("valkey", "8.0.1")


def test_the_versions_that_are_listed_can_be_made(cache):
    listed = {
        engine: [
            item["EngineVersion"] for item in cache.describe_cache_engine_versions(Engine=engine)["CacheEngineVersions"]
        ]
        for engine in ("memcached", "redis", "valkey")
    }
    assert listed["redis"] == ["4.0.10", "5.0.6", "6.0", "6.2", "7.0", "7.1"] and "8.2" in listed["valkey"]
    for version in listed["redis"]:
        made = up(cache, create_cluster(cache, **ALONE, EngineVersion=version))
        assert made["EngineVersion"].startswith(version)
    (default,) = cache.describe_cache_engine_versions(Engine="redis", DefaultOnly=True)["CacheEngineVersions"]
    assert (default["EngineVersion"], default["CacheParameterGroupFamily"]) == ("7.1", "redis7")
    gone = cache.describe_cache_engine_versions(Engine="redis", EngineVersion="5.0.5")["CacheEngineVersions"]
    assert gone == []
