"""ElastiCache as AWS documents it: ports, states, endpoints, members, snapshots."""

import uuid

import pytest
from conftest import code_of, wait_for


@pytest.fixture
def cache(aws):
    return aws("elasticache")


@pytest.fixture
def ec2(aws):
    return aws("ec2")


@pytest.fixture
def network(ec2, cache):
    """A subnet group over three zones and a security group in one VPC."""
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]
        for number, zone in enumerate("abc", 1)
    ]
    group = ec2.create_security_group(GroupName="cache", Description="d", VpcId=vpc)["GroupId"]
    name = new_name()
    cache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=[subnet["SubnetId"] for subnet in subnets]
    )
    return {"CacheSubnetGroupName": name, "SecurityGroupIds": [group]}


def new_name():
    return f"c{uuid.uuid4().hex[:10]}"


def create_cluster(cache, **members):
    name = new_name()
    return cache.create_cache_cluster(CacheClusterId=name, CacheNodeType="cache.t3.micro", **members)["CacheCluster"]


def create_group(cache, **members):
    name = new_name()
    return cache.create_replication_group(
        ReplicationGroupId=name, ReplicationGroupDescription="d", CacheNodeType="cache.t3.micro", **members
    )["ReplicationGroup"]


def cluster(cache, name, **options):
    return cache.describe_cache_clusters(CacheClusterId=name, ShowCacheNodeInfo=True, **options)["CacheClusters"][0]


def group(cache, name):
    return cache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]


def up(cache, made):
    """The same cache once it is available."""
    if "ReplicationGroupId" in made and "MemberClusters" in made:
        find = lambda: group(cache, made["ReplicationGroupId"])
        return wait_for(lambda: find()["Status"] == "available" and find())
    find = lambda: cluster(cache, made["CacheClusterId"])
    return wait_for(lambda: find()["CacheClusterStatus"] == "available" and find())


def interfaces(ec2, security_group):
    filters = [{"Name": "group-id", "Values": [security_group]}]
    return ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]


# Cache clusters -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "asked", "port"),
    [("redis", None, 6379), ("memcached", None, 11211), ("redis", 7380, 7380)],
)
def test_the_port_is_the_one_asked_for_or_the_engines(cache, engine, asked, port):
    made = create_cluster(cache, Engine=engine, NumCacheNodes=1, **({"Port": asked} if asked else {}))
    assert up(cache, made)["CacheNodes"][0]["Endpoint"]["Port"] == port


def test_no_endpoints_while_creating(cache):
    made = create_cluster(cache, Engine="memcached", NumCacheNodes=2)
    assert made["CacheClusterStatus"] == "creating"
    assert "ConfigurationEndpoint" not in made and "CacheNodes" not in made
    seen = cluster(cache, made["CacheClusterId"])
    assert seen["CacheClusterStatus"] == "creating" and "CacheNodes" not in seen
    assert "ConfigurationEndpoint" in up(cache, made)


def test_memcached_has_a_configuration_endpoint(cache):
    seen = up(cache, create_cluster(cache, Engine="memcached", NumCacheNodes=3, Port=12345))
    assert seen["ConfigurationEndpoint"]["Port"] == 12345
    assert [node["CacheNodeId"] for node in seen["CacheNodes"]] == ["0001", "0002", "0003"]
    assert {node["Endpoint"]["Port"] for node in seen["CacheNodes"]} == {12345}


def test_nodes_are_shown_only_when_asked_for(cache):
    made = up(cache, create_cluster(cache, Engine="redis", NumCacheNodes=1))
    plain = cache.describe_cache_clusters(CacheClusterId=made["CacheClusterId"])["CacheClusters"][0]
    assert "CacheNodes" not in plain


def test_security_groups_are_kept_and_modified(cache, ec2, network):
    made = up(cache, create_cluster(cache, Engine="redis", NumCacheNodes=1, **network))
    assert [item["SecurityGroupId"] for item in made["SecurityGroups"]] == network["SecurityGroupIds"]
    vpc = ec2.describe_security_groups(GroupIds=network["SecurityGroupIds"])["SecurityGroups"][0]["VpcId"]
    other = ec2.create_security_group(GroupName="other", Description="d", VpcId=vpc)["GroupId"]
    cache.modify_cache_cluster(CacheClusterId=made["CacheClusterId"], SecurityGroupIds=[other])
    assert [item["SecurityGroupId"] for item in cluster(cache, made["CacheClusterId"])["SecurityGroups"]] == [other]
    assert interfaces(ec2, network["SecurityGroupIds"][0]) == [] and len(interfaces(ec2, other)) == 1


