//! What we object to: one file a check.
//!
//! A check is a function from facts to findings; it knows neither the mode nor who owns what.

pub mod default_port;
pub mod memcached_udp;
pub mod no_auth;
pub mod open_cache;
pub mod open_ingress;
pub mod plaintext_transit;
pub mod public_endpoint;
pub mod public_subnet;

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;

use crate::action::{Action, Because, Grants, Remedy};
use crate::facts::{AddressSpace, GroupFacts, IngressRule, PrefixList, Source};
use crate::finding::{Check, Evidence, Finding};
use crate::net::{Count, Sources};

/// The sources of every rule of a group, each prefix list expanded once.
struct SourceTable<'a> {
    group: &'a GroupFacts,
    lists: BTreeMap<&'a str, Result<Sources, &'a str>>,
    own: HashMap<&'a str, Sources>,
}

/// Which sources lie in the address space of the group's VPC, and so admit nobody from the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local {
    /// Those that lie in it as it was read; none, if it was not.
    Known,
    /// Those that may.
    Possible,
}

impl Local {
    fn is_met_by(self, sources: &Sources, space: &AddressSpace) -> bool {
        let inside = |nets: &mut dyn Iterator<Item = &IpNet>| {
            sources.is_inside(&Sources::new(nets.copied()))
        };
        match (self, space) {
            (Self::Known, AddressSpace::Read { own, further }) => {
                further.is_empty() && inside(&mut own.iter())
            }
            (Self::Known, AddressSpace::NotRead | AddressSpace::Unknown(_)) => false,
            (Self::Possible, AddressSpace::Read { own, further }) => {
                inside(&mut own.iter().chain(further.values().flatten()))
            }
            (Self::Possible, AddressSpace::NotRead | AddressSpace::Unknown(_)) => {
                sources.count().fits_into_a_vpc()
            }
        }
    }
}

impl<'a> SourceTable<'a> {
    fn new(group: &'a GroupFacts, local: Local) -> Self {
        let of = |nets: &mut dyn Iterator<Item = IpNet>| {
            let sources = Sources::new(nets);
            if local.is_met_by(&sources, &group.space) { Sources::default() } else { sources }
        };
        let mut lists = BTreeMap::new();
        for (id, list) in &group.prefix_lists {
            let sources = match list {
                PrefixList::Entries(entries) => Ok(of(&mut entries.iter().copied())),
                PrefixList::Unknown(why) => Err(why.as_str()),
            };
            lists.insert(id.as_str(), sources);
        }
        let mut own = HashMap::with_capacity(group.rules.len());
        for rule in &group.rules {
            let net = match &rule.source {
                Source::Ipv4(net) => (*net).into(),
                Source::Ipv6(net) => (*net).into(),
                Source::PrefixList(_) | Source::Group(_) | Source::Unreadable(_) => continue,
            };
            own.insert(rule.id.as_str(), of(&mut std::iter::once(net)));
        }
        Self { group, lists, own }
    }

    /// The addresses that a rule admits: `Ok(None)` for a group reference, which admits no
    /// address, `Err` with the reason if they could not be read.
    fn of(&self, rule: &'a IngressRule) -> Result<Option<&Sources>, String> {
        match &rule.source {
            Source::Ipv4(_) | Source::Ipv6(_) => Ok(self.own.get(rule.id.as_str())),
            Source::Group(_) => Ok(None),
            Source::PrefixList(list) => match self.lists.get(list.as_str()) {
                Some(Ok(sources)) => Ok(Some(sources)),
                Some(Err(why)) => Err(format!("prefix list {list}: {why}")),
                None => Err(format!("prefix list {list} was not read")),
            },
            Source::Unreadable(what) => Err(what.clone()),
        }
    }

    fn revoke(&self, rule: &IngressRule) -> Action {
        let (group, rule) = (self.group.id.clone(), rule.clone());
        Action::RevokeIngress { group, rule, grants: Grants::default() }
    }

    /// A rule whose sources could not be read: told, and left alone.
    fn unreadable(&self, check: Check, rule: &IngressRule, why: String) -> Finding {
        Finding {
            check,
            evidence: Evidence::UnreadableRule {
                group: self.group.id.clone(),
                rule: rule.clone(),
                why: why.clone(),
            },
            remedy: Remedy::NotRemediated {
                action: self.revoke(rule),
                because: Because::SourceUnknown(why),
            },
        }
    }
}

/// A rule of a group, with whether the event touched it.
pub type GroupRule<'a> = (&'a IngressRule, bool);

/// The public addresses that each rule of the group admits by itself; none if its sources could not be read.
pub(crate) fn admits(group: &GroupFacts) -> BTreeMap<&str, Count> {
    let table = SourceTable::new(group, Local::Known);
    let of =
        |rule: &IngressRule| table.of(rule).ok().flatten().map(Sources::count).unwrap_or_default();
    group.rules.iter().map(|rule| (rule.id.as_str(), of(rule))).collect()
}

/// The public addresses that a rule of the group admits by itself; none if its sources could not be read.
pub(crate) fn own(group: &GroupFacts, rule: &IngressRule) -> Count {
    let table = SourceTable::new(group, Local::Known);
    table.of(rule).ok().flatten().map(Sources::count).unwrap_or_default()
}
