//! Laws of the unions that exceptions limit, with three exceptions: two with limits, and one without.

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net};
use portcullis_engine::facts::Protocol;
use portcullis_engine::net::{Candidate, Count, Sources, exposed};
use proptest::prelude::*;

/// The most IPv4 addresses that each exception tolerates.
const LIMITS: [u128; 3] = [1 << 21, 1 << 24, u128::MAX];

#[derive(Debug, Clone)]
struct Rule {
    id: String,
    ports: (u16, u16),
    net: Ipv4Net,
    touched: bool,
    /// Which exceptions are about it.
    exceptions: [bool; 3],
}

/// A rule on few ports, in a space small enough for rules to overlap.
fn rule() -> impl Strategy<Value = Rule> {
    let net = (0_u32..64, 6_u8..=16).prop_map(|(block, prefix)| {
        Ipv4Net::new((0x3000_0000 + (block << 20)).into(), prefix).unwrap().trunc()
    });
    let exceptions =
        (any::<bool>(), any::<bool>(), prop::bool::weighted(0.15)).prop_map(|(a, b, c)| [a, b, c]);
    (net, 0_u16..4, 0_u16..3, any::<bool>(), exceptions).prop_map(
        |(net, from, more, touched, exceptions)| Rule {
            id: String::new(),
            ports: (from, from + more),
            net,
            touched,
            exceptions,
        },
    )
}

fn rules(most: usize) -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 0..most).prop_map(|mut rules| {
        rules.iter_mut().enumerate().for_each(|(at, rule)| rule.id = format!("sgr-{at:02}"));
        rules
    })
}

fn tolerated_by(rule: &Rule, union: Count) -> Vec<String> {
    let limits = LIMITS.iter().zip(rule.exceptions).enumerate();
    let by = limits.filter(|(_, (limit, about))| *about && union.v4 < **limit);
    by.map(|(at, _)| at.to_string()).collect()
}

/// Ids of what is at fault.
fn at_fault(rules: &[Rule]) -> BTreeSet<String> {
    let sources: Vec<Sources> =
        rules.iter().map(|rule| Sources::new([IpNet::V4(rule.net)])).collect();
    let candidates: Vec<_> = rules
        .iter()
        .zip(&sources)
        .map(|(rule, sources)| Candidate {
            id: &rule.id,
            protocol: &Protocol::Tcp,
            ports: rule.ports,
            sources,
            touched: rule.touched,
        })
        .collect();
    let found = exposed(&candidates, &mut |at, union| tolerated_by(&rules[at], union));
    found.into_keys().map(|at| rules[at].id.clone()).collect()
}

fn own(rule: &Rule) -> Count {
    Sources::new([IpNet::V4(rule.net)]).count()
}

/// In no union: at fault by itself, or suppressed however much others admit.
fn stands_alone(rule: &Rule) -> bool {
    tolerated_by(rule, own(rule)).is_empty() || rule.exceptions[2]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn one_more_rule_makes_none_clean(rules in rules(14), more in rule()) {
        let before = at_fault(&rules);
        let mut with = rules;
        with.push(Rule { id: "sgr-99".to_owned(), ..more.clone() });
        let after = at_fault(&with);
        prop_assert!(before.is_subset(&after), "{:?} without it, {:?} with it", before, after);
    }

    #[test]
    fn once_what_is_at_fault_is_gone_nothing_is(mut rules in rules(14)) {
        let gone = at_fault(&rules);
        rules.retain(|rule| !gone.contains(&rule.id));
        prop_assert_eq!(at_fault(&rules), BTreeSet::new());
    }

    #[test]
    fn neither_order_nor_ids_decide(rules in rules(14)) {
        let found = at_fault(&rules);
        let backwards: Vec<Rule> = rules.iter().rev().cloned().collect();
        prop_assert_eq!(&at_fault(&backwards), &found);
        let renamed = |id: &str| format!("sgr-{:02}", 99 - id[4..].parse::<usize>().unwrap());
        let others: Vec<Rule> =
            rules.iter().map(|rule| Rule { id: renamed(&rule.id), ..rule.clone() }).collect();
        prop_assert_eq!(at_fault(&others), found.iter().map(|id| renamed(id)).collect::<BTreeSet<String>>());
    }

    #[test]
    fn rules_alike_share_their_fate(rules in rules(14)) {
        let found = at_fault(&rules);
        let alike = |a: &Rule, b: &Rule| {
            a.touched && b.touched && a.ports == b.ports && own(a) == own(b) && a.exceptions == b.exceptions
        };
        for (a, b) in rules.iter().flat_map(|a| rules.iter().map(move |b| (a, b))) {
            if alike(a, b) {
                prop_assert_eq!(found.contains(&a.id), found.contains(&b.id), "{:?} and {:?}", a, b);
            }
        }
    }

    #[test]
    fn what_stands_alone_changes_nothing_for_others(rules in rules(14)) {
        let found = at_fault(&rules);
        let (alone, rest): (Vec<Rule>, Vec<Rule>) = rules.into_iter().partition(stands_alone);
        let expected: BTreeSet<String> =
            found.into_iter().filter(|id| alone.iter().all(|rule| rule.id != *id)).collect();
        prop_assert_eq!(at_fault(&rest), expected);
    }
}