def test_without_groups_a_cache_gets_the_default_one(cache, ec2, network):
    made = create_cluster(cache, Engine="redis", NumCacheNodes=1, CacheSubnetGroupName=network["CacheSubnetGroupName"])
    (membership,) = made["SecurityGroups"]
    described = ec2.describe_security_groups(GroupIds=[membership["SecurityGroupId"]])["SecurityGroups"][0]
    assert described["GroupName"] == "default"


def test_nodes_have_interfaces_of_their_own(cache, ec2, network):
    made = create_cluster(cache, Engine="redis", NumCacheNodes=1, **network)
    name, security_group = made["CacheClusterId"], network["SecurityGroupIds"][0]
    (interface,) = interfaces(ec2, security_group)
    assert interface["RequesterId"] == "amazon-elasticache" and interface["RequesterManaged"] is True
    assert interface["Description"] == f"ElastiCache {name}"
    assert interface["PrivateIpAddress"].startswith("10.40.1.") and "Association" not in interface
    up(cache, made)
    cache.delete_cache_cluster(CacheClusterId=name)
    wait_for(lambda: not interfaces(ec2, security_group))


def test_a_deleted_id_can_be_used_again_once_it_is_gone(cache):
    made = up(cache, create_cluster(cache, Engine="redis", NumCacheNodes=1))
    name = made["CacheClusterId"]
    assert cache.delete_cache_cluster(CacheClusterId=name)["CacheCluster"]["CacheClusterStatus"] == "deleting"
    again = {"CacheClusterId": name, "Engine": "redis", "NumCacheNodes": 1, "CacheNodeType": "cache.t3.micro"}
    assert code_of(cache.create_cache_cluster, **again) == "CacheClusterAlreadyExists"
    wait_for(lambda: name not in [item["CacheClusterId"] for item in cache.describe_cache_clusters()["CacheClusters"]])
    assert code_of(cache.describe_cache_clusters, CacheClusterId=name) == "CacheClusterNotFound"
    cache.create_cache_cluster(**again)


def test_ids_are_lower_cased(cache):
    made = cache.create_cache_cluster(
        CacheClusterId="MixedCase-1", Engine="redis", NumCacheNodes=1, CacheNodeType="cache.t3.micro"
    )
    assert made["CacheCluster"]["CacheClusterId"] == "mixedcase-1"
    assert cluster(cache, "MIXEDCASE-1")["ARN"].endswith(":cluster:mixedcase-1")


@pytest.mark.parametrize("name", ["1abc", "a--b", "ends-", "under_score", "a" * 51])
def test_bad_ids_are_refused(cache, name):
    call = {"CacheClusterId": name, "Engine": "redis", "NumCacheNodes": 1, "CacheNodeType": "cache.t3.micro"}
    assert code_of(cache.create_cache_cluster, **call) == "InvalidParameterValue"


def test_what_does_not_exist_is_refused(cache):
    call = {"CacheClusterId": new_name(), "Engine": "redis", "NumCacheNodes": 1, "CacheNodeType": "cache.t3.micro"}
    assert (
        code_of(cache.create_cache_cluster, **call, CacheSubnetGroupName="nowhere") == "CacheSubnetGroupNotFoundFault"
    )
    assert (
        code_of(cache.create_cache_cluster, **call, SecurityGroupIds=["sg-0fedcba9876543210"])
        == "InvalidParameterValue"
    )
    assert code_of(cache.create_cache_cluster, **call, SnapshotName="nothing") == "SnapshotNotFoundFault"
    assert code_of(cache.describe_cache_clusters, CacheClusterId=call["CacheClusterId"]) == "CacheClusterNotFound"


