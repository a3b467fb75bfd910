//! The Describe outputs that a plan is made from, in ElastiCache's own shapes (service model
//! 2015-02-02): what a shell gets from the SDK, and what `aws elasticache describe-…` prints.
//!
//! Every member may be missing: an older AWS CLI does not print what it does not know. What is not
//! there stays `None`, and [`crate::recover`] refuses unless it provably does not matter. The lists [`REPLICATION_GROUP_UNUSED`] and [`CACHE_CLUSTER_UNUSED`] name the
//! members that are not read, and why; a test holds both against the service model.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Members of `ReplicationGroup` that say nothing about how to make the group again.
pub const REPLICATION_GROUP_UNUSED: &[(&str, &str)] = &[
    ("AuthTokenLastModifiedDate", "a date of the old group"),
    ("ReplicationGroupCreateTime", "a date of the old group"),
];

/// Members of `CacheCluster` that say nothing about how to make the cache again.
pub const CACHE_CLUSTER_UNUSED: &[(&str, &str)] = &[
    ("AuthTokenLastModifiedDate", "a date of the old cluster"),
    ("CacheClusterCreateTime", "a date of the old cluster"),
    ("ClientDownloadLandingPage", "a link to client libraries"),
    ("ReplicationGroupLogDeliveryEnabled", "the group's own LogDeliveryConfigurations say it"),
];

/// `ReplicationGroup`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct ReplicationGroup {
    pub replication_group_id: String,
    #[serde(rename = "ARN")]
    pub arn: Option<String>,
    pub description: Option<String>,
    pub status: Option<String>,
    pub global_replication_group_info: Option<GlobalDatastore>,
    pub pending_modified_values: Option<Pending>,
    pub member_clusters: Vec<String>,
    pub node_groups: Vec<NodeGroup>,
    pub snapshotting_cluster_id: Option<String>,
    pub automatic_failover: Option<String>,
    #[serde(rename = "MultiAZ")]
    pub multi_az: Option<String>,
    pub configuration_endpoint: Option<Endpoint>,
    pub snapshot_retention_limit: Option<i64>,
    pub snapshot_window: Option<String>,
    pub cluster_enabled: Option<bool>,
    pub cache_node_type: Option<String>,
    pub auth_token_enabled: Option<bool>,
    pub transit_encryption_enabled: Option<bool>,
    pub at_rest_encryption_enabled: Option<bool>,
    pub member_clusters_outpost_arns: Vec<String>,
    pub kms_key_id: Option<String>,
    pub storage_encryption_type: Option<String>,
    pub user_group_ids: Option<Vec<String>>,
    pub log_delivery_configurations: Option<Vec<LogDelivery>>,
    pub data_tiering: Option<String>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub network_type: Option<String>,
    pub ip_discovery: Option<String>,
    pub transit_encryption_mode: Option<String>,
    pub cluster_mode: Option<String>,
    pub engine: Option<String>,
    pub durability: Option<String>,
    pub effective_durability: Option<String>,
}

/// `GlobalReplicationGroupInfo`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct GlobalDatastore {
    pub global_replication_group_id: Option<String>,
    pub global_replication_group_member_role: Option<String>,
}

/// The names of the members of `PendingModifiedValues` that are set. Their values are not kept:
/// whatever is pending, the cache is not copied before it is through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Value>")]
pub struct Pending(pub Vec<String>);

impl From<BTreeMap<String, Value>> for Pending {
    fn from(members: BTreeMap<String, Value>) -> Self {
        let set = |value: &Value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        };
        Self(members.into_iter().filter(|(_, value)| set(value)).map(|(name, _)| name).collect())
    }
}

/// `NodeGroup`, a shard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct NodeGroup {
    pub node_group_id: Option<String>,
    pub status: Option<String>,
    pub primary_endpoint: Option<Endpoint>,
    pub reader_endpoint: Option<Endpoint>,
    pub slots: Option<String>,
    pub node_group_members: Vec<NodeGroupMember>,
}

/// `NodeGroupMember`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct NodeGroupMember {
    pub cache_cluster_id: Option<String>,
    pub read_endpoint: Option<Endpoint>,
    pub preferred_availability_zone: Option<String>,
    pub preferred_outpost_arn: Option<String>,
    pub current_role: Option<String>,
}

/// `Endpoint`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct Endpoint {
    pub address: Option<String>,
    pub port: Option<u16>,
}

/// `LogDeliveryConfiguration`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct LogDelivery {
    pub log_type: Option<String>,
    pub destination_type: Option<String>,
    pub destination_details: DestinationDetails,
    pub log_format: Option<String>,
    pub status: Option<String>,
}

