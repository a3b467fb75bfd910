"""What moving a cache needs of ElastiCache: settings come back, states are gone through, creating may fail."""

import datetime
import json
import uuid

import pytest
from conftest import ACCOUNT, REGION, allow, code_of, wait_for
from test_elasticache import cache, cluster, create_cluster, create_group, ec2, group, network, new_name, snapshot, up

__all__ = ["cache", "ec2", "network"]
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:caches"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-1111-2222-3333-444444444444"
LOGS = [
    {
        "LogType": "slow-log",
        "DestinationType": "cloudwatch-logs",
        "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "/caches/slow"}},
        "LogFormat": "json",
    }
]
COMMON = {
    "PreferredMaintenanceWindow": "mon:02:00-mon:03:00",
    "NotificationTopicArn": TOPIC,
    "AutoMinorVersionUpgrade": False,
}


@pytest.fixture
def fails(account):
    """``fails(Kind=…, Id=…)``: what a test wants to go wrong; forgotten afterwards."""
    yield lambda **entry: account.control("POST", "failures", entry)
    account.control("DELETE", "failures")


def tags(cache, arn):
    return {tag["Key"]: tag["Value"] for tag in cache.list_tags_for_resource(ResourceName=arn)["TagList"]}


def only(shown, expected):
    """Those of the shown members that are expected."""
    return {key: shown.get(key) for key in expected}


# What was asked for is what is shown ------------------------------------------------------


def test_a_group_shows_all_that_it_was_made_with(cache, network):
    asked = {
        "AutomaticFailoverEnabled": True,
        "MultiAZEnabled": True,
        "NumCacheClusters": 3,
        "PreferredCacheClusterAZs": ["eu-west-1c", "eu-west-1a", "eu-west-1b"],
        "Engine": "valkey",
        "EngineVersion": "8.0",
        "CacheParameterGroupName": "default.valkey8",
        "Port": 7100,
        "SnapshotRetentionLimit": 5,
        "SnapshotWindow": "01:00-02:00",
        "AuthToken": "a-token-of-some-length",
        "TransitEncryptionEnabled": True,
        "AtRestEncryptionEnabled": True,
        "KmsKeyId": KEY,
        "LogDeliveryConfigurations": LOGS,
        "Tags": [{"Key": "portcullis:moved-from", "Value": "arn"}],
        **COMMON,
        **network,
    }
    shown = up(cache, create_group(cache, **asked))
    expected = {
        "Description": "d",
        "AutomaticFailover": "enabled",
        "MultiAZ": "enabled",
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "CacheNodeType": "cache.t3.micro",
        "SnapshotRetentionLimit": 5,
        "SnapshotWindow": "01:00-02:00",
        "AuthTokenEnabled": True,
        "TransitEncryptionEnabled": True,
        "TransitEncryptionMode": "required",
        "AtRestEncryptionEnabled": True,
        "KmsKeyId": KEY,
        "AutoMinorVersionUpgrade": False,
        "Engine": "valkey",
        "DataTiering": "disabled",
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        "LogDeliveryConfigurations": [{**LOGS[0], "Status": "active"}],
    }
    assert only(shown, expected) == expected
    assert "a-token-of-some-length" not in str(shown)
    (shard,) = shown["NodeGroups"]
    zones = [member["PreferredAvailabilityZone"] for member in shard["NodeGroupMembers"]]
    assert zones == asked["PreferredCacheClusterAZs"]
    assert [member["CurrentRole"] for member in shard["NodeGroupMembers"]] == ["primary", "replica", "replica"]
    for name, zone in zip(shown["MemberClusters"], zones, strict=True):
        member = cluster(cache, name)
        assert member["CacheParameterGroup"]["CacheParameterGroupName"] == "default.valkey8"
        assert (member["EngineVersion"], member["PreferredAvailabilityZone"]) == ("8.0.1", zone)
        assert member["CacheNodes"][0]["Endpoint"]["Port"] == 7100
        assert [item["SecurityGroupId"] for item in member["SecurityGroups"]] == network["SecurityGroupIds"]
        assert member["CacheSubnetGroupName"] == network["CacheSubnetGroupName"]
        assert member["NotificationConfiguration"] == {"TopicArn": TOPIC, "TopicStatus": "active"}
        assert member["PreferredMaintenanceWindow"] == COMMON["PreferredMaintenanceWindow"]
        assert member["AuthTokenEnabled"] and member["AtRestEncryptionEnabled"] and member["TransitEncryptionEnabled"]
        assert member["ReplicationGroupLogDeliveryEnabled"] is True and member["AutoMinorVersionUpgrade"] is False
        assert tags(cache, member["ARN"]) == {"portcullis:moved-from": "arn"}


