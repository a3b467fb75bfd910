//! ElastiCache's shapes as the AWS CLI prints them: the members that a plan reads, and those that people
//! look for. What is not set is null here, and goes with [`without_nulls`](portcullis_recreation::document::without_nulls).

use aws_sdk_elasticache::primitives::{DateTime, DateTimeFormat};
use aws_sdk_elasticache::types::{
    CacheCluster, CacheNode, CacheSubnetGroup, DestinationDetails, Endpoint,
    LogDeliveryConfiguration, NodeGroup, NodeGroupMember, NodeSnapshot,
    PendingLogDeliveryConfiguration, PendingModifiedValues, ReplicationGroup,
    ReplicationGroupPendingModifiedValues, Snapshot, Subnet, Tag,
};
use serde_json::{Value, json};

/// As the AWS CLI writes times: `2024-03-05T09:12:44.102000+00:00`.
fn time(time: &Option<DateTime>) -> Option<String> {
    let text = time.as_ref()?.fmt(DateTimeFormat::DateTime).ok()?;
    let text = text.trim_end_matches('Z');
    Some(match text.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<6.6}+00:00"),
        None => format!("{text}+00:00"),
    })
}

fn list<T>(items: &Option<Vec<T>>, shape: fn(&T) -> Value) -> Option<Vec<Value>> {
    items.as_ref().map(|items| items.iter().map(shape).collect())
}

/// The words of the enumerations of the SDK.
macro_rules! word {
    ($value:expr) => {
        $value.as_ref().map(|word| word.as_str())
    };
}

macro_rules! words {
    ($values:expr) => {
        $values.as_ref().map(|words| words.iter().map(|word| word.as_str()).collect::<Vec<_>>())
    };
}

/// How the data at rest is encrypted. The SDK knows the member for the key: where AWS names neither a key nor
/// a type, it is a key of AWS's own.
fn storage(group: &ReplicationGroup) -> Option<&str> {
    let own = group.at_rest_encryption_enabled == Some(true) && group.kms_key_id.is_none();
    word!(group.storage_encryption_type).or_else(|| own.then_some("sse-elasticache"))
}

/// A replication group. The SDK knows every member: a list or an object that AWS leaves out is an empty one,
/// which a document that an older AWS CLI printed cannot say.
pub(crate) fn group(group: &ReplicationGroup) -> Value {
    let global = group.global_replication_group_info.as_ref();
    json!({
        "ReplicationGroupId": group.replication_group_id,
        "Description": group.description,
        "GlobalReplicationGroupInfo": {
            "GlobalReplicationGroupId": global.map(|global| &global.global_replication_group_id),
            "GlobalReplicationGroupMemberRole":
                global.map(|global| &global.global_replication_group_member_role),
        },
        "Status": group.status,
        "PendingModifiedValues":
            group.pending_modified_values.as_ref().map_or_else(|| json!({}), group_pending),
        "MemberClusters": group.member_clusters,
        "NodeGroups": list(&group.node_groups, node_group),
        "SnapshottingClusterId": group.snapshotting_cluster_id,
        "AutomaticFailover": word!(group.automatic_failover),
        "MultiAZ": word!(group.multi_az),
        "ConfigurationEndpoint": group.configuration_endpoint.as_ref().map(endpoint),
        "SnapshotRetentionLimit": group.snapshot_retention_limit,
        "SnapshotWindow": group.snapshot_window,
        "ClusterEnabled": group.cluster_enabled,
        "CacheNodeType": group.cache_node_type,
        "AuthTokenEnabled": group.auth_token_enabled,
        "TransitEncryptionEnabled": group.transit_encryption_enabled,
        "AtRestEncryptionEnabled": group.at_rest_encryption_enabled,
        "MemberClustersOutpostArns": group.member_clusters_outpost_arns,
        "KmsKeyId": group.kms_key_id,
        "StorageEncryptionType": storage(group),
        "ARN": group.arn,
        "UserGroupIds": group.user_group_ids(),
        "LogDeliveryConfigurations": logs(group.log_delivery_configurations()),
        "ReplicationGroupCreateTime": time(&group.replication_group_create_time),
        "DataTiering": word!(group.data_tiering),
        "AutoMinorVersionUpgrade": group.auto_minor_version_upgrade,
        "NetworkType": word!(group.network_type),
        "IpDiscovery": word!(group.ip_discovery),
        "TransitEncryptionMode": word!(group.transit_encryption_mode),
        "ClusterMode": word!(group.cluster_mode),
        "Engine": group.engine,
        "Durability": word!(group.durability),
        "EffectiveDurability": word!(group.effective_durability),
    })
}

/// A group that does not move.
pub(crate) fn other_group(group: &ReplicationGroup) -> Value {
    json!({
        "ReplicationGroupId": group.replication_group_id,
        "Status": group.status,
        "MemberClusters": group.member_clusters,
        "ARN": group.arn,
    })
}

fn logs(logs: &[LogDeliveryConfiguration]) -> Vec<Value> {
    logs.iter().map(log).collect()
}