/// `DestinationDetails`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct DestinationDetails {
    #[serde(rename = "CloudWatchLogsDetails")]
    pub cloud_watch_logs: Option<LogGroup>,
    #[serde(rename = "KinesisFirehoseDetails")]
    pub kinesis_firehose: Option<DeliveryStream>,
}

/// `CloudWatchLogsDestinationDetails`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct LogGroup {
    pub log_group: Option<String>,
}

/// `KinesisFirehoseDestinationDetails`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct DeliveryStream {
    pub delivery_stream: Option<String>,
}

/// `CacheCluster`, with its nodes (`--show-cache-node-info`).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct CacheCluster {
    pub cache_cluster_id: String,
    #[serde(rename = "ARN")]
    pub arn: Option<String>,
    pub configuration_endpoint: Option<Endpoint>,
    pub cache_node_type: Option<String>,
    pub engine: Option<String>,
    pub engine_version: Option<String>,
    pub cache_cluster_status: Option<String>,
    pub num_cache_nodes: Option<i64>,
    pub preferred_availability_zone: Option<String>,
    pub preferred_outpost_arn: Option<String>,
    pub preferred_maintenance_window: Option<String>,
    pub pending_modified_values: Option<Pending>,
    pub notification_configuration: Option<Notification>,
    pub cache_security_groups: Vec<ClassicGroup>,
    pub cache_parameter_group: Option<ParameterGroup>,
    pub cache_subnet_group_name: Option<String>,
    pub cache_nodes: Vec<CacheNode>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub security_groups: Vec<SecurityGroup>,
    pub replication_group_id: Option<String>,
    pub snapshot_retention_limit: Option<i64>,
    pub snapshot_window: Option<String>,
    pub auth_token_enabled: Option<bool>,
    pub transit_encryption_enabled: Option<bool>,
    pub at_rest_encryption_enabled: Option<bool>,
    pub log_delivery_configurations: Option<Vec<LogDelivery>>,
    pub network_type: Option<String>,
    pub ip_discovery: Option<String>,
    pub transit_encryption_mode: Option<String>,
}

impl CacheCluster {
    /// The port that it listens on, if Describe shows any.
    pub fn port(&self) -> Option<u16> {
        let nodes = self.cache_nodes.iter().filter_map(|node| node.endpoint.as_ref());
        let mut shown =
            self.configuration_endpoint.iter().chain(nodes).filter_map(|endpoint| endpoint.port);
        shown.find(|port| *port != 0)
    }

    /// The ids of its security groups.
    pub fn group_ids(&self) -> impl Iterator<Item = &str> {
        self.security_groups.iter().filter_map(|group| group.security_group_id.as_deref())
    }
}

/// `NotificationConfiguration`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct Notification {
    pub topic_arn: Option<String>,
    pub topic_status: Option<String>,
}

/// `CacheSecurityGroupMembership`: only outside a VPC, in EC2-Classic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct ClassicGroup {
    pub cache_security_group_name: Option<String>,
}

/// `CacheParameterGroupStatus`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct ParameterGroup {
    pub cache_parameter_group_name: Option<String>,
    pub parameter_apply_status: Option<String>,
}

/// `SecurityGroupMembership`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct SecurityGroup {
    pub security_group_id: Option<String>,
    pub status: Option<String>,
}

/// `CacheNode`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct CacheNode {
    pub cache_node_id: Option<String>,
    pub endpoint: Option<Endpoint>,
    pub customer_availability_zone: Option<String>,
    pub customer_outpost_arn: Option<String>,
}

/// `CacheSubnetGroup`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct SubnetGroup {
    #[serde(rename = "ARN")]
    pub arn: Option<String>,
    pub cache_subnet_group_name: String,
    pub vpc_id: Option<String>,
    pub subnets: Vec<Subnet>,
    pub supported_network_types: Vec<String>,
}

/// `Subnet` of a subnet group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct Subnet {
    pub subnet_identifier: Option<String>,
    pub subnet_availability_zone: Option<Zone>,
}

/// `AvailabilityZone`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct Zone {
    pub name: Option<String>,
}

/// `Snapshot`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct Snapshot {
    #[serde(rename = "ARN")]
    pub arn: Option<String>,
    pub snapshot_name: String,
    pub replication_group_id: Option<String>,
    pub cache_cluster_id: Option<String>,
    pub snapshot_status: Option<String>,
    pub snapshot_source: Option<String>,
    pub node_snapshots: Vec<NodeSnapshot>,
}

/// `NodeSnapshot`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "each member is AWS's, by its name")]
pub struct NodeSnapshot {
    pub cache_size: Option<String>,
    pub snapshot_create_time: Option<String>,
}