def test_shards_keep_their_slots_and_zones(cache):
    slots = ["0-99", "100-9999", "10000-16383"]
    asked = [
        {
            "NodeGroupId": f"000{number}",
            "Slots": slots[number - 1],
            "ReplicaCount": 1,
            "PrimaryAvailabilityZone": f"eu-west-1{'abc'[number - 1]}",
            "ReplicaAvailabilityZones": [f"eu-west-1{'bca'[number - 1]}"],
        }
        for number in (1, 2, 3)
    ]
    made = create_group(cache, NumNodeGroups=3, NodeGroupConfiguration=asked, AutomaticFailoverEnabled=True, Port=7101)
    shown = up(cache, made)
    assert [shard["Slots"] for shard in shown["NodeGroups"]] == slots
    for shard, given in zip(shown["NodeGroups"], asked, strict=True):
        zones = [member["PreferredAvailabilityZone"] for member in shard["NodeGroupMembers"]]
        assert zones == [given["PrimaryAvailabilityZone"], *given["ReplicaAvailabilityZones"]]
        assert all("CurrentRole" not in member for member in shard["NodeGroupMembers"])
    name = new_name()
    cache.create_snapshot(ReplicationGroupId=shown["ReplicationGroupId"], SnapshotName=name)
    snapshot(cache, name)
    again = up(cache, create_group(cache, SnapshotName=name, NumNodeGroups=3, ReplicasPerNodeGroup=1, Port=7102))
    assert [shard["Slots"] for shard in again["NodeGroups"]] == slots
    assert again["ClusterEnabled"] is True and again["ConfigurationEndpoint"]["Port"] == 7102


def test_slots_in_several_ranges_come_back_from_a_snapshot(account, cache):
    """As resharding leaves them. Create takes one range for each shard only."""
    shown = up(cache, create_group(cache, NumNodeGroups=2, ReplicasPerNodeGroup=0))
    slots = ["0-99,200-9999", "100-199,10000-16383"]
    shards = [{**shard, "Slots": text} for shard, text in zip(shown["NodeGroups"], slots, strict=True)]
    account.seed({"ReplicationGroups": [json.loads(json.dumps({**shown, "NodeGroups": shards}, default=str))]})
    name = new_name()
    cache.create_snapshot(ReplicationGroupId=shown["ReplicationGroupId"], SnapshotName=name)
    snapshot(cache, name)
    shards = [{"NodeGroupId": f"000{number}", "ReplicaCount": 1} for number in (1, 2)]
    again = up(cache, create_group(cache, SnapshotName=name, NumNodeGroups=2, NodeGroupConfiguration=shards))
    assert [shard["Slots"] for shard in again["NodeGroups"]] == slots
    assert [len(shard["NodeGroupMembers"]) for shard in again["NodeGroups"]] == [2, 2]


def test_user_groups_are_kept(cache):
    user, users = new_name(), new_name()
    rights = {"AccessString": "on ~* +@all", "NoPasswordRequired": True}
    cache.create_user(UserId=user, UserName="default", Engine="redis", **rights)
    cache.create_user_group(UserGroupId=users, Engine="redis", UserIds=[user])
    made = create_group(cache, NumCacheClusters=1, UserGroupIds=[users], TransitEncryptionEnabled=True)
    assert up(cache, made)["UserGroupIds"] == [users]


