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
mod reach;
pub mod together;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::action::{Action, Because, Remedy};
use crate::facts::{Engine, GroupFacts, IngressRule, PrefixList, Source};
use crate::net::{Count, Exposure, Sources};

pub use reach::Reach;

/// A check's id. It names the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// An ingress rule lets the internet in.
    OpenIngress,
    /// UDP 11211 can be reached from a public address.
    MemcachedUdp,
    /// A group of a cache lets the internet reach the cache's port.
    OpenCache,
    /// A cache listens on its engine's default port.
    DefaultPort,
    /// A cache is not encrypted in transit.
    PlaintextTransit,
    /// A cache asks nobody who they are.
    NoAuth,
    /// A subnet of a cache routes to an internet gateway.
    PublicSubnet,
    /// A serverless cache has its endpoint on the internet.
    PublicEndpoint,
}

impl Check {
    /// Every check, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::OpenIngress,
        Self::MemcachedUdp,
        Self::OpenCache,
        Self::DefaultPort,
        Self::PlaintextTransit,
        Self::NoAuth,
        Self::PublicSubnet,
        Self::PublicEndpoint,
    ];

    /// The id, in kebab case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenIngress => "open-ingress",
            Self::MemcachedUdp => "memcached-udp",
            Self::OpenCache => "open-cache",
            Self::DefaultPort => "default-port",
            Self::PlaintextTransit => "plaintext-transit",
            Self::NoAuth => "no-auth",
            Self::PublicSubnet => "public-subnet",
            Self::PublicEndpoint => "public-endpoint",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad, by what can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be reached today.
    Low,
    /// Private networks lead there: peering, VPNs, internal load balancers.
    Medium,
    /// The internet gets to something that stands in between, or it cannot be told what it gets to.
    High,
    /// The internet gets there.
    Critical,
}

impl Severity {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A fault, why we say so, and what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How bad.
    pub severity: Severity,
    /// What was seen.
    pub evidence: Evidence,
    /// What is to be done.
    pub remedy: Remedy,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// An ingress rule admits too much.
    Rule {
        /// `sg-…`
        group: String,
        /// The rule.
        rule: IngressRule,
        /// What it admits.
        exposure: Exposure,
        /// The cache port that it reaches, for `open-cache`.
        cache_port: Option<u16>,
        /// What stands behind the group.
        reach: Reach,
    },
    /// An ingress rule may admit too much: its source could not be read.
    UnreadableRule {
        /// `sg-…`
        group: String,
        /// The rule.
        rule: IngressRule,
        /// Why it could not be read.
        why: String,
        /// What stands behind the group.
        reach: Reach,
    },
    /// The groups of a cache could not be told.
    UnreadableGroups(String),
    /// A cache's port.
    Port {
        /// The cache's engine.
        engine: Engine,
        /// The port; `None` if it cannot be told yet.
        port: Option<u16>,
    },
    /// A setting of a cache.
    Setting {
        /// The cache's engine.
        engine: Engine,
    },
}

/// The rule that a finding is about.
pub fn rule_of(finding: &Finding) -> Option<&IngressRule> {
    match &finding.evidence {
        Evidence::Rule { rule, .. } | Evidence::UnreadableRule { rule, .. } => Some(rule),
        Evidence::UnreadableGroups(_) | Evidence::Port { .. } | Evidence::Setting { .. } => None,
    }
}

/// The sources of every rule of a group, each prefix list expanded once.
struct SourceTable<'a> {
    group: &'a GroupFacts,
    lists: BTreeMap<&'a str, Result<Sources, &'a str>>,
    own: HashMap<&'a str, Sources>,
}

impl<'a> SourceTable<'a> {
    fn new(group: &'a GroupFacts) -> Self {
        let mut lists = BTreeMap::new();
        for (id, list) in &group.prefix_lists {
            let sources = match list {
                PrefixList::Entries(entries) => Ok(Sources::new(entries.iter().copied())),
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
            own.insert(rule.id.as_str(), Sources::new([net]));
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
        Action::RevokeIngress { group: self.group.id.clone(), rule: rule.clone() }
    }

    /// A rule whose sources could not be read: told, and left alone.
    fn unreadable(&self, check: Check, rule: &IngressRule, why: String) -> Finding {
        let reach = Reach::of(self.group);
        Finding {
            check,
            severity: reach.severity().min(Severity::High),
            evidence: Evidence::UnreadableRule {
                group: self.group.id.clone(),
                rule: rule.clone(),
                why: why.clone(),
                reach,
            },
            remedy: Remedy::Withheld {
                action: self.revoke(rule),
                because: Because::SourceUnknown(why),
            },
        }
    }
}

/// A rule of a group, with whether the event touched it.
pub type Judged<'a> = (&'a IngressRule, bool);

/// What a union or a rule admits.
pub fn admitted(exposure: &Exposure) -> Count {
    match exposure {
        Exposure::Alone(count) => *count,
        Exposure::Together { public, .. } => *public,
    }
}
