//! Nodes, shards and failover.

use portcullis_engine::facts::Engine;

use super::encryption::of_group;
use super::row::{Constraint, Source};
use crate::recover::is_tiered;
use crate::request::{ClusterInputs, GroupInputs, Kind, Shape, Shard};
use crate::versions::Feature;

/// One primary and five replicas.
const MOST_NODES: usize = 6;
/// Of a group, after the limit was raised; also of shards.
const MOST_OF_A_GROUP: usize = 500;

/// Node types of these families exist, and cannot be made any more.
const GONE: [&str; 6] =
    ["cache.m1.", "cache.m2.", "cache.m3.", "cache.c1.", "cache.r3.", "cache.t1."];

pub(super) const ROWS: &[Constraint] = &[
    Constraint {
        id: "previous-generation",
        inputs: &["CacheNodeType"],
        refuses: "new nodes of previous generations",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.CacheNodeType",
            says: "Existing clusters are still supported but creation of new clusters is not supported for these types",
        },
        remedy: "change the node type of the cache first, and plan again",
        check: |request| {
            GONE.iter()
                .any(|gone| request.node_type.starts_with(gone))
                .then(|| format!("{} is of a previous generation", request.node_type))
        },
    },
    Constraint {
        id: "failover-needs-a-replica",
        inputs: &["AutomaticFailoverEnabled", "NumCacheClusters", "NodeGroupConfiguration"],
        refuses: "automatic failover of a group of one node without cluster mode",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.NumCacheClusters",
            says: "If AutomaticFailoverEnabled is true , the value of this parameter must be at least 2",
        },
        remedy: "turn automatic failover off, or add a replica, and plan again",
        check: |request| {
            let alone = of_group(request, |group| {
                group.automatic_failover && nodes(group).is_some_and(|nodes| nodes < 2)
            });
            alone.then(|| {
                "automatic failover is on, and there is no replica to fail over to".to_owned()
            })
        },
    },
    Constraint {
        id: "failover-of-cluster-mode",
        inputs: &["AutomaticFailoverEnabled", "NodeGroupConfiguration"],
        refuses: "a group in cluster mode without automatic failover",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.AutomaticFailoverEnabled",
            says: "AutomaticFailoverEnabled must be enabled for Valkey or Redis OSS (cluster mode enabled) replication groups",
        },
        remedy: "turn automatic failover on, and plan again",
        check: |request| {
            of_group(request, |group| !group.automatic_failover && shards(group).is_some())
                .then(|| "the group is in cluster mode, and automatic failover is off".to_owned())
        },
    },
    Constraint {
        id: "multi-az-needs-failover",
        inputs: &["MultiAZEnabled", "AutomaticFailoverEnabled"],
        refuses: "Multi-AZ without automatic failover",
        source: Source::Answer {
            says: "Must set MultiAZEnabled with AutomaticFailoverEnabled",
            met: "hashicorp/terraform-provider-aws, replication_group.go: multi_az_enabled needs automatic_failover_enabled",
        },
        remedy: "turn automatic failover on, or Multi-AZ off, and plan again",
        check: |request| {
            of_group(request, |group| group.multi_az && !group.automatic_failover)
                .then(|| "Multi-AZ is on, and automatic failover is off".to_owned())
        },
    },
    Constraint {
        id: "multi-az-needs-replicas",
        inputs: &["MultiAZEnabled", "NumCacheClusters", "NodeGroupConfiguration"],
        refuses: "Multi-AZ where a shard has no replica",
        source: Source::Guide(
            "ElastiCache guide, AutoFailover: Multi-AZ needs a replica in each shard",
        ),
        remedy: "add a replica to each shard, or turn Multi-AZ off, and plan again",
        check: |request| {
            let lonely =
                |shards: &[Shard]| shards.iter().any(|shard| shard.replica_zones.is_empty());
            of_group(request, |group| {
                group.multi_az && (shards(group).is_some_and(lonely) || nodes(group) == Some(1))
            })
            .then(|| "Multi-AZ is on, and a shard has no replica".to_owned())
        },
    },
    Constraint {
        id: "nodes-of-a-shard",
        inputs: &["NumCacheClusters", "NodeGroupConfiguration"],
        refuses: "more than five replicas of a primary, and a group without nodes",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.NumCacheClusters",
            says: "The maximum permitted value for NumCacheClusters is 6 (1 primary plus 5 replicas)",
        },
        remedy: "describe the group again, or remove replicas",
        check: |request| {
            let Kind::Group(group) = &request.kind else { return None };
            let counts: Vec<usize> = match &group.shape {
                Shape::Nodes(zones) => vec![zones.len()],
                Shape::Shards(shards) => {
                    shards.iter().map(|shard| shard.replica_zones.len() + 1).collect()
                }
            };
            let odd = counts.iter().find(|count| !(1..=MOST_NODES).contains(*count));
            odd.map(|count| format!("a shard has {count} nodes"))
        },
    },
    Constraint {
        id: "nodes-of-a-group",
        inputs: &["NumNodeGroups", "NodeGroupConfiguration"],
        refuses: "more than 500 nodes in a group",
        source: Source::Model {
            of: "CreateReplicationGroup",
            says: "The node or shard limit can be increased to a maximum of 500 per cluster",
        },
        remedy: "re-create the cache manually, as several groups",
        check: |request| {
            let count = request.zones().len();
            (of_group(request, |_| true) && count > MOST_OF_A_GROUP)
                .then(|| format!("the group has {count} nodes"))
        },
    },
    Constraint {
        id: "shards-of-the-version",
        inputs: &[
            "NodeGroupConfiguration",
            "NumNodeGroups",
            "ClusterMode",
            "Engine",
            "EngineVersion",
        ],
        refuses: "cluster mode before Redis OSS 3.2.4",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.CacheParameterGroupName",
            says: "Redis OSS version 3.2.4 or later",
        },
        remedy: "describe the group again",
        check: |request| {
            let sharded = of_group(request, |group| shards(group).is_some());
            (sharded && !request.knows(Feature::Shards)).then(|| {
                format!("{} {} is in cluster mode", request.engine.name(), request.engine_version)
            })
        },
    },
    Constraint {
        id: "slots-in-one-range",
        inputs: &["NodeGroupConfiguration"],
        refuses: "slots of a shard that are not one range within 0 to 16383",
        source: Source::Model {
            of: "NodeGroupConfiguration.Slots",
            says: "Keyspaces range from 0 to 16,383. The string is in the format startkey-endkey",
        },
        remedy: "describe the group again",
        check: |request| {
            let Kind::Group(group) = &request.kind else { return None };
            let odd = shards(group)?
                .iter()
                .find(|shard| shard.slots.as_deref().is_some_and(|slots| !is_range(slots)));
            odd.map(|shard| {
                format!(
                    "the slots of shard {} are {}",
                    shard.id,
                    shard.slots.as_deref().unwrap_or_default()
                )
            })
        },
    },
    Constraint {
        id: "parameters-of-cluster-mode",
        inputs: &["CacheParameterGroupName", "NodeGroupConfiguration"],
        refuses: "shards without the parameter cluster-enabled, and a group or cluster without shards that has it",
        source: Source::Answer {
            says: "Use a parameter group with cluster-enabled parameter to create more than one node group.",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-cluster-mode-parameter-group",
        },
        remedy: "give the cache the parameter group of its mode, and plan again",
        check: |request| {
            let of_aws = request.parameter_group.strip_prefix("default.")?;
            let on = of_aws.ends_with(".cluster.on");
            let sharded = of_group(request, |group| shards(group).is_some());
            (on != sharded).then(|| {
                let is = if sharded { "in cluster mode" } else { "not in cluster mode" };
                format!("the cache is {is}, and its parameters are {}", request.parameter_group)
            })
        },
    },
    Constraint {
        id: "nodes-of-a-cluster",
        inputs: &["NumCacheNodes", "Engine"],
        refuses: "more than one node of Redis OSS in CreateCacheCluster, and a cluster without nodes",
        source: Source::Model {
            of: "CreateCacheClusterMessage.NumCacheNodes",
            says: "For clusters running Valkey or Redis OSS, this value must be 1",
        },
        remedy: "describe the cluster again",
        check: |request| {
            let Kind::Cluster(ClusterInputs { nodes, .. }) = &request.kind else { return None };
            let one = request.engine != Engine::Memcached;
            (*nodes < 1 || (one && *nodes > 1)).then(|| format!("the cluster has {nodes} nodes"))
        },
    },
    Constraint {
        id: "data-tiering",
        inputs: &["DataTieringEnabled", "CacheNodeType"],
        refuses: "data tiering without r6gd nodes, and r6gd nodes without it",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.DataTieringEnabled",
            says: "Data tiering is only supported for replication groups using the r6gd node type. This parameter must be set to true when using r6gd nodes",
        },
        remedy: "describe the cache again",
        check: |request| {
            let tiered = is_tiered(&request.node_type);
            let on = of_group(request, |group| group.data_tiering);
            (tiered != on).then(|| {
                let shown = if on { "on" } else { "not on" };
                format!("data tiering is {shown}, and the nodes are {}", request.node_type)
            })
        },
    },
    Constraint {
        id: "data-tiering-of-the-version",
        inputs: &["DataTieringEnabled", "Engine", "EngineVersion"],
        refuses: "data tiering before Redis OSS 6.2",
        source: Source::Guide("ElastiCache guide, data-tiering"),
        remedy: "upgrade the cache, and plan again",
        check: |request| {
            let on = of_group(request, |group| group.data_tiering);
            (on && !request.knows(Feature::DataTiering)).then(|| {
                format!(
                    "data tiering is on, and the engine is {} {}",
                    request.engine.name(),
                    request.engine_version
                )
            })
        },
    },
    Constraint {
        id: "durability",
        inputs: &[
            "Durability",
            "NodeGroupConfiguration",
            "MultiAZEnabled",
            "TransitEncryptionEnabled",
            "Engine",
            "EngineVersion",
        ],
        refuses: "durability before Valkey 9, and without cluster mode, Multi-AZ and encryption in transit",
        source: Source::Guide("ElastiCache guide, Durability: limitations"),
        remedy: "describe the group again",
        check: |request| {
            let Kind::Group(group) = &request.kind else { return None };
            let set = group.durability.as_deref()?;
            let on = matches!(set, "sync" | "async");
            let fits = request.knows(Feature::Durability)
                && (!on
                    || (shards(group).is_some() && group.multi_az && request.transit_encryption));
            (!fits).then(|| format!("durability is {set}"))
        },
    },
];

/// How many nodes a group without cluster mode has.
fn nodes(group: &GroupInputs) -> Option<usize> {
    match &group.shape {
        Shape::Nodes(zones) => Some(zones.len()),
        Shape::Shards(_) => None,
    }
}

fn shards(group: &GroupInputs) -> Option<&[Shard]> {
    match &group.shape {
        Shape::Nodes(_) => None,
        Shape::Shards(shards) => Some(shards),
    }
}

fn is_range(slots: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|slot| *slot <= 16_383);
    let ends = slots.split_once('-').and_then(|(from, to)| Some((number(from)?, number(to)?)));
    ends.is_some_and(|(from, to)| from <= to)
}
