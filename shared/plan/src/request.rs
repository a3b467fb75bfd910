//! The request that makes a cache: what CreateReplicationGroup or CreateCacheCluster is given.
//!
//! The same type holds what *would* make the old cache as it is ([`crate::recover`]) and what will
//! make the new one ([`crate::plan`]), so that comparing them is comparing inputs one by one.

use std::fmt;

use portcullis_engine::facts::{Engine, Tag};

use crate::describe::LogDelivery;

/// A request, with every input that is ever sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `ReplicationGroupId` or `CacheClusterId`
    pub id: String,
    /// `CacheNodeType`
    pub node_type: String,
    /// `Engine`
    pub engine: Engine,
    /// `EngineVersion`, as precise as the API takes it.
    pub engine_version: String,
    /// `CacheParameterGroupName`
    pub parameter_group: String,
    /// `CacheSubnetGroupName`
    pub subnet_group: String,
    /// `SecurityGroupIds`, in order.
    pub security_groups: Vec<String>,
    /// `Tags`, by key. No `aws:` tags: those are AWS's own.
    pub tags: Vec<Tag>,
    /// `SnapshotName`
    pub snapshot: Option<String>,
    /// `PreferredMaintenanceWindow`
    pub maintenance_window: Option<String>,
    /// `Port`
    pub port: u16,
    /// `NotificationTopicArn`
    pub topic: Option<String>,
    /// `AutoMinorVersionUpgrade`
    pub auto_minor_version_upgrade: Option<bool>,
    /// `SnapshotRetentionLimit`, in days.
    pub snapshot_retention: Option<i64>,
    /// `SnapshotWindow`
    pub snapshot_window: Option<String>,
    /// `AuthToken`
    pub auth_token: Token,
    /// `TransitEncryptionEnabled`
    pub transit_encryption: bool,
    /// `LogDeliveryConfigurations`
    pub logs: Vec<LogDelivery>,
    /// `NetworkType`
    pub network_type: Option<String>,
    /// `IpDiscovery`
    pub ip_discovery: Option<String>,
    /// What only one of the two calls takes.
    pub kind: Kind,
}

/// What only one of the two calls takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// CreateReplicationGroup
    Group(GroupInputs),
    /// CreateCacheCluster
    Cluster(ClusterInputs),
}

/// The inputs of CreateReplicationGroup alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInputs {
    /// `ReplicationGroupDescription`
    pub description: String,
    /// `AutomaticFailoverEnabled`
    pub automatic_failover: bool,
    /// `MultiAZEnabled`
    pub multi_az: bool,
    /// How many nodes, and where.
    pub shape: Shape,
    /// `TransitEncryptionMode`, only where it is `preferred`.
    pub transit_mode: Option<String>,
    /// `AtRestEncryptionEnabled`
    pub at_rest_encryption: bool,
    /// `KmsKeyId`
    pub kms_key: Option<String>,
    /// `UserGroupIds`, in order.
    pub user_groups: Vec<String>,
    /// `DataTieringEnabled`
    pub data_tiering: Option<bool>,
    /// `ClusterMode`
    pub cluster_mode: Option<String>,
    /// `Durability`
    pub durability: Option<String>,
}

/// How many nodes a group has, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Cluster mode disabled: one primary and replicas.
    Nodes {
        /// `NumCacheClusters`
        count: usize,
        /// `PreferredCacheClusterAZs`, the primary's first; empty where Describe does not show them.
        zones: Vec<String>,
    },
    /// Cluster mode enabled: `NodeGroupConfiguration`.
    Shards(Vec<Shard>),
}

/// `NodeGroupConfiguration` of one shard. Its members for Outposts are never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// `NodeGroupId`
    pub id: String,
    /// `Slots`: one range or several, as `0-100,200-300`.
    pub slots: String,
    /// `ReplicaCount`
    pub replicas: usize,
    /// `PrimaryAvailabilityZone`
    pub primary_zone: Option<String>,
    /// `ReplicaAvailabilityZones`: as many as replicas, or none where Describe does not show them.
    pub replica_zones: Vec<String>,
}

