//! Whether the members of a group are all there, and alike.

use super::{Reader, sorted};
use crate::describe::{CacheCluster, ReplicationGroup};

impl Reader<'_> {
    /// Settings that are shown by members only must be the same for all of them.
    pub(super) fn members_agree(&mut self, group: &ReplicationGroup, members: &[CacheCluster]) {
        self.all_there(group, members);
        self.engine_agrees(group, members);
        let mut same = |input: &'static str, of: fn(&CacheCluster) -> Vec<String>| {
            let mut values: Vec<Vec<String>> = members.iter().map(of).collect();
            values.sort();
            values.dedup();
            if values.len() > 1 {
                let values: Vec<String> = values.iter().map(|value| value.join(" ")).collect();
                self.unclear(
                    input,
                    format!("the members differ: {}", values.join(" and ")),
                    "wait until the change is complete, or make the members alike, and plan again",
                );
            }
        };
        same("EngineVersion", |m| m.engine_version.iter().cloned().collect());
        same("CacheNodeType", |m| m.cache_node_type.iter().cloned().collect());
        same("CacheSubnetGroupName", |m| m.cache_subnet_group_name.iter().cloned().collect());
        same("CacheParameterGroupName", |m| {
            let group = m.cache_parameter_group.as_ref();
            group.and_then(|group| group.cache_parameter_group_name.clone()).into_iter().collect()
        });
        same("SecurityGroupIds", |m| sorted(m.group_ids().map(str::to_owned)));
        same("PreferredMaintenanceWindow", |m| {
            m.preferred_maintenance_window.iter().cloned().collect()
        });
        same("NotificationTopicArn", |m| {
            let topic = m.notification_configuration.as_ref();
            topic.and_then(|topic| topic.topic_arn.clone()).into_iter().collect()
        });
    }

    /// A part is not the whole: the group, its shards and the clusters must name the same members.
    fn all_there(&mut self, group: &ReplicationGroup, members: &[CacheCluster]) {
        if group.member_clusters.is_empty() {
            self.need::<()>("NumCacheClusters", "MemberClusters", None);
        }
        let named = sorted(group.member_clusters.iter().cloned());
        let shown = sorted(members.iter().map(|member| member.cache_cluster_id.clone()));
        let missing: Vec<&str> =
            named.iter().filter(|id| !shown.contains(id)).map(String::as_str).collect();
        if !missing.is_empty() || members.is_empty() {
            let which = if missing.is_empty() { "all".to_owned() } else { missing.join(", ") };
            self.unclear(
                "MemberClusters",
                format!("members were not described, and only they show many settings: {which}"),
                "describe all members with --show-cache-node-info",
            );
        } else if !named.is_empty() && named != shown {
            self.unclear(
                "MemberClusters",
                format!(
                    "the group names the members {}, and the clusters that say they are members are {}",
                    named.join(", "),
                    shown.join(", ")
                ),
                "describe the group and its members at the same time, and plan again",
            );
        }
        let shards = group.node_groups.iter().flat_map(|shard| &shard.node_group_members);
        let in_shards = sorted(shards.map(|m| m.cache_cluster_id.clone().unwrap_or_default()));
        if !named.is_empty() && !group.node_groups.is_empty() && named != in_shards {
            self.unclear(
                "NodeGroupMembers",
                format!(
                    "the group names the members {}, and its shards name {}",
                    named.join(", "),
                    if in_shards.is_empty() { "none".to_owned() } else { in_shards.join(", ") }
                ),
                "describe the group again: a change of its members may be under way",
            );
        }
    }

    fn engine_agrees(&mut self, group: &ReplicationGroup, members: &[CacheCluster]) {
        let mut engines: Vec<&str> = members.iter().filter_map(|m| m.engine.as_deref()).collect();
        engines.sort_unstable();
        engines.dedup();
        let of_group = group.engine.as_deref();
        let others = engines.iter().any(|engine| of_group.is_some_and(|own| own != *engine));
        if others || engines.len() > 1 {
            let version = members.first().and_then(|m| m.engine_version.as_deref());
            self.unclear(
                "Engine",
                format!(
                    "the group and its members disagree about the engine: the group is {}, its members are {} {}",
                    of_group.unwrap_or("not shown"),
                    engines.join(" and "),
                    version.unwrap_or_default()
                ),
                "wait until the upgrade to Valkey is complete, describe the group and its members again, and plan \
                 from that",
            );
        }
    }
}
