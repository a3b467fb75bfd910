//! Which cache of a document is meant.

use super::Unreadable;
use super::ids::{shown_arn, shown_id};
use super::wire::Document;
use crate::describe::{CacheCluster, ReplicationGroup};

/// The cache that is meant.
#[derive(Clone, PartialEq)]
pub(super) enum Chosen {
    Group(Box<ReplicationGroup>),
    Cluster(Box<CacheCluster>),
}

impl Chosen {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Group(group) => &group.replication_group_id,
            Self::Cluster(cluster) => &cluster.cache_cluster_id,
        }
    }

    pub(super) fn arn(&self) -> Option<&str> {
        match self {
            Self::Group(group) => group.arn.as_deref(),
            Self::Cluster(cluster) => cluster.arn.as_deref(),
        }
    }

    fn is(&self, wanted: &str) -> bool {
        self.id() == wanted || self.arn() == Some(wanted)
    }
}

impl Document {
    /// Every cache that could be meant: the groups, and the clusters that are in none.
    pub(super) fn caches(&self) -> impl Iterator<Item = Chosen> {
        let groups = self.replication_groups.iter().cloned().map(Box::new).map(Chosen::Group);
        let lone = self.cache_clusters.iter().filter(|c| c.replication_group_id.is_none());
        groups.chain(lone.cloned().map(Box::new).map(Chosen::Cluster))
    }
}

/// The cache that was asked for, or the only one.
pub(super) fn choose(document: &Document, wanted: Option<&str>) -> Result<Chosen, Unreadable> {
    let mut found: Vec<Chosen> =
        document.caches().filter(|cache| wanted.is_none_or(|wanted| cache.is(wanted))).collect();
    match (found.len(), wanted) {
        (1, _) => Ok(found.remove(0)),
        (0, Some(wanted)) => Err(Unreadable::one(absent(document, wanted))),
        (0, None) if document.serverless_caches.is_empty() => Err(Unreadable::one(
            "no cache in the document: it needs `ReplicationGroups` or `CacheClusters`",
        )),
        (0, None) => Err(Unreadable::one(
            "only serverless caches in the document: they have no port setting, so they cannot move",
        )),
        (_, wanted) => Err(Unreadable::one(several(&found, wanted))),
    }
}

fn absent(document: &Document, wanted: &str) -> String {
    let is = |id: &str, arn: &Option<String>| id == wanted || arn.as_deref() == Some(wanted);
    let member = document.cache_clusters.iter().find(|c| is(&c.cache_cluster_id, &c.arn));
    match member {
        Some(member) => format!(
            "the cache is a member of a replication group, which moves as a whole: plan for {}",
            shown_id(member.replication_group_id.as_deref().unwrap_or_default())
        ),
        None => "the cache that was asked for is not in the document".to_owned(),
    }
}

fn several(found: &[Chosen], wanted: Option<&str>) -> String {
    let ids: Vec<&str> = found.iter().map(|cache| shown_id(cache.id())).collect();
    let Some(first) = ids.first() else { return String::new() };
    if wanted.is_none() && !ids.iter().skip(1).any(|id| id == first) {
        return format!(
            "the document holds several caches, say which (--cache ID): {}",
            ids.join(", ")
        );
    }
    let mut arns: Vec<&str> = found.iter().map(|cache| shown_arn(cache.arn())).collect();
    arns.sort_unstable();
    let listed = arns.join(", ");
    arns.dedup();
    if arns.len() < found.len() {
        return format!(
            "the same cache is in the document several times, and they differ: {listed}. Describe it once, and plan from that"
        );
    }
    format!("several caches have this id, say which (--cache ARN): {listed}")
}
