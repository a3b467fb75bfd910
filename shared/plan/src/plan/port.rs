//! The new port: the one that is wished for, or one that is chosen for this cache.

use std::collections::BTreeSet;

use portcullis_engine::replacement;

use crate::facts::Facts;
use crate::refuse::Reason;
use crate::request::Request;

/// The ports that are somebody's default for a cache, and so are no custom port: Redis and its TLS
/// proxy, bus and Sentinel, Memcached and its TLS twin.
const DEFAULTS: [u16; 6] = [6379, 6380, 11_211, 11_212, 16_379, 26_379];

/// Lowest port that may be asked for: those below are the system's.
const LOWEST: u16 = 1024;

/// The new port: the one that is wished for, or one that is chosen for this cache.
pub(super) fn port(facts: &Facts, now: &Request, wish: Option<u16>) -> Result<u16, Box<Reason>> {
    let reason = |why: String, remedy: &str| Err(Box::new(Reason::new("Port", why, remedy)));
    let shared = |groups: &[String]| groups.iter().any(|id| now.security_groups.contains(id));
    let neighbours = || facts.strangers().filter(|other| shared(&other.groups));
    let in_use: BTreeSet<u16> = neighbours().flat_map(|other| other.ports.clone()).collect();
    let Some(port) = wish else {
        let custom = !DEFAULTS.contains(&now.port);
        if custom {
            return reason(
                format!("the cache listens on {} already, which is no default port", now.port),
                "nothing to do; give --port to move it all the same",
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
    if !(LOWEST..=replacement::LAST_PORT).contains(&port) {
        return reason(
            format!(
                "{port} is not between {LOWEST} and {}: lower ones are the system's, and the bus of cluster mode takes the port 10,000 above",
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
