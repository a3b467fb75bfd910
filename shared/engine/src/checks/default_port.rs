//! `default-port`: a node-based cache listens on its engine's default port.
//!
//! Scanners try 6379 and 11211 first. It matters when something can reach the port, which
//! `open-cache` tells, so by itself it is low.

use crate::finding::{Check, Evidence, Finding};

use crate::action::{Because, Remedy};
use crate::facts::{CacheKind, Engine};

/// What is known of a cache's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// These are its ports; a serverless cache has two.
    Known(Vec<u16>),
    /// It cannot be told yet: why.
    Pending(String),
}

/// Serverless caches have no port setting: they are never at fault.
pub fn check(kind: CacheKind, engine: &Engine, port: &Port) -> Option<Finding> {
    if kind == CacheKind::ServerlessCache {
        return None;
    }
    let (port, remedy) = match port {
        Port::Known(ports) => {
            let default = engine.default_port()?;
            if !ports.contains(&default) {
                return None;
            }
            (Some(default), Remedy::Manual { action: None, because: Because::PortIsFixed })
        }
        Port::Pending(why) => (None, Remedy::Pending(why.clone())),
    };
    Some(Finding {
        check: Check::DefaultPort,
        evidence: Evidence::Port { engine: engine.clone(), port },
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ports: &[u16]) -> Port {
        Port::Known(ports.to_vec())
    }

    fn node_based(engine: &Engine, ports: &[u16]) -> Option<Finding> {
        check(CacheKind::ReplicationGroup, engine, &known(ports))
    }

    fn unknown() -> Engine {
        Engine::Unknown("dragonfly".to_owned())
    }

    #[test]
    fn a_custom_port_is_clean() {
        for engine in [Engine::Redis, Engine::Valkey, Engine::Memcached] {
            for port in [0, 6378, 6380, 7379, 11_210, 11_212, 65_535] {
                assert_eq!(node_based(&engine, &[port]), None, "{engine:?} on {port}");
            }
        }
    }

    #[test]
    fn each_engine_has_its_own_default() {
        for (engine, default, other) in [
            (Engine::Redis, 6379, 11_211),
            (Engine::Valkey, 6379, 11_211),
            (Engine::Memcached, 11_211, 6379),
        ] {
            assert_eq!(node_based(&engine, &[other]), None, "{engine:?} on {other}");
            let finding = node_based(&engine, &[default]).unwrap();
            assert_eq!(crate::fixtures::severity(&finding, &[]), crate::severity::Severity::Low);
            let evidence = Evidence::Port { engine: engine.clone(), port: Some(default) };
            assert_eq!(finding.evidence, evidence);
            let remedy = Remedy::Manual { action: None, because: Because::PortIsFixed };
            assert_eq!(finding.remedy, remedy);
        }
    }

    #[test]
    fn one_endpoint_on_the_default_port_is_enough() {
        assert!(node_based(&Engine::Redis, &[7379, 6379]).is_some());
    }

    #[test]
    fn both_node_based_kinds_can_be_at_fault() {
        for kind in [CacheKind::CacheCluster, CacheKind::ReplicationGroup] {
            assert!(check(kind, &Engine::Redis, &known(&[6379])).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn a_serverless_cache_never_is() {
        let pending = Port::Pending("no endpoint yet".to_owned());
        for engine in [Engine::Redis, Engine::Valkey, Engine::Memcached, unknown()] {
            for port in [known(&[6379, 6380]), known(&[11_211, 11_212]), pending.clone()] {
                assert_eq!(check(CacheKind::ServerlessCache, &engine, &port), None);
            }
        }
    }

    #[test]
    fn an_engine_that_is_not_known_has_no_default() {
        assert_eq!(node_based(&unknown(), &[6379]), None);
        assert_eq!(node_based(&unknown(), &[11_211]), None);
    }

    #[test]
    fn a_port_that_cannot_be_told_yet_is_pending_not_clean() {
        let pending = Port::Pending("no endpoint yet".to_owned());
        for engine in [Engine::Redis, Engine::Memcached, unknown()] {
            let finding = check(CacheKind::CacheCluster, &engine, &pending).unwrap();
            assert_eq!(finding.remedy, Remedy::Pending("no endpoint yet".to_owned()));
            assert_eq!(finding.evidence, Evidence::Port { engine, port: None });
        }
    }
}
