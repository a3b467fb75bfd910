//! When a cache is not moved. The reasons are collected, never only the first told: who must clear
//! the way wants to see all of it.

mod room;
mod token;

use portcullis_engine::facts::PROTECT;

use crate::describe::{CacheCluster, Pending, ReplicationGroup};
use crate::facts::{Cache, Facts};
use crate::marks;
use crate::owner;
use crate::reason::Reason;
use crate::request::Request;
use room::room;

pub(crate) use token::token;

/// Every reason against copying the cache as it is, beside what could not be recovered.
pub(crate) fn reasons(facts: &Facts, request: &Request) -> Vec<Reason> {
    let mut reasons = owner::reasons(facts);
    protected(facts, &mut reasons);
    reasons.extend(state(&facts.cache));
    network(facts, request, &mut reasons);
    room(facts, request, &mut reasons);
    reasons
}

/// What speaks against the cache as it is right now: it is not available, a change is pending, or it is
/// where it cannot be copied from.
pub(crate) fn state(cache: &Cache) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Cache::Group(group, _) = cache {
        group_reasons(group, &mut reasons);
    }
    for cluster in cache.clusters() {
        cluster_reasons(cluster, &mut reasons);
    }
    reasons
}

/// Why the replacement cannot be made, if there is a cache of its name.
pub(crate) fn exists(facts: &Facts, id: &str) -> Option<Reason> {
    let there = facts.strangers().any(|other| other.id == id);
    there.then(|| {
        Reason::new(
            "Id",
            format!(
                "{id} exists already, and no tag shows that a re-creation of this cache created it"
            ),
            "delete it if nobody uses it, or give another --port",
        )
    })
}

fn protected(facts: &Facts, reasons: &mut Vec<Reason>) {
    if marks::is_protected(facts.tags.as_deref().unwrap_or_default()) {
        reasons.push(Reason::new(
            "Tags",
            format!("the cache is protected by the tag {PROTECT}"),
            "remove the tag if the cache may be re-created after all, and plan again",
        ));
    }
}

fn group_reasons(group: &ReplicationGroup, reasons: &mut Vec<Reason>) {
    status("Status", &group.replication_group_id, group.status.as_deref(), reasons);
    pending(&group.replication_group_id, group.pending_modified_values.as_ref(), reasons);
    if let Some(global) = &group.global_replication_group_info
        && (global.global_replication_group_id.is_some()
            || global.global_replication_group_member_role.is_some())
    {
        let id = global.global_replication_group_id.as_deref().unwrap_or("one that is not named");
        reasons.push(Reason::new(
            "GlobalReplicationGroupId",
            format!("the group is a member of a Global datastore, {id}, which decides its settings, and which an existing group cannot join"),
            "take the group out of the Global datastore first, or build a new Global datastore on the new port",
        ));
    }
    if group.cluster_mode.as_deref() == Some("compatible") {
        reasons.push(Reason::new(
            "ClusterMode",
            "cluster mode is `compatible`: the group is between two modes",
            "finish the change to cluster mode, or go back, and plan again",
        ));
    }
    let outpost = group.member_clusters_outpost_arns.iter().any(|arn| !arn.is_empty())
        || group
            .node_groups
            .iter()
            .flat_map(|shard| &shard.node_group_members)
            .any(|member| member.preferred_outpost_arn.is_some());
    if outpost {
        reasons.push(on_outpost());
    }
    for shard in &group.node_groups {
        if let (Some(id), Some(status)) = (&shard.node_group_id, &shard.status)
            && status != "available"
        {
            reasons.push(Reason::new(
                "NodeGroups.Status",
                format!("shard {id} is {status}, not available"),
                "wait until it is available",
            ));
        }
    }
}

fn cluster_reasons(cluster: &CacheCluster, reasons: &mut Vec<Reason>) {
    let id = &cluster.cache_cluster_id;
    status("CacheClusterStatus", id, cluster.cache_cluster_status.as_deref(), reasons);
    pending(id, cluster.pending_modified_values.as_ref(), reasons);
    if !cluster.cache_security_groups.is_empty() {
        reasons.push(Reason::new(
            "CacheSecurityGroupNames",
            format!("{id} has cache security groups, which exist in EC2-Classic only"),
            "create the cache again in a VPC manually",
        ));
    }
    if cluster.preferred_outpost_arn.is_some()
        || cluster.cache_nodes.iter().any(|node| node.customer_outpost_arn.is_some())
    {
        reasons.push(on_outpost());
    }
    let changing = cluster
        .security_groups
        .iter()
        .filter(|group| group.status.as_deref().is_some_and(|status| status != "active"));
    for group in changing {
        reasons.push(Reason::new(
            "SecurityGroupIds",
            format!(
                "{} of {id} is {}, not active",
                group.security_group_id.as_deref().unwrap_or("a security group"),
                group.status.as_deref().unwrap_or_default()
            ),
            "wait until the change of security groups is complete",
        ));
    }
}

fn on_outpost() -> Reason {
    Reason::new(
        "PreferredOutpostArn",
        "the cache is on an Outpost: its zones and its snapshots depend on the hardware there",
        "re-create it manually",
    )
}

fn status(field: &str, id: &str, status: Option<&str>, reasons: &mut Vec<Reason>) {
    if status != Some("available") {
        reasons.push(Reason::new(
            field,
            format!(
                "{id} is {}, not available",
                status.unwrap_or("in a state that Describe does not show")
            ),
            "wait until it is available, and plan from a new Describe",
        ));
    }
}

fn pending(id: &str, pending: Option<&Pending>, reasons: &mut Vec<Reason>) {
    if let Some(pending) = pending.filter(|pending| !pending.0.is_empty()) {
        reasons.push(Reason::new(
            "PendingModifiedValues",
            format!("a change of {id} is not complete: {}", pending.0.join(", ")),
            "apply the change or cancel it, and plan from a new Describe",
        ));
    }
}

fn network(facts: &Facts, request: &Request, reasons: &mut Vec<Reason>) {
    if let (Some(wanted), Some(group)) = (&request.network_type, &facts.subnet_group)
        && !group.supported_network_types.is_empty()
        && !group.supported_network_types.contains(wanted)
    {
        reasons.push(Reason::new(
            "NetworkType",
            format!(
                "the cache is {wanted}, and its subnet group now supports {}",
                group.supported_network_types.join(", ")
            ),
            "give the subnets what the network type needs, or choose another subnet group manually",
        ));
    }
}
