//! Every member that a plan reads gets from the SDK into the document.

use super::*;

/// A group and a member with every member that the planner knows, though no cache has all of them.
fn everything() -> Value {
    let endpoint = |name: &str| json!({"Address": format!("{name}.invalid"), "Port": 6379});
    let log = |kind: &str, status: bool| {
        let mut log = json!({
            "LogType": kind, "DestinationType": "cloudwatch-logs", "LogFormat": "json",
            "DestinationDetails": {
                "CloudWatchLogsDetails": {"LogGroup": "logs"},
                "KinesisFirehoseDetails": {"DeliveryStream": "stream"},
            },
        });
        if status {
            log["Status"] = json!("active");
        }
        log
    };
    let member = json!({
        "CacheClusterId": "c-001", "CacheNodeId": "0001", "ReadEndpoint": endpoint("read"),
        "PreferredAvailabilityZone": "eu-west-1a", "PreferredOutpostArn": "op-1", "CurrentRole": "primary",
    });
    let group = json!({
        "ReplicationGroupId": "c", "ARN": "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:c",
        "Description": "a <cache> & more", "Status": "available",
        "GlobalReplicationGroupInfo": {
            "GlobalReplicationGroupId": "global", "GlobalReplicationGroupMemberRole": "PRIMARY",
        },
        "PendingModifiedValues": {
            "PrimaryClusterId": "c-001", "AutomaticFailoverStatus": "enabled",
            "Resharding": {"SlotMigration": {"ProgressPercentage": 50.0}}, "AuthTokenStatus": "ROTATING",
            "UserGroups": {"UserGroupIdsToAdd": ["u"], "UserGroupIdsToRemove": ["v"]},
            "LogDeliveryConfigurations": [log("engine-log", false)], "TransitEncryptionEnabled": true,
            "TransitEncryptionMode": "preferred", "ClusterMode": "compatible",
        },
        "MemberClusters": ["c-001"],
        "NodeGroups": [{
            "NodeGroupId": "0001", "Status": "available", "PrimaryEndpoint": endpoint("primary"),
            "ReaderEndpoint": endpoint("reader"), "Slots": "0-16383", "NodeGroupMembers": [member],
        }],
        "SnapshottingClusterId": "c-001", "AutomaticFailover": "enabled", "MultiAZ": "enabled",
        "ConfigurationEndpoint": endpoint("configuration"), "SnapshotRetentionLimit": 7,
        "SnapshotWindow": "01:00-02:00", "ClusterEnabled": true, "CacheNodeType": "cache.r7g.large",
        "AuthTokenEnabled": true, "TransitEncryptionEnabled": true, "AtRestEncryptionEnabled": true,
        "MemberClustersOutpostArns": ["op-1"], "KmsKeyId": "key", "StorageEncryptionType": "sse-kms",
        "UserGroupIds": ["people"], "LogDeliveryConfigurations": [log("slow-log", true)],
        "ReplicationGroupCreateTime": "2024-03-05T09:12:44.102000+00:00", "DataTiering": "enabled",
        "AutoMinorVersionUpgrade": true, "NetworkType": "dual_stack", "IpDiscovery": "ipv6",
        "TransitEncryptionMode": "required", "ClusterMode": "enabled", "Engine": "valkey",
        "Durability": "default", "EffectiveDurability": "async",
    });
    let cluster = json!({
        "CacheClusterId": "c-001", "ARN": "arn:aws:elasticache:eu-west-1:111122223333:cluster:c-001",
        "ConfigurationEndpoint": endpoint("configuration"), "CacheNodeType": "cache.r7g.large",
        "Engine": "valkey", "EngineVersion": "8.0.1", "CacheClusterStatus": "available", "NumCacheNodes": 1,
        "PreferredAvailabilityZone": "eu-west-1a", "PreferredOutpostArn": "op-1",
        "CacheClusterCreateTime": "2024-03-05T09:12:44+00:00",
        "PreferredMaintenanceWindow": "sun:03:00-sun:04:00",
        "PendingModifiedValues": {
            "NumCacheNodes": 2, "CacheNodeIdsToRemove": ["0001"], "EngineVersion": "8.1",
            "CacheNodeType": "cache.r7g.xlarge", "AuthTokenStatus": "SETTING",
            "LogDeliveryConfigurations": [log("engine-log", false)], "TransitEncryptionEnabled": true,
            "TransitEncryptionMode": "required",
            "ScaleConfig": {"ScalePercentage": 50, "ScaleIntervalMinutes": 5},
        },
        "NotificationConfiguration": {
            "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "TopicStatus": "active",
        },
        "CacheSecurityGroups": [{"CacheSecurityGroupName": "classic", "Status": "active"}],
        "CacheParameterGroup": {
            "CacheParameterGroupName": "own", "ParameterApplyStatus": "pending-reboot",
            "CacheNodeIdsToReboot": ["0001"],
        },
        "CacheSubnetGroupName": "private",
        "CacheNodes": [{
            "CacheNodeId": "0001", "CacheNodeStatus": "available",
            "CacheNodeCreateTime": "2024-03-05T09:12:44.100000+00:00", "Endpoint": endpoint("node"),
            "ParameterGroupStatus": "in-sync", "SourceCacheNodeId": "0002",
            "CustomerAvailabilityZone": "eu-west-1a", "CustomerOutpostArn": "op-1",
        }],
        "AutoMinorVersionUpgrade": true, "SecurityGroups": [{"SecurityGroupId": "sg-1", "Status": "active"}],
        "ReplicationGroupId": "c", "SnapshotRetentionLimit": 7, "SnapshotWindow": "01:00-02:00",
        "AuthTokenEnabled": true, "TransitEncryptionEnabled": true, "AtRestEncryptionEnabled": true,
        "ReplicationGroupLogDeliveryEnabled": true, "LogDeliveryConfigurations": [log("slow-log", true)],
        "NetworkType": "dual_stack", "IpDiscovery": "ipv6", "TransitEncryptionMode": "required",
    });
    json!({
        "Cache": "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:c",
        "ReplicationGroups": [group], "CacheClusters": [cluster],
        "TagList": [{"Key": "team", "Value": "shop"}],
        "CacheSubnetGroups": [{
            "CacheSubnetGroupName": "private", "VpcId": "vpc-1", "ARN": "arn:subnets",
            "Subnets": [{
                "SubnetIdentifier": "subnet-1", "SubnetAvailabilityZone": {"Name": "eu-west-1a"},
                "SupportedNetworkTypes": ["ipv4"],
            }],
            "SupportedNetworkTypes": ["ipv4", "dual_stack"],
        }],
        "Subnets": [
            {"SubnetId": "subnet-1", "AvailabilityZone": "eu-west-1a", "AvailableIpAddressCount": 12},
        ],
        "Snapshots": [{
            "SnapshotName": "automatic.c-1", "ReplicationGroupId": "c", "CacheClusterId": "c-001",
            "SnapshotStatus": "available", "SnapshotSource": "automated", "ARN": "arn:snapshot",
            "NodeSnapshots": [{
                "CacheClusterId": "c-001", "NodeGroupId": "0001", "CacheNodeId": "0001", "CacheSize": "5 MB",
                "SnapshotCreateTime": "2024-03-06T01:00:00+00:00",
            }],
        }],
        "SecurityGroups": [{
            "GroupId": "sg-1", "GroupName": "caches", "OwnerId": "111122223333", "VpcId": "vpc-1",
            "Tags": [{"Key": "portcullis:protect", "Value": "yes"}],
        }],
        "SecurityGroupRules": [
            {
                "SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "GroupOwnerId": "111122223333",
                "IsEgress": false, "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379,
                "PrefixListId": "pl-1", "Description": "office",
                "Tags": [{"Key": "portcullis:plan", "Value": "1a2b3c4d5e6f7081"}],
            },
            {
                "SecurityGroupRuleId": "sgr-2", "GroupId": "sg-1", "GroupOwnerId": "111122223333",
                "IsEgress": false, "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379,
                "ReferencedGroupInfo": {"GroupId": "sg-2", "UserId": "444455556666", "VpcId": "vpc-2"},
                "Tags": [],
            },
            {
                "SecurityGroupRuleId": "sgr-3", "GroupId": "sg-1", "GroupOwnerId": "111122223333",
                "IsEgress": true, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv6": "::/0",
                "Tags": [],
            },
        ],
        "PrefixLists": [{
            "PrefixListId": "pl-1", "Entries": [{"Cidr": "10.40.0.0/16", "Description": "VPN"}],
        }],
        "CacheEngineVersions": [{"Engine": "valkey", "EngineVersion": "8.0"}],
        "ScalableTargets": [{
            "ServiceNamespace": "elasticache", "ResourceId": "replication-group/c", "MinCapacity": 1,
            "MaxCapacity": 5, "ScalableDimension": "elasticache:replication-group:Replicas",
        }],
        "MetricAlarms": [
            {
                "AlarmName": "a", "Namespace": "AWS/ElastiCache", "MetricName": "Evictions",
                "Dimensions": [{"Name": "CacheClusterId", "Value": "c-001"}], "Metrics": [],
            },
            {
                "AlarmName": "b", "Dimensions": [],
                "Metrics": [{"MetricStat": {"Metric": {
                    "Dimensions": [{"Name": "ReplicationGroupId", "Value": "c"}],
                }}}],
            },
        ],
        "Replacements": [],
    })
}

#[tokio::test]
async fn every_member_comes_through_as_the_aws_cli_would_print_it() {
    let everything = everything();
    let looked = look(&account(&everything), "c").await;
    for (name, list) in everything.as_object().unwrap() {
        assert_eq!(looked[name], *list, "{name}");
    }
    assert_eq!(looked.as_object().unwrap().len(), everything.as_object().unwrap().len());
}

/// So the test above leaves none out: a member that the planner reads, and that is not in
/// [`everything`], is `None` or empty there.
#[test]
fn everything_is_everything_that_the_planner_reads() {
    let facts = facts(&everything());
    let read = format!("{:?} {:?} {:?}", facts.cache, facts.subnet_group, facts.snapshots);
    assert!(!read.contains("None") && !read.contains("[]") && !read.contains("\"\""), "{read}");
}
