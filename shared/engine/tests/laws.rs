//! Laws that hold for every group, every event and every mode.

mod laws {
    mod known;
    pub(crate) mod model;
    mod space;
    mod together;
}

use std::collections::BTreeSet;

use laws::model::{Model, event, group, rules};
use portcullis_engine::action::{Action, Remedy};
use portcullis_engine::decide::{self, Decision};
use portcullis_engine::event::{GroupLead, GroupRef, Lead, RuleLead, Touched};
use portcullis_engine::facts::{GroupDetails, GroupFacts, IngressRule, PROTECT, Source, Tag};
use portcullis_engine::net::{Candidate, Sources, exposed};
use portcullis_engine::report::{Known, Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_testkit::narrow::{context, is_narrow};
use proptest::prelude::*;

fn lead(touched: &[String]) -> GroupLead {
    let rules = touched
        .iter()
        .map(|id| RuleLead { id: Some(id.clone()), shape: None, edit: false })
        .collect();
    GroupLead { group: GroupRef::Id("sg-01".to_owned()), touched: Touched::Rules(rules) }
}

fn decide(facts: &GroupFacts, touched: &[String], mode: Mode) -> Decision {
    let lead = lead(touched);
    let event = event(Lead::Group(lead.clone()));
    decide::group(&event, &lead, facts, &context(mode))
}

fn text(decision: &Decision) -> Vec<String> {
    let findings = decision
        .findings
        .iter()
        .map(|found| format!("{} {} -> {}", found.check, found.evidence, found.remedy));
    findings.chain(decision.suppressed.iter().map(ToString::to_string)).collect()
}

fn revoked(decision: &Decision) -> BTreeSet<String> {
    let rules = decision.actions().into_iter().filter_map(Action::revokes);
    rules.map(|(_, rule)| rule.id.clone()).collect()
}

fn touched(rules: &[IngressRule], which: &[bool]) -> Vec<String> {
    let pairs = rules.iter().zip(which.iter().cycle());
    pairs.filter(|(_, touched)| **touched).map(|(rule, _)| rule.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn deciding_again_after_acting_finds_nothing_more_to_do(rules in rules(12), which in prop::collection::vec(any::<bool>(), 1..12)) {
        let touched = touched(&rules, &which);
        let mut facts = group(rules);
        let gone = revoked(&decide(&facts, &touched, Mode::Enforce));
        facts.rules.retain(|rule| !gone.contains(&rule.id));
        prop_assert_eq!(revoked(&decide(&facts, &touched, Mode::Enforce)), BTreeSet::new());
    }

    #[test]
    fn only_touched_rules_are_acted_on(rules in rules(12), which in prop::collection::vec(any::<bool>(), 1..12)) {
        let touched = touched(&rules, &which);
        let gone = revoked(&decide(&group(rules), &touched, Mode::Enforce));
        prop_assert!(gone.iter().all(|id| touched.contains(id)), "{:?} of {:?}", gone, touched);
    }

    #[test]
    fn the_order_of_rules_does_not_matter(rules in rules(12), which in prop::collection::vec(any::<bool>(), 1..12)) {
        let touched = touched(&rules, &which);
        let forward = decide(&group(rules.clone()), &touched, Mode::Enforce);
        let backward = decide(&group(rules.into_iter().rev().collect()), &touched, Mode::Enforce);
        prop_assert_eq!(text(&forward), text(&backward));
    }

    #[test]
    fn observe_mode_acts_on_nothing_and_finds_the_same(rules in rules(12), which in prop::collection::vec(any::<bool>(), 1..12)) {
        let touched = touched(&rules, &which);
        let facts = group(rules);
        let (observed, enforced) = (decide(&facts, &touched, Mode::Observe), decide(&facts, &touched, Mode::Enforce));
        prop_assert!(observed.actions().is_empty());
        prop_assert_eq!(observed.findings.len(), enforced.findings.len());
        let do_all = enforced.findings.iter().filter(|f| matches!(f.remedy, Remedy::Do(_))).count();
        let withheld = observed.findings.iter().filter(|f| matches!(f.remedy, Remedy::NotRemediated { .. })).count();
        prop_assert!(withheld >= do_all);
    }

    #[test]
    fn a_protected_group_is_never_acted_on_and_nothing_is_kept_quiet(rules in rules(12), which in prop::collection::vec(any::<bool>(), 1..12), value in ".{0,8}") {
        let touched = touched(&rules, &which);
        let open = group(rules);
        let tags = vec![Tag { key: PROTECT.to_owned(), value }];
        let protected = GroupFacts { details: Some(GroupDetails { tags, ..GroupDetails::default() }), ..open.clone() };
        let evidence = |decision: Decision| decision.findings.into_iter().map(|f| f.evidence).collect::<Vec<_>>();
        for mode in [Mode::Enforce, Mode::Observe] {
            let decision = decide(&protected, &touched, mode);
            prop_assert!(decision.actions().is_empty());
            prop_assert_eq!(evidence(decision), evidence(decide(&open, &touched, mode)));
        }
    }

    #[test]
    fn an_event_that_touched_nothing_is_silent(rules in rules(12)) {
        let (facts, lead) = (group(rules), lead(&[]));
        let (event, context) = (event(Lead::Group(lead.clone())), context(Mode::Enforce));
        let decision = decide::group(&event, &lead, &facts, &context);
        let report = Report::new(&event, &decision, &Known::new(Seen::Group(&facts), &context));
        prop_assert!(decision.is_clean() && report.is_silent() && report.older.is_empty());
    }
}

proptest! {
    // Counting is slow.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a model that counts /16 blocks one by one, port by port.
    #[test]
    fn the_address_arithmetic_agrees_with_counting(rules in rules(10), which in prop::collection::vec(any::<bool>(), 1..10)) {
        let rules: Vec<_> = rules.into_iter().filter(|rule| matches!(rule.source, Source::Ipv4(_))).collect();
        let touched = touched(&rules, &which);
        let sources: Vec<Sources> = rules.iter().map(|rule| match rule.source {
            Source::Ipv4(net) => Sources::new([net.into()]),
            _ => Sources::default(),
        }).collect();
        let candidates: Vec<_> = rules.iter().zip(&sources).map(|(rule, sources)| Candidate {
            id: &rule.id, protocol: &rule.protocol, ports: rule.ports(), sources,
            touched: touched.contains(&rule.id),
        }).collect();
        for (rule, sources) in rules.iter().zip(&sources) {
            prop_assert_eq!(sources.count().v4, Model::new([rule]).public());
        }
        let narrow = |_, union| is_narrow(union).then(|| "narrow".to_owned()).into_iter().collect();
        let found: BTreeSet<_> = exposed(&candidates, &mut { narrow }).into_keys().map(|at| rules[at].id.clone()).collect();
        prop_assert_eq!(&found, &Model::at_fault(&rules, &touched));
        let left: Vec<_> = rules.iter().filter(|rule| !found.contains(&rule.id)).cloned().collect();
        prop_assert_eq!(Model::at_fault(&left, &touched), BTreeSet::new());
    }
}
