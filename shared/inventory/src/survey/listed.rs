//! The first stage: all groups, and all caches.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, SecurityGroup};
use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup, ReplicationGroup};
use futures_util::future::join4;
use futures_util::stream::{self, StreamExt};
use portcullis_aws::shown;
use portcullis_engine::case::{CacheShown, Fact};
use portcullis_engine::facts::{CacheGroups, CacheKind, GroupDetails, Source, Tag};
use portcullis_engine::scan::suspect;

use super::calls::Service::{Ec2, ElastiCache};
use super::region::{Region, SIDE_BY_SIDE};
use super::store::TAGS;
use super::told::Unused;

/// A group as the list of groups shows it.
#[derive(Debug, Clone)]
pub(super) struct Group {
    details: GroupDetails,
    /// Of another account, which shares its VPC: its interfaces are not shown here.
    is_shared: bool,
}

impl Group {
    /// What a case would read of it by another call.
    pub(super) fn fact(&self, id: &str) -> Fact {
        Fact::Details(id.to_owned(), Ok(self.details.clone()))
    }

    /// Without an interface and without a rule that names it, it could be deleted. Nobody can delete a default group.
    fn could_be_unused(&self) -> bool {
        self.details.name != "default" && !self.is_shared
    }
}

/// The groups by their ids.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Those that can be at fault.
    pub(super) suspects: BTreeMap<String, Group>,
    /// The others.
    pub(super) others: BTreeMap<String, Group>,
    /// The ids that rules of other groups name.
    named: BTreeSet<String>,
}

impl Groups {
    /// The groups that no rule of another group names and no cache has, with what is known of each.
    pub(super) fn unnamed(&self, of_caches: &BTreeSet<String>) -> Vec<Unused> {
        let all = self.suspects.iter().chain(&self.others);
        let unnamed = all.filter(|(id, group)| {
            group.could_be_unused() && !self.named.contains(*id) && !of_caches.contains(*id)
        });
        unnamed
            .map(|(id, Group { details, .. })| Unused {
                id: id.clone(),
                name: details.name.clone(),
                vpc: details.vpc.clone(),
            })
            .collect()
    }
}

/// The caches, the members of replication groups joined with those.
#[derive(Debug, Default)]
pub(super) struct Caches {
    pub(super) shown: Vec<CacheShown>,
    pub(super) subnet_groups: Vec<CacheSubnetGroup>,
}