/// The inputs of CreateCacheCluster alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInputs {
    /// `NumCacheNodes`
    pub nodes: i64,
    /// Where they are.
    pub placement: Placement,
}

/// Where the nodes of a cluster are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// `PreferredAvailabilityZone`
    One(Option<String>),
    /// `AZMode` `cross-az` with `PreferredAvailabilityZones`, in order.
    Many(Vec<String>),
}

/// The AUTH token. AWS never shows it, and no type here can hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// The cache has none.
    None,
    /// The cache has one, and nobody said where it is kept.
    Hidden,
    /// The ARN of the Secrets Manager secret that keeps it.
    Secret(String),
}

/// The value of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not given.
    Unset,
    /// A string
    Text(String),
    /// A number
    Number(i64),
    /// A boolean
    Flag(bool),
    /// Strings
    List(Vec<String>),
    /// `Tags`
    Tags(Vec<Tag>),
    /// `NodeGroupConfiguration`
    Shards(Vec<Shard>),
    /// `LogDeliveryConfigurations`
    Logs(Vec<LogDelivery>),
    /// `AuthToken`
    Token(Token),
}

impl Value {
    fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Unset, |text| Self::Text(text.to_owned()))
    }

    fn list(items: &[String]) -> Self {
        if items.is_empty() { Self::Unset } else { Self::List(items.to_vec()) }
    }

    fn flag(flag: Option<bool>) -> Self {
        flag.map_or(Self::Unset, Self::Flag)
    }

    /// The value for people, a line an item.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unset => vec!["-".to_owned()],
            Self::Text(text) => vec![text.clone()],
            Self::Number(number) => vec![number.to_string()],
            Self::Flag(flag) => vec![if *flag { "yes" } else { "no" }.to_owned()],
            Self::List(items) => items.clone(),
            Self::Tags(tags) => tags.iter().map(|t| format!("{}={}", t.key, t.value)).collect(),
            Self::Shards(shards) => shards.iter().map(ToString::to_string).collect(),
            Self::Logs(logs) => logs.iter().map(log_line).collect(),
            Self::Token(Token::None) => vec!["-".to_owned()],
            Self::Token(Token::Hidden) => vec!["set; AWS does not show it".to_owned()],
            Self::Token(Token::Secret(arn)) => vec![format!("from {arn}")],
        }
    }

    /// Whether nothing is given.
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset | Self::Token(Token::None))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: slots {}", self.id, self.slots)?;
        match &self.primary_zone {
            Some(zone) => write!(f, ", {zone}")?,
            None => write!(f, ", {} replicas, zones unknown", self.replicas)?,
        }
        for zone in &self.replica_zones {
            write!(f, " + {zone}")?;
        }
        Ok(())
    }
}

/// The name of a log's destination: a log group or a delivery stream.
pub(crate) fn log_destination(log: &LogDelivery) -> Option<&str> {
    let details = &log.destination_details;
    let group = details.cloud_watch_logs.as_ref().and_then(|d| d.log_group.as_deref());
    let stream = details.kinesis_firehose.as_ref().and_then(|d| d.delivery_stream.as_deref());
    group.or(stream)
}

fn log_line(log: &LogDelivery) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let to = log_destination(log).unwrap_or_default();
    format!(
        "{} to {} {to}, {}",
        text(&log.log_type),
        text(&log.destination_type),
        text(&log.log_format)
    )
}

