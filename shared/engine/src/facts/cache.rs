//! A cache as Describe gave it.

use super::{CacheNetwork, EngineVersion, GroupFacts, Interface};

/// The three kinds of ElastiCache cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheKind {
    /// A cache cluster that is no member of a group: Memcached, or one node of Redis or Valkey.
    CacheCluster,
    /// A replication group of Redis OSS or Valkey.
    ReplicationGroup,
    /// A serverless cache, which has no port setting.
    ServerlessCache,
}

/// A cache engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// `redis`
    Redis,
    /// `valkey`
    Valkey,
    /// `memcached`
    Memcached,
    /// An engine that we do not know, or none named.
    Unknown(String),
}

impl Engine {
    /// Reads ElastiCache's `engine`.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "redis" => Self::Redis,
            "valkey" => Self::Valkey,
            "memcached" => Self::Memcached,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The port that a node-based cache of this engine gets when none is asked for
    /// (ElastiCache API reference, CreateReplicationGroup and CreateCacheCluster).
    pub fn default_port(&self) -> Option<u16> {
        match self {
            Self::Redis | Self::Valkey => Some(6379),
            Self::Memcached => Some(11_211),
            Self::Unknown(_) => None,
        }
    }

    /// AWS's spelling, for parameters.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
            Self::Memcached => "memcached",
            Self::Unknown(text) => text,
        }
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Redis => "Redis OSS",
            Self::Valkey => "Valkey",
            Self::Memcached => "Memcached",
            Self::Unknown(text) => text,
        }
    }
}

/// A cache and the security groups around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheFacts {
    /// Its kind.
    pub kind: CacheKind,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// `engine`, where Describe shows it.
    pub engine: Option<Engine>,
    /// `EngineVersion`, where Describe shows it: of a replication group that of a member, for the group itself shows
    /// none. Serverless caches have none that a command depends on.
    pub version: Option<EngineVersion>,
    /// `creating`, `available`, ….
    pub status: String,
    /// The replication group that the cluster turned out to be a member of.
    pub member_of: Option<String>,
    /// The ports of its endpoints; empty while there are none.
    pub ports: Vec<u16>,
    /// Encryption in transit, where Describe says.
    pub transit_encryption: Option<bool>,
    /// `TransitEncryptionMode` is `preferred`: clients may still connect without encryption.
    pub plaintext_too: bool,
    /// Whether clients must prove who they are: an AUTH token or a user group, where Describe says.
    pub authentication: Option<bool>,
    /// What of this is still to change.
    pub pending: PendingChange,
    /// The ids of its member clusters, if it is a replication group.
    pub members: Vec<String>,
    /// Its security groups; `Unknown` if Describe did not name any (yet).
    pub groups: CacheGroups,
    /// Where it lies in the network.
    pub network: CacheNetwork,
}

impl CacheFacts {
    /// As it is once what is pending is in force.
    #[must_use]
    pub fn once_changed(&self) -> Self {
        let PendingChange { transit_encryption, authentication } = self.pending;
        Self {
            transit_encryption: transit_encryption.or(self.transit_encryption),
            authentication: authentication.or(self.authentication),
            pending: PendingChange::default(),
            ..self.clone()
        }
    }

    /// Whether an interface is that of a node of this cache: ElastiCache describes it by the id of the cluster.
    pub fn is_on(&self, interface: &Interface) -> bool {
        let of = interface.cluster.as_ref();
        of.is_some_and(|cluster| *cluster == self.id || self.members.contains(cluster))
    }

    /// Whether it is still being created: what it will listen on, and what carries its groups, may not be shown yet.
    pub fn is_being_made(&self) -> bool {
        self.member_of.is_none() && self.status == "creating"
    }

    /// The VPC that it lies in, as its subnet group tells, or else its security groups, once they are read in full.
    pub fn vpc(&self) -> Option<&str> {
        let of_groups = || match &self.groups {
            CacheGroups::Unknown(_) => None,
            CacheGroups::Read(groups) => {
                groups.iter().find_map(|group| group.details.as_ref()?.vpc.as_deref())
            }
        };
        self.network.vpc.as_deref().or_else(of_groups)
    }
}

/// `PendingModifiedValues`: what was asked for, and waits for the maintenance window or is being carried out. Security
/// groups are never among it (service model).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingChange {
    /// Encryption in transit, if it is to change.
    pub transit_encryption: Option<bool>,
    /// Whether clients will have to prove who they are, if that is to change.
    pub authentication: Option<bool>,
}

impl PendingChange {
    /// `sets_token`: there is an `AuthTokenStatus`, so a token is being set or rotated. `users_after`: whether it has user
    /// groups once those that come have come, and those that go are gone; `None` if none does. `auth_token`: whether it has
    /// a token today.
    pub fn new(
        transit_encryption: Option<bool>,
        sets_token: bool,
        users_after: Option<bool>,
        auth_token: Option<bool>,
    ) -> Self {
        let by_users = users_after.map(|users| users || auth_token == Some(true));
        let authentication = if sets_token { Some(true) } else { by_users };
        Self { transit_encryption, authentication }
    }
}

/// The security groups of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheGroups {
    /// Not named by Describe, nor by the request: why.
    Unknown(String),
    /// These; a public serverless cache has none.
    Read(Vec<GroupFacts>),
}
