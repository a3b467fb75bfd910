//! Laws about the address space of a group's VPC. The networks are few and small, so that they lie in one another.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::Lead;
use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions};
use portcullis_engine::facts::{AddressSpace, GroupFacts, IngressRule, Source};
use portcullis_engine::finding::{Check, rule_of};
use portcullis_engine::net::Count;
use portcullis_engine::settings::Mode;
use proptest::prelude::*;

use super::model::{event, group};
use crate::{lead, revoked, touched};

/// Suppresses unions of at most so many public addresses, but over UDP 11211.
#[derive(Debug)]
struct UpTo(Count);

impl Exceptions for UpTo {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        let Self(most) = self;
        let fits = |union: Count| union.v4 <= most.v4 && union.v6 <= most.v6;
        if asked.check != Check::MemcachedUdp && asked.on.is_some_and(|on| fits(on.union)) {
            let (id, reason) = ("up-to".to_owned(), "it is not many".to_owned());
            Answer::Suppressed(vec![Exception { id, reason, until: None }])
        } else {
            Answer::Fault
        }
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        None
    }
}

/// Nothing; about a block of a VPC; and all that is not the internet.
const POLICIES: [UpTo; 3] = [
    UpTo(Count { v4: 0, v6: 0 }),
    UpTo(Count { v4: 70_000, v6: 3 << 72 }),
    UpTo(Count { v4: (1 << 24) - 1, v6: (1 << 100) - 1 }),
];

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A block of a VPC: a /16 to /28, or a /44 to /60.
fn block() -> impl Strategy<Value = IpNet> {
    let v4 = (0_u8..4, prop::sample::select(vec![16_u8, 17, 20, 28]));
    let v6 = (0_u8..4, prop::sample::select(vec![44_u8, 56, 60]));
    prop_oneof![
        v4.prop_map(|(at, prefix)| net(&format!("11.{at}.0.0/{prefix}"))),
        v6.prop_map(|(at, prefix)| net(&format!("2600:1f14:0:{at}00::/{prefix}")).trunc()),
    ]
}

fn blocks() -> impl Strategy<Value = Vec<IpNet>> {
    prop::collection::vec(block(), 0..5)
}

/// Up to eight rules, of which some have sources in such blocks.
fn rules() -> impl Strategy<Value = Vec<IngressRule>> {
    let wide = prop::sample::select(vec![
        "0.0.0.0/0",
        "11.0.0.0/8",
        "11.0.0.0/9",
        "11.0.0.0/15",
        "::/0",
        "2600::/28",
    ]);
    let narrow = prop::sample::select(vec![
        "11.0.1.0/24",
        "11.1.0.9/32",
        "12.0.0.0/28",
        "2600:1f14:0:100::1/128",
    ]);
    let source = prop_oneof![1 => wide.prop_map(net), 2 => narrow.prop_map(net), 3 => block()];
    let traffic = prop::sample::select(vec!["udp 11211", "tcp 22", "tcp 20-30", "-1"]);
    prop::collection::vec((source, traffic), 1..8).prop_map(|made| {
        let rule = |(at, (source, traffic)): (usize, (IpNet, &str))| {
            portcullis_testkit::rule(&format!("sgr-{at:02}"), traffic, &source.to_string())
        };
        made.into_iter().enumerate().map(rule).collect()
    })
}

fn of(own: &[IpNet]) -> AddressSpace {
    AddressSpace::Read { own: own.to_vec(), further: BTreeMap::new() }
}

fn decided(rules: &[IngressRule], which: &[bool], space: AddressSpace, policy: &UpTo) -> Decision {
    let lead = lead(&touched(rules, which));
    let facts = GroupFacts { space, ..group(rules.to_vec()) };
    let context = DecisionContext::new(Mode::Enforce, policy);
    decide::group(&event(Lead::Group(lead.clone())), &lead, &facts, &context)
}

fn found(decision: &Decision) -> BTreeSet<String> {
    decision.findings.iter().filter_map(rule_of).map(|rule| rule.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_source_inside_the_vpc_is_never_at_fault(rules in rules(), which in prop::collection::vec(any::<bool>(), 1..8), own in blocks()) {
        let is_inside = |rule: &IngressRule| {
            let source = match rule.source {
                Source::Ipv4(net) => IpNet::V4(net),
                Source::Ipv6(net) => IpNet::V6(net),
                _ => return false,
            };
            own.iter().any(|block| block.contains(&source))
        };
        let inside: BTreeSet<String> = rules.iter().filter(|rule| is_inside(rule)).map(|rule| rule.id.clone()).collect();
        for policy in &POLICIES {
            let found = found(&decided(&rules, &which, of(&own), policy));
            prop_assert!(found.is_disjoint(&inside), "{:?} of {:?}", found, inside);
        }
    }

    #[test]
    fn with_less_address_space_nothing_is_decided_more_leniently(rules in rules(), which in prop::collection::vec(any::<bool>(), 1..8), own in blocks(), keep in 0..5_usize) {
        for policy in &POLICIES {
            let whole = decided(&rules, &which, of(&own), policy);
            let less = decided(&rules, &which, of(&own[..keep.min(own.len())]), policy);
            prop_assert!(found(&less).is_superset(&found(&whole)));
            prop_assert!(revoked(&less).is_superset(&revoked(&whole)));
        }
    }

    /// What goes without the space being known would go whatever it is; and nothing that is at fault is kept quiet.
    #[test]
    fn what_is_not_known_never_leads_to_a_revoke(rules in rules(), which in prop::collection::vec(any::<bool>(), 1..8), own in blocks(), other in blocks()) {
        let further = BTreeMap::from([("vpc-2".to_owned(), other.clone())]);
        for policy in &POLICIES {
            let [here, there] = [&own, &other].map(|blocks| decided(&rules, &which, of(blocks), policy));
            for space in [AddressSpace::NotRead, AddressSpace::Unknown("denied".to_owned()), AddressSpace::Read { own: own.clone(), further: further.clone() }] {
                let asks = space == AddressSpace::NotRead;
                let unknown = decided(&rules, &which, space, policy);
                for known in [&here, &there] {
                    prop_assert!(revoked(known).is_superset(&revoked(&unknown)));
                    prop_assert!(found(&unknown).is_superset(&found(known)));
                }
                prop_assert!(unknown.spaces.is_empty() || asks);
                // What does not ask for the space does not depend on it.
                prop_assert!(!asks || !unknown.spaces.is_empty() || found(&unknown) == found(&here));
            }
        }
    }
}
