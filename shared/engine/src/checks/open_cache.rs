//! `open-cache`: the security groups of a cache let the internet reach the port it listens on.

use super::{Check, Evidence, Finding, Reach, Severity, SourceTable};
use crate::action::{Because, Remedy};
use crate::checks::default_port::Port;
use crate::checks::open_ingress;
use crate::facts::{CacheGroups, Engine, GroupFacts, IngressRule, Interface, Interfaces, Protocol};
use crate::net::{Candidate, exposed};

/// The rules of the cache's groups that let the internet reach `ports`, over all groups together,
/// because a node admits what any of its groups admits.
///
/// A rule goes only where nothing but caches carries its group: a shared group may serve others.
///
/// While the port is not known, rules for all ports are judged all the same, and others that let
/// the internet in somewhere make the answer pending.
pub fn check(engine: &Engine, port: &Port, groups: &CacheGroups) -> Vec<Finding> {
    let groups = match groups {
        CacheGroups::Read(groups) => groups,
        CacheGroups::Unknown(why) => return vec![pending(why)],
    };
    let tables: Vec<_> = groups.iter().map(SourceTable::new).collect();
    let ports = match port {
        Port::Known(ports) => ports,
        Port::Pending(why) => return at_unknown_port(engine, &tables, why),
    };
    let mut findings: Vec<Finding> = Vec::new();
    for port in ports {
        for finding in at_port(engine, Some(*port), &tables) {
            if !findings.iter().any(|known| rule_id(known) == rule_id(&finding)) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn pending(why: &str) -> Finding {
    Finding {
        check: Check::OpenCache,
        severity: Severity::High,
        evidence: Evidence::UnreadableGroups(why.to_owned()),
        remedy: Remedy::Pending(why.to_owned()),
    }
}

fn at_unknown_port(engine: &Engine, tables: &[SourceTable<'_>], why: &str) -> Vec<Finding> {
    let findings = at_port(engine, None, tables);
    let open_somewhere = tables.iter().any(|table| {
        let all: Vec<_> = table.group.rules.iter().map(|rule| (rule, true)).collect();
        !open_ingress::check(table.group, &all).is_empty()
    });
    match findings.is_empty() && open_somewhere {
        true => vec![pending(why)],
        false => findings,
    }
}

fn rule_id(finding: &Finding) -> Option<&str> {
    match &finding.evidence {
        Evidence::Rule { rule, .. } | Evidence::UnreadableRule { rule, .. } => Some(&rule.id),
        Evidence::UnreadableGroups(_) | Evidence::Port { .. } | Evidence::Setting { .. } => None,
    }
}

/// At one port, or by rules that cover every port.
fn at_port(engine: &Engine, port: Option<u16>, tables: &[SourceTable<'_>]) -> Vec<Finding> {
    let reaches = |rule: &IngressRule, protocol| match port {
        Some(port) => rule.covers(protocol, port),
        None => rule.covers(protocol, 0) && rule.covers(protocol, u16::MAX),
    };
    let ports = port.map_or((0, u16::MAX), |port| (port, port));
    let mut findings = Vec::new();
    let mut candidates = Vec::new();
    let mut behind = Vec::new();
    for table in tables {
        for rule in table.group.rules.iter().filter(|rule| {
            reaches(rule, &Protocol::Tcp)
                || (*engine == Engine::Memcached && reaches(rule, &Protocol::Udp))
        }) {
            match table.of(rule) {
                Ok(Some(sources)) => {
                    candidates.push(Candidate {
                        id: &rule.id,
                        protocol: &rule.protocol,
                        ports,
                        sources,
                        touched: true,
                    });
                    behind.push((table, rule));
                }
                Ok(None) => {}
                Err(why) => findings.push(table.unreadable(Check::OpenCache, rule, why)),
            }
        }
    }
    let mut exposed = exposed(&candidates);
    for (at, (table, rule)) in behind.into_iter().enumerate() {
        let Some(exposure) = exposed.remove(&at) else { continue };
        let action = table.revoke(rule);
        let remedy = match shared(table.group) {
            None => Remedy::Do(action),
            Some(because) => Remedy::ByHand { action: Some(action), because },
        };
        let reach = Reach::of(&table.group.interfaces);
        findings.push(Finding {
            check: Check::OpenCache,
            severity: reach.severity(),
            remedy,
            evidence: Evidence::Rule {
                group: table.group.id.clone(),
                rule: rule.clone(),
                exposure,
                cache_port: port,
                reach,
            },
        });
    }
    findings
}

/// Why the group may protect more than caches; `None` if it does not.
fn shared(group: &GroupFacts) -> Option<Because> {
    match &group.interfaces {
        Interfaces::NotRead => {
            Some(Because::SharingUnknown("its interfaces were not read".to_owned()))
        }
        Interfaces::Unknown(why) => Some(Because::SharingUnknown(why.clone())),
        Interfaces::Read(interfaces) => {
            let named = |others: Vec<&Interface>| -> Vec<String> {
                others.iter().map(|other| format!("{} ({})", other.id, other.kind)).collect()
            };
            let others = interfaces.iter().filter(|interface| !interface.of_cache);
            let (endpoints, others): (Vec<_>, Vec<_>) =
                others.partition(|other| other.kind == "vpc_endpoint");
            if !others.is_empty() {
                return Some(Because::SharedGroup(named(others)));
            }
            // A serverless cache is reached through one, but so are other services.
            (!endpoints.is_empty()).then(|| {
                let ids = named(endpoints).join(", ");
                Because::SharingUnknown(format!(
                    "an endpoint does not show what it leads to: {ids}"
                ))
            })
        }
    }
}
