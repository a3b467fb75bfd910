//! Engines and their versions.

use portcullis_engine::facts::Engine;

use super::row::{Constraint, Source};
use crate::request::{Kind, Request};
use crate::versions::{Feature, at_least, major, parts};

pub(super) const ROWS: &[Constraint] = &[
    Constraint {
        id: "engine-of-a-cluster",
        inputs: &["Engine"],
        refuses: "any engine but Memcached and Redis OSS in CreateCacheCluster",
        source: Source::Model {
            of: "CreateCacheClusterMessage.Engine",
            says: "Valid values for this parameter are: memcached | redis",
        },
        remedy: "create a replication group of one node",
        check: |request| {
            let cluster = matches!(request.kind, Kind::Cluster(_));
            let known = matches!(request.engine, Engine::Memcached | Engine::Redis);
            (cluster && !known).then(|| format!("the cluster runs {}", request.engine.name()))
        },
    },
    Constraint {
        id: "engine-of-a-group",
        inputs: &["Engine"],
        refuses: "any engine but Valkey and Redis OSS in CreateReplicationGroup",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.Engine",
            says: "The value must be set to valkey or redis",
        },
        remedy: "describe the group again",
        check: |request| {
            let group = matches!(request.kind, Kind::Group(_));
            let known = matches!(request.engine, Engine::Valkey | Engine::Redis);
            (group && !known).then(|| format!("the group runs {}", request.engine.name()))
        },
    },
    Constraint {
        id: "version-in-full",
        inputs: &["EngineVersion", "Engine"],
        refuses: "a patch level of Valkey and of Redis OSS from 6 on, and any version without it of Memcached and older ones",
        source: Source::Answer {
            says: "Specific version selection is not allowed for '6.2.6', please use '6.2'",
            met: "crossplane-contrib/provider-aws#1617",
        },
        remedy: "describe the cache again",
        check: |request| {
            let given = request.engine_version.split('.').count();
            let wanted = parts(&request.engine, &request.engine_version);
            (given != wanted).then(|| {
                format!(
                    "{} {} is not how a version is named",
                    request.engine.name(),
                    request.engine_version
                )
            })
        },
    },
    Constraint {
        id: "version-of-the-engine",
        inputs: &["EngineVersion", "Engine"],
        refuses: "Valkey before 7.2, and Redis OSS after 7.1",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.NetworkType",
            says: "Valkey 7.2 and above, Redis OSS engine version 6.2 to 7.1",
        },
        remedy: "describe the cache again",
        check: |request| {
            let version = &request.engine_version;
            let there = match request.engine {
                Engine::Valkey => at_least(version, "7.2"),
                Engine::Redis => !at_least(version, "7.2"),
                Engine::Memcached | Engine::Unknown(_) => true,
            };
            (!there).then(|| format!("there is no {} {version}", request.engine.name()))
        },
    },
    Constraint {
        id: "family-of-the-parameters",
        inputs: &["CacheParameterGroupName", "Engine", "EngineVersion"],
        refuses: "a parameter group of another engine's or version's family",
        source: Source::Guide(
            "ElastiCache guide, ParameterGroups.Engine: each family is for its versions",
        ),
        remedy: "give the cache a parameter group of its own version, and plan again",
        check: |request| {
            let of_aws = request.parameter_group.strip_prefix("default.")?;
            let family = of_aws.split_once(".cluster.on").map_or(of_aws, |(family, _)| family);
            (!families(request).iter().any(|known| known == family)).then(|| {
                format!(
                    "the parameters are {}, and the engine is {} {}",
                    request.parameter_group,
                    request.engine.name(),
                    request.engine_version
                )
            })
        },
    },
    Constraint {
        id: "logs-of-the-version",
        inputs: &["LogDeliveryConfigurations", "Engine", "EngineVersion"],
        refuses: "log delivery of Memcached, the slow log before Redis OSS 6.0, the engine log before 6.2, and a log twice",
        source: Source::Guide("ElastiCache guide, Log_Delivery"),
        remedy: "turn off the delivery of this log, or upgrade the cache, and plan again",
        check: |request| {
            let kinds: Vec<&str> =
                request.logs.iter().filter_map(|log| log.log_type.as_deref()).collect();
            let odd = kinds.iter().enumerate().find(|(at, kind)| {
                let known = match **kind {
                    "slow-log" => request.knows(Feature::SlowLog),
                    "engine-log" => request.knows(Feature::EngineLog),
                    _ => false,
                };
                !known || kinds.iter().take(*at).any(|earlier| earlier == *kind)
            });
            odd.map(|(_, kind)| {
                format!(
                    "{kind} is delivered of {} {}",
                    request.engine.name(),
                    request.engine_version
                )
            })
        },
    },
    Constraint {
        id: "network-of-the-version",
        inputs: &["NetworkType", "Engine", "EngineVersion", "CacheNodeType"],
        refuses: "IPv6 where the version or the nodes do not have it",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.NetworkType",
            says: "IPv6 is supported for workloads using Valkey 7.2 and above, Redis OSS engine version 6.2 to 7.1 and Memcached engine version 1.6.6 and above on all instances built on the Nitro system",
        },
        remedy: "describe the cache again",
        check: |request| {
            let ipv6 = matches!(request.network_type.as_deref(), Some("ipv6" | "dual_stack"));
            let known =
                request.knows(Feature::Ipv6) && crate::recover::has_nitro(&request.node_type);
            (ipv6 && !known).then(|| {
                format!("the network is {}", request.network_type.as_deref().unwrap_or_default())
            })
        },
    },
];

/// The families of AWS's own parameter groups for this version.
fn families(request: &Request) -> Vec<String> {
    let version = &request.engine_version;
    let cut = |numbers: usize| version.splitn(3, '.').take(numbers).collect::<Vec<_>>().join(".");
    match &request.engine {
        Engine::Valkey => vec![format!("valkey{}", major(version))],
        Engine::Redis if major(version) == 6 => vec!["redis6.x".to_owned()],
        Engine::Redis if major(version) > 6 => vec![format!("redis{}", major(version))],
        Engine::Redis => vec![format!("redis{}", cut(2))],
        Engine::Memcached => vec![format!("memcached{}", cut(2))],
        Engine::Unknown(_) => Vec::new(),
    }
}