fn group_pending(pending: &ReplicationGroupPendingModifiedValues) -> Value {
    json!({
        "PrimaryClusterId": pending.primary_cluster_id,
        "AutomaticFailoverStatus": word!(pending.automatic_failover_status),
        "Resharding": pending.resharding.as_ref().map(|resharding| json!({
            "SlotMigration": {
                "ProgressPercentage":
                    resharding.slot_migration.as_ref().and_then(|slots| slots.progress_percentage),
            },
        })),
        "AuthTokenStatus": word!(pending.auth_token_status),
        "UserGroups": pending.user_groups.as_ref().map(|groups| json!({
            "UserGroupIdsToAdd": groups.user_group_ids_to_add,
            "UserGroupIdsToRemove": groups.user_group_ids_to_remove,
        })),
        "LogDeliveryConfigurations": list(&pending.log_delivery_configurations, pending_log),
        "TransitEncryptionEnabled": pending.transit_encryption_enabled,
        "TransitEncryptionMode": word!(pending.transit_encryption_mode),
        "ClusterMode": word!(pending.cluster_mode),
    })
}

fn node_group(group: &NodeGroup) -> Value {
    json!({
        "NodeGroupId": group.node_group_id,
        "Status": group.status,
        "PrimaryEndpoint": group.primary_endpoint.as_ref().map(endpoint),
        "ReaderEndpoint": group.reader_endpoint.as_ref().map(endpoint),
        "Slots": group.slots,
        "NodeGroupMembers": list(&group.node_group_members, member),
    })
}

fn member(member: &NodeGroupMember) -> Value {
    json!({
        "CacheClusterId": member.cache_cluster_id,
        "CacheNodeId": member.cache_node_id,
        "ReadEndpoint": member.read_endpoint.as_ref().map(endpoint),
        "PreferredAvailabilityZone": member.preferred_availability_zone,
        "PreferredOutpostArn": member.preferred_outpost_arn,
        "CurrentRole": member.current_role,
    })
}

fn endpoint(endpoint: &Endpoint) -> Value {
    json!({"Address": endpoint.address, "Port": endpoint.port})
}

fn log(log: &LogDeliveryConfiguration) -> Value {
    json!({
        "LogType": word!(log.log_type),
        "DestinationType": word!(log.destination_type),
        "DestinationDetails": log.destination_details.as_ref().map(destination),
        "LogFormat": word!(log.log_format),
        "Status": word!(log.status),
        "Message": log.message,
    })
}

fn pending_log(log: &PendingLogDeliveryConfiguration) -> Value {
    json!({
        "LogType": word!(log.log_type),
        "DestinationType": word!(log.destination_type),
        "DestinationDetails": log.destination_details.as_ref().map(destination),
        "LogFormat": word!(log.log_format),
    })
}

fn destination(details: &DestinationDetails) -> Value {
    json!({
        "CloudWatchLogsDetails": details.cloud_watch_logs_details.as_ref().map(|logs| {
            json!({"LogGroup": logs.log_group})
        }),
        "KinesisFirehoseDetails": details.kinesis_firehose_details.as_ref().map(|firehose| {
            json!({"DeliveryStream": firehose.delivery_stream})
        }),
    })
}

/// A cluster with its nodes.
pub(crate) fn cluster(cluster: &CacheCluster) -> Value {
    json!({
        "CacheClusterId": cluster.cache_cluster_id,
        "ConfigurationEndpoint": cluster.configuration_endpoint.as_ref().map(endpoint),
        "CacheNodeType": cluster.cache_node_type,
        "Engine": cluster.engine,
        "EngineVersion": cluster.engine_version,
        "CacheClusterStatus": cluster.cache_cluster_status,
        "NumCacheNodes": cluster.num_cache_nodes,
        "PreferredAvailabilityZone": cluster.preferred_availability_zone,
        "PreferredOutpostArn": cluster.preferred_outpost_arn,
        "CacheClusterCreateTime": time(&cluster.cache_cluster_create_time),
        "PreferredMaintenanceWindow": cluster.preferred_maintenance_window,
        "PendingModifiedValues":
            cluster.pending_modified_values.as_ref().map_or_else(|| json!({}), cluster_pending),
        "NotificationConfiguration": cluster.notification_configuration.as_ref().map(|topic| {
            json!({"TopicArn": topic.topic_arn, "TopicStatus": topic.topic_status})
        }),
        "CacheSecurityGroups": list(&cluster.cache_security_groups, |group| json!({
            "CacheSecurityGroupName": group.cache_security_group_name, "Status": group.status,
        })),
        "CacheParameterGroup": cluster.cache_parameter_group.as_ref().map(|group| json!({
            "CacheParameterGroupName": group.cache_parameter_group_name,
            "ParameterApplyStatus": group.parameter_apply_status,
            "CacheNodeIdsToReboot": group.cache_node_ids_to_reboot,
        })),
        "CacheSubnetGroupName": cluster.cache_subnet_group_name,
        "CacheNodes": list(&cluster.cache_nodes, node),
        "AutoMinorVersionUpgrade": cluster.auto_minor_version_upgrade,
        "SecurityGroups": security_groups(cluster),
        "ReplicationGroupId": cluster.replication_group_id,
        "SnapshotRetentionLimit": cluster.snapshot_retention_limit,
        "SnapshotWindow": cluster.snapshot_window,
        "AuthTokenEnabled": cluster.auth_token_enabled,
        "TransitEncryptionEnabled": cluster.transit_encryption_enabled,
        "AtRestEncryptionEnabled": cluster.at_rest_encryption_enabled,
        "ARN": cluster.arn,
        "ReplicationGroupLogDeliveryEnabled": cluster.replication_group_log_delivery_enabled,
        "LogDeliveryConfigurations": logs(cluster.log_delivery_configurations()),
        "NetworkType": word!(cluster.network_type),
        "IpDiscovery": word!(cluster.ip_discovery),
        "TransitEncryptionMode": word!(cluster.transit_encryption_mode),
    })
}

