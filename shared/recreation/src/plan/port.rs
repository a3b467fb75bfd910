//! The new port: the one that a person chose, or one that suits this cache.

use std::collections::BTreeSet;

use crate::facts::Facts;
use crate::reason::Reason;
use crate::replacement;
use crate::request::{GroupInputs, Kind, Request, Shape};

/// The ports that are somebody's default for a cache, and so are no custom port: Redis and its TLS
/// proxy, bus and Sentinel, Memcached and its TLS twin.
const DEFAULTS: [u16; 6] = [6379, 6380, 11_211, 11_212, 16_379, 26_379];

/// The new port: the one that a person chose, or one that suits this cache.
pub(super) fn port(facts: &Facts, now: &Request, choices: Option<u16>) -> Result<u16, Box<Reason>> {
    let reason = |why: String, remedy: &str| Err(Box::new(Reason::new("Port", why, remedy)));
    let shared = |groups: &[String]| groups.iter().any(|id| now.security_groups.contains(id));
    let neighbours = || facts.strangers().filter(|other| shared(&other.groups));
    let in_use: BTreeSet<u16> = neighbours().flat_map(|other| other.ports.clone()).collect();
    let Some(port) = choices else {
        let custom = !DEFAULTS.contains(&now.port);
        if custom {
            return reason(
                format!("the cache listens on {} already, which is no default port", now.port),
                "nothing to do; give --port to re-create it all the same",
            );
        }
        return Ok(replacement::free_port(facts.cache.arn().unwrap_or_default(), &in_use));
    };
    if port == now.port {
        return reason(format!("the cache listens on {port} already"), "nothing to do");
    }
    if DEFAULTS.contains(&port) {
        return reason(
            format!("{port} is a default port of caches, which scanners try first"),
            "leave --port out to have one chosen, or give another",
        );
    }
    if !replacement::is_port(port) {
        let [low, high] = replacement::PORTS;
        return reason(
            format!(
                "{port} is not one that ElastiCache takes: {} to {}, and {} to {}",
                low.start(),
                low.end(),
                high.start(),
                high.end()
            ),
            "leave --port out to have one chosen, or give another",
        );
    }
    let sharded = matches!(&now.kind, Kind::Group(GroupInputs { shape: Shape::Shards(_), .. }));
    if sharded && port > replacement::LAST_PORT {
        return reason(
            format!(
                "{port} is above {}: in cluster mode the nodes talk to each other on the port 10,000 above",
                replacement::LAST_PORT
            ),
            "leave --port out to have one chosen, or give another",
        );
    }
    let mut others = neighbours().filter(|other| other.ports.contains(&port));
    if let Some(other) = others.next() {
        return reason(
            format!(
                "{} listens on {port} behind the same security group, whose rules could not tell the two apart",
                other.id
            ),
            "leave --port out to have one chosen, or give another",
        );
    }
    Ok(port)
}
