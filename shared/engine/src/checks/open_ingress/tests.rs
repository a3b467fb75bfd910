use super::*;
use crate::action::{Action, Because, Grants};
use crate::facts::Interfaces;
use crate::fixtures;
use crate::fixtures::{
    all_touched, group, inquiry, interface, public_interface, rule, rule_ids, touching,
    with_interfaces, with_list, with_unreadable_list,
};
use crate::net::Count;
use crate::severity::Severity;

fn checked(group: &GroupFacts, rules: &[GroupRule<'_>]) -> Vec<Finding> {
    check(group, rules, &[], &mut inquiry())
}

/// The rules at fault when the event touched all of them.
fn at_fault(rules: Vec<IngressRule>) -> Vec<String> {
    let group = group(rules);
    let findings = checked(&group, &all_touched(&group));
    assert!(findings.iter().all(|finding| matches!(finding.remedy, Remedy::Do(_))));
    rule_ids(&findings).into_iter().map(str::to_owned).collect()
}

fn is_at_fault(traffic: &str, source: &str) -> bool {
    !at_fault(vec![rule("sgr-1", traffic, source)]).is_empty()
}

/// Whether a rule from a prefix list with these entries is at fault.
fn list_is_at_fault(entries: &[String]) -> bool {
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let group = with_list(group(vec![rule("sgr-1", "tcp 22", "pl-1")]), "pl-1", &entries);
    !checked(&group, &all_touched(&group)).is_empty()
}

/// The blocks that make up 11.0.0.0/8 without its last address.
fn a_slash_8_less_one() -> Vec<String> {
    let mut first = u32::from_be_bytes([11, 0, 0, 0]);
    let block = |prefix: u32| {
        let text = format!("{}/{prefix}", std::net::Ipv4Addr::from(first));
        first += 1 << (32 - prefix);
        text
    };
    (9..=32).map(block).collect()
}

/// The blocks that make up 2600::/28 without its last address.
fn an_ipv6_slash_28_less_one() -> Vec<String> {
    let mut first = 0x2600_u128 << 112;
    let block = |prefix: u32| {
        let text = format!("{}/{prefix}", std::net::Ipv6Addr::from(first));
        first += 1 << (128 - prefix);
        text
    };
    (29..=128).map(block).collect()
}

#[test]
fn a_group_without_rules_is_clean() {
    assert_eq!(at_fault(Vec::new()), Vec::<String>::new());
}

#[test]
fn sources_that_are_not_public_are_clean() {
    for source in [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "240.0.0.0/4",
        "0.0.0.0/8",
        "0.0.0.0/32",
        "fc00::/7",
        "fe80::/10",
        "2001:db8::/32",
    ] {
        assert!(!is_at_fault("-1", source), "{source}");
    }
}

#[test]
fn the_world_is_at_fault_whatever_the_port() {
    for traffic in ["tcp 0", "tcp 0-65535", "tcp 65535", "udp 53", "icmp 8", "icmp", "50", "-1"] {
        for source in [
            "0.0.0.0/0",
            "10.1.2.3/0",
            "0.0.0.0/1",
            "::/0",
            "2000::/3",
            "2002::/16",
            "2001::/32",
            "64:ff9b::/96",
        ] {
            assert!(is_at_fault(traffic, source), "{traffic} from {source}");
        }
    }
}

#[test]
fn from_a_slash_8_of_public_ipv4_on_it_is_the_internet() {
    assert!(is_at_fault("tcp 22", "11.0.0.0/8"));
    assert!(!is_at_fault("tcp 22", "11.0.0.0/9"));
    let mut entries = a_slash_8_less_one();
    assert!(!list_is_at_fault(&entries), "16,777,215 addresses");
    entries.push("11.255.255.255/32".to_owned());
    assert!(list_is_at_fault(&entries), "16,777,216 addresses");
}

#[test]
fn private_parts_of_a_block_do_not_count() {
    // 10.0.0.0/8 is private, 11.0.0.0/8 is exactly enough.
    let group = group(vec![rule("sgr-1", "tcp 22", "10.0.0.0/7")]);
    let findings = checked(&group, &all_touched(&group));
    let [Finding { evidence: Evidence::Rule { exposure, .. }, .. }] = findings.as_slice() else {
        panic!("{findings:?}");
    };
    assert_eq!(*exposure, Exposure::Alone(Count { v4: 16_777_216, v6: 0 }));
    // As wide as 11.0.0.0/8, but 172.16.0.0/12 is missing.
    assert!(!is_at_fault("tcp 22", "172.0.0.0/8"));
    assert!(!is_at_fault("tcp 22", "192.0.0.0/8"));
    let mut entries = a_slash_8_less_one();
    entries.push("10.0.0.0/8".to_owned());
    assert!(!list_is_at_fault(&entries));
}

#[test]
fn from_a_slash_28_of_public_ipv6_on_it_is_the_internet() {
    assert!(is_at_fault("tcp 22", "2600::/28"));
    assert!(!is_at_fault("tcp 22", "2600::/29"));
    let mut entries = an_ipv6_slash_28_less_one();
    assert!(!list_is_at_fault(&entries));
    entries.push("2600:f:ffff:ffff:ffff:ffff:ffff:ffff/128".to_owned());
    assert!(list_is_at_fault(&entries));
}

#[test]
fn ipv4_and_ipv6_are_counted_apart() {
    let rules = vec![rule("sgr-1", "tcp 22", "11.0.0.0/9"), rule("sgr-2", "tcp 22", "2600::/29")];
    assert_eq!(at_fault(rules), Vec::<String>::new());
}

#[test]
fn an_address_in_two_entries_of_a_list_counts_once() {
    let entries = ["11.0.0.0/9", "11.0.0.0/9", "11.64.0.0/10"].map(str::to_owned);
    assert!(!list_is_at_fault(&entries));
    assert!(!list_is_at_fault(&[]), "an empty list admits nobody");
}

#[test]
fn two_rules_complete_a_union_only_where_their_ports_meet() {
    let halves = |first: &str, second: &str| {
        at_fault(vec![rule("sgr-1", first, "11.0.0.0/9"), rule("sgr-2", second, "11.128.0.0/9")])
    };
    for (first, second) in [
        ("tcp 22", "tcp 22"),
        ("tcp 6000-6379", "tcp 6379-7000"),
        ("tcp 6379-7000", "tcp 6000-6379"),
        ("tcp 0", "tcp 0-65535"),
        ("-1", "tcp 6379"),
        ("-1", "50"),
        ("-1", "-1"),
        ("50", "50"),
        ("icmp", "icmp 8"),
    ] {
        assert_eq!(halves(first, second).len(), 2, "{first} and {second}");
    }
    for (first, second) in [
        ("tcp 6000-6378", "tcp 6379-7000"),
        ("tcp 22", "udp 22"),
        ("tcp 50", "50"),
        ("50", "51"),
        ("icmp 8", "icmp 0"),
        ("icmp 8", "tcp 8"),
        ("icmp", "tcp 0-65535"),
    ] {
        assert!(halves(first, second).is_empty(), "{first} and {second}");
    }
}

#[test]
fn a_union_names_its_port_its_size_and_the_other_rule() {
    let group = group(vec![
        rule("sgr-1", "tcp 6000-6379", "11.0.0.0/9"),
        rule("sgr-2", "tcp 6379-7000", "11.128.0.0/9"),
    ]);
    let findings = checked(&group, &touching(&group, &["sgr-1"]));
    let [Finding { evidence: Evidence::Rule { rule, exposure, .. }, .. }] = findings.as_slice()
    else {
        panic!("{findings:?}");
    };
    assert_eq!(rule.id, "sgr-1");
    let public = Count { v4: 16_777_216, v6: 0 };
    let with = vec!["sgr-2".to_owned()];
    assert_eq!(*exposure, Exposure::Together { port: 6379, public, with });
}

#[test]
fn a_narrow_rule_beside_an_older_internet_rule_is_clean() {
    let group =
        group(vec![rule("sgr-1", "tcp 22", "0.0.0.0/0"), rule("sgr-2", "tcp 22", "11.0.0.0/9")]);
    assert_eq!(checked(&group, &touching(&group, &["sgr-2"])), Vec::new());
}

#[test]
fn the_touched_half_of_a_union_goes() {
    let group =
        group(vec![rule("sgr-1", "tcp 22", "11.0.0.0/9"), rule("sgr-2", "tcp 22", "11.128.0.0/9")]);
    for touched in ["sgr-1", "sgr-2"] {
        assert_eq!(rule_ids(&checked(&group, &touching(&group, &[touched]))), [touched]);
    }
    assert_eq!(checked(&group, &touching(&group, &[])), Vec::new());
}

#[test]
fn a_group_reference_is_never_public() {
    assert!(!is_at_fault("-1", "sg-0f"));
    let group = group(vec![
        rule("sgr-1", "-1", "sg-0f"),
        rule("sgr-2", "tcp 22", "11.0.0.0/9"),
        rule("sgr-3", "tcp 22", "0.0.0.0/0"),
    ]);
    assert_eq!(checked(&group, &touching(&group, &["sgr-1", "sgr-2"])), Vec::new());
}

#[test]
fn a_list_that_cannot_be_read_is_withheld_and_told_not_clean() {
    let unread = group(vec![rule("sgr-1", "tcp 22", "pl-1")]);
    let refused = with_unreadable_list(unread.clone(), "pl-1", "access denied");
    for (group, expected) in
        [(unread, "prefix list pl-1 was not read"), (refused, "prefix list pl-1: access denied")]
    {
        let findings = checked(&group, &all_touched(&group));
        let [Finding { evidence: Evidence::UnreadableRule { why, .. }, remedy, .. }] =
            findings.as_slice()
        else {
            panic!("{findings:?}");
        };
        assert_eq!(why, expected);
        let Remedy::NotRemediated { because: Because::SourceUnknown(why), .. } = remedy else {
            panic!("{remedy:?}");
        };
        assert_eq!(why, expected);
    }
}

#[test]
fn a_source_of_an_unknown_kind_is_withheld_and_told_not_clean() {
    let group = group(vec![rule("sgr-1", "tcp 22", "a source of a new kind")]);
    let findings = checked(&group, &all_touched(&group));
    assert_eq!(rule_ids(&findings), ["sgr-1"]);
    let because = Because::SourceUnknown("a source of a new kind".to_owned());
    assert!(
        matches!(&findings[0].remedy, Remedy::NotRemediated { because: b, .. } if *b == because)
    );
}

#[test]
fn what_could_not_be_read_is_told_only_of_touched_rules() {
    let group = group(vec![
        rule("sgr-1", "tcp 22", "pl-1"),
        rule("sgr-2", "tcp 22", "?"),
        rule("sgr-3", "tcp 22", "10.0.0.0/8"),
    ]);
    assert_eq!(checked(&group, &touching(&group, &["sgr-3"])), Vec::new());
}

#[test]
fn what_could_not_be_read_does_not_hide_what_could() {
    let group = group(vec![
        rule("sgr-1", "tcp 22", "pl-1"),
        rule("sgr-2", "tcp 22", "0.0.0.0/0"),
        rule("sgr-3", "tcp 22", "10.0.0.0/8"),
    ]);
    let findings = checked(&group, &all_touched(&group));
    assert_eq!(rule_ids(&findings), ["sgr-1", "sgr-2"]);
    assert!(matches!(findings[0].remedy, Remedy::NotRemediated { .. }));
    assert!(matches!(findings[1].remedy, Remedy::Do(_)));
}

#[test]
fn severity_follows_what_stands_behind_the_group() {
    let world = || group(vec![rule("sgr-1", "tcp 22", "0.0.0.0/0")]);
    let private = || interface("eni-1", "interface");
    let unknown = |interfaces| GroupFacts { interfaces, ..world() };
    for (group, severity) in [
        (world(), Severity::Low),
        (with_interfaces(world(), vec![private()]), Severity::Medium),
        (unknown(Interfaces::NotRead), Severity::High),
        (unknown(Interfaces::Unknown("denied".to_owned())), Severity::High),
        (with_interfaces(world(), vec![private(), public_interface("eni-2")]), Severity::Critical),
    ] {
        let found = checked(&group, &all_touched(&group)).remove(0);
        assert_eq!(fixtures::severity(&found, &[group]), severity);
    }
}

#[test]
fn an_unreadable_rule_is_never_critical() {
    let group = group(vec![rule("sgr-1", "tcp 22", "pl-1")]);
    let group = with_interfaces(group, vec![public_interface("eni-1")]);
    let found = checked(&group, &all_touched(&group)).remove(0);
    assert_eq!(fixtures::severity(&found, &[group]), Severity::High);
}

#[test]
fn the_action_names_this_rule_of_this_group() {
    let open = rule("sgr-2", "tcp 22", "0.0.0.0/0");
    let group = group(vec![rule("sgr-1", "tcp 22", "10.0.0.0/8"), open.clone()]);
    let findings = checked(&group, &all_touched(&group));
    let action =
        Action::RevokeIngress { group: "sg-01".to_owned(), rule: open, grants: Grants::default() };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].remedy, Remedy::Do(action));
}