def test_memcached_spreads_only_when_it_is_asked_to(cache, network):
    one = up(cache, create_cluster(cache, Engine="memcached", NumCacheNodes=2, **network))
    zones = {node["CustomerAvailabilityZone"] for node in one["CacheNodes"]}
    assert zones == {one["PreferredAvailabilityZone"]}
    given = {"PreferredAvailabilityZones": ["eu-west-1b", "eu-west-1c", "eu-west-1b"], "NumCacheNodes": 3}
    refused = {"CacheClusterId": new_name(), "Engine": "memcached", "CacheNodeType": "cache.t3.micro", **given}
    assert code_of(cache.create_cache_cluster, **refused) == "InvalidParameterCombination"
    both = {"Engine": "memcached", "EngineVersion": "1.6.22", "AZMode": "cross-az", "Port": 7103, **given}
    spread = up(cache, create_cluster(cache, **both, **COMMON, **network))
    assert spread["PreferredAvailabilityZone"] == "Multiple" and spread["NumCacheNodes"] == 3
    shown = [node["CustomerAvailabilityZone"] for node in spread["CacheNodes"]]
    assert shown == given["PreferredAvailabilityZones"]
    assert {node["Endpoint"]["Port"] for node in spread["CacheNodes"]} == {7103}
    assert spread["ConfigurationEndpoint"]["Port"] == 7103 and spread["EngineVersion"] == "1.6.22"
    assert spread["NotificationConfiguration"]["TopicArn"] == TOPIC and spread["AutoMinorVersionUpgrade"] is False


def test_a_single_node_keeps_its_zone_and_its_logs(cache):
    asked = {"Engine": "redis", "EngineVersion": "7.0", "PreferredAvailabilityZone": "eu-west-1c", "Port": 7104}
    made = create_cluster(cache, **asked, LogDeliveryConfigurations=LOGS, SnapshotRetentionLimit=3, **COMMON)
    shown = up(cache, made)
    assert (shown["PreferredAvailabilityZone"], shown["EngineVersion"]) == ("eu-west-1c", "7.0.7")
    assert shown["LogDeliveryConfigurations"] == [{**LOGS[0], "Status": "active"}]
    assert shown["SnapshotRetentionLimit"] == 3 and shown["CacheNodes"][0]["Endpoint"]["Port"] == 7104


@pytest.mark.parametrize(("engine", "version"), [("redis", "7.1.0"), ("redis", "6.2.6"), ("valkey", "8.0.1")])
def test_the_patch_of_a_version_cannot_be_asked_for(cache, engine, version):
    call = {"CacheClusterId": new_name(), "Engine": engine, "EngineVersion": version, "CacheNodeType": "cache.t3.micro"}
    assert code_of(cache.create_cache_cluster, **call) == "InvalidParameterValue"


def test_what_create_does_not_take_is_set_afterwards(cache):
    seen = up(cache, create_group(cache, NumCacheClusters=2, **COMMON))
    name, replica = seen["ReplicationGroupId"], seen["MemberClusters"][1]
    cache.modify_replication_group(
        ReplicationGroupId=name, NotificationTopicStatus="inactive", SnapshottingClusterId=replica
    )
    assert up(cache, seen)["SnapshottingClusterId"] == replica
    for member in seen["MemberClusters"]:
        assert cluster(cache, member)["NotificationConfiguration"]["TopicStatus"] == "inactive"
    other = {"ReplicationGroupId": name, "SnapshottingClusterId": "other-001"}
    assert code_of(cache.modify_replication_group, **other) == "InvalidParameterValue"
    single = up(cache, create_cluster(cache, Engine="redis", **COMMON))
    cache.modify_cache_cluster(CacheClusterId=single["CacheClusterId"], NotificationTopicStatus="inactive")
    assert cluster(cache, single["CacheClusterId"])["NotificationConfiguration"]["TopicStatus"] == "inactive"


# Snapshots --------------------------------------------------------------------------------


def test_a_source_is_busy_while_its_snapshot_is_made(cache):
    seen = up(cache, create_group(cache, NumCacheClusters=2))
    name, members = seen["ReplicationGroupId"], seen["MemberClusters"]
    marker = [{"Key": "portcullis:move", "Value": "cache-1a2b3c4d"}]
    made = cache.create_snapshot(CacheClusterId=members[1], SnapshotName=new_name(), Tags=marker)["Snapshot"]
    assert made["SnapshotStatus"] == "creating" and group(cache, name)["Status"] == "snapshotting"
    statuses = [cluster(cache, member)["CacheClusterStatus"] for member in members]
    assert statuses == ["available", "snapshotting"]
    assert code_of(cache.modify_replication_group, ReplicationGroupId=name) == "InvalidReplicationGroupState"
    assert code_of(cache.delete_snapshot, SnapshotName=made["SnapshotName"]) == "InvalidSnapshotState"
    ready = snapshot(cache, made["SnapshotName"])
    assert tags(cache, ready["ARN"]) == {"portcullis:move": "cache-1a2b3c4d"}
    up(cache, seen)
    wait_for(lambda: cluster(cache, members[1])["CacheClusterStatus"] == "available")
    cache.delete_snapshot(SnapshotName=made["SnapshotName"])
    wait_for(lambda: made["SnapshotName"] not in str(cache.describe_snapshots()))
    assert code_of(cache.describe_snapshots, SnapshotName=made["SnapshotName"]) == "SnapshotNotFoundFault"


