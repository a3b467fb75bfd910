//! What an engine version can do, and how a request names it.

use portcullis_engine::facts::Engine;

/// What not every version can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// TLS.
    TransitEncryption,
    /// Clients with TLS and without, side by side: `TransitEncryptionMode` `preferred`.
    PreferredTls,
    /// Encryption of what is stored.
    AtRestEncryption,
    /// An AUTH token.
    AuthToken,
    /// User groups.
    UserGroups,
    /// The slow log.
    SlowLog,
    /// The engine log.
    EngineLog,
    /// IPv6, and so a choice of `NetworkType` and `IpDiscovery`.
    Ipv6,
    /// `ClusterMode`, and with it the state `compatible` between the modes.
    ClusterMode,
    /// Several shards.
    Shards,
    /// Nodes with data tiering.
    DataTiering,
    /// `Durability`.
    Durability,
}

/// Since when each engine can do it; `None`: it cannot.
pub struct Since {
    /// What.
    pub feature: Feature,
    /// Valkey.
    pub valkey: Option<&'static str>,
    /// Redis OSS.
    pub redis: Option<&'static str>,
    /// Memcached.
    pub memcached: Option<&'static str>,
    /// Who says so.
    pub source: &'static str,
}

const fn since(
    feature: Feature,
    valkey: &'static str,
    redis: Option<&'static str>,
    memcached: Option<&'static str>,
    source: &'static str,
) -> Since {
    Since { feature, valkey: Some(valkey), redis, memcached, source }
}

/// The first version of Valkey on ElastiCache.
const VALKEY: &str = "7.2";

/// Every feature.
#[rustfmt::skip]
pub const SINCE: &[Since] = &[
    since(Feature::TransitEncryption, VALKEY, Some("4.0"), Some("1.6.12"), "service model, TransitEncryptionEnabled; ElastiCache guide, in-transit-encryption-mc"),
    since(Feature::PreferredTls, VALKEY, Some("7.0"), None, "ElastiCache guide, in-transit-encryption-enable (7.0.5 and later)"),
    since(Feature::AtRestEncryption, VALKEY, Some("4.0"), None, "ElastiCache guide, at-rest-encryption"),
    since(Feature::AuthToken, VALKEY, Some("4.0"), None, "service model, AuthToken: only with TransitEncryptionEnabled"),
    since(Feature::UserGroups, VALKEY, Some("6.0"), None, "ElastiCache guide, Clusters.RBAC"),
    since(Feature::SlowLog, VALKEY, Some("6.0"), None, "ElastiCache guide, Log_Delivery"),
    since(Feature::EngineLog, VALKEY, Some("6.2"), None, "ElastiCache guide, Log_Delivery"),
    since(Feature::Ipv6, VALKEY, Some("6.2"), Some("1.6.6"), "service model, NetworkType"),
    since(Feature::ClusterMode, VALKEY, Some("7.0"), None, "ElastiCache guide, modify-cluster-mode"),
    since(Feature::Shards, VALKEY, Some("3.2.4"), None, "service model, CacheParameterGroupName"),
    since(Feature::DataTiering, VALKEY, Some("6.2"), None, "ElastiCache guide, data-tiering"),
    since(Feature::Durability, "9.0", None, None, "ElastiCache guide, Durability"),
];

/// Whether this version can do it. TLS and encryption at rest came with Redis OSS 3.2.6, went with 3.2.10,
/// and came again with 4.0 (service model, TransitEncryptionEnabled).
pub fn knows(engine: &Engine, version: &str, feature: Feature) -> bool {
    use Feature::{AtRestEncryption, AuthToken, TransitEncryption};
    if *engine == Engine::Redis && version == "3.2.6" {
        return matches!(feature, TransitEncryption | AtRestEncryption | AuthToken);
    }
    let since =
        SINCE.iter().find(|since| since.feature == feature).and_then(|since| match engine {
            Engine::Valkey => since.valkey,
            Engine::Redis => since.redis,
            Engine::Memcached => since.memcached,
            Engine::Unknown(_) => None,
        });
    since.is_some_and(|since| at_least(version, since))
}

/// Whether a version is this one or a later one, as far as both are given: `7.0` is at least `7.0.5`.
pub(crate) fn at_least(version: &str, since: &str) -> bool {
    numbers(version)
        .zip(numbers(since))
        .find(|(one, other)| one != other)
        .is_none_or(|(one, other)| one > other)
}

/// The numbers of a version. Of `6.x` nobody knows the second: it counts as none.
fn numbers(version: &str) -> impl Iterator<Item = u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0))
}

/// The major version.
pub(crate) fn major(version: &str) -> u32 {
    numbers(version).next().unwrap_or_default()
}

/// The version as Create takes it: major and minor for Valkey and for Redis OSS from 6 on, in full for
/// older ones and Memcached (Terraform's AWS provider, `internal/service/elasticache/engine_version.go`).
pub(crate) fn creatable(engine: &Engine, version: &str) -> String {
    match parts(engine, version) {
        3 => version.to_owned(),
        parts => version.splitn(3, '.').take(parts).collect::<Vec<_>>().join("."),
    }
}

/// Of how many numbers a version consists in a request.
pub(crate) fn parts(engine: &Engine, version: &str) -> usize {
    match engine {
        Engine::Memcached | Engine::Unknown(_) => 3,
        Engine::Redis if major(version) < 6 => 3,
        Engine::Redis | Engine::Valkey => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_cut_to_what_create_takes() {
        let cut = |engine: &str, version| creatable(&Engine::parse(engine), version);
        assert_eq!(cut("valkey", "7.2.6"), "7.2");
        assert_eq!(cut("valkey", "8.0.1"), "8.0");
        assert_eq!(cut("redis", "7.1.0"), "7.1");
        assert_eq!(cut("redis", "6.2.6"), "6.2");
        assert_eq!(cut("redis", "6.0.5"), "6.0");
        assert_eq!(cut("redis", "6.x"), "6.x");
        assert_eq!(cut("redis", "5.0.6"), "5.0.6");
        assert_eq!(cut("memcached", "1.6.22"), "1.6.22");
    }

    #[test]
    fn a_version_knows_what_came_with_it_or_before() {
        let knows =
            |engine: &str, version, feature| knows(&Engine::parse(engine), version, feature);
        assert!(knows("memcached", "1.6.12", Feature::TransitEncryption));
        assert!(!knows("memcached", "1.6.6", Feature::TransitEncryption));
        assert!(
            knows("memcached", "1.6.22", Feature::Ipv6)
                && !knows("memcached", "1.5.16", Feature::Ipv6)
        );
        assert!(knows("redis", "3.2.6", Feature::TransitEncryption));
        assert!(!knows("redis", "3.2.10", Feature::TransitEncryption));
        assert!(knows("redis", "4.0.10", Feature::AtRestEncryption));
        assert!(knows("redis", "6.2", Feature::Ipv6) && !knows("redis", "6.0.5", Feature::Ipv6));
        assert!(
            knows("valkey", "7.2.6", Feature::ClusterMode)
                && !knows("redis", "6.2", Feature::ClusterMode)
        );
        assert!(
            knows("valkey", "9.0.0", Feature::Durability)
                && !knows("valkey", "8.1.0", Feature::Durability)
        );
        assert!(!knows("keydb", "9.0.0", Feature::UserGroups));
    }
}
