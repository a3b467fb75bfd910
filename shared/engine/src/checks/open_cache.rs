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
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::fixtures::{
        cache_interface, group, inquiry, interface, public_interface, rule, rule_ids,
        with_interfaces, with_unreadable_list,
    };
    use crate::net::{Count, Exposure};
    use crate::severity::Severity;

    fn checked(engine: &Engine, port: &Port, groups: &CacheGroups) -> Vec<Finding> {
        check(engine, port, groups, &mut inquiry())
    }

    const REDIS: Engine = Engine::Redis;

    fn known(ports: &[u16]) -> Port {
        Port::Known(ports.to_vec())
    }

    fn not_yet() -> Port {
        Port::Pending("no endpoint yet".to_owned())
    }

    fn read(groups: &[GroupFacts]) -> CacheGroups {
        CacheGroups::Read(groups.to_vec())
    }

    /// A group with this one rule that only a cache carries.
    fn own(traffic: &str, source: &str) -> GroupFacts {
        with_interfaces(
            group(vec![rule("sgr-1", traffic, source)]),
            vec![cache_interface("eni-1"), cache_interface("eni-2")],
        )
    }

    fn found(engine: &Engine, port: u16, group: GroupFacts) -> Vec<Finding> {
        checked(engine, &known(&[port]), &read(&[group]))
    }

    /// The remedy for a rule that lets the world reach the port of a cache on these interfaces.
    fn remedy(interfaces: Interfaces) -> Remedy {
        let group = GroupFacts { interfaces, ..own("tcp 6379", "0.0.0.0/0") };
        let mut findings = found(&REDIS, 6379, group);
        assert_eq!(findings.len(), 1);
        findings.remove(0).remedy
    }

    /// Why a person, for a rule whose change is known.
    fn by_hand(interfaces: Interfaces) -> Because {
        match remedy(interfaces) {
            Remedy::Manual { action: Some(_), because } => because,
            other @ (Remedy::Do(_)
            | Remedy::NotRemediated { .. }
            | Remedy::Manual { action: None, .. }
            | Remedy::Pending(_)
            | Remedy::Gone(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cache_behind_private_rules_is_clean() {
        for source in ["10.0.0.0/8", "52.94.5.1/32", "11.0.0.0/9", "fc00::/7", "sg-0f"] {
            assert_eq!(found(&REDIS, 6379, own("tcp 6379", source)), Vec::new(), "{source}");
        }
        assert_eq!(checked(&REDIS, &known(&[6379]), &read(&[])), Vec::new(), "no group at all");
    }

    #[test]
    fn only_what_reaches_the_actual_port_counts() {
        for traffic in ["tcp 7000", "tcp 6999-7001", "tcp 7000-7001", "tcp 6999-7000", "-1", "tcp"]
        {
            assert_eq!(found(&REDIS, 7000, own(traffic, "0.0.0.0/0")).len(), 1, "{traffic}");
        }
        // The engine's default is nothing special; 50 and ICMP have no ports.
        for traffic in
            ["tcp 6379", "tcp 7001-7002", "tcp 6998-6999", "udp 7000", "50", "icmp", "icmp 8"]
        {
            assert_eq!(found(&REDIS, 7000, own(traffic, "0.0.0.0/0")), Vec::new(), "{traffic}");
        }
    }

    #[test]
    fn the_finding_names_the_port_and_the_rule() {
        let findings = found(&REDIS, 7000, own("tcp 6379-7000", "11.0.0.0/8"));
        let [Finding { evidence, .. }] = findings.as_slice() else { panic!("{findings:?}") };
        let expected = Evidence::Rule {
            group: "sg-01".to_owned(),
            rule: rule("sgr-1", "tcp 6379-7000", "11.0.0.0/8"),
            exposure: Exposure::Alone(Count { v4: 16_777_216, v6: 0 }),
            cache_port: Some(7000),
        };
        assert_eq!(*evidence, expected);
    }

    #[test]
    fn udp_counts_for_memcached_only() {
        let udp = || own("udp 11211", "0.0.0.0/0");
        assert_eq!(found(&Engine::Memcached, 11_211, udp()).len(), 1);
        for engine in [Engine::Redis, Engine::Valkey, Engine::Unknown("new".to_owned())] {
            assert_eq!(found(&engine, 11_211, udp()), Vec::new(), "{engine:?}");
        }
    }

    #[test]
    fn a_rule_goes_where_only_caches_carry_its_group() {
        let caches = vec![cache_interface("eni-1"), cache_interface("eni-2")];
        assert!(matches!(remedy(Interfaces::Read(caches)), Remedy::Do(_)));
    }

    #[test]
    fn a_rule_goes_where_no_interface_carries_its_group() {
        assert!(matches!(remedy(Interfaces::Read(Vec::new())), Remedy::Pending(_)));
    }

    #[test]
    fn one_other_interface_makes_it_a_persons_and_is_named() {
        let shared = vec![cache_interface("eni-1"), interface("eni-2", "lambda")];
        let because = by_hand(Interfaces::Read(shared));
        assert_eq!(because, Because::SharedGroup(vec!["eni-2 (lambda)".to_owned()]));
    }

    #[test]
    fn a_public_interface_beside_the_cache_is_critical_and_a_persons() {
        let shared = vec![cache_interface("eni-1"), public_interface("eni-2")];
        let group = with_interfaces(own("tcp 6379", "0.0.0.0/0"), shared);
        let findings = found(&REDIS, 6379, group.clone());
        assert_eq!(fixtures::severity(&findings[0], &[group]), Severity::Critical);
        assert!(matches!(findings[0].remedy, Remedy::Manual { .. }));
    }

    #[test]
    fn interfaces_that_were_not_read_make_it_a_persons() {
        let why = "its interfaces were not read".to_owned();
        assert_eq!(by_hand(Interfaces::NotRead), Because::SharingUnknown(why));
        let why = "access denied".to_owned();
        assert_eq!(by_hand(Interfaces::Unknown(why.clone())), Because::SharingUnknown(why));
    }

    #[test]
    fn what_an_endpoint_leads_to_cannot_be_told() {
        let endpoint = || interface("eni-2", "vpc_endpoint");
        let because = by_hand(Interfaces::Read(vec![cache_interface("eni-1"), endpoint()]));
        let why = "an endpoint does not show what it leads to: eni-2 (vpc_endpoint)".to_owned();
        assert_eq!(because, Because::SharingUnknown(why));
        // What is surely shared is the better reason.
        let because = by_hand(Interfaces::Read(vec![endpoint(), interface("eni-3", "lambda")]));
        assert_eq!(because, Because::SharedGroup(vec!["eni-3 (lambda)".to_owned()]));
    }

    #[test]
    fn the_groups_of_a_cache_are_one_union() {
        let half = |id: &str, rule_id: &str, source: &str| GroupFacts {
            id: id.to_owned(),
            rules: vec![rule(rule_id, "tcp 6379", source)],
            ..own("tcp 6379", source)
        };
        let first = half("sg-01", "sgr-1", "11.0.0.0/9");
        let second = half("sg-02", "sgr-2", "11.128.0.0/9");
        for alone in [&first, &second] {
            assert_eq!(found(&REDIS, 6379, alone.clone()), Vec::new());
        }
        let findings = checked(&REDIS, &known(&[6379]), &read(&[first, second]));
        let [Finding { evidence: Evidence::Rule { rule: first, .. }, .. }, second] = &*findings
        else {
            panic!("{findings:?}")
        };
        assert_eq!(first.id, "sgr-1");
        let Evidence::Rule { group, rule, exposure, .. } = &second.evidence else {
            panic!("{second:?}")
        };
        assert_eq!((group.as_str(), rule.id.as_str()), ("sg-02", "sgr-2"));
        let public = Count { v4: 16_777_216, v6: 0 };
        let with = vec!["sgr-1".to_owned()];
        assert_eq!(*exposure, Exposure::Together { port: 6379, public, with });
    }

    #[test]
    fn each_group_is_judged_by_its_own_interfaces() {
        let own = own("tcp 6379", "0.0.0.0/0");
        let mut shared = with_interfaces(own.clone(), vec![interface("eni-9", "lambda")]);
        "sg-02".clone_into(&mut shared.id);
        "sgr-2".clone_into(&mut shared.rules[0].id);
        let findings = checked(&REDIS, &known(&[6379]), &read(&[own, shared]));
        assert_eq!(rule_ids(&findings), ["sgr-1", "sgr-2"]);
        assert!(matches!(findings[0].remedy, Remedy::Do(_)));
        assert!(matches!(findings[1].remedy, Remedy::Manual { .. }));
    }

    #[test]
    fn a_rule_that_reaches_both_ports_of_a_cache_is_told_once() {
        let ports = known(&[6379, 6380]);
        let both = checked(&REDIS, &ports, &read(&[own("tcp 6379-6380", "0.0.0.0/0")]));
        assert_eq!(rule_ids(&both), ["sgr-1"]);
        let second = checked(&REDIS, &ports, &read(&[own("tcp 6380", "0.0.0.0/0")]));
        assert!(matches!(second[0].evidence, Evidence::Rule { cache_port: Some(6380), .. }));
    }

    #[test]
    fn a_source_that_cannot_be_read_is_withheld_and_told_not_clean() {
        let list = with_unreadable_list(own("tcp 6379", "pl-1"), "pl-1", "access denied");
        let findings = found(&REDIS, 6379, list);
        let because = Because::SourceUnknown("prefix list pl-1: access denied".to_owned());
        assert!(
            matches!(&findings[..], [Finding { remedy: Remedy::NotRemediated { because: b, .. }, .. }] if *b == because),
            "{findings:?}"
        );
        assert_eq!(found(&REDIS, 6379, own("tcp 7000", "pl-1")), Vec::new(), "another port");
    }

    #[test]
    fn groups_that_are_not_known_are_pending_not_clean() {
        let groups = CacheGroups::Unknown("not named yet".to_owned());
        for port in [known(&[6379]), not_yet()] {
            let findings = checked(&REDIS, &port, &groups);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].remedy, Remedy::Pending("not named yet".to_owned()));
        }
    }

    #[test]
    fn an_open_rule_for_all_ports_goes_while_the_port_is_not_known() {
        for traffic in ["-1", "tcp 0-65535", "tcp"] {
            let findings = checked(&REDIS, &not_yet(), &read(&[own(traffic, "0.0.0.0/0")]));
            assert_eq!(rule_ids(&findings), ["sgr-1"], "{traffic}");
            assert!(matches!(findings[0].remedy, Remedy::Do(_)), "{traffic}");
            assert!(matches!(findings[0].evidence, Evidence::Rule { cache_port: None, .. }));
        }
    }

    #[test]
    fn another_open_rule_is_pending_while_the_port_is_not_known() {
        for traffic in ["tcp 6379", "tcp 1-65535", "tcp 0-65534"] {
            let findings = checked(&REDIS, &not_yet(), &read(&[own(traffic, "0.0.0.0/0")]));
            assert_eq!(findings.len(), 1, "{traffic}");
            assert_eq!(findings[0].remedy, Remedy::Pending("no endpoint yet".to_owned()));
        }
        let unreadable = checked(&REDIS, &not_yet(), &read(&[own("tcp 6379", "pl-1")]));
        assert!(matches!(&unreadable[..], [Finding { remedy: Remedy::Pending(_), .. }]));
    }

    #[test]
    fn clean_groups_are_clean_whatever_the_port_will_be() {
        for source in ["10.0.0.0/8", "52.94.5.1/32", "sg-0f"] {
            let findings = checked(&REDIS, &not_yet(), &read(&[own("-1", source)]));
            assert_eq!(findings, Vec::new(), "{source}");
        }
    }
}
