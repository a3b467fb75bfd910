//! What a plan is made from: the cache as Describe shows it, and what was found around it.
//!
//! A shell fills this from the SDK, [`crate::document`] from a file. What was not looked at is
//! `None` or [`Seen::Unknown`], never empty: the plan says so, or refuses.

use std::collections::BTreeMap;

use portcullis_engine::facts::{GroupFacts, Tag};

use crate::describe::{CacheCluster, ReplicationGroup, Snapshot, SubnetGroup};

/// Everything that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The cache that moves.
    pub cache: Cache,
    /// Its tags (ListTagsForResource); `None` if they were not read.
    pub tags: Option<Vec<Tag>>,
    /// Its subnet group (DescribeCacheSubnetGroups).
    pub subnet_group: Option<SubnetGroup>,
    /// Its snapshots (DescribeSnapshots), oldest first; `None` if they were not read.
    pub snapshots: Option<Vec<Snapshot>>,
    /// The security groups with their ingress rules, by id; `None` if no rules were read.
    pub groups: Option<BTreeMap<String, GroupFacts>>,
    /// The owners, by id, of those groups that a rule refers to and that another account owns.
    pub foreign_groups: BTreeMap<String, String>,
    /// Other caches of the account and Region that were seen.
    pub neighbours: Vec<Neighbour>,
    /// What an earlier run of a move of this very cache made, by its tags.
    pub ours: Vec<Ours>,
    /// What refers to the cache from outside.
    pub around: Around,
    /// What the account has room for.
    pub room: Room,
    /// The user agent of the call that made the cache, from its CloudTrail event.
    pub made_by: Option<String>,
}

impl Facts {
    /// The other caches, but for those that an earlier run of a move of this one made.
    pub fn strangers(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.iter().filter(|other| self.ours.iter().all(|ours| ours.id != other.id))
    }
}

/// A node-based cache. A serverless cache has no port setting, so it cannot move.
#[derive(Debug, Clone, PartialEq)]
pub enum Cache {
    /// A replication group of Redis OSS or Valkey, with all of its members.
    Group(Box<ReplicationGroup>, Vec<CacheCluster>),
    /// A cluster that is no member of a group.
    Cluster(Box<CacheCluster>),
}

impl Cache {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Group(group, _) => &group.replication_group_id,
            Self::Cluster(cluster) => &cluster.cache_cluster_id,
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> Option<&str> {
        match self {
            Self::Group(group, _) => group.arn.as_deref(),
            Self::Cluster(cluster) => cluster.arn.as_deref(),
        }
    }

    /// Its clusters: the members of the group, or itself.
    pub fn clusters(&self) -> &[CacheCluster] {
        match self {
            Self::Group(_, members) => members,
            Self::Cluster(cluster) => std::slice::from_ref(cluster),
        }
    }
}

/// Another cache of the account and Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The id of the group or the cluster.
    pub id: String,
    /// The ports that it listens on, as far as they are shown.
    pub ports: Vec<u16>,
    /// The ids of its security groups.
    pub groups: Vec<String>,
}

/// A cache that an earlier run of a move made: its tag `portcullis:moved-from` is the ARN of the cache
/// that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The id of the group or the cluster.
    pub id: String,
    /// The port that it listens on; AWS shows none while it is being made.
    pub port: Option<u16>,
    /// Its status, as AWS writes it.
    pub status: String,
    /// Whether clients were told of it.
    pub handed_over: bool,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// Things that were looked for, or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Seen {
    /// Nobody looked.
    #[default]
    Unknown,
    /// These were found, perhaps none.
    Read(Vec<String>),
}

/// What refers to the cache from outside, and so is not copied with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Around {
    /// Application Auto Scaling targets of the group: their dimensions.
    pub scaling: Seen,
    /// CloudWatch alarms on the group, its members or the cluster: their names.
    pub alarms: Seen,
    /// DNS records that point to an endpoint: their names.
    pub dns: Seen,
    /// IAM policies whose `elasticache:Connect` names the cache.
    pub policies: Seen,
    /// Parameters and secrets that hold an endpoint: their names, never their values.
    pub holders: Seen,
}

/// What the account has room for, as far as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// The quota of nodes in the Region.
    pub nodes_allowed: Option<u64>,
    /// Nodes that exist in the Region.
    pub nodes_in_use: Option<u64>,
    /// Free addresses of subnets, by id (DescribeSubnets, `AvailableIpAddressCount`).
    pub free_addresses: BTreeMap<String, u64>,
    /// The engine versions that can be made, as `valkey 8.0` (DescribeCacheEngineVersions).
    pub versions: Option<Vec<String>>,
    /// The most node-hours a day that running twice may take.
    pub most_node_hours: Option<u64>,
}
