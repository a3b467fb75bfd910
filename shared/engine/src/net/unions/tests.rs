use ipnet::IpNet;

use super::*;
use crate::net::Sources;

/// A rule for these ports from these networks; an id in capitals was not touched.
type Given<'a> = (&'a str, &'a str, (u16, u16), &'a [&'a str]);

const WELL_KNOWN: (u16, u16) = (0, 1023);
const SSH: (u16, u16) = (22, 22);

/// As the shipped policies: networks that are not the internet.
fn narrow(_: usize, union: Count) -> Vec<String> {
    let is_narrow = union.v4 < 1 << 24 && union.v6 < 1 << 96;
    is_narrow.then(|| "narrow".to_owned()).into_iter().collect()
}

/// What is at fault, by id.
fn found(given: &[Given<'_>]) -> BTreeMap<String, Exposure> {
    let protocols: Vec<_> = given.iter().map(|(_, name, ..)| Protocol::parse(name)).collect();
    let sources: Vec<_> = given
        .iter()
        .map(|(.., nets)| Sources::new(nets.iter().map(|net| net.parse().unwrap())))
        .collect();
    let candidates: Vec<_> = given
        .iter()
        .zip(protocols.iter().zip(&sources))
        .map(|((id, _, ports, _), (protocol, sources))| Candidate {
            id,
            protocol,
            ports: *ports,
            sources,
            touched: id.chars().all(|char| !char.is_ascii_uppercase()),
        })
        .collect();
    let found = exposed(&candidates, &mut narrow);
    found.into_iter().map(|(at, exposure)| (given[at].0.to_owned(), exposure)).collect()
}

fn ids(given: &[Given<'_>]) -> Vec<String> {
    found(given).into_keys().collect()
}

fn ssh<'a>(id: &'a str, nets: &'a [&'a str]) -> Given<'a> {
    (id, "tcp", SSH, nets)
}

#[test]
fn narrow_rules_that_are_not_the_internet_together_are_clean() {
    assert!(ids(&[]).is_empty());
    let three_quarters = [
        ssh("a", &["11.0.0.0/10"]),
        ssh("b", &["11.64.0.0/10"]),
        ssh("c", &["11.128.0.0/10"]),
        ssh("d", &["10.0.0.0/8"]),
        ssh("e", &[]),
    ];
    assert!(ids(&three_quarters).is_empty());
}

#[test]
fn a_rule_that_is_the_internet_by_itself_says_so() {
    let count = Count { v4: 16_777_216, v6: 0 };
    let found = found(&[ssh("a", &["11.0.0.0/8"]), ssh("b", &["12.0.0.0/9"])]);
    assert_eq!(found, BTreeMap::from([("a".to_owned(), Exposure::Alone(count))]));
}

#[test]
fn of_a_union_the_widest_rule_goes_if_that_is_enough() {
    let given =
        [ssh("a", &["11.128.0.0/10"]), ssh("b", &["11.0.0.0/9"]), ssh("c", &["11.192.0.0/10"])];
    assert_eq!(ids(&given), ["b"]);
    // An office beside it stays.
    assert_eq!(
        ids(&[ssh("a", &["11.0.0.0/9"]), ssh("B", &["11.128.0.0/9"]), ssh("c", &["12.0.0.1/32"])]),
        ["a"]
    );
}

#[test]
fn rules_of_one_width_stand_or_fall_together() {
    // Five quarters of what is enough: which four would stay, their ids would choose.
    let given = [
        ssh("a", &["11.0.0.0/10"]),
        ssh("b", &["11.64.0.0/10"]),
        ssh("c", &["11.128.0.0/10"]),
        ssh("d", &["11.192.0.0/10"]),
        ssh("e", &["12.0.0.0/10"]),
    ];
    assert_eq!(ids(&given), ["a", "b", "c", "d", "e"]);
    assert!(ids(&given[..3]).is_empty());
}

#[test]
fn of_rules_equally_wide_the_touched_ones_go() {
    let (first, second): (&[&str], &[&str]) = (&["11.0.0.0/9"], &["11.128.0.0/9"]);
    for (a, b) in [(first, second), (second, first)] {
        assert_eq!(ids(&[ssh("a", a), ssh("b", b)]), ["a", "b"]);
        assert_eq!(ids(&[ssh("A", a), ssh("b", b)]), ["b"]);
    }
}

