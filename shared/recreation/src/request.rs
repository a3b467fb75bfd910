//! The request that makes a cache: what CreateReplicationGroup or CreateCacheCluster is given.
//!
//! The same type holds what *would* make the old cache as it is ([`crate::recover`]) and what will
//! make the new one ([`crate::plan`]), so that comparing them is comparing inputs one by one.

mod inputs;
mod value;

use std::fmt;

use portcullis_engine::facts::{Engine, Tag};

use crate::describe::LogDelivery;
use crate::form::Form;
use crate::versions::{Feature, knows};

pub use inputs::{CLUSTER_NEVER, GROUP_NEVER};
pub use value::Value;

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
    pub maintenance_window: String,
    /// `Port`
    pub port: u16,
    /// `NotificationTopicArn`
    pub topic: Option<String>,
    /// `AutoMinorVersionUpgrade`
    pub auto_minor_version_upgrade: bool,
    /// `SnapshotRetentionLimit`, in days.
    pub snapshot_retention: Option<i64>,
    /// `SnapshotWindow`
    pub snapshot_window: Option<String>,
    /// `AuthToken`
    pub auth_token: Token,
    /// Whether it is encrypted in transit: `TransitEncryptionEnabled`.
    pub transit_encryption: bool,
    /// `LogDeliveryConfigurations`
    pub logs: Vec<LogDelivery>,
    /// `NetworkType`; `None` where only IPv4 is possible.
    pub network_type: Option<String>,
    /// `IpDiscovery`; `None` where only IPv4 is possible.
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
    /// Whether it is encrypted at rest: `AtRestEncryptionEnabled`.
    pub at_rest_encryption: bool,
    /// `KmsKeyId`
    pub kms_key: Option<String>,
    /// `UserGroupIds`, in order.
    pub user_groups: Vec<String>,
    /// Whether its nodes have data tiering: `DataTieringEnabled`, sent only where they do.
    pub data_tiering: bool,
    /// `Durability`
    pub durability: Option<String>,
}

/// How many nodes a group has, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Cluster mode disabled, one primary and replicas: `PreferredCacheClusterAZs`, the primary's first. As
    /// many nodes as zones: `NumCacheClusters`.
    Nodes(Vec<String>),
    /// Cluster mode enabled: `NodeGroupConfiguration`, and as many `NumNodeGroups`.
    Shards(Vec<Shard>),
}

/// `NodeGroupConfiguration` of one shard. Its members for Outposts are never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// `NodeGroupId`
    pub id: String,
    /// `Slots`, one range. `None` in every shard if any of them holds several: AWS then divides them.
    pub slots: Option<String>,
    /// `PrimaryAvailabilityZone`
    pub primary_zone: String,
    /// `ReplicaAvailabilityZones`, one for each replica: `ReplicaCount`.
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
    One(String),
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

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.as_deref().unwrap_or("as AWS divides them");
        write!(f, "{}: slots {slots}, {}", self.id, self.primary_zone)?;
        for zone in &self.replica_zones {
            write!(f, " + {zone}")?;
        }
        Ok(())
    }
}

impl Request {
    /// The API operation.
    pub fn operation(&self) -> &'static str {
        match self.kind {
            Kind::Group(_) => "CreateReplicationGroup",
            Kind::Cluster(_) => "CreateCacheCluster",
        }
    }

    /// What it makes.
    pub fn form(&self) -> Form {
        match self.kind {
            Kind::Group(_) => Form::Group,
            Kind::Cluster(_) => Form::Cluster,
        }
    }

    /// How many nodes it makes.
    pub fn nodes(&self) -> u64 {
        let count = match &self.kind {
            Kind::Group(_) => self.zones().len(),
            Kind::Cluster(inputs) => return u64::try_from(inputs.nodes).unwrap_or_default(),
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// The zones of its nodes, one for each.
    pub fn zones(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Group(GroupInputs { shape: Shape::Nodes(zones), .. })
            | Kind::Cluster(ClusterInputs { placement: Placement::Many(zones), .. }) => {
                zones.iter().map(String::as_str).collect()
            }
            Kind::Group(GroupInputs { shape: Shape::Shards(shards), .. }) => shards
                .iter()
                .flat_map(|shard| [&shard.primary_zone].into_iter().chain(&shard.replica_zones))
                .map(String::as_str)
                .collect(),
            Kind::Cluster(ClusterInputs { nodes, placement: Placement::One(zone) }) => {
                let nodes = usize::try_from(*nodes).unwrap_or_default();
                vec![zone.as_str(); nodes]
            }
        }
    }

    /// Whether its engine version can do this.
    pub fn knows(&self, feature: Feature) -> bool {
        knows(&self.engine, &self.engine_version, feature)
    }

    /// `TransitEncryptionEnabled` as it is sent: for a group where the version knows it, because the
    /// defaults of the engines differ; for a cluster only where it is on, because nobody has seen AWS take
    /// an explicit `false` there.
    pub fn transit_encryption_input(&self) -> Option<bool> {
        let known = match self.kind {
            Kind::Group(_) => self.knows(Feature::TransitEncryption),
            Kind::Cluster(_) => false,
        };
        (self.transit_encryption || known).then_some(self.transit_encryption)
    }

    /// `AtRestEncryptionEnabled` as it is sent: as [`Self::transit_encryption_input`], and of groups only.
    pub fn at_rest_encryption_input(&self) -> Option<bool> {
        let Kind::Group(group) = &self.kind else { return None };
        let known = self.knows(Feature::AtRestEncryption);
        (group.at_rest_encryption || known).then_some(group.at_rest_encryption)
    }

    /// `ClusterMode` as it is sent: only where it is not the default, and the version knows it.
    pub fn cluster_mode_input(&self) -> Option<&'static str> {
        let Kind::Group(GroupInputs { shape: Shape::Shards(_), .. }) = &self.kind else {
            return None;
        };
        self.knows(Feature::ClusterMode).then_some("enabled")
    }
}