def test_notifications_are_kept(cache):
    topic = "arn:aws:sns:eu-west-1:111122223333:caches"
    made = create_cluster(cache, Engine="redis", NumCacheNodes=1, NotificationTopicArn=topic)
    assert up(cache, made)["NotificationConfiguration"] == {"TopicArn": topic, "TopicStatus": "active"}


def test_clusters_come_in_pages(cache):
    for _ in range(21):
        create_cluster(cache, Engine="redis", NumCacheNodes=1)
    first = cache.describe_cache_clusters(MaxRecords=20)
    assert len(first["CacheClusters"]) == 20 and first["Marker"]
    names = [
        item["CacheClusterId"]
        for page in cache.get_paginator("describe_cache_clusters").paginate(PaginationConfig={"PageSize": 20})
        for item in page["CacheClusters"]
    ]
    assert len(names) == len(set(names)) >= 21
    assert code_of(cache.describe_cache_clusters, MaxRecords=5) == "InvalidParameterValue"


# Replication groups ---------------------------------------------------------------


def test_a_group_has_no_endpoints_while_creating(cache):
    made = create_group(cache, NumCacheClusters=1)
    assert made["Status"] == "creating" and "NodeGroups" not in made
    assert up(cache, made)["NodeGroups"][0]["PrimaryEndpoint"]["Port"] == 6379


def test_cluster_mode_disabled(cache, network):
    made = create_group(cache, NumCacheClusters=2, AutomaticFailoverEnabled=True, Port=7001, **network)
    seen = up(cache, made)
    name = seen["ReplicationGroupId"]
    assert seen["ClusterEnabled"] is False and seen["MemberClusters"] == [f"{name}-001", f"{name}-002"]
    (shard,) = seen["NodeGroups"]
    assert shard["PrimaryEndpoint"]["Port"] == shard["ReaderEndpoint"]["Port"] == 7001 and "Slots" not in shard
    assert [member["CurrentRole"] for member in shard["NodeGroupMembers"]] == ["primary", "replica"]
    assert "ConfigurationEndpoint" not in seen and seen["AutomaticFailover"] == "enabled"


def test_cluster_mode_enabled(cache, network):
    seen = up(cache, create_group(cache, NumNodeGroups=2, ReplicasPerNodeGroup=1, Port=7002, **network))
    name = seen["ReplicationGroupId"]
    assert seen["ClusterEnabled"] is True and seen["ConfigurationEndpoint"]["Port"] == 7002
    assert [shard["NodeGroupId"] for shard in seen["NodeGroups"]] == ["0001", "0002"]
    assert [shard["Slots"] for shard in seen["NodeGroups"]] == ["0-8191", "8192-16383"]
    assert seen["MemberClusters"] == [f"{name}-{shard}-{node}" for shard in ("0001", "0002") for node in ("001", "002")]
    member = seen["NodeGroups"][0]["NodeGroupMembers"][0]
    assert "CurrentRole" not in member and "PrimaryEndpoint" not in seen["NodeGroups"][0]


def test_members_are_cache_clusters(cache, network):
    seen = up(cache, create_group(cache, NumCacheClusters=2, Port=7003, TransitEncryptionEnabled=True, **network))
    for name in seen["MemberClusters"]:
        member = cluster(cache, name)
        assert member["ReplicationGroupId"] == seen["ReplicationGroupId"]
        assert [item["SecurityGroupId"] for item in member["SecurityGroups"]] == network["SecurityGroupIds"]
        assert member["CacheSubnetGroupName"] == network["CacheSubnetGroupName"]
        assert member["CacheNodes"][0]["Endpoint"]["Port"] == 7003
        assert member["TransitEncryptionEnabled"] is True and member["Engine"] == "redis"
    alone = cache.describe_cache_clusters(ShowCacheClustersNotInReplicationGroups=True)["CacheClusters"]
    assert not set(seen["MemberClusters"]) & {item["CacheClusterId"] for item in alone}


def test_protection_is_reported(cache):
    seen = up(
        cache,
        create_group(
            cache,
            NumCacheClusters=1,
            TransitEncryptionEnabled=True,
            AtRestEncryptionEnabled=True,
            KmsKeyId="key-1",
            AuthToken="correct-horse-battery-staple",
        ),
    )
    assert seen["TransitEncryptionEnabled"] and seen["AtRestEncryptionEnabled"] and seen["AuthTokenEnabled"]
    assert seen["KmsKeyId"] == "key-1"


