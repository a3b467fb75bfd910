//! The facts of the cache that is meant.

use std::collections::BTreeMap;

use portcullis_engine::arn::Arn;
use portcullis_engine::facts::{
    GroupDetails, GroupFacts, IngressRule, PrefixList, Protocol, Source,
};

use super::choose::Chosen;
use super::wire::{self, Document, Replacement, SecurityGroup, SecurityGroupRule};
use crate::describe::{CacheCluster, Snapshot};
use crate::facts::{Cache, Facts, Neighbour, Ours, Room};
use crate::marks;

impl Document {
    pub(super) fn facts(&self, chosen: Chosen, meant: bool) -> Facts {
        let cache = match chosen {
            Chosen::Cluster(cluster) => Cache::Cluster(cluster),
            Chosen::Group(group) => {
                let id = Some(&group.replication_group_id);
                let mut members: Vec<CacheCluster> = self
                    .cache_clusters
                    .iter()
                    .filter(|cluster| {
                        cluster.replication_group_id.as_ref() == id
                            || group.member_clusters.contains(&cluster.cache_cluster_id)
                    })
                    .cloned()
                    .collect();
                members.sort_by(|a, b| a.cache_cluster_id.cmp(&b.cache_cluster_id));
                Cache::Group(group, members)
            }
        };
        let subnet_group = cache.clusters().first().and_then(|c| c.cache_subnet_group_name.clone());
        let subnet_groups = self.cache_subnet_groups.iter();
        let in_account =
            cache.arn().and_then(|arn| Arn::parse(arn).ok()).map_or("", |arn| arn.account);
        Facts {
            tags: self.tag_list.as_ref().filter(|_| meant).map(|tags| wire::tags(tags)),
            subnet_group: subnet_group.and_then(|name| {
                subnet_groups.clone().find(|g| g.cache_subnet_group_name == name).cloned()
            }),
            snapshots: self.snapshots_of(&cache),
            groups: self.groups(),
            foreign_groups: self.foreign_groups(in_account),
            neighbours: self.neighbours(&cache),
            ours: self.ours(&cache),
            around: self.around(&cache, meant),
            room: self.room(),
            made_by: self.made_by.clone().filter(|_| meant),
            cache,
        }
    }

    /// The snapshots of the cache or of its members, oldest first.
    fn snapshots_of(&self, cache: &Cache) -> Option<Vec<Snapshot>> {
        let is_own = |snapshot: &&Snapshot| {
            let of = [&snapshot.replication_group_id, &snapshot.cache_cluster_id];
            of.into_iter().flatten().any(|id| {
                id == cache.id() || cache.clusters().iter().any(|c| c.cache_cluster_id == *id)
            })
        };
        let mut own: Vec<Snapshot> =
            self.snapshots.as_ref()?.iter().filter(is_own).cloned().collect();
        let taken = |snapshot: &Snapshot| {
            let times = snapshot.node_snapshots.iter();
            times.filter_map(|node| node.snapshot_create_time.clone()).max()
        };
        own.sort_by(|a, b| (taken(a), &a.snapshot_name).cmp(&(taken(b), &b.snapshot_name)));
        Some(own)
    }

    /// The groups whose rules were read. One without any rule is only known from `SecurityGroups`, unless that
    /// shows rules of it which are not here.
    fn groups(&self) -> Option<BTreeMap<String, GroupFacts>> {
        let rules = self.security_group_rules.as_ref()?;
        let without = self.security_groups.iter().filter(|group| group.ip_permissions.is_empty());
        let ids = rules
            .iter()
            .map(|rule| rule.group_id.clone())
            .chain(without.map(|group| group.group_id.clone()));
        let lists: BTreeMap<String, PrefixList> = self
            .prefix_lists
            .iter()
            .map(|list| (list.prefix_list_id.clone(), list.facts()))
            .collect();
        let of = |id: &str| {
            let own = rules.iter().filter(|rule| rule.group_id == id);
            let (egress, ingress): (Vec<_>, Vec<_>) =
                own.partition(|rule| rule.is_egress == Some(true));
            GroupFacts {
                id: id.to_owned(),
                rules: ingress.into_iter().map(SecurityGroupRule::facts).collect(),
                egress: egress
                    .into_iter()
                    .map(|rule| rule.security_group_rule_id.clone())
                    .collect(),
                prefix_lists: lists.clone(),
                details: self.details(id),
                ..GroupFacts::default()
            }
        };
        let shown = |id: &str| {
            let of_it = |rule: &&SecurityGroupRule| rule.group_id == id;
            let ingress = rules.iter().filter(of_it).any(|rule| rule.is_egress != Some(true));
            let others = |group: &&SecurityGroup| group.group_id == id;
            ingress
                || self
                    .security_groups
                    .iter()
                    .find(others)
                    .is_none_or(|g| g.ip_permissions.is_empty())
        };
        Some(ids.filter(|id| shown(id)).map(|id| (id.clone(), of(&id))).collect())
    }