impl Region<'_> {
    pub(super) async fn list_groups(&self) -> Groups {
        let mut groups = Groups::default();
        let mut token: Option<String> = None;
        loop {
            let request = || {
                let request = self.ec2.describe_security_groups().max_results(1000);
                request.set_next_token(token.clone()).send()
            };
            let Ok(page) = self.calls.call(Ec2, "DescribeSecurityGroups", request).await else {
                return groups;
            };
            for group in page.security_groups.unwrap_or_default() {
                self.counts.borrow_mut().groups += 1;
                let Some(id) = group.group_id.clone() else { continue };
                if let Some(vpc) = group.vpc_id.clone() {
                    self.store.vpcs.borrow_mut().insert(id.clone(), vpc);
                }
                let sources: Vec<Source> =
                    group.ip_permissions().iter().flat_map(sources).collect();
                groups.named.extend(named(&group).filter(|named| *named != id).map(str::to_owned));
                let of = if suspect(&sources) { &mut groups.suspects } else { &mut groups.others };
                let owner = group.owner_id.as_deref();
                let is_shared = owner.is_some_and(|owner| owner != self.survey.place.account);
                of.insert(id, Group { details: details(group), is_shared });
            }
            token = page.next_token;
            if token.is_none() {
                let ids = groups.suspects.keys().chain(groups.others.keys()).cloned();
                self.looked.borrow_mut().listed(None, ids);
                return groups;
            }
        }
    }

    pub(super) async fn list_caches(&self) -> Caches {
        let (groups, clusters, serverless, subnet_groups) = join4(
            self.replication_groups(),
            self.clusters(),
            self.serverless(),
            self.subnet_groups(),
        )
        .await;
        let by_id: BTreeMap<&str, &CacheCluster> = clusters
            .iter()
            .flatten()
            .filter_map(|cluster| Some((cluster.cache_cluster_id()?, cluster)))
            .collect();
        let mut all: Vec<CacheShown> = Vec::new();
        for group in &groups {
            let mut member = group.member_clusters().iter();
            let member = member.find_map(|id| by_id.get(id.as_str()).copied());
            let mut shown = shown::of_group(group, member);
            if let Err(why) = &clusters {
                shown.facts.groups = CacheGroups::Unknown(why.clone());
            }
            all.push(shown);
        }
        let single = clusters.iter().flatten().filter(|c| c.replication_group_id().is_none());
        all.extend(single.map(shown::of_cluster));
        all.extend(serverless);
        Caches { shown: all, subnet_groups }
    }

    async fn replication_groups(&self) -> Vec<ReplicationGroup> {
        let (mut all, mut marker) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.elasticache.describe_replication_groups().max_records(100);
                request.set_marker(marker.clone()).send()
            };
            let call = self.calls.call(ElastiCache, "DescribeReplicationGroups", request);
            let Ok(page) = call.await else { return all };
            all.extend(page.replication_groups.unwrap_or_default());
            marker = page.marker;
            if marker.is_none() {
                let ids = all.iter().filter_map(|group| group.replication_group_id.clone());
                self.looked.borrow_mut().listed(Some(CacheKind::ReplicationGroup), ids);
                return all;
            }
        }
    }

    async fn clusters(&self) -> Result<Vec<CacheCluster>, String> {
        let (mut all, mut marker) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.elasticache.describe_cache_clusters().max_records(100);
                request.show_cache_node_info(true).set_marker(marker.clone()).send()
            };
            let page = self.calls.call(ElastiCache, "DescribeCacheClusters", request).await?;
            all.extend(page.cache_clusters.unwrap_or_default());
            marker = page.marker;
            if marker.is_none() {
                let ids = all.iter().filter_map(|cluster| cluster.cache_cluster_id.clone());
                self.looked.borrow_mut().listed(Some(CacheKind::CacheCluster), ids);
                return Ok(all);
            }
        }
    }

    async fn serverless(&self) -> Vec<CacheShown> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.elasticache.describe_serverless_caches().max_results(50);
                request.set_next_token(token.clone()).send()
            };
            let call = self.calls.call(ElastiCache, "DescribeServerlessCaches", request);
            let Ok(page) = call.await else { return all };
            all.extend(page.serverless_caches().iter().map(shown::of_serverless));
            token = page.next_token;
            if token.is_none() {
                let ids = all.iter().map(|cache| cache.facts.id.clone());
                self.looked.borrow_mut().listed(Some(CacheKind::ServerlessCache), ids);
                return all;
            }
        }
    }

    async fn subnet_groups(&self) -> Vec<CacheSubnetGroup> {
        let (mut all, mut marker) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.elasticache.describe_cache_subnet_groups().max_records(100);
                request.set_marker(marker.clone()).send()
            };
            let call = self.calls.call(ElastiCache, "DescribeCacheSubnetGroups", request);
            let Ok(page) = call.await else { return all };
            all.extend(page.cache_subnet_groups.unwrap_or_default());
            marker = page.marker;
            if marker.is_none() {
                return all;
            }
        }
    }

    /// The tags of these caches, in their order; none of one whose tags cannot be read.
    pub(super) async fn tags(&self, caches: impl Iterator<Item = &CacheShown>) -> Vec<Vec<Tag>> {
        let tags = stream::iter(caches).map(|cache| async {
            match &cache.facts.arn {
                // Only of a cache that is available (API reference, ListTagsForResource).
                Some(arn) if cache.facts.status == "available" => {
                    if self.store.may_read_tags() {
                        return self.tags_of(arn).await;
                    }
                    let why =
                        format!("the tags of no more than {TAGS} caches of a Region are read");
                    self.calls.left_out("ListTagsForResource", why);
                    Vec::new()
                }
                _ => Vec::new(),
            }
        });
        tags.buffered(SIDE_BY_SIDE).collect().await
    }

    async fn tags_of(&self, arn: &str) -> Vec<Tag> {
        let request = || self.elasticache.list_tags_for_resource().resource_name(arn).send();
        let answer = self.calls.call(ElastiCache, "ListTagsForResource", request).await;
        let tags = answer.map(|answer| answer.tag_list.unwrap_or_default()).unwrap_or_default();
        let tag = |tag: aws_sdk_elasticache::types::Tag| Tag {
            key: tag.key.unwrap_or_default(),
            value: tag.value.unwrap_or_default(),
        };
        tags.into_iter().map(tag).collect()
    }
}

fn details(group: SecurityGroup) -> GroupDetails {
    GroupDetails {
        name: group.group_name.unwrap_or_default(),
        vpc: group.vpc_id,
        tags: group.tags.unwrap_or_default().into_iter().map(shown::tag).collect(),
    }
}

/// The groups that its rules name, ingress and egress.
fn named(group: &SecurityGroup) -> impl Iterator<Item = &str> {
    let permissions = group.ip_permissions().iter().chain(group.ip_permissions_egress());
    permissions.flat_map(IpPermission::user_id_group_pairs).filter_map(|pair| pair.group_id())
}

/// What a permission admits, as far as it may be public.
fn sources(permission: &IpPermission) -> Vec<Source> {
    let v4 = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let v6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
    let nets =
        v4.chain(v6).map(|cidr| Source::cidr(cidr).unwrap_or(Source::Unreadable(cidr.to_owned())));
    let lists = permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id());
    nets.chain(lists.map(|id| Source::PrefixList(id.to_owned()))).collect()
}