/// A cluster that does not move.
pub(crate) fn other_cluster(cluster: &CacheCluster) -> Value {
    let node = |node: &CacheNode| json!({"CacheNodeId": node.cache_node_id, "Endpoint": node.endpoint.as_ref().map(endpoint)});
    json!({
        "CacheClusterId": cluster.cache_cluster_id,
        "ConfigurationEndpoint": cluster.configuration_endpoint.as_ref().map(endpoint),
        "CacheClusterStatus": cluster.cache_cluster_status,
        "CacheNodes": list(&cluster.cache_nodes, node),
        "SecurityGroups": security_groups(cluster),
        "ReplicationGroupId": cluster.replication_group_id,
        "ARN": cluster.arn,
    })
}

fn security_groups(cluster: &CacheCluster) -> Option<Vec<Value>> {
    list(
        &cluster.security_groups,
        |group| json!({"SecurityGroupId": group.security_group_id, "Status": group.status}),
    )
}

fn cluster_pending(pending: &PendingModifiedValues) -> Value {
    json!({
        "NumCacheNodes": pending.num_cache_nodes,
        "CacheNodeIdsToRemove": pending.cache_node_ids_to_remove,
        "EngineVersion": pending.engine_version,
        "CacheNodeType": pending.cache_node_type,
        "AuthTokenStatus": word!(pending.auth_token_status),
        "LogDeliveryConfigurations": list(&pending.log_delivery_configurations, pending_log),
        "TransitEncryptionEnabled": pending.transit_encryption_enabled,
        "TransitEncryptionMode": word!(pending.transit_encryption_mode),
        "ScaleConfig": pending.scale_config.as_ref().map(|scale| json!({
            "ScalePercentage": scale.scale_percentage,
            "ScaleIntervalMinutes": scale.scale_interval_minutes,
        })),
    })
}

fn node(node: &CacheNode) -> Value {
    json!({
        "CacheNodeId": node.cache_node_id,
        "CacheNodeStatus": node.cache_node_status,
        "CacheNodeCreateTime": time(&node.cache_node_create_time),
        "Endpoint": node.endpoint.as_ref().map(endpoint),
        "ParameterGroupStatus": node.parameter_group_status,
        "SourceCacheNodeId": node.source_cache_node_id,
        "CustomerAvailabilityZone": node.customer_availability_zone,
        "CustomerOutpostArn": node.customer_outpost_arn,
    })
}

pub(crate) fn tag(tag: &Tag) -> Value {
    json!({"Key": tag.key, "Value": tag.value})
}

pub(crate) fn subnet_group(group: &CacheSubnetGroup) -> Value {
    json!({
        "CacheSubnetGroupName": group.cache_subnet_group_name,
        "VpcId": group.vpc_id,
        "Subnets": list(&group.subnets, subnet),
        "ARN": group.arn,
        "SupportedNetworkTypes": words!(group.supported_network_types),
    })
}

fn subnet(subnet: &Subnet) -> Value {
    json!({
        "SubnetIdentifier": subnet.subnet_identifier,
        "SubnetAvailabilityZone":
            subnet.subnet_availability_zone.as_ref().map(|zone| json!({"Name": zone.name})),
        "SupportedNetworkTypes": words!(subnet.supported_network_types),
    })
}

pub(crate) fn snapshot(snapshot: &Snapshot) -> Value {
    json!({
        "SnapshotName": snapshot.snapshot_name,
        "ReplicationGroupId": snapshot.replication_group_id,
        "CacheClusterId": snapshot.cache_cluster_id,
        "SnapshotStatus": snapshot.snapshot_status,
        "SnapshotSource": snapshot.snapshot_source,
        "NodeSnapshots": list(&snapshot.node_snapshots, node_snapshot),
        "ARN": snapshot.arn,
    })
}

fn node_snapshot(node: &NodeSnapshot) -> Value {
    json!({
        "CacheClusterId": node.cache_cluster_id,
        "NodeGroupId": node.node_group_id,
        "CacheNodeId": node.cache_node_id,
        "CacheSize": node.cache_size,
        "SnapshotCreateTime": time(&node.snapshot_create_time),
    })
}
