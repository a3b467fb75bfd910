//! What a cache is to AWS's calls.

use crate::facts::{Cache, Facts};

/// What a cache is, to AWS's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A replication group.
    Group,
    /// A cluster that is in no group.
    Cluster,
}

impl Form {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "replication group",
            Self::Cluster => "cluster",
        }
    }

    /// As ARNs have it (Service Authorization Reference, resource types of ElastiCache).
    pub(crate) fn in_arn(self) -> &'static str {
        match self {
            Self::Group => "replicationgroup",
            Self::Cluster => "cluster",
        }
    }
}

/// What the cache is that the facts are of.
pub(crate) fn form(facts: &Facts) -> Form {
    match facts.cache {
        Cache::Group(..) => Form::Group,
        Cache::Cluster(_) => Form::Cluster,
    }
}
