//! `no-auth`: a cache asks nobody who they are: no AUTH token, user group or IAM authentication.
//!
//! Memcached has none of these to offer on ElastiCache, so it is never at fault.

use crate::finding::{Check, Evidence, Finding};

use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, Engine};

/// At fault only if Describe says that there is none.
pub fn check(engine: &Engine, cache: &CacheFacts) -> Option<Finding> {
    let open = *engine != Engine::Memcached && cache.authentication == Some(false);
    open.then(|| Finding {
        check: Check::NoAuth,
        evidence: Evidence::Setting { engine: engine.clone(), pending: false },
        remedy: Remedy::Manual { action: None, because: Because::ClientsMustChange },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::CacheKind;
    use crate::fixtures;

    fn found(kind: CacheKind, engine: Engine, authentication: Option<bool>) -> Option<Finding> {
        let cache = fixtures::cache(kind, engine.clone(), &[6379]);
        check(&engine, &CacheFacts { authentication, ..cache })
    }

    #[test]
    fn a_cache_that_asks_is_clean() {
        assert_eq!(found(CacheKind::ReplicationGroup, Engine::Redis, Some(true)), None);
    }

    #[test]
    fn a_cache_that_asks_nobody_is_at_fault_even_a_serverless_one() {
        for engine in [Engine::Redis, Engine::Valkey, Engine::Unknown("new".to_owned())] {
            for kind in
                [CacheKind::CacheCluster, CacheKind::ReplicationGroup, CacheKind::ServerlessCache]
            {
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
    fn memcached_has_nobody_to_ask() {
        for kind in [CacheKind::CacheCluster, CacheKind::ServerlessCache] {
            assert_eq!(found(kind, Engine::Memcached, Some(false)), None);
        }
    }
}