/// Inputs of CreateReplicationGroup that are never sent, and why.
pub const GROUP_NEVER: &[(&str, &str)] = &[
    ("GlobalReplicationGroupId", "a member of a Global datastore is refused"),
    ("PrimaryClusterId", "it would promote a node that exists, and keep its port"),
    (
        "NumNodeGroups",
        "one shard needs none, and several are given one by one in NodeGroupConfiguration",
    ),
    ("ReplicasPerNodeGroup", "NodeGroupConfiguration gives each shard's own ReplicaCount"),
    ("CacheSecurityGroupNames", "EC2-Classic only, which is refused"),
    ("SnapshotArns", "the snapshot is one of ElastiCache's own: SnapshotName is enough"),
    ("ServerlessCacheSnapshotName", "the snapshot is not one of a serverless cache"),
];

/// Inputs of CreateCacheCluster that are never sent, and why.
pub const CLUSTER_NEVER: &[(&str, &str)] = &[
    ("ReplicationGroupId", "it would make a replica of a group, on the group's port"),
    ("CacheSecurityGroupNames", "EC2-Classic only, which is refused"),
    ("SnapshotArns", "the snapshot is one of ElastiCache's own: SnapshotName is enough"),
    ("OutpostMode", "a cache on an Outpost is refused"),
    ("PreferredOutpostArn", "a cache on an Outpost is refused"),
    ("PreferredOutpostArns", "a cache on an Outpost is refused"),
];

impl Request {
    /// The API operation.
    pub fn operation(&self) -> &'static str {
        match self.kind {
            Kind::Group(_) => "CreateReplicationGroup",
            Kind::Cluster(_) => "CreateCacheCluster",
        }
    }

    /// The inputs of the operation that are never sent, and why.
    pub fn never(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::Group(_) => GROUP_NEVER,
            Kind::Cluster(_) => CLUSTER_NEVER,
        }
    }

    /// How many nodes it makes.
    pub fn nodes(&self) -> u64 {
        let count = match &self.kind {
            Kind::Group(GroupInputs { shape: Shape::Nodes { count, .. }, .. }) => *count,
            Kind::Group(GroupInputs { shape: Shape::Shards(shards), .. }) => {
                shards.iter().map(|shard| shard.replicas + 1).sum()
            }
            Kind::Cluster(inputs) => return u64::try_from(inputs.nodes).unwrap_or_default(),
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// The zones of its nodes, one for each node whose zone is known.
    pub fn zones(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Group(GroupInputs { shape: Shape::Nodes { zones, .. }, .. }) => {
                zones.iter().map(String::as_str).collect()
            }
            Kind::Group(GroupInputs { shape: Shape::Shards(shards), .. }) => shards
                .iter()
                .flat_map(|shard| shard.primary_zone.iter().chain(&shard.replica_zones))
                .map(String::as_str)
                .collect(),
            Kind::Cluster(ClusterInputs { placement: Placement::Many(zones), .. }) => {
                zones.iter().map(String::as_str).collect()
            }
            Kind::Cluster(ClusterInputs { nodes, placement: Placement::One(zone) }) => {
                let nodes = usize::try_from(*nodes).unwrap_or_default();
                zone.iter().flat_map(|zone| std::iter::repeat_n(zone.as_str(), nodes)).collect()
            }
        }
    }

    /// Every input of the operation that is ever sent, with its value, in the order of the service
    /// model. A field that is forgotten here does not compile.
    pub fn inputs(&self) -> Vec<(&'static str, Value)> {
        let Self {
            id,
            node_type,
            engine,
            engine_version,
            parameter_group,
            subnet_group,
            security_groups,
            tags,
            snapshot,
            maintenance_window,
            port,
            topic,
            auto_minor_version_upgrade,
            snapshot_retention,
            snapshot_window,
            auth_token,
            transit_encryption,
            logs,
            network_type,
            ip_discovery,
            kind,
        } = self;
        let text = |text: &str| Value::Text(text.to_owned());
        let mut inputs = match kind {
            Kind::Group(group) => group_head(id, group),
            Kind::Cluster(cluster) => cluster_head(id, cluster),
        };
        inputs.extend([
            ("CacheNodeType", text(node_type)),
            ("Engine", text(engine.as_str())),
            ("EngineVersion", text(engine_version)),
            ("CacheParameterGroupName", text(parameter_group)),
            ("CacheSubnetGroupName", text(subnet_group)),
            ("SecurityGroupIds", Value::list(security_groups)),
            ("Tags", if tags.is_empty() { Value::Unset } else { Value::Tags(tags.clone()) }),
            ("SnapshotName", Value::text(snapshot.as_deref())),
            ("PreferredMaintenanceWindow", Value::text(maintenance_window.as_deref())),
            ("Port", Value::Number((*port).into())),
            ("NotificationTopicArn", Value::text(topic.as_deref())),
            ("AutoMinorVersionUpgrade", Value::flag(*auto_minor_version_upgrade)),
            ("SnapshotRetentionLimit", snapshot_retention.map_or(Value::Unset, Value::Number)),
            ("SnapshotWindow", Value::text(snapshot_window.as_deref())),
            ("AuthToken", Value::Token(auth_token.clone())),
            ("TransitEncryptionEnabled", Value::Flag(*transit_encryption)),
            (
                "LogDeliveryConfigurations",
                if logs.is_empty() { Value::Unset } else { Value::Logs(logs.clone()) },
            ),
            ("NetworkType", Value::text(network_type.as_deref())),
            ("IpDiscovery", Value::text(ip_discovery.as_deref())),
        ]);
        if let Kind::Group(group) = kind {
            inputs.extend(group_tail(group));
        }
        inputs
    }
}

