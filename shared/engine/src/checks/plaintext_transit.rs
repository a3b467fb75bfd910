//! `plaintext-transit`: a cache is not encrypted in transit.
//!
//! Serverless caches always are (ElastiCache user guide, "In-transit encryption").

use crate::finding::{Check, Evidence, Finding};

use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, CacheKind, Engine};

/// At fault only if Describe says that there is none.
pub fn check(engine: &Engine, cache: &CacheFacts) -> Option<Finding> {
    let plaintext =
        cache.kind != CacheKind::ServerlessCache && cache.transit_encryption == Some(false);
    plaintext.then(|| Finding {
        check: Check::PlaintextTransit,
        evidence: Evidence::Setting { engine: engine.clone(), pending: false },
        remedy: Remedy::Manual { action: None, because: Because::ClientsMustChange },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn found(kind: CacheKind, engine: Engine, encrypted: Option<bool>) -> Option<Finding> {
        let cache = fixtures::cache(kind, engine.clone(), &[6379]);
        check(&engine, &CacheFacts { transit_encryption: encrypted, ..cache })
    }

    #[test]
    fn an_encrypted_cache_is_clean() {
        assert_eq!(found(CacheKind::ReplicationGroup, Engine::Redis, Some(true)), None);
    }

    #[test]
    fn a_cache_that_is_not_encrypted_is_at_fault_whatever_its_engine() {
        for engine in [Engine::Redis, Engine::Valkey, Engine::Memcached] {
            for kind in [CacheKind::CacheCluster, CacheKind::ReplicationGroup] {
                let finding = found(kind, engine.clone(), Some(false)).unwrap();
                assert_eq!(
                    crate::fixtures::severity(&finding, &[]),
                    crate::severity::Severity::Medium
                );
                let because = Because::ClientsMustChange;
                assert_eq!(finding.remedy, Remedy::Manual { action: None, because });
            }
        }
    }

    #[test]
    fn what_describe_does_not_say_is_no_fault() {
        assert_eq!(found(CacheKind::ReplicationGroup, Engine::Redis, None), None);
    }

    #[test]
    fn a_serverless_cache_always_is_encrypted() {
        assert_eq!(found(CacheKind::ServerlessCache, Engine::Redis, Some(false)), None);
    }
}
