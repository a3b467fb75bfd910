//! Ids that may stand in a command.

use std::collections::BTreeMap;

use portcullis_engine::arn::Arn;
use portcullis_engine::facts::Source;

use crate::facts::{Cache, Facts};

/// An id, if it is one.
pub(super) fn shown_id(id: &str) -> &str {
    if is_id(id) { id } else { "one whose id is none" }
}

/// The ARN of a cache, if every part of it is an id.
pub(super) fn shown_arn(text: &str) -> Option<&str> {
    let Arn { partition, service, region, account, resource } = Arn::parse(text).ok()?;
    let (kind, id) = resource.split_once(':')?;
    [partition, service, region, account, kind, id].into_iter().all(is_id).then_some(text)
}

/// Ids of caches, security groups, rules and accounts. What is none could be a part of a command.
pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The ids that end in commands, and are none.
pub(super) fn odd_ids(facts: &Facts) -> Vec<String> {
    let mut odd = Vec::new();
    let mut check = |what: &str, id: &str| {
        if !is_id(id) {
            odd.push(format!("{what}: not an id"));
        }
    };
    check("the id of the cache", facts.cache.id());
    for cluster in facts.cache.clusters() {
        check("CacheClusterId", &cluster.cache_cluster_id);
        cluster.group_ids().for_each(|id| check("SecurityGroupId", id));
    }
    if let Cache::Group(group, _) = &facts.cache {
        for member in group.node_groups.iter().flat_map(|shard| &shard.node_group_members) {
            member
                .cache_cluster_id
                .iter()
                .for_each(|id| check("NodeGroupMembers.CacheClusterId", id));
        }
        group.snapshotting_cluster_id.iter().for_each(|id| check("SnapshottingClusterId", id));
    }
    facts.ours.iter().for_each(|ours| check("Replacements.Id", &ours.id));
    for group in facts.groups.iter().flat_map(BTreeMap::values) {
        for rule in &group.rules {
            check("SecurityGroupRuleId", &rule.id);
            match &rule.source {
                Source::PrefixList(id) | Source::Group(id) => check("the source of a rule", id),
                Source::Ipv4(_) | Source::Ipv6(_) | Source::Unreadable(_) => {}
            }
        }
    }
    facts.foreign_groups.values().for_each(|owner| check("ReferencedGroupInfo.UserId", owner));
    if facts.cache.arn().is_some_and(|arn| shown_arn(arn).is_none()) {
        odd.push("the ARN of the cache: not an ARN".to_owned());
    }
    odd
}