fn group_head(id: &str, group: &GroupInputs) -> Vec<(&'static str, Value)> {
    let (count, zones, shards) = match &group.shape {
        Shape::Nodes { count, zones } => (
            Value::Number(i64::try_from(*count).unwrap_or(i64::MAX)),
            Value::list(zones),
            Value::Unset,
        ),
        Shape::Shards(shards) => (Value::Unset, Value::Unset, Value::Shards(shards.clone())),
    };
    vec![
        ("ReplicationGroupId", Value::Text(id.to_owned())),
        ("ReplicationGroupDescription", Value::Text(group.description.clone())),
        ("AutomaticFailoverEnabled", Value::Flag(group.automatic_failover)),
        ("MultiAZEnabled", Value::Flag(group.multi_az)),
        ("NumCacheClusters", count),
        ("PreferredCacheClusterAZs", zones),
        ("NodeGroupConfiguration", shards),
    ]
}

fn group_tail(group: &GroupInputs) -> Vec<(&'static str, Value)> {
    let GroupInputs {
        description: _,
        automatic_failover: _,
        multi_az: _,
        shape: _,
        transit_mode,
        at_rest_encryption,
        kms_key,
        user_groups,
        data_tiering,
        cluster_mode,
        durability,
    } = group;
    vec![
        ("TransitEncryptionMode", Value::text(transit_mode.as_deref())),
        ("AtRestEncryptionEnabled", Value::Flag(*at_rest_encryption)),
        ("KmsKeyId", Value::text(kms_key.as_deref())),
        ("UserGroupIds", Value::list(user_groups)),
        ("DataTieringEnabled", Value::flag(*data_tiering)),
        ("ClusterMode", Value::text(cluster_mode.as_deref())),
        ("Durability", Value::text(durability.as_deref())),
    ]
}

fn cluster_head(id: &str, cluster: &ClusterInputs) -> Vec<(&'static str, Value)> {
    let ClusterInputs { nodes, placement } = cluster;
    let (mode, one, many) = match placement {
        Placement::One(zone) => (Value::Unset, Value::text(zone.as_deref()), Value::Unset),
        Placement::Many(zones) => {
            (Value::Text("cross-az".to_owned()), Value::Unset, Value::list(zones))
        }
    };
    vec![
        ("CacheClusterId", Value::Text(id.to_owned())),
        ("NumCacheNodes", Value::Number(*nodes)),
        ("AZMode", mode),
        ("PreferredAvailabilityZone", one),
        ("PreferredAvailabilityZones", many),
    ]
}
