//! How many nodes a cache has, and where.

use portcullis_engine::facts::Engine;

use super::{Loss, Reader};
use crate::describe::{CacheCluster, NodeGroup, NodeGroupMember, ReplicationGroup};
use crate::request::{ClusterInputs, Placement, Shape, Shard};

/// More nodes than any Memcached cluster has: the quota is 60, and can be raised.
const MOST_NODES: i64 = 1000;

impl Reader<'_> {
    /// The shape of a group: shards in cluster mode, else a primary with replicas. Versions that know
    /// `ClusterMode` may be between the two, which only that member says.
    pub(super) fn shape(
        &mut self,
        group: &ReplicationGroup,
        members: &[CacheCluster],
        knows_mode: bool,
    ) -> Shape {
        let mode = group.cluster_mode.as_deref();
        self.need_if(knows_mode, "ClusterMode", "ClusterMode", mode);
        let by_mode = match mode {
            Some("enabled") => Some(true),
            Some("disabled") => Some(false),
            Some(_) | None => None,
        };
        if let (Some(enabled), Some(mode)) = (group.cluster_enabled, by_mode)
            && enabled != mode
        {
            self.unclear(
                "ClusterMode",
                "ClusterEnabled and ClusterMode disagree: the group is between two modes",
                "finish the change to cluster mode, or go back, and plan again",
            );
        }
        let enabled = group.cluster_enabled.or(by_mode);
        let enabled = self.need("ClusterMode", "ClusterEnabled", enabled);
        match group.node_groups.as_slice() {
            [] => {
                self.need::<()>("NodeGroupConfiguration", "NodeGroups", None);
                Shape::Nodes(Vec::new())
            }
            shards if enabled => self.shards(shards, members),
            [one] => self.nodes(one, members),
            _ => {
                self.unclear(
                    "NodeGroupConfiguration",
                    "the group has several shards and is not in cluster mode, which cannot be",
                    "describe the group again",
                );
                Shape::Nodes(Vec::new())
            }
        }
    }

    /// Cluster mode disabled: the primary first, because it is made in the first zone of the list
    /// (service model, PreferredCacheClusterAZs).
    fn nodes(&mut self, shard: &NodeGroup, members: &[CacheCluster]) -> Shape {
        let nodes = &shard.node_group_members;
        let primaries = nodes.iter().filter(|node| is_primary(node)).count();
        let known = (primaries == 1).then_some(());
        self.need_if(nodes.len() > 1, "PreferredCacheClusterAZs", "CurrentRole", known);
        self.available(shard);
        Shape::Nodes(self.zones(shard, members))
    }

    fn shards(&mut self, shards: &[NodeGroup], members: &[CacheCluster]) -> Shape {
        let several = |shard: &&NodeGroup| shard.slots.as_ref().is_some_and(|s| s.contains(','));
        let split: Vec<&str> =
            shards.iter().filter(several).filter_map(|s| s.node_group_id.as_deref()).collect();
        if !split.is_empty() {
            self.losses.push(Loss::of(
                "NodeGroupConfiguration",
                format!(
                    "which slots are in which shard: {} {} several ranges, and CreateReplicationGroup takes one for each shard. AWS divides the slots anew, so keys move between the shards, and none is lost: compare the number of keys over all shards",
                    split.join(" and "),
                    if split.len() == 1 { "holds" } else { "hold" }
                ),
            ));
        }
        Shape::Shards(
            shards.iter().map(|one| self.shard(one, members, !split.is_empty())).collect(),
        )
    }

    fn shard(&mut self, shard: &NodeGroup, members: &[CacheCluster], split: bool) -> Shard {
        const SHARDS: &str = "NodeGroupConfiguration";
        self.available(shard);
        let id = self.need(SHARDS, "NodeGroupId", shard.node_group_id.clone());
        let slots = self.need_if(true, SHARDS, "Slots", shard.slots.clone());
        let mut zones = self.zones(shard, members);
        let replica_zones = zones.split_off(zones.len().min(1));
        let primary_zone = zones.pop().unwrap_or_default();
        Shard { id, slots: slots.filter(|_| !split), primary_zone, replica_zones }
    }

    fn available(&mut self, shard: &NodeGroup) {
        self.need_if(true, "NodeGroups.Status", "NodeGroups.Status", shard.status.as_ref());
    }

    /// The zones of the nodes of a shard, the primary's first: shown by the shard, and by the members.
    fn zones(&mut self, shard: &NodeGroup, members: &[CacheCluster]) -> Vec<String> {
        let of_member = |node: &NodeGroupMember| {
            let member = members
                .iter()
                .find(|m| node.cache_cluster_id.as_ref() == Some(&m.cache_cluster_id));
            member.and_then(|member| member.preferred_availability_zone.clone())
        };
        let nodes = primary_first(shard).into_iter();
        nodes
            .map(|node| {
                let zone = node.preferred_availability_zone.clone().or_else(|| of_member(node));
                self.need("PreferredCacheClusterAZs", "PreferredAvailabilityZone", zone)
            })
            .collect()
    }

    pub(super) fn placement(&mut self, cluster: &CacheCluster, engine: &Engine) -> ClusterInputs {
        const ZONE: &str = "PreferredAvailabilityZone";
        let shown = self.need("NumCacheNodes", "NumCacheNodes", cluster.num_cache_nodes);
        let most = if *engine == Engine::Memcached { MOST_NODES } else { 1 };
        let nodes = shown.clamp(1, most);
        if nodes != shown && cluster.num_cache_nodes.is_some() {
            self.unclear(
                "NumCacheNodes",
                format!(
                    "Describe shows {shown} nodes, and a cluster of {} has from 1 to {most}",
                    engine.name()
                ),
                "describe the cluster again",
            );
        }
        let own = cluster.cache_nodes.iter().filter_map(|n| n.customer_availability_zone.clone());
        let own = super::sorted(own);
        let whole = i64::try_from(own.len()) == Ok(nodes);
        let one = own.first().filter(|first| whole && own.last() == Some(first)).cloned();
        let named = cluster.preferred_availability_zone.as_deref();
        let several = named == Some("Multiple") || (named.is_none() && whole && one.is_none());
        if !several {
            let zone = named.map(str::to_owned).or(one);
            return ClusterInputs { nodes, placement: Placement::One(self.need(ZONE, ZONE, zone)) };
        }
        if !whole {
            self.unclear(
                "PreferredAvailabilityZones",
                format!(
                    "{nodes} nodes are in several zones, and Describe shows {} of these",
                    own.len()
                ),
                "describe the cluster with --show-cache-node-info",
            );
        }
        ClusterInputs { nodes, placement: Placement::Many(own) }
    }
}

fn is_primary(node: &NodeGroupMember) -> bool {
    node.current_role.as_deref() == Some("primary")
}

/// The members of a shard as they are made: the primary, then the replicas by their ids. In cluster
/// mode Describe does not say which is the primary (service model, CurrentRole): then as they come.
pub(crate) fn primary_first(shard: &NodeGroup) -> Vec<&NodeGroupMember> {
    let mut members: Vec<&NodeGroupMember> = shard.node_group_members.iter().collect();
    if members.iter().any(|member| is_primary(member)) {
        members.sort_by_key(|member| (!is_primary(member), member.cache_cluster_id.clone()));
    }
    members
}
