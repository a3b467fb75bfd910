//! Security groups to decide about. Nothing is random: every run decides about the same rules.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use portcullis_engine::event::{Event, GroupLead, GroupRef, Lead, RuleLead, Touched};
use portcullis_engine::facts::{
    GroupDetails, GroupFacts, IngressRule, Interface, Interfaces, PrefixList, Protocol, Source,
};
use portcullis_testkit::example::event;

/// Half a minute after the event, in seconds since 1970.
pub(crate) const NOW: i64 = 1_795_255_230;

const GROUP: &str = "sg-0a1b2c3d4e5f60718";
const LIST: &str = "pl-0a1b2c3d4e5f60718";

/// A group, and an event that touched some of its rules.
pub(crate) struct Case {
    pub(crate) event: Event,
    pub(crate) lead: GroupLead,
    pub(crate) facts: GroupFacts,
}

fn rule(at: usize, ports: (i32, i32), source: Source) -> IngressRule {
    IngressRule {
        id: format!("sgr-{:017x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4),
        protocol: Protocol::Tcp,
        from_port: ports.0,
        to_port: ports.1,
        source,
        description: None,
        tags: Vec::new(),
    }
}

fn cidr(text: &str) -> Source {
    Source::cidr(text).unwrap_or(Source::Unreadable(text.to_owned()))
}

/// The network of this size that holds the `at`-th of widely spread public addresses.
fn public(at: usize, prefix: u8) -> Source {
    // 16.0.0.0 to 95.255.255.255 holds no special block.
    let spread = u32::try_from(at.wrapping_mul(2_654_435_761) % (80 << 24)).unwrap_or(0);
    cidr(&format!("{}/{prefix}", Ipv4Addr::from((16 << 24) + spread)))
}

fn small(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(0)
}

/// What people write: private networks and groups, some offices and partners, IPv6 sites.
fn usual(at: usize) -> IngressRule {
    const PORTS: [i32; 8] = [22, 80, 443, 3306, 5432, 6379, 8080, 9092];
    let port = PORTS.get(at / 10 % 8).copied().unwrap_or(443);
    let (high, low) = (at / 250 % 250, at % 250);
    match at % 10 {
        0..=3 => rule(at, (port, port), cidr(&format!("10.{high}.{low}.0/24"))),
        4 | 5 => rule(at, (port, port + 10), Source::Group(format!("sg-{at:017x}"))),
        6 => rule(at, (port, port), public(at, 32)),
        7 => rule(at, (port, port), public(at, 28)),
        8 => rule(at, (port, port), public(at, 16)),
        _ => rule(at, (port, port), cidr(&format!("2a00:{high:x}:{low:x}::/48"))),
    }
}

/// Public sources from narrow to wide, each at 64 ports that most of its neighbours share: the
/// sources add up to the internet many times over, and the walk over the ports has to be made.
fn overlapping(at: usize, prefixes: [u8; 8]) -> IngressRule {
    let first = small(at * 8 % 60_000);
    rule(at, (first, first + 63), public(at, prefixes.get(at % 8).copied().unwrap_or(32)))
}

fn case(rules: Vec<IngressRule>, touched: usize) -> Case {
    let step = rules.len() / touched.max(1);
    let ids = rules.iter().step_by(step.max(1)).map(|rule| rule.id.clone());
    let lead = GroupLead {
        group: GroupRef::Id(GROUP.to_owned()),
        touched: Touched::Rules(
            ids.map(|id| RuleLead { id: Some(id), shape: None, edit: false }).collect(),
        ),
    };
    let event = event(Lead::Group(lead.clone()));
    let interface = Interface {
        id: "eni-0a1b2c3d4e5f60718".to_owned(),
        public: vec!["203.0.113.7".to_owned()],
        kind: "interface".to_owned(),
        ..Interface::default()
    };
    let facts = GroupFacts {
        id: GROUP.to_owned(),
        owner: Some("111122223333".to_owned()),
        rules,
        details: Some(GroupDetails { name: "shop".to_owned(), ..GroupDetails::default() }),
        interfaces: Interfaces::Read(vec![interface]),
        ..GroupFacts::default()
    };
    Case { event, lead, facts }
}

/// The last rule names a prefix list with this many entries, all of them public.
fn with_list(mut case: Case, entries: usize) -> Case {
    let nets = (0..entries).filter_map(|at| match public(at * 7, 24) {
        Source::Ipv4(net) => Some(net.into()),
        Source::Ipv6(_) | Source::PrefixList(_) | Source::Group(_) | Source::Unreadable(_) => None,
    });
    let list = PrefixList::Entries(nets.collect());
    case.facts.prefix_lists = BTreeMap::from([(LIST.to_owned(), list)]);
    if let Some(last) = case.facts.rules.last_mut() {
        last.source = Source::PrefixList(LIST.to_owned());
    }
    case
}

/// What people write, and nothing at fault. One rule was touched.
pub(crate) fn clean(rules: usize, entries: usize) -> Case {
    with_list(case((0..rules).map(usual).collect(), 1), entries)
}

/// The same with one rule for everyone, which the event touched: all others are looked at, too.
pub(crate) fn open(rules: usize, entries: usize) -> Case {
    let mut rules: Vec<_> = (0..rules).map(usual).collect();
    if let Some(first) = rules.first_mut() {
        first.source = cidr("0.0.0.0/0");
    }
    with_list(case(rules, 1), entries)
}

/// The worst for a group in which nothing is at fault: the ports are walked, and no union of the
/// sources at any port is the internet. One rule in six was touched.
pub(crate) fn walked(rules: usize, entries: usize) -> Case {
    let prefixes = [32, 28, 24, 20, 16, 14, 12, 11];
    let touched = rules / 6;
    with_list(case((0..rules).map(|at| overlapping(at, prefixes)).collect(), touched), entries)
}

/// The worst that is at fault: at most ports, the sources are the internet only together. Every
/// rule was touched.
pub(crate) fn unions(rules: usize, entries: usize) -> Case {
    let prefixes = [32, 28, 24, 16, 10, 10, 9, 9];
    let all = (0..rules).map(|at| overlapping(at, prefixes)).collect();
    with_list(case(all, rules), entries)
}

/// Beyond what a person would write: every rule is public, at one and the same port, and was
/// touched; nearly all of them have to go until the rest is not the internet.
pub(crate) fn one_port(rules: usize, entries: usize) -> Case {
    let all = (0..rules).map(|at| rule(at, (443, 443), public(at, 12))).collect();
    with_list(case(all, rules), entries)
}

/// This many rules for everyone, all touched.
pub(crate) fn all_open(rules: usize) -> Case {
    let all = (0..rules).map(|at| rule(at, (small(at), small(at)), cidr("0.0.0.0/0")));
    case(all.collect(), rules)
}
