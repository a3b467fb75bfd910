//! Which cache of a document is meant.

use super::Unreadable;
use super::ids::shown_id;
use super::wire::Document;

/// Whether the cache is a group, by its place in the document.
pub(super) enum Chosen {
    Group(usize),
    Cluster(usize),
}

/// The cache that was asked for, or the only one.
pub(super) fn choose(document: &Document, wanted: Option<&str>) -> Result<Chosen, Unreadable> {
    let groups = || document.replication_groups.iter().enumerate();
    let clusters = || document.cache_clusters.iter().enumerate();
    let lone = || clusters().filter(|(_, cluster)| cluster.replication_group_id.is_none());
    if let Some(wanted) = wanted {
        let is = |id: &str, arn: &Option<String>| id == wanted || arn.as_deref() == Some(wanted);
        let group = groups().find(|(_, group)| is(&group.replication_group_id, &group.arn));
        if let Some((at, _)) = group {
            return Ok(Chosen::Group(at));
        }
        let cluster = clusters().find(|(_, cluster)| is(&cluster.cache_cluster_id, &cluster.arn));
        return match cluster {
            Some((at, cluster)) if cluster.replication_group_id.is_none() => {
                Ok(Chosen::Cluster(at))
            }
            Some((_, cluster)) => Err(Unreadable::one(format!(
                "the cache is a member of a replication group, which moves as a whole: plan for {}",
                shown_id(cluster.replication_group_id.as_deref().unwrap_or_default())
            ))),
            None => Err(Unreadable::one("the cache that was asked for is not in the document")),
        };
    }
    let mut all =
        groups().map(|(at, group)| (Chosen::Group(at), group.replication_group_id.as_str())).chain(
            lone().map(|(at, cluster)| (Chosen::Cluster(at), cluster.cache_cluster_id.as_str())),
        );
    match (all.next(), all.next()) {
        (Some((only, _)), None) => Ok(only),
        (Some((_, first)), Some((_, second))) => Err(Unreadable::one(format!(
            "the document holds several caches, say which (--cache ID): {}",
            [first, second]
                .into_iter()
                .chain(all.map(|(_, id)| id))
                .map(shown_id)
                .collect::<Vec<_>>()
                .join(", ")
        ))),
        (None, _) if document.serverless_caches.is_empty() => Err(Unreadable::one(
            "no cache in the document: it needs `ReplicationGroups` or `CacheClusters`",
        )),
        (None, _) => Err(Unreadable::one(
            "only serverless caches in the document: they have no port setting, so they cannot move",
        )),
    }
}
