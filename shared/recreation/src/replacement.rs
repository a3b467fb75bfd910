//! What the replacement of a cache is called and listens on: the same for the same cache every time,
//! so that whoever makes it twice finds that it is there.

mod ports;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use portcullis_engine::text::number;

use ports::{REGISTERED, TRIED};

/// Lowest port suggested.
pub const FIRST_PORT: u16 = 10_000;
/// Highest port suggested: Redis in cluster mode uses the port 10,000 above for its bus.
pub const LAST_PORT: u16 = 55_535;

/// The ports that ElastiCache takes: its answer to another is "Invalid endpoint port: 8005. Valid range is
/// 1150-8004,8006-65535" (badmintoncryer/cdk-preflight, pf-elasticache-port).
pub const PORTS: [RangeInclusive<u16>; 2] = [1150..=8004, 8006..=65_535];

/// Longest id of a replication group, and longest name of a snapshot (API reference,
/// CreateReplicationGroup; user guide, "Taking manual backups"). A cluster's may have ten more.
const LONGEST: usize = 40;

/// Whether ElastiCache takes this port.
pub fn is_port(port: u16) -> bool {
    PORTS.iter().any(|range| range.contains(&port))
}

/// A port between 10000 and 55535 for the cache with this ARN.
pub fn suggested_port(arn: &str) -> u16 {
    free_port(arn, &BTreeSet::new())
}

/// The same, but none of those in use.
pub fn free_port(arn: &str, in_use: &BTreeSet<u16>) -> u16 {
    let span = u32::from(LAST_PORT - FIRST_PORT) + 1;
    let first = u16::try_from(number(arn) % span).unwrap_or_default() + FIRST_PORT;
    let from_there = (first..=LAST_PORT).chain(FIRST_PORT..first);
    let mut free = from_there.filter(|port| !is_known(*port) && !in_use.contains(port));
    // Fewer ports are known than there are, so only a list of tens of thousands in use leaves none.
    free.next().unwrap_or(first)
}

/// Whether a port of the range is registered with IANA, or is one of those that scanners try first.
pub fn is_known(port: u16) -> bool {
    REGISTERED.binary_search(&port).is_ok() || TRIED.binary_search(&port).is_ok()
}

/// The id of the replacement: `orders` on 17321 is replaced by `orders-17321`, and that on 20777 by
/// `orders-20777`. At most 40 characters, as a replication group's id.
pub fn id(old: &str, old_port: Option<u16>, port: u16) -> String {
    named(old, old_port, &format!("-{port}"))
}

/// The name of the snapshot that the replacement is made from.
pub fn snapshot(old: &str, old_port: Option<u16>, port: u16) -> String {
    named(old, old_port, &format!("-{port}-snap"))
}

/// The name of the last snapshot of the old cache, taken as it is deleted.
pub fn last_snapshot(old: &str, old_port: Option<u16>, port: u16) -> String {
    named(old, old_port, &format!("-{port}-last"))
}

/// An id for something else that is made for a cache: its users and their group, or the replication group that a node
/// is put into. At most 40 characters, which user groups, replication groups and serverless caches take alike.
pub fn derived(id: &str, ending: &str) -> String {
    named(&id.to_ascii_lowercase(), None, ending)
}

/// The old id with this ending. One that is too long is cut, and gets four digits of its own, so that
/// two that begin alike do not end alike.
fn named(old: &str, old_port: Option<u16>, ending: &str) -> String {
    let of_old_port = old_port.map(|port| format!("-{port}")).unwrap_or_default();
    let stem = match old.strip_suffix(&of_old_port) {
        Some("") | None => old,
        Some(stem) => stem,
    };
    let room = LONGEST.saturating_sub(ending.len());
    if stem.chars().count() <= room {
        return format!("{}{ending}", stem.trim_end_matches('-'));
    }
    let kept: String = stem.chars().take(room.saturating_sub(5)).collect();
    format!("{}-{:04x}{ending}", kept.trim_end_matches('-'), number(stem) & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(n: u32) -> String {
        format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:c{n}")
    }

    #[test]
    fn the_port_is_stable_in_range_and_nobodys() {
        for n in 0..5000 {
            let port = suggested_port(&arn(n));
            assert!((FIRST_PORT..=LAST_PORT).contains(&port) && !is_known(port), "{port}");
        }
        assert_eq!(suggested_port(&arn(1)), suggested_port(&arn(1)));
        assert_ne!(suggested_port(&arn(1)), suggested_port(&arn(2)));
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let first = suggested_port(&arn(1));
        let second = free_port(&arn(1), &BTreeSet::from([first]));
        assert_ne!(first, second);
        let third = free_port(&arn(1), &BTreeSet::from([first, second]));
        assert!(third != first && third != second);
        let all_but_one: BTreeSet<u16> =
            (FIRST_PORT..=LAST_PORT).filter(|p| *p != 10_300).collect();
        assert_eq!(free_port(&arn(1), &all_but_one), 10_300);
    }

    #[test]
    fn the_lists_of_known_ports_are_in_order() {
        for list in [REGISTERED.as_slice(), TRIED.as_slice()] {
            assert!(list.is_sorted_by(|a, b| a < b));
            assert!(list.iter().all(|port| (FIRST_PORT..=LAST_PORT).contains(port)));
        }
        for port in [11_211, 16_379, 26_379, 27_017, 50_000] {
            assert!(is_known(port), "{port}");
        }
    }

    #[test]
    fn the_names_of_a_replacement_fit() {
        assert_eq!(id("orders", Some(6379), 17_321), "orders-17321");
        assert_eq!(id("orders-17321", Some(17_321), 20_777), "orders-20777");
        assert_eq!(id("orders-6379", None, 17_321), "orders-6379-17321");
        assert_eq!(snapshot("orders", None, 17_321), "orders-17321-snap");
        assert_eq!(last_snapshot("orders", None, 17_321), "orders-17321-last");
        for length in 1..=50 {
            let old = format!("a{}", "-b".repeat(25)).chars().take(length).collect::<String>();
            for name in [id(&old, None, 55_535), snapshot(&old, None, 55_535)] {
                assert!(name.len() <= 40 && !name.contains("--"), "{old}: {name}");
            }
        }
        let (one, other) = ("x".repeat(40), format!("{}y", "x".repeat(39)));
        assert_ne!(id(&one, None, 17_321), id(&other, None, 17_321));
    }
}
