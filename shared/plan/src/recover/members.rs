//! Whether the members of a group are all there, and alike.

use super::{Reader, sorted};
use crate::describe::{CacheCluster, ReplicationGroup};
use crate::refuse::Reason;

impl Reader {
    /// Settings that are shown by members only must be the same for all of them.
    pub(super) fn members_agree(&mut self, group: &ReplicationGroup, members: &[CacheCluster]) {
        let shown: Vec<&str> = members.iter().map(|m| m.cache_cluster_id.as_str()).collect();
        let missing: Vec<&str> = group
            .member_clusters
            .iter()
            .map(String::as_str)
            .filter(|id| !shown.contains(id))
            .collect();
        if !missing.is_empty() || members.is_empty() {
            let which = if missing.is_empty() { "all".to_owned() } else { missing.join(", ") };
            self.reasons.push(Reason::new(
                "MemberClusters",
                format!("members were not described, and only they show many settings: {which}"),
                "describe all members with --show-cache-node-info",
            ));
        }
        let mut same = |field: &str, of: fn(&CacheCluster) -> Vec<String>| {
            let mut values: Vec<Vec<String>> = members.iter().map(of).collect();
            values.sort();
            values.dedup();
            if values.len() > 1 {
                let values: Vec<String> = values.iter().map(|value| value.join(" ")).collect();
                self.reasons.push(Reason::new(
                    field,
                    format!("the members differ: {}", values.join(" and ")),
                    "wait until a change is through, or make the members alike, and plan again",
                ));
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
}
