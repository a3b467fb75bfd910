use std::collections::BTreeSet;

use proptest::collection::btree_set;
use proptest::prelude::*;
use proptest::sample::select;

use crate::action::Action;
use crate::decide;
use crate::event::{GroupLead, GroupRef, Lead, RuleLead, Touched};
use crate::facts::{IngressRule, Source};
use crate::fixtures::{self, context, group, rule};
use crate::settings::Mode;

/// The ids of the rules that are revoked in each pass over one event, 25 at once.
fn passes(mut live: Vec<IngressRule>) -> Vec<BTreeSet<String>> {
    let mut passes = Vec::new();
    while !live.is_empty() {
        let lead =
            |rule: &IngressRule| RuleLead { id: Some(rule.id.clone()), shape: None, edit: false };
        let touched = Touched::Rules(live.iter().map(lead).collect());
        let lead = GroupLead { group: GroupRef::Id("sg-01".to_owned()), touched };
        let event = fixtures::event(Lead::Group(lead.clone()));
        let decision = decide::group(&event, &lead, &group(live.clone()), &context(Mode::Enforce));
        let revoked: BTreeSet<String> =
            decision.actions().into_iter().map(Action::id).map(str::to_owned).collect();
        assert!(!revoked.is_empty() && revoked.len() <= 25, "{} in a pass", revoked.len());
        live.retain(|rule| !revoked.contains(&rule.id));
        passes.push(revoked);
    }
    passes
}

/// The ports that no rule of these admits.
fn closed(live: &[IngressRule], ports: std::ops::RangeInclusive<u16>) -> Vec<u16> {
    let is_open =
        |port: &u16| live.iter().any(|rule| (rule.ports().0..=rule.ports().1).contains(port));
    ports.filter(|port| !is_open(port)).collect()
}

fn tcp(id: usize, from: u16, to: u16, source: &str) -> IngressRule {
    rule(&format!("sgr-{id:03}"), &format!("tcp {from}-{to}"), source)
}

const WORLD: &str = "0.0.0.0/0";

#[test]
fn of_60_rules_with_one_lower_end_whole_ports_are_closed_in_each_pass() {
    let rules: Vec<_> = (0..60).map(|at| tcp(usize::from(at), 22, 22 + at, WORLD)).collect();
    let passes = passes(rules.clone());
    assert_eq!(passes.iter().map(BTreeSet::len).collect::<Vec<_>>(), [25, 25, 10]);
    let after = |passes: &[BTreeSet<String>]| -> Vec<IngressRule> {
        let gone = |rule: &&IngressRule| !passes.iter().any(|pass| pass.contains(&rule.id));
        rules.iter().filter(gone).cloned().collect()
    };
    assert_eq!(closed(&after(&passes[..1]), 22..=81), (57..=81).collect::<Vec<u16>>());
    assert_eq!(closed(&after(&passes[..2]), 22..=81), (32..=81).collect::<Vec<u16>>());
    assert_eq!(closed(&after(&passes), 22..=81), (22..=81).collect::<Vec<u16>>());
}

#[test]
fn of_60_rules_with_one_upper_end_the_ports_of_administration_are_closed_first() {
    let rules: Vec<_> = (0..60).map(|at| tcp(usize::from(at), 22 + at, 81, WORLD)).collect();
    let first = passes(rules.clone()).remove(0);
    let live: Vec<_> = rules.into_iter().filter(|rule| !first.contains(&rule.id)).collect();
    assert_eq!(closed(&live, 22..=81), (22..=46).collect::<Vec<u16>>());
}

#[test]
fn of_100_decoys_and_one_rule_for_all_ports_that_one_is_first() {
    let mut rules: Vec<_> =
        (0..100).map(|at| tcp(usize::from(at), 30_000 + at, 30_000 + at, WORLD)).collect();
    rules.push(tcp(999, 0, 65_535, WORLD));
    assert!(passes(rules)[0].contains("sgr-999"));
}

