//! Zones, and which addresses there are.

use portcullis_engine::facts::Engine;

use super::row::{Constraint, Source};
use crate::request::{ClusterInputs, Kind, Placement, Shape};

pub(super) const ROWS: &[Constraint] = &[
    Constraint {
        id: "a-zone-for-each-node",
        inputs: &[
            "PreferredCacheClusterAZs",
            "NumCacheClusters",
            "NodeGroupConfiguration",
            "PreferredAvailabilityZones",
            "NumCacheNodes",
        ],
        refuses: "another number of zones than of nodes",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.PreferredCacheClusterAZs",
            says: "The number of Availability Zones listed must equal the value of NumCacheClusters",
        },
        remedy: "describe the cache again, clusters with --show-cache-node-info",
        check: |request| {
            let (zones, nodes) = (request.zones(), request.nodes());
            let named = zones.iter().filter(|zone| is_zone(zone)).count();
            (u64::try_from(named) != Ok(nodes))
                .then(|| format!("there are {nodes} nodes, and the zones of {named}"))
        },
    },
    Constraint {
        id: "several-zones-of-memcached",
        inputs: &[
            "AZMode",
            "PreferredAvailabilityZones",
            "PreferredAvailabilityZone",
            "NumCacheNodes",
            "Engine",
        ],
        refuses: "nodes in several zones of any engine but Memcached, and of one node",
        source: Source::Model {
            of: "CreateCacheClusterMessage.AZMode",
            says: "This parameter is only supported for Memcached clusters",
        },
        remedy: "describe the cluster again",
        check: |request| {
            let Kind::Cluster(ClusterInputs { nodes, placement }) = &request.kind else {
                return None;
            };
            let several = matches!(placement, Placement::Many(_));
            (several && (request.engine != Engine::Memcached || *nodes < 2))
                .then(|| format!("{nodes} nodes of {} are in several zones", request.engine.name()))
        },
    },
    Constraint {
        id: "number-of-shards",
        inputs: &["NumCacheClusters", "NumNodeGroups", "NodeGroupConfiguration"],
        refuses: "NumCacheClusters beside shards, so NumNodeGroups is sent, the number of the shards that are given one by one",
        source: Source::Answer {
            says: "NumCacheClusters can only be specified for one node group",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-replication-group-clusters",
        },
        remedy: "describe the group again",
        check: |request| {
            let Kind::Group(group) = &request.kind else { return None };
            let none = matches!(&group.shape, Shape::Shards(shards) if shards.is_empty());
            none.then(|| "the group is in cluster mode, and has no shard".to_owned())
        },
    },
    Constraint {
        id: "discovery-of-dual-stack",
        inputs: &["IpDiscovery", "NetworkType"],
        refuses: "another kind of addresses than the network has, and two kinds without a choice",
        source: Source::Guide(
            "ElastiCache guide, network-type: with dual stack, designate an IP discovery type",
        ),
        remedy: "describe the cache again",
        check: |request| {
            let fits = match (request.network_type.as_deref(), request.ip_discovery.as_deref()) {
                (None, None) | (Some("dual_stack"), Some("ipv4" | "ipv6")) => true,
                (Some(network @ ("ipv4" | "ipv6")), Some(discovery)) => network == discovery,
                _ => false,
            };
            (!fits).then(|| {
                let shown =
                    |text: &Option<String>| text.clone().unwrap_or_else(|| "not set".to_owned());
                format!(
                    "the network is {}, and clients are given {}",
                    shown(&request.network_type),
                    shown(&request.ip_discovery)
                )
            })
        },
    },
];

fn is_zone(zone: &str) -> bool {
    !zone.is_empty() && zone != "Multiple"
}
