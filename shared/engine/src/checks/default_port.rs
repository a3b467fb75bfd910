//! `default-port`: a node-based cache listens on its engine's default port.
//!
//! Scanners try 6379 and 11211 first. It matters when something can reach the port, which
//! `open-cache` tells, so by itself it is low.

use super::{Check, Evidence, Finding, Severity};
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
            (Some(default), Remedy::ByHand { action: None, because: Because::PortIsFixed })
        }
        Port::Pending(why) => (None, Remedy::Pending(why.clone())),
    };
    Some(Finding {
        check: Check::DefaultPort,
        severity: Severity::Low,
        evidence: Evidence::Port { engine: engine.clone(), port },
        remedy,
    })
}