def test_in_cluster_mode_only_the_whole_group_has_snapshots(cache):
    seen = up(cache, create_group(cache, NumNodeGroups=1, ReplicasPerNodeGroup=0))
    call = {"CacheClusterId": seen["MemberClusters"][0], "SnapshotName": new_name()}
    assert code_of(cache.create_snapshot, **call) == "InvalidParameterValue"


def test_a_snapshot_is_restoring_while_a_cache_is_made_of_it(cache):
    single = up(cache, create_cluster(cache, Engine="redis", EngineVersion="7.0"))
    name = new_name()
    cache.create_snapshot(CacheClusterId=single["CacheClusterId"], SnapshotName=name)
    snapshot(cache, name)
    made = create_cluster(cache, Engine="redis", SnapshotName=name, Port=7105)
    assert cache.describe_snapshots(SnapshotName=name)["Snapshots"][0]["SnapshotStatus"] == "restoring"
    assert code_of(cache.delete_snapshot, SnapshotName=name) == "InvalidSnapshotState"
    restored = up(cache, made)
    assert (restored["EngineVersion"], restored["CacheNodes"][0]["Endpoint"]["Port"]) == ("7.0.7", 7105)
    snapshot(cache, name)


# States -----------------------------------------------------------------------------------


def test_tags_are_for_caches_that_are_available(cache):
    made = create_group(cache, NumCacheClusters=1)
    single = create_cluster(cache, Engine="redis")
    assert code_of(cache.list_tags_for_resource, ResourceName=made["ARN"]) == "InvalidReplicationGroupState"
    assert code_of(cache.list_tags_for_resource, ResourceName=single["ARN"]) == "CacheClusterNotFound"
    up(cache, made)
    marker = [{"Key": "portcullis:handed-over", "Value": "yes"}]
    cache.add_tags_to_resource(ResourceName=made["ARN"], Tags=marker)
    assert tags(cache, made["ARN"]) == {"portcullis:handed-over": "yes"}
    cache.delete_replication_group(ReplicationGroupId=made["ReplicationGroupId"])
    denied = code_of(cache.add_tags_to_resource, ResourceName=made["ARN"], Tags=marker)
    assert denied == "InvalidReplicationGroupState"


def test_a_group_that_cannot_be_made_can_be_deleted(cache, fails):
    name = new_name()
    fails(Kind="replication-group", Id=f"{name}*")
    call = {"ReplicationGroupId": name, "ReplicationGroupDescription": "d", "NumCacheClusters": 2}
    cache.create_replication_group(**call)
    wait_for(lambda: group(cache, name)["Status"] == "create-failed")
    assert code_of(cache.create_replication_group, **call) == "ReplicationGroupAlreadyExists"
    cache.delete_replication_group(ReplicationGroupId=name)
    wait_for(lambda: name not in str(cache.describe_replication_groups()))
    made = cache.create_replication_group(**call)["ReplicationGroup"]
    assert up(cache, made)["Status"] == "available"


@pytest.mark.parametrize("status", ["incompatible-network", "restore-failed"])
def test_a_cluster_that_cannot_be_made_can_be_deleted(cache, fails, status):
    fails(Kind="cache-cluster", Status=status)
    name = create_cluster(cache, Engine="memcached")["CacheClusterId"]
    wait_for(lambda: cluster(cache, name)["CacheClusterStatus"] == status)
    cache.delete_cache_cluster(CacheClusterId=name)
    wait_for(lambda: name not in str(cache.describe_cache_clusters()))