    /// What is known of a group beside its rules: its tags.
    fn details(&self, id: &str) -> Option<GroupDetails> {
        let group = self.security_groups.iter().find(|group| group.group_id == id)?;
        let tags = wire::tags(group.tags.as_deref()?);
        Some(GroupDetails { tags, ..GroupDetails::default() })
    }

    fn foreign_groups(&self, account: &str) -> BTreeMap<String, String> {
        let rules = self.security_group_rules.iter().flatten();
        let referenced = rules.filter_map(|rule| rule.referenced_group_info.as_ref());
        let foreign = referenced.filter_map(|group| {
            let owner = group.user_id.as_ref().filter(|owner| *owner != account)?;
            Some((group.group_id.clone(), owner.clone()))
        });
        foreign.collect()
    }

    /// The other caches: of a group each member, under the id of the group.
    fn neighbours(&self, cache: &Cache) -> Vec<Neighbour> {
        let own: Vec<&str> =
            cache.clusters().iter().map(|cluster| cluster.cache_cluster_id.as_str()).collect();
        let others =
            self.cache_clusters.iter().filter(|c| !own.contains(&c.cache_cluster_id.as_str()));
        others
            .map(|cluster| Neighbour {
                id: cluster
                    .replication_group_id
                    .as_ref()
                    .unwrap_or(&cluster.cache_cluster_id)
                    .clone(),
                ports: cluster.port().into_iter().collect(),
                groups: cluster.group_ids().map(str::to_owned).collect(),
            })
            .collect()
    }

    /// What a move of this cache made, and of no other.
    fn ours(&self, cache: &Cache) -> Vec<Ours> {
        let arn = cache.arn().unwrap_or_default();
        let read = |replacement: &Replacement| {
            let tags = wire::tags(&replacement.tag_list);
            marks::recreated_from(&tags, arn).then(|| Ours {
                id: replacement.id.clone(),
                port: replacement.port,
                status: replacement.status.clone(),
                handed_over: marks::value(&tags, marks::HANDED_OVER).is_some(),
                tags,
            })
        };
        let mut ours: Vec<Ours> = self.replacements.iter().filter_map(read).collect();
        ours.sort_by(|a, b| a.id.cmp(&b.id));
        ours.dedup();
        ours
    }

    fn room(&self) -> Room {
        let versions = self.cache_engine_versions.as_ref().map(|versions| {
            versions.iter().map(|v| format!("{} {}", v.engine, v.engine_version)).collect()
        });
        Room {
            nodes_allowed: self.limits.nodes_per_region,
            nodes_in_use: self.limits.nodes_in_use,
            free_addresses: self
                .subnets
                .iter()
                .filter_map(|s| Some((s.subnet_id.clone(), s.available_ip_address_count?)))
                .collect(),
            versions,
            most_node_hours: self.limits.most_node_hours_a_day,
        }
    }
}

impl SecurityGroupRule {
    fn facts(&self) -> IngressRule {
        let cidr = self.cidr_ipv4.as_ref().or(self.cidr_ipv6.as_ref());
        let source = match (cidr, &self.prefix_list_id, &self.referenced_group_info) {
            (Some(cidr), _, _) => {
                Source::cidr(cidr).unwrap_or_else(|| Source::Unreadable("no CIDR".to_owned()))
            }
            (None, Some(list), _) => Source::PrefixList(list.clone()),
            (None, None, Some(group)) => Source::Group(group.group_id.clone()),
            (None, None, None) => Source::Unreadable("no source".to_owned()),
        };
        IngressRule {
            id: self.security_group_rule_id.clone(),
            protocol: Protocol::parse(self.ip_protocol.as_deref().unwrap_or_default()),
            from_port: self.from_port.unwrap_or(-1),
            to_port: self.to_port.unwrap_or(-1),
            source,
            description: self.description.clone(),
            tags: wire::tags(self.tags.as_deref().unwrap_or_default()),
        }
    }
}
