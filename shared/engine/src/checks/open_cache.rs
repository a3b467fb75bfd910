//! `open-cache`: the security groups of a cache let the internet reach the port it listens on.

use super::{Check, Evidence, Finding, Reach, Severity, SourceTable};
use crate::action::{Because, Remedy};
use crate::facts::{CacheGroups, Engine, GroupFacts, Interfaces, Protocol};
use crate::net::{Candidate, exposed};

/// The rules of the cache's groups that let the internet reach `ports`, over all groups together,
/// because a node admits what any of its groups admits.
///
/// A rule goes only where nothing but caches carries its group: a shared group may serve others.
pub fn check(engine: &Engine, ports: &[u16], groups: &CacheGroups) -> Vec<Finding> {
    let groups = match groups {
        CacheGroups::Read(groups) => groups,
        CacheGroups::Unknown(why) => {
            return vec![Finding {
                check: Check::OpenCache,
                severity: Severity::High,
                evidence: Evidence::UnreadableGroups(why.clone()),
                remedy: Remedy::Pending(why.clone()),
            }];
        }
    };
    let tables: Vec<_> = groups.iter().map(SourceTable::new).collect();
    let mut findings: Vec<Finding> = Vec::new();
    for port in ports {
        for finding in at_port(engine, *port, &tables) {
            if !findings.iter().any(|known| rule_id(known) == rule_id(&finding)) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn rule_id(finding: &Finding) -> Option<&str> {
    match &finding.evidence {
        Evidence::Rule { rule, .. } | Evidence::UnreadableRule { rule, .. } => Some(&rule.id),
        Evidence::UnreadableGroups(_) | Evidence::Port { .. } | Evidence::Setting { .. } => None,
    }
}

fn at_port(engine: &Engine, port: u16, tables: &[SourceTable<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut candidates = Vec::new();
    let mut behind = Vec::new();
    for table in tables {
        for rule in table.group.rules.iter().filter(|rule| {
            rule.covers(&Protocol::Tcp, port)
                || (*engine == Engine::Memcached && rule.covers(&Protocol::Udp, port))
        }) {
            match table.of(rule) {
                Ok(Some(sources)) => {
                    candidates.push(Candidate {
                        id: &rule.id,
                        protocol: &rule.protocol,
                        ports: (port, port),
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
                cache_port: Some(port),
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
            let others = interfaces.iter().filter(|interface| !interface.of_cache);
            let others: Vec<_> =
                others.map(|other| format!("{} ({})", other.id, other.kind)).collect();
            (!others.is_empty()).then_some(Because::SharedGroup(others))
        }
    }
}