#[test]
fn the_order_in_which_rules_come_changes_nothing() {
    let mut given = [
        ("a", "tcp", WELL_KNOWN, &["11.0.0.0/10"][..]),
        ("b", "tcp", SSH, &["11.64.0.0/10"]),
        ("c", "-1", (0, u16::MAX), &["11.128.0.0/10"]),
        ("d", "tcp", (20, 30), &["11.192.0.0/10", "2600::/33"]),
        ("e", "tcp", SSH, &["2600:0:8000::/33", "12.0.0.0/11"]),
        ("F", "udp", WELL_KNOWN, &["0.0.0.0/0"]),
    ];
    let expected = found(&given);
    assert!(!expected.is_empty());
    for _ in 0..given.len() {
        given.rotate_left(1);
        assert_eq!(found(&given), expected);
        given.swap(0, 3);
        assert_eq!(found(&given), expected);
    }
}

#[test]
fn ipv6_rules_complete_a_union_too() {
    let (first, second) = (ssh("a", &["2600::/33"]), ssh("b", &["2600:0:8000::/33"]));
    assert!(ids(&[first]).is_empty());
    let public = Count { v4: 0, v6: 1 << 96 };
    let with = |id: &str| Exposure::Together { port: 22, public, with: vec![id.to_owned()] };
    let expected = [("a".to_owned(), with("b")), ("b".to_owned(), with("a"))];
    assert_eq!(found(&[first, second]), BTreeMap::from(expected));
}

#[test]
fn many_rules_for_the_whole_internet_do_not_overflow_the_counting() {
    let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];
    let mut given = names.map(|name| ssh(name, &["::/0", "0.0.0.0/0"])).to_vec();
    given.push(ssh("a", &["2600::/48", "52.94.76.0/24"]));
    assert!(ids(&given).is_empty());
}

#[test]
fn the_families_do_not_complete_each_other() {
    let given = [ssh("a", &["11.0.0.0/9", "2600::/33"]), ssh("b", &["11.0.0.0/9"])];
    assert!(ids(&given).is_empty());
}

#[test]
fn an_address_that_two_rules_admit_counts_once() {
    assert!(ids(&[ssh("a", &["11.0.0.0/9"]), ssh("b", &["11.0.0.0/9"])]).is_empty());
    assert!(ids(&[ssh("a", &["11.0.0.0/9"]), ssh("b", &["11.64.0.0/10"])]).is_empty());
}

#[test]
fn untouched_rules_count_in_unions_and_are_never_at_fault() {
    let (touched, untouched) = (ssh("a", &["11.0.0.0/9"]), ssh("B", &["11.128.0.0/9"]));
    assert_eq!(ids(&[touched, untouched]), ["a"]);
    assert!(ids(&[ssh("A", &["0.0.0.0/0"]), untouched]).is_empty());
}

#[test]
fn beside_older_rules_that_are_the_internet_a_new_one_is_at_fault() {
    // Their exception does not hold at this port. Were it silent, so would any number of others be.
    let older = [ssh("B", &["11.0.0.0/9"]), ssh("C", &["11.128.0.0/9"])];
    let touched = ssh("a", &["12.0.0.0/9"]);
    assert_eq!(ids(&[older[0], older[1], touched]), ["a"]);
    let office = ssh("a", &["12.0.0.1/32"]);
    assert_eq!(ids(&[older[0], older[1], office]), ["a"]);
    assert_eq!(ids(&[older[0], older[1], ssh("a", &["0.0.0.0/0"])]), ["a"]);
}

#[test]
fn where_untouched_rules_are_the_internet_at_one_port_others_still_count() {
    let given = [
        ("B", "tcp", SSH, &["0.0.0.0/0"][..]),
        ("C", "tcp", WELL_KNOWN, &["11.0.0.0/9"]),
        ("a", "tcp", (22, 23), &["11.128.0.0/9"]),
    ];
    assert_eq!(ids(&given), ["a"]);
}

