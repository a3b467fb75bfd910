use super::*;
use crate::fixtures;
use crate::fixtures::{
    cache_interface, group, inquiry, interface, public_interface, rule, rule_ids, with_interfaces,
    with_unreadable_list,
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
    for traffic in ["tcp 7000", "tcp 6999-7001", "tcp 7000-7001", "tcp 6999-7000", "-1", "tcp"] {
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
    let [Finding { evidence: Evidence::Rule { rule: first, .. }, .. }, second] = &*findings else {
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
