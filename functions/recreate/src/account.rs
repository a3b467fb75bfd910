//! What is in the account: a cache, a snapshot, tags.

use anyhow::Result;
use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup, Snapshot, Tag};
use portcullis_aws::error::code;
use portcullis_engine::arn::Arn;
use portcullis_engine::facts;

use crate::error::{lasting, of};

/// A cache by its ARN, `arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The ARN.
    pub(crate) arn: String,
    /// Its id.
    pub(crate) id: String,
    partition: String,
    /// The account.
    pub(crate) account: String,
    /// The Region.
    pub(crate) region: String,
    /// Whether it is a replication group, and not a cluster.
    pub(crate) is_group: bool,
}

impl Name {
    /// # Errors
    ///
    /// If it is not the ARN of a replication group or a cluster.
    pub(crate) fn parse(arn: &str) -> Result<Self> {
        let parts = Arn::parse(arn).ok().filter(|arn| arn.service == "elasticache");
        let group = parts.and_then(|arn| arn.id_of("replicationgroup"));
        let id = group.or_else(|| parts.and_then(|arn| arn.id_of("cluster")));
        let (Some(parts), Some(id)) = (parts, id) else {
            return Err(lasting(format!(
                "`{}` is not the ARN of a replication group or a cache cluster",
                arn.escape_default()
            )));
        };
        Ok(Self {
            arn: arn.to_owned(),
            id: id.to_owned(),
            partition: parts.partition.to_owned(),
            account: parts.account.to_owned(),
            region: parts.region.to_owned(),
            is_group: group.is_some(),
        })
    }

    /// Another in the same place.
    pub(crate) fn beside(&self, id: &str, is_group: bool) -> Self {
        let kind = if is_group { "replicationgroup" } else { "cluster" };
        Self { arn: self.in_place(kind, id), id: id.to_owned(), is_group, ..self.clone() }
    }

    /// The ARN of a snapshot of this name, in the same place.
    pub(crate) fn snapshot(&self, name: &str) -> String {
        self.in_place("snapshot", name)
    }

    fn in_place(&self, kind: &str, id: &str) -> String {
        Arn {
            partition: &self.partition,
            service: "elasticache",
            region: &self.region,
            account: &self.account,
            resource: &format!("{kind}:{id}"),
        }
        .to_string()
    }
}

/// A cache as Describe shows it now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Live {
    Group(Box<ReplicationGroup>),
    Cluster(Box<CacheCluster>),
}

impl Live {
    /// Its status; empty if none is shown.
    pub(crate) fn status(&self) -> &str {
        match self {
            Self::Group(group) => group.status(),
            Self::Cluster(cluster) => cluster.cache_cluster_status(),
        }
        .unwrap_or_default()
    }

    /// When it was made, in seconds since 1970.
    pub(crate) fn created(&self) -> Option<i64> {
        match self {
            Self::Group(group) => group.replication_group_create_time(),
            Self::Cluster(cluster) => cluster.cache_cluster_create_time(),
        }
        .map(aws_sdk_elasticache::primitives::DateTime::secs)
    }
}

/// A cache; `None` if there is none of this name.
pub(crate) async fn cache(elasticache: &Client, name: &Name) -> Result<Option<Live>> {
    if name.is_group {
        let request = elasticache.describe_replication_groups().replication_group_id(&name.id);
        return match request.send().await {
            Ok(answer) => {
                let group = answer.replication_groups.unwrap_or_default().into_iter().next();
                Ok(group.map(Box::new).map(Live::Group))
            }
            Err(error) if code(&error) == Some("ReplicationGroupNotFoundFault") => Ok(None),
            Err(error) => Err(of("DescribeReplicationGroups", &error)),
        };
    }
    match elasticache.describe_cache_clusters().cache_cluster_id(&name.id).send().await {
        Ok(answer) => {
            let cluster = answer.cache_clusters.unwrap_or_default().into_iter().next();
            Ok(cluster.map(Box::new).map(Live::Cluster))
        }
        Err(error) if code(&error) == Some("CacheClusterNotFound") => Ok(None),
        Err(error) => Err(of("DescribeCacheClusters", &error)),
    }
}

/// Whether a cache is being deleted, or gone. Then an error of its deletion is that of a second attempt, of
/// whose first the answer was lost; it may be one of rights too, where IAM sees no tags of it any more.
pub(crate) async fn is_going(elasticache: &Client, name: &Name) -> Result<bool> {
    let live = cache(elasticache, name).await?;
    Ok(live.is_none_or(|live| matches!(live.status(), "deleting" | "deleted")))
}

/// A snapshot; `None` if there is none of this name.
pub(crate) async fn snapshot(elasticache: &Client, name: &str) -> Result<Option<Snapshot>> {
    match elasticache.describe_snapshots().snapshot_name(name).send().await {
        Ok(answer) => Ok(answer.snapshots.unwrap_or_default().into_iter().next()),
        Err(error) if code(&error) == Some("SnapshotNotFoundFault") => Ok(None),
        Err(error) => Err(of("DescribeSnapshots", &error)),
    }
}

/// The tags of a cache or a snapshot.
pub(crate) async fn tags(elasticache: &Client, arn: &str) -> Result<Vec<facts::Tag>> {
    let answer = elasticache
        .list_tags_for_resource()
        .resource_name(arn)
        .send()
        .await
        .map_err(|error| of("ListTagsForResource", &error))?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tag = |tag: &Tag| facts::Tag { key: text(tag.key()), value: text(tag.value()) };
    Ok(answer.tag_list().iter().map(tag).collect())
}

/// Sets a tag.
pub(crate) async fn tag(elasticache: &Client, arn: &str, key: &str, to: &str) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a step of a re-creation")]
    let request = elasticache
        .add_tags_to_resource()
        .resource_name(arn)
        .tags(Tag::builder().key(key).value(to).build());
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(of("AddTagsToResource", &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lone node may become a replication group: what is made, marked, verified and taken back is that.
    #[test]
    fn what_is_beside_a_cluster_may_be_a_group() {
        let old = Name::parse("arn:aws:elasticache:eu-west-1:111122223333:cluster:jobs").unwrap();
        let group = old.beside("jobs-17321", true);
        assert_eq!(
            group.arn,
            "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:jobs-17321"
        );
        assert_eq!(Name::parse(&group.arn).unwrap(), group);
        let cluster = old.beside("jobs-17321", false);
        assert_eq!(cluster.arn, "arn:aws:elasticache:eu-west-1:111122223333:cluster:jobs-17321");
        assert!(group.is_group && !cluster.is_group);
        assert_eq!(group.snapshot("s"), old.snapshot("s"));
    }
}
