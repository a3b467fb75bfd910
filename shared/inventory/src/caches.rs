//! The caches of the Region, and what ElastiCache shows of one.

use std::collections::BTreeMap;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup, ReplicationGroup};
use futures_util::future::{try_join, try_join_all};
use portcullis_aws::error::Failed;
use portcullis_engine::arn::Arn;
use serde_json::{Value, json};

use crate::answer::{Part, left_out, needed, optional};
use crate::error::LookError;
use crate::shapes;

/// Every replication group and every cluster of the Region, the clusters with their nodes.
pub(crate) struct Listed {
    pub(crate) groups: Vec<ReplicationGroup>,
    pub(crate) clusters: Vec<CacheCluster>,
}

/// The cache that moves.
pub(crate) struct Chosen<'a> {
    pub(crate) group: Option<&'a ReplicationGroup>,
    /// The members of the group, or the cluster itself.
    pub(crate) clusters: Vec<&'a CacheCluster>,
}

impl Listed {
    pub(crate) async fn read(elasticache: &Client) -> Result<Self, LookError> {
        let groups = elasticache.describe_replication_groups().max_records(100);
        let clusters =
            elasticache.describe_cache_clusters().max_records(100).show_cache_node_info(true);
        let (groups, clusters) = try_join(
            async {
                let pages = groups.into_paginator().items().send();
                needed("DescribeReplicationGroups", pages.try_collect().await)
            },
            async {
                let pages = clusters.into_paginator().items().send();
                needed("DescribeCacheClusters", pages.try_collect().await)
            },
        )
        .await?;
        Ok(Self { groups, clusters })
    }

    /// The account, which the ARN of anything in it names.
    pub(crate) fn account(&self) -> Option<&str> {
        let groups = self.groups.iter().filter_map(|group| group.arn());
        let mut arns = groups.chain(self.clusters.iter().filter_map(|cluster| cluster.arn()));
        arns.find_map(|arn| Some(Arn::parse(arn).ok()?.account))
    }

    /// The group with this id, or that of the member with it, or the cluster.
    pub(crate) fn find(&self, id: &str) -> Option<Chosen<'_>> {
        let cluster = self.clusters.iter().find(|cluster| cluster.cache_cluster_id() == Some(id));
        let id = cluster.and_then(|cluster| cluster.replication_group_id()).unwrap_or(id);
        let group = self.groups.iter().find(|group| group.replication_group_id() == Some(id));
        match (group, cluster) {
            (Some(group), _) => {
                let clusters = self.clusters.iter().filter(|cluster| is_member(cluster, group));
                Some(Chosen { group: Some(group), clusters: clusters.collect() })
            }
            (None, Some(cluster)) => Some(Chosen { group: None, clusters: vec![cluster] }),
            (None, None) => None,
        }
    }

    /// The lists of caches: of the one that moves all that is shown, of the others what they have in
    /// common with it, ports and security groups.
    pub(crate) fn document(&self, chosen: &Chosen<'_>) -> Part {
        let groups = self.groups.iter().map(|group| match chosen.group {
            Some(own) if own.arn == group.arn => shapes::group(group),
            Some(_) | None => shapes::other_group(group),
        });
        let clusters = self.clusters.iter().map(|cluster| {
            if chosen.holds(cluster) {
                shapes::cluster(cluster)
            } else {
                shapes::other_cluster(cluster)
            }
        });
        [("ReplicationGroups", groups.collect::<Value>()), ("CacheClusters", clusters.collect())]
            .map(|(name, list)| (name.to_owned(), list))
            .into_iter()
            .collect()
    }
}

/// Whether the cluster is a member of the group: either of them may say so first.
pub(crate) fn is_member(cluster: &CacheCluster, group: &ReplicationGroup) -> bool {
    cluster.replication_group_id == group.replication_group_id
        || cluster.cache_cluster_id.as_ref().is_some_and(|id| group.member_clusters().contains(id))
}