def test_an_auth_token_needs_encryption_in_transit(cache):
    call = {
        "ReplicationGroupId": new_name(),
        "ReplicationGroupDescription": "d",
        "AuthToken": "correct-horse-battery-staple",
    }
    assert code_of(cache.create_replication_group, **call) == "InvalidParameterCombination"
    assert (
        code_of(cache.describe_replication_groups, ReplicationGroupId=call["ReplicationGroupId"])
        == "ReplicationGroupNotFoundFault"
    )


def test_user_groups_are_kept(cache):
    user = new_name()
    cache.create_user(
        UserId=user, UserName="default", Engine="redis", AccessString="on ~* +@all", NoPasswordRequired=True
    )
    cache.create_user_group(UserGroupId=f"{user}-g", Engine="redis", UserIds=[user])
    made = create_group(cache, NumCacheClusters=1, TransitEncryptionEnabled=True, UserGroupIds=[f"{user}-g"])
    assert up(cache, made)["UserGroupIds"] == [f"{user}-g"]


def test_nodes_and_node_groups_are_not_both_given(cache):
    call = {
        "ReplicationGroupId": new_name(),
        "ReplicationGroupDescription": "d",
        "NumCacheClusters": 2,
        "NumNodeGroups": 2,
    }
    assert code_of(cache.create_replication_group, **call) == "InvalidParameterCombination"


def test_a_replica_takes_everything_from_its_group(cache):
    seen = up(cache, create_group(cache, NumCacheClusters=1, Port=7004))
    name = f"{seen['ReplicationGroupId']}-new"
    call = {"CacheClusterId": name, "ReplicationGroupId": seen["ReplicationGroupId"]}
    assert code_of(cache.create_cache_cluster, **call, Port=7005) == "InvalidParameterCombination"
    cache.create_cache_cluster(**call)
    assert name in group(cache, seen["ReplicationGroupId"])["MemberClusters"]
    assert up(cache, {"CacheClusterId": name})["CacheNodes"][0]["Endpoint"]["Port"] == 7004
    assert code_of(cache.delete_cache_cluster, CacheClusterId=seen["MemberClusters"][0]) == "InvalidCacheClusterState"


def test_modified_security_groups_reach_all_members(cache, ec2, network):
    seen = up(cache, create_group(cache, NumCacheClusters=2, **network))
    vpc = ec2.describe_security_groups(GroupIds=network["SecurityGroupIds"])["SecurityGroups"][0]["VpcId"]
    other = ec2.create_security_group(GroupName="other", Description="d", VpcId=vpc)["GroupId"]
    cache.modify_replication_group(ReplicationGroupId=seen["ReplicationGroupId"], SecurityGroupIds=[other])
    for name in seen["MemberClusters"]:
        assert [item["SecurityGroupId"] for item in cluster(cache, name)["SecurityGroups"]] == [other]


def test_only_available_groups_are_deleted(cache):
    made = create_group(cache, NumCacheClusters=1)
    call = {"ReplicationGroupId": made["ReplicationGroupId"]}
    assert code_of(cache.delete_replication_group, **call) == "InvalidReplicationGroupState"
    seen = up(cache, made)
    assert cache.delete_replication_group(**call)["ReplicationGroup"]["Status"] == "deleting"
    wait_for(
        lambda: (
            call["ReplicationGroupId"]
            not in [item["ReplicationGroupId"] for item in cache.describe_replication_groups()["ReplicationGroups"]]
        )
    )
    assert code_of(cache.describe_cache_clusters, CacheClusterId=seen["MemberClusters"][0]) == "CacheClusterNotFound"


# Snapshots ------------------------------------------------------------------------


def snapshot(cache, name, **options):
    find = lambda: cache.describe_snapshots(SnapshotName=name, **options)["Snapshots"][0]
    return wait_for(lambda: find()["SnapshotStatus"] == "available" and find())


