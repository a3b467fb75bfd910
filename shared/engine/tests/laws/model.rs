//! Random groups, and a model of "public" that counts instead of calculating.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use ipnet::Ipv4Net;
use portcullis_engine::event::{Actor, Event, EventName, Lead};
use portcullis_engine::facts::{
    AddressSpace, GroupFacts, IngressRule, Interfaces, Protocol, Source,
};
use proptest::prelude::*;

pub(crate) fn event(lead: Lead) -> Event {
    Event {
        id: "e-1".to_owned(),
        name: Some(EventName::AuthorizeSecurityGroupIngress),
        time: "2026-11-21T10:00:00Z".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        actor: Actor::default(),
        lead,
    }
}

pub(crate) fn group(rules: Vec<IngressRule>) -> GroupFacts {
    GroupFacts {
        id: "sg-01".to_owned(),
        owner: Some("111122223333".to_owned()),
        rules,
        interfaces: Interfaces::Read(Vec::new()),
        space: AddressSpace::Read {
            own: vec!["10.0.0.0/16".parse().unwrap()],
            further: BTreeMap::new(),
        },
        ..GroupFacts::default()
    }
}

/// Up to `most` rules on few ports and few protocols, so that they meet.
pub(crate) fn rules(most: usize) -> impl Strategy<Value = Vec<IngressRule>> {
    let source = prop_oneof![
        6 => (any::<u32>(), prop_oneof![Just(0_u8), Just(1), Just(8), 2_u8..=16]).prop_map(|(address, prefix)| {
            Source::Ipv4(Ipv4Net::new(Ipv4Addr::from(address), prefix).unwrap().trunc())
        }),
        1 => prop::sample::select(vec!["::/0", "2000::/3", "fc00::/7", "2600:1f00::/31", "2600::/48"])
            .prop_map(|text| Source::cidr(text).unwrap()),
        1 => Just(Source::Group("sg-0f".to_owned())),
    ];
    let protocol = prop::sample::select(vec!["tcp", "tcp", "udp", "icmp", "-1", "50"]);
    let ports = (0_i32..6, 0_i32..4);
    let rule = (source, protocol, ports).prop_map(|(source, protocol, (from, more))| {
        let protocol = Protocol::parse(protocol);
        let (from_port, to_port) =
            if protocol.has_ports() { (from, from + more) } else { (-1, -1) };
        IngressRule {
            id: String::new(),
            protocol,
            from_port,
            to_port,
            source,
            description: None,
            tags: Vec::new(),
        }
    });
    prop::collection::vec(rule, 0..most).prop_map(|mut rules| {
        for (at, rule) in rules.iter_mut().enumerate() {
            rule.id = format!("sgr-{at:02}");
        }
        rules
    })
}

/// The /16 blocks that some rules admit, one by one.
pub(crate) struct Model(Vec<bool>);

/// Wider than a /16: whole blocks are out.
const SPECIAL: [&str; 10] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// Narrower: 256 addresses of a block are out.
const SPECIAL_24: [&str; 5] =
    ["192.0.0.0", "192.0.2.0", "192.88.99.0", "198.51.100.0", "203.0.113.0"];

/// Public addresses of each /16 block.
fn weights() -> &'static [u32] {
    static WEIGHTS: LazyLock<Vec<u32>> = LazyLock::new(|| {
        let special: Vec<Ipv4Net> = SPECIAL.iter().map(|text| text.parse().unwrap()).collect();
        let small: Vec<u32> = SPECIAL_24
            .iter()
            .map(|text| u32::from(text.parse::<Ipv4Addr>().unwrap()) >> 16)
            .collect();
        let weight = |block: u32| {
            if special.iter().any(|net| net.contains(&Ipv4Addr::from(block << 16))) {
                0
            } else {
                65_536
                    - 256
                        * u32::try_from(small.iter().filter(|small| **small == block).count())
                            .unwrap()
            }
        };
        (0..65_536).map(weight).collect()
    });
    &WEIGHTS
}

impl Model {
    pub(crate) fn new<'a>(rules: impl IntoIterator<Item = &'a IngressRule>) -> Self {
        let mut blocks = vec![false; 65_536];
        for rule in rules {
            let Source::Ipv4(net) = rule.source else { continue };
            let first = u32::from(net.network()) >> 16;
            let last = u32::from(net.broadcast()) >> 16;
            blocks[first as usize..=last as usize].fill(true);
        }
        Self(blocks)
    }

    pub(crate) fn public(&self) -> u128 {
        let admitted = self.0.iter().zip(weights()).filter(|(admitted, _)| **admitted);
        admitted.map(|(_, weight)| u128::from(*weight)).sum()
    }

    fn internet<'a>(rules: impl IntoIterator<Item = &'a IngressRule>) -> bool {
        Self::new(rules).public() >= 1 << 24
    }

    /// The touched rules that are the internet by themselves, and those that are with others at some port: with
    /// what is not touched, and what is touched and not wider.
    pub(crate) fn at_fault(rules: &[IngressRule], touched: &[String]) -> BTreeSet<String> {
        let is_touched = |rule: &IngressRule| touched.contains(&rule.id);
        let (alone, rest): (Vec<_>, Vec<_>) =
            rules.iter().partition(|rule| Self::internet([*rule]));
        let mut found: BTreeSet<String> =
            alone.into_iter().filter(|rule| is_touched(rule)).map(|rule| rule.id.clone()).collect();
        let protocols = ["tcp", "udp", "icmp", "50", "-1"].map(Protocol::parse);
        for rule in rest.iter().filter(|rule| is_touched(rule)) {
            let width = Self::new([*rule]).public();
            let counts = |other: &&&IngressRule| {
                !is_touched(other) || Self::new([**other]).public() <= width
            };
            let beside: Vec<_> = rest.iter().filter(counts).copied().collect();
            let together = protocols.iter().any(|protocol| {
                (0..10).filter(|port| rule.covers(protocol, *port)).any(|port| {
                    Self::internet(beside.iter().filter(|o| o.covers(protocol, port)).copied())
                })
            });
            if together && width > 0 {
                found.insert(rule.id.clone());
            }
        }
        found
    }
}
