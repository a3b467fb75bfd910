//! What stands behind a security group, and how bad an open rule is by that.
//!
//! The reasons are in `docs/checks.md`, under "Severity".

use std::fmt;

use crate::facts::{BlockMode, GroupFacts, Holder, Interface, Interfaces};

/// What stands behind a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Not told: why.
    Unknown(String),
    /// No interface carries the group.
    Nothing,
    /// This many interfaces, none with a public address.
    Private(usize),
    /// Interfaces, of which VPC block public access keeps the internet from all that have public
    /// addresses.
    Blocked {
        /// How many carry the group.
        interfaces: usize,
        /// The public addresses.
        addresses: Vec<String>,
        /// What is blocked.
        mode: BlockMode,
    },
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
    /// Of a group, by the interfaces that carry it. What is blocked counts only if nothing is open.
    pub fn of(group: &GroupFacts) -> Self {
        let carriers = match &group.interfaces {
            Interfaces::NotRead => return Self::Unknown("its interfaces were not read".to_owned()),
            Interfaces::Unknown(why) => return Self::Unknown(why.clone()),
            Interfaces::Read(interfaces) => interfaces,
        };
        let interfaces = carriers.len();
        let mode = |carrier: &&Interface| group.public_access.blocks(carrier);
        let public = carriers.iter().filter(|carrier| !carrier.public.is_empty());
        let (blocked, open): (Vec<_>, Vec<_>) = public.partition(|carrier| mode(carrier).is_some());
        match (open.as_slice(), blocked.as_slice()) {
            ([], []) if interfaces == 0 => Self::Nothing,
            ([], []) => Self::Private(interfaces),
            ([], [first, ..]) => Self::Blocked {
                interfaces,
                addresses: addresses(&blocked),
                mode: mode(first).unwrap_or_default(),
            },
            (open, _) if open.iter().all(is_balancer) => {
                Self::LoadBalanced { interfaces, addresses: addresses(open) }
            }
            (open, _) => Self::Public { interfaces, addresses: addresses(open) },
        }
    }
}

impl Reach {
    /// How many public addresses it has.
    pub fn addresses(&self) -> usize {
        match self {
            Self::Unknown(_) | Self::Nothing | Self::Private(_) => 0,
            Self::Blocked { addresses, .. }
            | Self::LoadBalanced { addresses, .. }
            | Self::Public { addresses, .. } => addresses.len(),
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
            Self::Blocked { interfaces, addresses, mode } => write!(
                f,
                "{}, at {}, where VPC block public access ({mode}) keeps the internet out today",
                carried(*interfaces),
                some(addresses)
            ),
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

fn addresses(carriers: &[&Interface]) -> Vec<String> {
    carriers.iter().flat_map(|carrier| carrier.public.iter().cloned()).collect()
}

fn is_balancer(carrier: &&Interface) -> bool {
    matches!(carrier.holder, Holder::LoadBalancer(_))
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
    use crate::fixtures::{
        blocking, cache_interface, facing_interface, group, interface, public_interface,
        with_interfaces,
    };
    use crate::severity::Severity;

    fn told(group: &GroupFacts) -> (Severity, String) {
        let reach = Reach::of(group);
        (reach.severity(), reach.to_string())
    }

    fn of(interfaces: Vec<Interface>) -> (Severity, String) {
        told(&with_interfaces(group(Vec::new()), interfaces))
    }

    fn behind_a_block(interfaces: Vec<Interface>) -> (Severity, String) {
        let public_access = blocking(BlockMode::Ingress);
        let group = GroupFacts { public_access, ..group(Vec::new()) };
        told(&with_interfaces(group, interfaces))
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
            let group = GroupFacts { interfaces: unread, ..group(Vec::new()) };
            assert_eq!(Reach::of(&group).severity(), Severity::High);
        }
    }

    #[test]
    fn what_public_access_is_blocked_to_is_as_bad_as_what_is_private() {
        let (severity, words) = behind_a_block(vec![public_interface("eni-1")]);
        assert_eq!(severity, Severity::Medium);
        assert_eq!(
            words,
            "1 network interface carries the group, at 52.94.5.9, where VPC block public access (block-ingress) keeps the internet out today"
        );
        assert_eq!(behind_a_block(vec![facing_interface("eni-1")]).0, Severity::Medium);
        assert_eq!(behind_a_block(Vec::new()).0, Severity::Low);
    }

    #[test]
    fn one_interface_that_is_not_blocked_is_enough() {
        let open = Interface {
            vpc: Some("vpc-2".to_owned()),
            public: vec!["203.0.113.7".to_owned()],
            ..public_interface("eni-2")
        };
        let (severity, words) = behind_a_block(vec![public_interface("eni-1"), open.clone()]);
        assert_eq!(severity, Severity::Critical);
        assert_eq!(words, "2 network interfaces carry the group, reachable at 203.0.113.7");
        let balancer = Interface { holder: facing_interface("eni-3").holder, ..open };
        let (severity, _) = behind_a_block(vec![public_interface("eni-1"), balancer]);
        assert_eq!(severity, Severity::High, "what is open is a load balancer");
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