def test_a_snapshot_tells_the_port_and_the_shards(cache, network):
    seen = up(cache, create_group(cache, NumNodeGroups=2, ReplicasPerNodeGroup=1, Port=7005, **network))
    name = new_name()
    made = cache.create_snapshot(ReplicationGroupId=seen["ReplicationGroupId"], SnapshotName=name)["Snapshot"]
    assert made["SnapshotStatus"] == "creating"
    ready = snapshot(cache, name, ShowNodeGroupConfig=True)
    assert (ready["Port"], ready["NumNodeGroups"]) == (7005, 2)
    assert ready["CacheSubnetGroupName"] == network["CacheSubnetGroupName"]
    slots = [node["NodeGroupConfiguration"]["Slots"] for node in ready["NodeSnapshots"]]
    assert slots == ["0-8191", "8192-16383"]


def test_a_group_is_restored_on_another_port(cache):
    seen = up(cache, create_group(cache, NumNodeGroups=2, ReplicasPerNodeGroup=0, Port=6379))
    name = new_name()
    cache.create_snapshot(ReplicationGroupId=seen["ReplicationGroupId"], SnapshotName=name)
    snapshot(cache, name)
    restored = up(cache, create_group(cache, SnapshotName=name, Port=7006))
    assert len(restored["NodeGroups"]) == 2 and restored["ConfigurationEndpoint"]["Port"] == 7006


def test_a_final_snapshot_is_taken_before_deleting(cache):
    seen = up(cache, create_group(cache, NumCacheClusters=1, Port=7007))
    name = new_name()
    cache.delete_replication_group(ReplicationGroupId=seen["ReplicationGroupId"], FinalSnapshotIdentifier=name)
    assert snapshot(cache, name)["Port"] == 7007


def test_a_snapshot_without_tags_has_those_of_its_source(cache):
    tags = [{"Key": "team", "Value": "shop"}]
    seen = up(cache, create_cluster(cache, Engine="redis", NumCacheNodes=1, Tags=tags))
    names = [new_name() for _ in range(3)]
    call = {"CacheClusterId": seen["CacheClusterId"]}
    other = [{"Key": "portcullis:moved-from", "Value": "arn"}]
    made = cache.create_snapshot(SnapshotName=names[0], Tags=other, **call)["Snapshot"]
    arns = [made["ARN"].replace(names[0], name) for name in names]
    up(cache, seen)
    cache.create_snapshot(SnapshotName=names[1], **call)
    up(cache, seen)
    cache.delete_cache_cluster(FinalSnapshotIdentifier=names[2], **call)
    shown = [cache.list_tags_for_resource(ResourceName=arn)["TagList"] for arn in arns]
    assert shown == [other, tags, tags]


def test_a_taken_snapshot_name_stops_the_deletion(cache):
    seen = up(cache, create_group(cache, NumCacheClusters=1))
    name = new_name()
    cache.create_snapshot(CacheClusterId=seen["MemberClusters"][0], SnapshotName=name)
    snapshot(cache, name)
    up(cache, seen)
    call = {"ReplicationGroupId": seen["ReplicationGroupId"], "FinalSnapshotIdentifier": name}
    assert code_of(cache.delete_replication_group, **call) == "SnapshotAlreadyExistsFault"
    assert group(cache, seen["ReplicationGroupId"])["Status"] == "available"


def test_memcached_has_no_snapshots(cache):
    seen = up(cache, create_cluster(cache, Engine="memcached", NumCacheNodes=1))
    call = {"CacheClusterId": seen["CacheClusterId"], "SnapshotName": new_name()}
    assert code_of(cache.create_snapshot, **call) == "SnapshotFeatureNotSupportedFault"
    assert code_of(cache.describe_snapshots, SnapshotName=call["SnapshotName"]) == "SnapshotNotFoundFault"


# Serverless and tags --------------------------------------------------------------


def test_serverless_caches_have_fixed_ports(cache, network):
    name = new_name()
    made = cache.create_serverless_cache(
        ServerlessCacheName=name, Engine="valkey", SecurityGroupIds=network["SecurityGroupIds"]
    )["ServerlessCache"]
    assert made["Status"] == "creating" and "Endpoint" not in made
    find = lambda: cache.describe_serverless_caches(ServerlessCacheName=name)["ServerlessCaches"][0]
    seen = wait_for(lambda: find()["Status"] == "available" and find())
    assert (seen["Endpoint"]["Port"], seen["ReaderEndpoint"]["Port"]) == (6379, 6380)
    assert seen["SecurityGroupIds"] == network["SecurityGroupIds"] and seen["ConnectionType"] == "vpc"


