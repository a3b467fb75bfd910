//! A fault: which check fired, on what evidence, and what is to be done about it.

use std::fmt;

use crate::action::Remedy;
use crate::facts::{Engine, IngressRule, ListEntry, ListedGroup};
use crate::net::{Count, Exposure};

/// The resource that a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `security-group`, `prefix-list`, `replication-group`, `cache-cluster` or `serverless-cache`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
}

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

/// A fault, why we say so, and what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
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
    },
    /// An ingress rule may admit too much: its source could not be read.
    UnreadableRule {
        /// `sg-…`
        group: String,
        /// The rule.
        rule: IngressRule,
        /// Why it could not be read.
        why: String,
    },
    /// Entries of a prefix list let the internet into the groups that name it.
    Entries {
        /// `pl-…`
        list: String,
        /// The entries, in order.
        entries: Vec<ListEntry>,
        /// The groups, with the rules that name the list.
        groups: Vec<ListedGroup>,
    },
    /// The groups of a cache could not be told.
    UnreadableGroups(String),
    /// The record of a call does not name the resource that it changed.
    UnnamedSubject {
        /// The id of the event.
        event: String,
        /// What it does not name: `security group`, `prefix list` or `cache`.
        what: &'static str,
    },
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
        /// It is not in force yet: the call asked for it, and ElastiCache applies it in the maintenance window.
        pending: bool,
    },
}

/// The rule that a finding is about.
pub fn rule_of(finding: &Finding) -> Option<&IngressRule> {
    match &finding.evidence {
        Evidence::Rule { rule, .. } | Evidence::UnreadableRule { rule, .. } => Some(rule),
        Evidence::Entries { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::UnnamedSubject { .. }
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => None,
    }
}

/// The group of the rule that a finding is about.
pub fn group_of(finding: &Finding) -> Option<&str> {
    match &finding.evidence {
        Evidence::Rule { group, .. } | Evidence::UnreadableRule { group, .. } => Some(group),
        Evidence::Entries { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::UnnamedSubject { .. }
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => None,
    }
}

/// `1 security group`, `12 security groups`.
fn counted(groups: usize) -> String {
    match groups {
        1 => "1 security group".to_owned(),
        groups => format!("{groups} security groups"),
    }
}

/// What a union or a rule admits.
pub fn admitted(exposure: &Exposure) -> Count {
    match exposure {
        Exposure::Alone(count) => *count,
        Exposure::Together { public, .. } => *public,
    }
}

impl Finding {
    /// What it is, in a line.
    pub fn title(&self) -> String {
        match &self.evidence {
            Evidence::Setting { pending: true, .. } => {
                format!("from the maintenance window on: {}", self.fault())
            }
            Evidence::Setting { pending: false, .. }
            | Evidence::Rule { .. }
            | Evidence::UnreadableRule { .. }
            | Evidence::Entries { .. }
            | Evidence::UnreadableGroups(_)
            | Evidence::UnnamedSubject { .. }
            | Evidence::Port { .. } => self.fault(),
        }
    }

    fn fault(&self) -> String {
        let words = rule_of(self).map(IngressRule::words).unwrap_or_default();
        let pending = matches!(self.remedy, Remedy::Pending(_));
        match (&self.check, &self.evidence) {
            (_, Evidence::UnreadableRule { .. }) => format!("{words} could not be evaluated"),
            (_, Evidence::UnreadableGroups(_)) => {
                "who can reach the cache could not be evaluated".to_owned()
            }
            (check, Evidence::Entries { list, entries, groups }) => {
                let entries = ListEntry::words(entries);
                let groups = counted(groups.len());
                match check {
                    Check::MemcachedUdp => format!(
                        "{entries} of prefix list {list}: public addresses reach UDP 11211 of {groups}, which amplifies attacks"
                    ),
                    Check::OpenIngress
                    | Check::OpenCache
                    | Check::DefaultPort
                    | Check::PlaintextTransit
                    | Check::NoAuth
                    | Check::PublicSubnet
                    | Check::PublicEndpoint => {
                        format!("{entries} of prefix list {list}: the internet gets into {groups}")
                    }
                }
            }
            (_, Evidence::UnnamedSubject { what, .. }) => format!(
                "the record of the call is truncated and does not say which {what} was changed"
            ),
            (Check::OpenCache, Evidence::Rule { cache_port: Some(port), .. }) => {
                format!("{words} lets the internet reach the cache's port {port}")
            }
            (Check::MemcachedUdp, _) => {
                format!("{words} lets public addresses reach UDP 11211, which amplifies attacks")
            }
            (_, Evidence::Rule { exposure: Exposure::Together { .. }, .. }) => {
                format!("{words} lets the internet in, together with other rules")
            }
            (_, Evidence::Rule { .. }) => format!("{words} lets the internet in"),
            (_, Evidence::Port { engine, port: Some(port) }) => {
                format!(
                    "{} listens on its default port {port}, which scanners try first",
                    engine.name()
                )
            }
            (_, Evidence::Port { engine, port: None }) => {
                format!("the port of this {} cache is not known yet", engine.name())
            }
            (Check::NoAuth, Evidence::Setting { engine, .. }) => {
                format!(
                    "{} has no authentication: everybody who reaches it can read and write",
                    engine.name()
                )
            }
            (Check::PublicSubnet, _) if pending => {
                "whether the cache's subnets are public is not known yet".to_owned()
            }
            (Check::PublicSubnet, _) => {
                "a subnet of the cache routes to an internet gateway".to_owned()
            }
            (Check::PublicEndpoint, _) if pending => {
                "whether the cache's endpoint is on the internet is not known yet".to_owned()
            }
            (Check::PublicEndpoint, _) => {
                "the cache's endpoint is on the internet, protected only by IAM".to_owned()
            }
            (_, Evidence::Setting { engine, .. }) => {
                format!("{} is not encrypted in transit", engine.name())
            }
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { group, rule, exposure, cache_port } => {
                write!(f, "{group} {} {}: {}", rule.id, rule.words(), admitted(exposure))?;
                if let Exposure::Together { port, with, .. } = exposure {
                    write!(f, " together with {} at port {port}", with.join(", "))?;
                }
                match cache_port {
                    Some(port) => write!(f, " reach cache port {port}"),
                    None => Ok(()),
                }
            }
            Self::UnreadableRule { group, rule, why } => {
                write!(f, "{group} {} {}: unknown, {why}", rule.id, rule.words())
            }
            Self::Entries { list, entries, groups } => {
                write!(f, "{} of {list} in {}", ListEntry::words(entries), counted(groups.len()))
            }
            Self::UnreadableGroups(why) => write!(f, "unknown, {why}"),
            Self::UnnamedSubject { what, .. } => write!(f, "unknown, the record names no {what}"),
            Self::Port { engine, port: Some(port) } => write!(f, "{} on {port}", engine.name()),
            Self::Port { engine, port: None } => write!(f, "{} on an unknown port", engine.name()),
            Self::Setting { engine, pending: false } => f.write_str(engine.name()),
            Self::Setting { engine, pending: true } => {
                write!(f, "{}, from the maintenance window on", engine.name())
            }
        }
    }
}