def test_a_snapshot_that_fails_leaves_its_source_available(cache, fails):
    single = up(cache, create_cluster(cache, Engine="redis"))
    fails(Kind="snapshot")
    name = new_name()
    cache.create_snapshot(CacheClusterId=single["CacheClusterId"], SnapshotName=name)
    find = lambda: cache.describe_snapshots(SnapshotName=name)["Snapshots"][0]["SnapshotStatus"]
    wait_for(lambda: find() == "failed")
    wait_for(lambda: cluster(cache, single["CacheClusterId"])["CacheClusterStatus"] == "available")
    refused = {"CacheClusterId": new_name(), "Engine": "redis", "SnapshotName": name}
    assert code_of(cache.create_cache_cluster, **refused) == "SnapshotNotFoundFault"
    cache.delete_snapshot(SnapshotName=name)


def test_a_call_fails_as_often_as_planned(account, cache, fails):
    fails(Action="CreateReplicationGroup", Code="InsufficientCacheClusterCapacity", Times=2)
    call = {"ReplicationGroupId": new_name(), "ReplicationGroupDescription": "d", "NumCacheClusters": 1}
    for _ in range(2):
        assert code_of(cache.create_replication_group, **call) == "InsufficientCacheClusterCapacity"
    assert account.control("GET", "failures") == {"failures": []}
    cache.create_replication_group(**call)


# Metrics ----------------------------------------------------------------------------------


@pytest.fixture
def metric(aws, account):
    """``metric(cluster, name, …)``: the values of a metric in the last ten minutes, oldest first."""
    cloudwatch = aws("cloudwatch")

    def values(cluster_id, name, node="0001", stat="Maximum", minutes=10):
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        dimensions = [{"Name": "CacheClusterId", "Value": cluster_id}]
        dimensions += [{"Name": "CacheNodeId", "Value": node}] if node else []
        measured = {"Namespace": "AWS/ElastiCache", "MetricName": name, "Dimensions": dimensions}
        query = {"Id": "m", "MetricStat": {"Metric": measured, "Period": 60, "Stat": stat}}
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[query],
            StartTime=now - datetime.timedelta(minutes=minutes),
            EndTime=now,
            ScanBy="TimestampAscending",
        )
        return answer["MetricDataResults"][0]["Values"]

    yield values
    account.control("DELETE", "cache-metrics")


def test_nobody_uses_a_cache_unless_it_is_said(cache, metric):
    seen = up(cache, create_group(cache, NumCacheClusters=2))
    primary, replica = seen["MemberClusters"]
    assert metric(primary, "CurrConnections") == [4.0] * 10 == metric(primary, "CurrConnections", node=None)
    for name in ("NewConnections", "CacheHits", "CacheMisses", "CurrItems", "BytesUsedForCache"):
        assert metric(replica, name, stat="Sum") == [0.0] * 10
    assert metric(primary, "IsMaster") == [1.0] * 10 and metric(replica, "IsMaster") == [0.0] * 10
    assert metric(primary, "CmdGet") == [] == metric("missing", "CurrConnections")


def test_a_cache_is_used_as_the_test_says(account, cache, metric):
    seen = up(cache, create_cluster(cache, Engine="memcached", NumCacheNodes=2))
    name = seen["CacheClusterId"]
    assert metric(name, "CmdGet", stat="Sum") == [0.0] * 10
    account.control("POST", "cache-metrics", {"CacheClusterId": name, "CacheNodeId": "0002", "Values": {"CmdGet": 12}})
    assert metric(name, "CmdGet", "0002") == [12.0] * 10 and metric(name, "CmdGet", "0001") == [0.0] * 10
    account.control("POST", "cache-metrics", {"CacheClusterId": name, "Values": {"CurrItems": 1000}, "Minutes": 3})
    assert metric(name, "CurrItems") == [1000.0] * 3 and metric(name, "CmdGet", "0002") == [12.0] * 3
    account.control("DELETE", "cache-metrics")
    assert metric(name, "CurrItems") == [0.0] * 10


def test_reading_metrics_is_a_right(role, aws):
    client = role(allow(["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"]))("cloudwatch")
    query = {"Id": "m", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}
    window = {"StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-01-01T01:00:00Z"}
    assert client.get_metric_data(MetricDataQueries=[query], **window)["MetricDataResults"][0]["Values"] == []
    assert "MetricAlarms" in client.describe_alarms(AlarmNamePrefix=uuid.uuid4().hex)
    other = role(allow("cloudwatch:ListMetrics"))("cloudwatch")
    assert code_of(other.get_metric_data, MetricDataQueries=[query], **window).startswith("AccessDenied")
    assert code_of(other.describe_alarms).startswith("AccessDenied")