def test_a_public_serverless_cache_has_no_groups(cache, network):
    call = {"ServerlessCacheName": new_name(), "Engine": "valkey", "ConnectionType": "public"}
    assert code_of(cache.create_serverless_cache, **call, MajorEngineVersion="8") == "InvalidParameterCombination"
    made = cache.create_serverless_cache(**call, MajorEngineVersion="9")["ServerlessCache"]
    assert made["ConnectionType"] == "public" and made.get("SecurityGroupIds", []) == []


def test_tags_are_listed_added_and_removed(cache):
    made = up(cache, create_group(cache, NumCacheClusters=1, Tags=[{"Key": "team", "Value": "data"}]))
    cache.add_tags_to_resource(ResourceName=made["ARN"], Tags=[{"Key": "env", "Value": "test"}])
    cache.remove_tags_from_resource(ResourceName=made["ARN"], TagKeys=["team"])
    assert cache.list_tags_for_resource(ResourceName=made["ARN"])["TagList"] == [{"Key": "env", "Value": "test"}]


def test_a_serverless_cache_is_made_again_from_its_snapshot(cache, network):
    name, copy = new_name(), new_name()
    made = cache.create_serverless_cache(ServerlessCacheName=name, Engine="valkey")["ServerlessCache"]
    call = {"ServerlessCacheName": name, "ServerlessCacheSnapshotName": copy}
    assert code_of(cache.create_serverless_cache_snapshot, **call) == "InvalidServerlessCacheStateFault"
    find = lambda: cache.describe_serverless_caches(ServerlessCacheName=name)["ServerlessCaches"][0]
    wait_for(lambda: find()["Status"] == "available")
    snapshot = cache.create_serverless_cache_snapshot(**call)["ServerlessCacheSnapshot"]
    again = {"ServerlessCacheName": copy, "SnapshotArnsToRestore": [snapshot["ARN"]], "Engine": "valkey"}
    assert (
        snapshot["Status"] == "creating" and code_of(cache.create_serverless_cache, **again) == "InvalidParameterValue"
    )
    look = lambda: cache.describe_serverless_cache_snapshots(ServerlessCacheName=name)["ServerlessCacheSnapshots"]
    wait_for(lambda: [item["Status"] for item in look()] == ["available"])
    assert code_of(cache.create_serverless_cache, **{**again, "Engine": "redis"}) == "InvalidParameterCombination"
    assert cache.create_serverless_cache(**again)["ServerlessCache"]["Engine"] == made["Engine"]
    cache.delete_serverless_cache_snapshot(ServerlessCacheSnapshotName=copy)
    wait_for(lambda: not look())
    refused = {"ServerlessCacheSnapshotName": copy}
    assert code_of(cache.describe_serverless_cache_snapshots, **refused) == "ServerlessCacheSnapshotNotFoundFault"


def test_a_node_by_itself_becomes_the_primary_of_a_group(cache, network):
    node = up(cache, create_cluster(cache, Engine="redis", NumCacheNodes=1, Port=7008, EngineVersion="7.0", **network))
    made = up(cache, create_group(cache, PrimaryClusterId=node["CacheClusterId"]))
    assert made["MemberClusters"] == [node["CacheClusterId"]] and made["Engine"] == "redis"
    assert made["NodeGroups"][0]["PrimaryEndpoint"]["Port"] == 7008
    after = cluster(cache, node["CacheClusterId"])
    assert after.pop("ReplicationGroupId") == made["ReplicationGroupId"]
    assert after.pop("CacheNodes") == node.pop("CacheNodes") and after["EngineVersion"] == "7.0.7"
    assert after["SecurityGroups"] == node["SecurityGroups"]
    other = {"ReplicationGroupId": new_name(), "ReplicationGroupDescription": "d"}
    taken = code_of(cache.create_replication_group, PrimaryClusterId=node["CacheClusterId"], **other)
    assert taken == "InvalidParameterValue"
