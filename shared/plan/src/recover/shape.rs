//! How many nodes a cache has, and where.

use portcullis_engine::facts::Engine;

use super::{Loss, Reader};
use crate::describe::{CacheCluster, NodeGroup, NodeGroupMember, ReplicationGroup};
use crate::refuse::Reason;
use crate::request::{ClusterInputs, Placement, Shape, Shard};

/// More nodes than any Memcached cluster has: the quota is 60, and can be raised.
const MOST_NODES: i64 = 1000;

impl Reader {
    /// The shape of a group: shards in cluster mode, else a primary with replicas.
    pub(super) fn shape(&mut self, group: &ReplicationGroup) -> Shape {
        let in_mode = group.cluster_mode.as_deref() == Some("enabled");
        match (group.cluster_enabled, in_mode, group.node_groups.as_slice()) {
            (_, _, []) => {
                self.need::<usize>("NodeGroups", None);
                Shape::Nodes { count: group.member_clusters.len(), zones: Vec::new() }
            }
            (Some(true), _, shards) | (None, true, shards) => {
                Shape::Shards(shards.iter().map(|shard| self.shard(shard)).collect())
            }
            (Some(false), _, [one]) | (None, false, [one]) => self.nodes(one, group),
            (Some(false), _, _) | (None, false, _) => {
                self.reasons.push(Reason::new(
                    "NodeGroups",
                    "the group has several shards and is not in cluster mode, which cannot be",
                    "describe the group again",
                ));
                Shape::Nodes { count: group.member_clusters.len(), zones: Vec::new() }
            }
        }
    }

    /// Cluster mode disabled: the primary first, because it is made in the first zone of the list
    /// (service model, PreferredCacheClusterAZs).
    fn nodes(&mut self, shard: &NodeGroup, group: &ReplicationGroup) -> Shape {
        let members = primary_first(shard);
        let zones: Vec<String> =
            members.iter().filter_map(|m| m.preferred_availability_zone.clone()).collect();
        let count = group.member_clusters.len().max(members.len());
        if zones.len() == count {
            return Shape::Nodes { count, zones };
        }
        self.losses.push(Loss::of(
            "PreferredCacheClusterAZs",
            "the zones of the nodes: Describe does not show all of them, so AWS chooses",
        ));
        Shape::Nodes { count, zones: Vec::new() }
    }

    fn shard(&mut self, shard: &NodeGroup) -> Shard {
        let id = self.need("NodeGroupConfiguration.NodeGroupId", shard.node_group_id.clone());
        let slots = self.need("NodeGroupConfiguration.Slots", shard.slots.clone());
        let members = primary_first(shard);
        let zones: Vec<String> =
            members.iter().filter_map(|m| m.preferred_availability_zone.clone()).collect();
        let replicas = members.len().saturating_sub(1);
        let mut zones = if zones.len() == members.len() { zones } else { Vec::new() };
        if zones.is_empty() {
            self.losses.push(Loss::of(
                "NodeGroupConfiguration",
                format!(
                    "the zones of shard {id}: Describe does not show all of them, so AWS chooses"
                ),
            ));
        }
        let replica_zones = zones.split_off(zones.len().min(1));
        Shard { id, slots, replicas, primary_zone: zones.pop(), replica_zones }
    }

    pub(super) fn placement(&mut self, cluster: &CacheCluster, engine: &Engine) -> ClusterInputs {
        let shown = self.need("NumCacheNodes", cluster.num_cache_nodes);
        let most = if *engine == Engine::Memcached { MOST_NODES } else { 1 };
        let nodes = shown.clamp(1, most);
        if nodes != shown {
            self.reasons.push(Reason::new(
                "NumCacheNodes",
                format!(
                    "Describe shows {shown} nodes, and a cluster of {} has from 1 to {most}",
                    engine.name()
                ),
                "describe the cluster again",
            ));
        }
        let zone = cluster.preferred_availability_zone.as_deref();
        if zone != Some("Multiple") || *engine != Engine::Memcached {
            let zone = zone.filter(|zone| *zone != "Multiple").map(str::to_owned);
            return ClusterInputs { nodes, placement: Placement::One(zone) };
        }
        let zones = cluster.cache_nodes.iter().filter_map(|n| n.customer_availability_zone.clone());
        let zones = super::sorted(zones);
        if i64::try_from(zones.len()) != Ok(nodes) {
            self.reasons.push(Reason::new(
                "PreferredAvailabilityZones",
                format!(
                    "{nodes} nodes lie in several zones, and Describe shows {} of these",
                    zones.len()
                ),
                "describe the cluster with --show-cache-node-info",
            ));
        }
        ClusterInputs { nodes, placement: Placement::Many(zones) }
    }
}

/// The members of a shard as they are made: the primary, then the replicas by their ids. In cluster
/// mode Describe does not say which is the primary (service model, CurrentRole): then as they come.
pub(crate) fn primary_first(shard: &NodeGroup) -> Vec<&NodeGroupMember> {
    let mut members: Vec<&NodeGroupMember> = shard.node_group_members.iter().collect();
    let is_primary = |member: &NodeGroupMember| member.current_role.as_deref() == Some("primary");
    if members.iter().any(|member| is_primary(member)) {
        members.sort_by_key(|member| (!is_primary(member), member.cache_cluster_id.clone()));
    }
    members
}
