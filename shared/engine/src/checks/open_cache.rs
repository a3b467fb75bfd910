//! `open-cache`: the security groups of a cache let the internet reach the port it listens on.

use std::collections::BTreeMap;

use super::SourceTable;

use crate::finding::{Check, Evidence, Finding, rule_of};

use crate::action::{Because, Remedy};
use crate::checks::default_port::Port;
use crate::exceptions::{Inquiry, OnRule};
use crate::facts::{CacheGroups, Engine, GroupFacts, IngressRule, Interface, Interfaces, Protocol};
use crate::net::{Candidate, Exposure, exposed};

/// The rules of the cache's groups that let the internet reach `ports`, over all groups together,
/// because a node admits what any of its groups admits.
///
/// A rule goes only where nothing but caches carries its group: a shared group may serve others.
///
/// While the port is not known, rules for all ports are judged all the same, and others that let
/// the internet in somewhere make the answer pending.
pub(crate) fn check(
    engine: &Engine,
    port: &Port,
    groups: &CacheGroups,
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let groups = match groups {
        CacheGroups::Read(groups) => groups,
        CacheGroups::Unknown(why) => return vec![pending(why)],
    };
    let tables: Vec<_> =
        groups.iter().map(|group| SourceTable::new(group, inquiry.local())).collect();
    let ports = match port {
        Port::Known(ports) => ports,
        Port::Pending(why) => return at_unknown_port(engine, &tables, why, inquiry),
    };
    let mut findings: Vec<Finding> = Vec::new();
    for port in ports {
        for finding in at_port(engine, Some(*port), &tables, inquiry) {
            if !findings.iter().any(|known| rule_of(known) == rule_of(&finding)) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn pending(why: &str) -> Finding {
    Finding {
        check: Check::OpenCache,
        evidence: Evidence::UnreadableGroups(why.to_owned()),
        remedy: Remedy::Pending(why.to_owned()),
    }
}

fn at_unknown_port(
    engine: &Engine,
    tables: &[SourceTable<'_>],
    why: &str,
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let mut findings = at_port(engine, None, tables, inquiry);
    if open_somewhere(engine, tables, &findings, inquiry) {
        findings.push(pending(why));
    }
    findings
}

/// Whether, beside what was found, the groups together let the internet in at some port that may
/// be the cache's, or it cannot be told.
fn open_somewhere(
    engine: &Engine,
    tables: &[SourceTable<'_>],
    found: &[Finding],
    inquiry: &mut Inquiry<'_>,
) -> bool {
    let may_reach = |rule: &IngressRule| match rule.protocol {
        Protocol::Tcp | Protocol::All => true,
        Protocol::Udp => *engine == Engine::Memcached,
        Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => false,
    };
    let rules = tables.iter().flat_map(|table| table.group.rules.iter().map(move |r| (table, r)));
    let (mut candidates, mut behind) = (Vec::new(), Vec::new());
    for (table, rule) in rules {
        if !may_reach(rule)
            || found.iter().any(|known| rule_of(known).is_some_and(|known| known.id == rule.id))
        {
            continue;
        }
        match table.of(rule) {
            Ok(Some(sources)) => {
                candidates.push(Candidate::of(rule, sources));
                behind.push((table.group, rule));
            }
            Ok(None) => {}
            Err(_) => return true,
        }
    }
    !at_fault(&candidates, &behind, inquiry).is_empty()
}

/// The candidates that no exception tolerates, by index; `behind` holds their groups and rules. A snoozed rule is judged by
/// itself: somebody answers for it alone, and it counts in no union of others.
fn at_fault(
    candidates: &[Candidate<'_>],
    behind: &[(&GroupFacts, &IngressRule)],
    inquiry: &mut Inquiry<'_>,
) -> BTreeMap<usize, Exposure> {
    let is_snoozed = |at: &usize| {
        behind.get(*at).is_some_and(|(group, rule)| inquiry.is_snoozed(&group.id, rule))
    };
    let (snoozed, others): (Vec<usize>, Vec<usize>) = (0..candidates.len()).partition(is_snoozed);
    let mut found = BTreeMap::new();
    for part in std::iter::once(others).chain(snoozed.into_iter().map(|at| vec![at])) {
        let members: Vec<_> = part.iter().filter_map(|at| candidates.get(*at).copied()).collect();
        let exposed = exposed(&members, &mut |at, union| {
            let at = part.get(at).copied().unwrap_or(at);
            let (Some((group, rule)), Some(own)) = (behind.get(at), candidates.get(at)) else {
                return Vec::new();
            };
            let own = own.sources.count();
            inquiry.rule(Check::OpenCache, OnRule { group, rule, own, union })
        });
        found.extend(exposed.into_iter().filter_map(|(at, why)| Some((*part.get(at)?, why))));
    }
    found
}

/// At one port, or by rules that cover every port.
fn at_port(
    engine: &Engine,
    port: Option<u16>,
    tables: &[SourceTable<'_>],
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let reaches = |rule: &IngressRule, protocol| match port {
        Some(port) => rule.covers(protocol, port),
        None => rule.covers(protocol, 0) && rule.covers(protocol, u16::MAX),
    };
    let ports = port.map_or((0, u16::MAX), |port| (port, port));
    let mut findings = Vec::new();
    let (mut candidates, mut behind) = (Vec::new(), Vec::new());
    let mut of = Vec::new();
    for table in tables {
        for rule in table.group.rules.iter().filter(|rule| {
            reaches(rule, &Protocol::Tcp)
                || (*engine == Engine::Memcached && reaches(rule, &Protocol::Udp))
        }) {
            match table.of(rule) {
                Ok(Some(sources)) => {
                    candidates.push(Candidate { ports, ..Candidate::of(rule, sources) });
                    behind.push((table.group, rule));
                    of.push(table);
                }
                Ok(None) => {}
                Err(why) => findings.push(table.unreadable(Check::OpenCache, rule, why)),
            }
        }
    }
    let mut exposed = at_fault(&candidates, &behind, inquiry);
    for (at, (table, (_, rule))) in of.into_iter().zip(behind).enumerate() {
        let Some(exposure) = exposed.remove(&at) else { continue };
        let action = table.revoke(rule);
        let remedy = match shared(table.group) {
            None if !carries_cache(table.group) => {
                Remedy::Pending("no network interface of a cache carries its group yet".to_owned())
            }
            None => Remedy::Do(action),
            Some(because) => Remedy::Manual { action: Some(action), because },
        };
        findings.push(Finding {
            check: Check::OpenCache,
            remedy,
            evidence: Evidence::Rule {
                group: table.group.id.clone(),
                rule: rule.clone(),
                exposure,
                cache_port: port,
            },
        });
    }
    findings
}

/// Whether a cache is behind the group: a rule is revoked for a cache only then.
fn carries_cache(group: &GroupFacts) -> bool {
    match &group.interfaces {
        Interfaces::Read(interfaces) => interfaces.iter().any(|interface| interface.of_cache),
        Interfaces::NotRead | Interfaces::Unknown(_) => false,
    }
}

/// Why the group may protect more than caches; `None` if it does not.
pub fn shared(group: &GroupFacts) -> Option<Because> {
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

#[cfg(test)]
mod tests;