#[test]
fn of_60_decoys_and_ssh_from_everywhere_ssh_is_first() {
    let decoy = |at: usize| tcp(at, 22, 22, &format!("{}.0.0.0/8", 20 + at));
    let mut rules: Vec<_> = (0..60).map(decoy).collect();
    rules.push(tcp(999, 22, 22, WORLD));
    assert!(passes(rules)[0].contains("sgr-999"));
}

#[test]
fn ports_that_one_rule_each_opens_are_closed_before_one_that_thirty_open() {
    let ssh = |at: usize| tcp(at, 22, 22, &format!("{}.0.0.0/8", 20 + at));
    let ports = [3389, 3306, 5432, 1433, 5601, 9200, 6379, 27_017, 11_211, 2375];
    let mut rules: Vec<_> = (0..30).map(ssh).collect();
    rules.extend(ports.iter().zip(900..).map(|(port, at)| tcp(at, *port, *port, "60.0.0.0/8")));
    let first = passes(rules).remove(0);
    assert!((900..910).all(|at| first.contains(&format!("sgr-{at}"))), "{first:?}");
}

/// How harmful a rule is, counted here by itself: everything, a port of administration, or the rest; and how narrow.
fn harm(rule: &IngressRule) -> (u8, u8) {
    let traffic = match rule.ports() {
        (0, 65_535) => 0,
        (22 | 3389, _) => 1,
        _ => 2,
    };
    let prefix = if let Source::Ipv4(net) = rule.source { net.prefix_len() } else { u8::MAX };
    (traffic, prefix)
}

/// Rules at fault by themselves, each of another shape.
fn rules() -> impl Strategy<Value = Vec<IngressRule>> {
    let ports = prop_oneof![
        1 => Just((0, 65_535)),
        3 => select(vec![(22, 22), (3389, 3389), (22, 443)]),
        6 => (40_000_u16..40_030, 0..10_u16).prop_map(|(from, more)| (from, from + more)),
    ];
    let wide =
        select(vec!["0.0.0.0/0", "64.0.0.0/4", "64.0.0.0/5", "72.0.0.0/6"]).prop_map(str::to_owned);
    let source = prop_oneof![wide, (20_u8..60).prop_map(|first| format!("{first}.0.0.0/8"))];
    btree_set((ports, source), 1..120).prop_map(|shapes| {
        let rule = |(at, ((from, to), source)): (usize, &((u16, u16), String))| {
            tcp(at, *from, *to, source)
        };
        shapes.iter().enumerate().map(rule).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever else is opened, and however much of it.
    #[test]
    fn rules_of_less_harm_keep_no_rule_of_more_harm_open(mut live in rules()) {
        for pass in passes(live.clone()) {
            let is_revoked = |rule: &&IngressRule| pass.contains(&rule.id);
            let least = live.iter().filter(is_revoked).map(harm).max();
            live.retain(|rule| !pass.contains(&rule.id));
            prop_assert!(live.is_empty() || pass.len() == 25, "there was room for more than {}", pass.len());
            for left in &live {
                prop_assert!(Some(harm(left)) >= least, "{left:?} stays, and does more harm than {least:?}");
            }
        }
    }
}

#[test]
fn of_rules_of_one_shape_no_id_decides() {
    let order = |ids: [usize; 30]| -> Vec<String> {
        let rule =
            |(at, id): (usize, &usize)| tcp(*id, 40_000, 40_000, &format!("{}.0.0.0/8", 20 + at));
        let rules: Vec<_> = ids.iter().enumerate().map(rule).collect();
        let first = passes(rules.clone()).remove(0);
        let left = rules.iter().filter(|rule| !first.contains(&rule.id));
        left.map(|rule| rule.source.to_string()).collect()
    };
    let up = std::array::from_fn(|at| at);
    let down = std::array::from_fn(|at| 500 - at);
    assert_eq!(order(up), order(down));
}
