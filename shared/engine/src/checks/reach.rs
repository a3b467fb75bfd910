//! What stands behind a security group, and how bad an open rule is by that.
//!
//! The reasons are in `docs/checks.md`, under "Severity".

use std::fmt;

use super::Severity;
use crate::facts::{Holder, Interface, Interfaces};

/// What stands behind a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Not told: why.
    Unknown(String),
    /// No interface carries the group.
    Nothing,
    /// This many interfaces, none with a public address.
    Private(usize),
    /// Interfaces, of which only those of load balancers have public addresses.
    LoadBalanced {
        /// How many carry the group.
        interfaces: usize,
        /// The public addresses.
        addresses: Vec<String>,
    },
    /// Interfaces, some with public addresses that are no load balancer's.
    Public {
        /// How many carry the group.
        interfaces: usize,
        /// The public addresses.
        addresses: Vec<String>,
    },
}

impl Reach {
    /// Of a group, by the interfaces that carry it.
    pub fn of(interfaces: &Interfaces) -> Self {
        let carriers = match interfaces {
            Interfaces::NotRead => return Self::Unknown("its interfaces were not read".to_owned()),
            Interfaces::Unknown(why) => return Self::Unknown(why.clone()),
            Interfaces::Read(interfaces) => interfaces,
        };
        let interfaces = carriers.len();
        let public: Vec<_> = carriers.iter().filter(|carrier| !carrier.public.is_empty()).collect();
        let addresses = public.iter().flat_map(|carrier| carrier.public.iter().cloned()).collect();
        let is_balancer = |carrier: &&Interface| matches!(carrier.holder, Holder::LoadBalancer(_));
        match (interfaces, public.is_empty()) {
            (0, _) => Self::Nothing,
            (count, true) => Self::Private(count),
            (_, false) if public.iter().all(is_balancer) => {
                Self::LoadBalanced { interfaces, addresses }
            }
            (_, false) => Self::Public { interfaces, addresses },
        }
    }

    /// How bad an open rule is, given what it reaches.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Nothing => Severity::Low,
            Self::Private(_) => Severity::Medium,
            Self::Unknown(_) | Self::LoadBalanced { .. } => Severity::High,
            Self::Public { .. } => Severity::Critical,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(why) => write!(f, "what carries the group is unknown: {why}"),
            Self::Nothing => f.write_str("no network interface carries the group"),
            Self::Private(count) => {
                let none = if *count == 1 { "with no" } else { "none with a" };
                write!(f, "{}, {none} public address", carried(*count))
            }
            Self::LoadBalanced { interfaces, addresses } => {
                let addresses = some(addresses);
                write!(
                    f,
                    "{}, reachable at {addresses}, by load balancers only",
                    carried(*interfaces)
                )
            }
            Self::Public { interfaces, addresses } => {
                write!(f, "{}, reachable at {}", carried(*interfaces), some(addresses))
            }
        }
    }
}

fn carried(interfaces: usize) -> String {
    match interfaces {
        1 => "1 network interface carries the group".to_owned(),
        count => format!("{count} network interfaces carry the group"),
    }
}

/// The first of the addresses, and how many more there are.
fn some(addresses: &[String]) -> String {
    let first: Vec<&str> = addresses.iter().take(5).map(String::as_str).collect();
    match addresses.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{cache_interface, facing_interface, interface, public_interface};

    fn of(interfaces: Vec<Interface>) -> (Severity, String) {
        let reach = Reach::of(&Interfaces::Read(interfaces));
        (reach.severity(), reach.to_string())
    }

    #[test]
    fn severity_follows_the_widest_way_in() {
        let private = || interface("eni-1", "interface");
        let internal = Interface { public: Vec::new(), ..facing_interface("eni-2") };
        for (interfaces, severity) in [
            (vec![], Severity::Low),
            (vec![private(), cache_interface("eni-2")], Severity::Medium),
            (vec![internal], Severity::Medium),
            (vec![private(), facing_interface("eni-2")], Severity::High),
            (vec![facing_interface("eni-1"), public_interface("eni-2")], Severity::Critical),
        ] {
            assert_eq!(of(interfaces.clone()).0, severity, "{interfaces:?}");
        }
        for unread in [Interfaces::NotRead, Interfaces::Unknown("denied".to_owned())] {
            assert_eq!(Reach::of(&unread).severity(), Severity::High);
        }
    }

    #[test]
    fn it_says_where_the_group_can_be_reached() {
        let many: Vec<String> = (1..=7).map(|n| format!("203.0.113.{n}")).collect();
        let crowded = Interface { public: many, ..public_interface("eni-1") };
        for (interfaces, words) in [
            (
                vec![interface("eni-1", "interface")],
                "1 network interface carries the group, with no public address",
            ),
            (
                vec![interface("eni-1", "interface"), cache_interface("eni-2")],
                "2 network interfaces carry the group, none with a public address",
            ),
            (
                vec![crowded],
                "1 network interface carries the group, reachable at 203.0.113.1, 203.0.113.2, 203.0.113.3, 203.0.113.4, 203.0.113.5 and 2 more",
            ),
            (
                vec![facing_interface("eni-1")],
                "1 network interface carries the group, reachable at 52.94.5.9, by load balancers only",
            ),
        ] {
            assert_eq!(of(interfaces).1, words);
        }
    }
}
