use std::collections::BTreeSet;

use crate::action::Action;
use crate::decide;
use crate::event::{GroupLead, GroupRef, Lead, RuleLead, Touched};
use crate::facts::IngressRule;
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

/// More of less harm, in whatever order and under whatever ids, keeps nothing open that does more.
#[test]
fn rules_of_less_harm_keep_no_rule_of_more_harm_open() {
    let worst: Vec<_> =
        (0..10).map(|at| tcp(990 + at, 3389, 3389, &format!("{}.0.0.0/6", 64 + 4 * at))).collect();
    for decoys in [0_u16, 16, 100, 300] {
        let less = |at: u16| tcp(usize::from(at), 40_000 + at, 40_000 + at, "20.0.0.0/8");
        let mut rules: Vec<_> = (0..decoys).map(less).collect();
        rules.extend(worst.iter().cloned());
        let first = passes(rules).remove(0);
        assert!(worst.iter().all(|rule| first.contains(&rule.id)), "{decoys}: {first:?}");
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