impl<'a> Chosen<'a> {
    fn cluster(&self) -> Option<&'a CacheCluster> {
        self.clusters.first().copied()
    }

    pub(crate) fn id(&self) -> &'a str {
        let group = self.group.and_then(|group| group.replication_group_id());
        let cluster = || self.cluster().and_then(|cluster| cluster.cache_cluster_id());
        group.or_else(cluster).unwrap_or_default()
    }

    pub(crate) fn arn(&self) -> Option<&'a str> {
        match self.group {
            Some(group) => group.arn(),
            None => self.cluster().and_then(|cluster| cluster.arn()),
        }
    }

    pub(crate) fn status(&self) -> Option<&'a str> {
        match self.group {
            Some(group) => group.status(),
            None => self.cluster().and_then(|cluster| cluster.cache_cluster_status()),
        }
    }

    pub(crate) fn engine(&self) -> Option<&'a str> {
        let group = self.group.and_then(|group| group.engine());
        group.or_else(|| self.cluster().and_then(|cluster| cluster.engine()))
    }

    pub(crate) fn subnet_group(&self) -> Option<&'a str> {
        self.clusters.iter().find_map(|cluster| cluster.cache_subnet_group_name())
    }

    /// The ids of the security groups, each once.
    pub(crate) fn security_groups(&self) -> Vec<String> {
        let groups = self.clusters.iter().flat_map(|cluster| cluster.security_groups());
        let mut ids: Vec<_> = groups.filter_map(|group| group.security_group_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Its own id and those of its members.
    pub(crate) fn ids(&self) -> Vec<&'a str> {
        let members = self.clusters.iter().filter_map(|cluster| cluster.cache_cluster_id());
        [self.id()].into_iter().chain(members).collect()
    }

    pub(crate) fn holds(&self, cluster: &CacheCluster) -> bool {
        self.clusters.iter().any(|own| own.cache_cluster_id == cluster.cache_cluster_id)
    }
}

/// The tags. Those of a cache that is not available cannot be read (API reference, ListTagsForResource),
/// and then the plan refuses for both.
pub(crate) async fn tags(
    elasticache: &Client,
    arn: Option<&str>,
    status: Option<&str>,
) -> Result<Option<Vec<Value>>, LookError> {
    const CALL: &str = "ListTagsForResource";
    let Some(arn) = arn else { return Ok(None) };
    match elasticache.list_tags_for_resource().resource_name(arn).send().await {
        Ok(answer) => Ok(Some(answer.tag_list().iter().map(shapes::tag).collect())),
        Err(error) if status != Some("available") && error.as_service_error().is_some() => {
            left_out(&Failed::of(CALL, &error));
            Ok(None)
        }
        error @ Err(_) => needed(CALL, error).map(|_| None),
    }
}

pub(crate) async fn subnet_group(
    elasticache: &Client,
    name: &str,
) -> Result<Option<CacheSubnetGroup>, LookError> {
    let request = elasticache.describe_cache_subnet_groups().cache_subnet_group_name(name);
    let answer = needed("DescribeCacheSubnetGroups", request.send().await)?;
    Ok(answer.cache_subnet_groups.unwrap_or_default().into_iter().next())
}

/// The snapshots of the group and of its members. There are none of node-based Memcached (user guide,
/// "Snapshot and restore"), and nobody is asked for them.
pub(crate) async fn snapshots(
    elasticache: &Client,
    chosen: &Chosen<'_>,
) -> Result<Option<Vec<Value>>, LookError> {
    if chosen.engine() == Some("memcached") {
        return Ok(None);
    }
    let ask = || elasticache.describe_snapshots().max_records(50);
    let of_group = chosen.group.and_then(|group| group.replication_group_id());
    let mut requests: Vec<_> =
        of_group.into_iter().map(|id| ask().replication_group_id(id)).collect();
    // In cluster mode, snapshots are of the whole group.
    if chosen.group.is_none_or(|group| group.cluster_enabled() != Some(true)) {
        let members = chosen.clusters.iter().filter_map(|cluster| cluster.cache_cluster_id());
        requests.extend(members.map(|id| ask().cache_cluster_id(id)));
    }
    let answers = try_join_all(requests.into_iter().map(|request| async {
        let pages = request.into_paginator().items().send();
        optional("DescribeSnapshots", pages.try_collect().await)
    }));
    let Some(answers) = answers.await?.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let all = answers.into_iter().flatten();
    let by_name: BTreeMap<_, _> = all.map(|s| (s.snapshot_name.clone(), s)).collect();
    Ok(Some(by_name.values().map(shapes::snapshot).collect()))
}

/// The versions of the engine that can be made.
pub(crate) async fn versions(
    elasticache: &Client,
    engine: Option<&str>,
) -> Result<Option<Vec<Value>>, LookError> {
    let Some(engine) = engine else { return Ok(None) };
    let request = elasticache.describe_cache_engine_versions().engine(engine).max_records(100);
    let pages = request.into_paginator().items().send();
    let versions = optional("DescribeCacheEngineVersions", pages.try_collect().await)?;
    let shape = |v: aws_sdk_elasticache::types::CacheEngineVersion| json!({"Engine": v.engine, "EngineVersion": v.engine_version});
    Ok(versions.map(|versions| versions.into_iter().map(shape).collect()))
}
