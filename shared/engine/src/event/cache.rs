//! The cache that an event is about.

use std::fmt;

use crate::facts::{CacheFacts, CacheKind, Tag};

/// The cache that an event is about, and what the request asked for: while a cache is being
/// created, nothing else says its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheLead {
    /// What kind of cache.
    pub kind: CacheKind,
    /// Its id, in lower case, as the service stores it.
    pub id: String,
    /// `engine` of the request or the response.
    pub engine: Option<String>,
    /// `port` of the request; absent when defaulted.
    pub port: Option<u16>,
    /// What the port may come from when the request has none.
    pub inherits: Option<Inherits>,
    /// `securityGroupIds` of the request.
    pub security_groups: Vec<String>,
    /// `tags` of the request. Until a cache is available nothing else tells its tags (API reference,
    /// ListTagsForResource), and by then other events may have changed them.
    pub tags: Vec<Tag>,
    /// What the call changed of a cache that was there before; `None` if all of it is in question: the call made it, or
    /// nothing was called.
    pub altered: Option<Altered>,
}

/// What a call changed of a cache, as far as a check looks at it. No call changes its port, its subnets or its endpoint
/// (service model, ModifyCacheCluster, ModifyReplicationGroup and ModifyServerlessCache).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Altered {
    /// Its security groups.
    pub groups: bool,
    /// Encryption in transit, or its mode.
    pub transit: bool,
    /// Its AUTH token, or its user groups.
    pub authentication: bool,
}

impl CacheLead {
    /// Whether what the call did may not be shown in full yet: the cache is still being created; or it was there, and its
    /// change is being carried out, or so young that ElastiCache may show the cache as it was before.
    pub fn is_unsettled(&self, facts: &CacheFacts, is_young: bool) -> bool {
        let is_changing = || is_young || facts.status.eq_ignore_ascii_case("modifying");
        facts.is_being_made() || (self.altered.is_some() && is_changing())
    }

    /// Whether it is looked at again for that alone, though nothing is at fault yet. Which groups a cache has, the request
    /// says in full.
    pub fn is_looked_at_again(&self, facts: &CacheFacts, is_young: bool) -> bool {
        let shows_late =
            self.altered.is_none_or(|altered| altered.transit || altered.authentication);
        shows_late && self.is_unsettled(facts, is_young)
    }

    /// Whether the replication group of this member speaks for it. Of what a call changed of a member alone, no event of
    /// its group tells.
    pub fn is_spoken_for(&self, facts: &CacheFacts) -> bool {
        facts.member_of.is_some() && self.altered.is_none()
    }
}

/// A source whose port a new cache may take over, so that the engine's default must not be assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherits {
    /// Restored from this snapshot (its name, or its S3 ARN).
    Snapshot(String),
    /// Made around this existing cache cluster (`primaryClusterId`).
    Primary(String),
    /// Joined to this global datastore.
    Global(String),
}

impl fmt::Display for Inherits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(name) => write!(f, "restored from snapshot {name}"),
            Self::Primary(id) => write!(f, "made around the existing cluster {id}"),
            Self::Global(id) => write!(f, "joined to the global datastore {id}"),
        }
    }
}