#[test]
fn a_rule_whose_addresses_another_admits_too_is_part_of_the_union() {
    let given = [
        ("B", "tcp", SSH, &["11.0.0.0/9"][..]),
        ("c", "tcp", WELL_KNOWN, &["11.0.0.0/9"]),
        ("a", "tcp", SSH, &["11.128.0.0/9"]),
    ];
    assert_eq!(ids(&given), ["a", "c"]);
}

#[test]
fn what_ended_before_the_next_begins_does_not_meet_it() {
    let halves = |first, second| {
        ids(&[("a", "tcp", first, &["11.0.0.0/9"][..]), ("b", "tcp", second, &["11.128.0.0/9"])])
    };
    assert_eq!(halves((0, 22), (22, 30)), ["a", "b"]);
    assert!(halves((0, 21), (22, 30)).is_empty());
    assert_eq!(halves((65_535, 65_535), (0, 65_535)), ["a", "b"]);
    assert_eq!(halves((0, 0), (0, 65_535)), ["a", "b"]);
}

#[test]
fn rules_for_all_protocols_join_each_of_them() {
    let all = ("a", "-1", (0, u16::MAX), &["11.0.0.0/9"][..]);
    for protocol in ["tcp", "udp", "icmp", "50", "-1"] {
        let other = ("b", protocol, (0, u16::MAX), &["11.128.0.0/9"][..]);
        assert_eq!(ids(&[all, other]), ["a", "b"], "{protocol}");
    }
    let (tcp, udp) = (ssh("a", &["11.0.0.0/9"]), ("b", "udp", SSH, &["11.128.0.0/9"][..]));
    assert!(ids(&[tcp, udp]).is_empty());
}

#[test]
fn at_most_five_companions_are_named_in_order() {
    let nets: Vec<[String; 1]> = (0..8).map(|at| [format!("11.{}.0.0/11", at * 32)]).collect();
    let nets: Vec<[&str; 1]> = nets.iter().map(|[net]| [net.as_str()]).collect();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let given: Vec<_> = names.iter().zip(&nets).map(|(id, nets)| ssh(id, nets)).collect();
    let with = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    let public = Count { v4: 16_777_216, v6: 0 };
    let expected = Exposure::Together { port: 22, public, with };
    let found = found(&given);
    assert_eq!((found.len(), &found["h"]), (8, &expected));
}

#[test]
fn networks_of_one_rule_are_merged_before_they_are_counted() {
    let count = |nets: &[&str]| Sources::new(nets.iter().map(|net| net.parse().unwrap())).count();
    assert_eq!(count(&[]), Count::default());
    assert_eq!(count(&["11.0.0.0/9", "11.128.0.0/9"]).v4, 1 << 24);
    assert_eq!(count(&["11.0.0.0/8", "11.0.0.0/9", "11.0.0.0/8"]).v4, 1 << 24);
    assert_eq!(count(&["11.0.0.0/9", "2600::/48"]), Count { v4: 1 << 23, v6: 1 << 80 });
    // The last IPv4 address and the first IPv6 one do not touch.
    assert_eq!(count(&["255.255.255.255/32", "::/128"]), Count::default());
}

#[test]
fn beside_a_wide_rule_with_an_exception_of_its_own_many_narrow_ones_are_at_fault() {
    let partner: IpNet = "20.0.0.0/7".parse().unwrap();
    let nets: Vec<IpNet> = (0..58_u8)
        .map(|at| format!("{}.{}.0.0/9", 60 + at / 2, at % 2 * 128))
        .map(|net| net.parse().unwrap())
        .collect();
    let sources: Vec<Sources> = nets.iter().map(|net| Sources::new([*net])).collect();
    let wide = Sources::new([partner]);
    let candidate = |sources, touched| Candidate {
        id: "sgr-1",
        protocol: &Protocol::Tcp,
        ports: SSH,
        sources,
        touched,
    };
    let mut candidates: Vec<_> = sources.iter().map(|sources| candidate(sources, true)).collect();
    candidates.push(candidate(&wide, false));
    let found = exposed(&candidates, &mut |at, union| match at {
        58 => vec!["partner".to_owned()],
        _ => narrow(at, union),
    });
    assert_eq!(found.into_keys().collect::<Vec<_>>(), (0..58).collect::<Vec<_>>());
}
