//! Laws about rules of several groups, and about snoozed ones.

use std::collections::BTreeSet;

use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::Lead;
use portcullis_engine::facts::{
    CacheFacts, CacheKind, Engine, GroupFacts, IngressRule, Interfaces,
};
use portcullis_engine::finding::{group_of, rule_of};
use portcullis_engine::ledger::{Key, Memory, Snooze};
use portcullis_engine::settings::Mode;
use portcullis_testkit::example::{cache, making, of_cache};
use portcullis_testkit::narrow::context;
use proptest::prelude::*;

use super::model::{event, group, rules};
use crate::{lead, revoked, touched};

/// Rules with ids of their own.
fn others(most: usize) -> impl Strategy<Value = Vec<IngressRule>> {
    rules(most).prop_map(|mut rules| {
        rules.iter_mut().for_each(|rule| rule.id = rule.id.replace("sgr-", "sgr-9"));
        rules
    })
}

fn other(rules: Vec<IngressRule>) -> GroupFacts {
    GroupFacts { id: "sg-02".to_owned(), ..group(rules) }
}

fn snoozing<'a>(rules: impl IntoIterator<Item = (&'a str, &'a IngressRule)>) -> Memory {
    let snooze = |(group, rule): (&str, &IngressRule)| {
        let snooze = Snooze {
            subject: group.to_owned(),
            finding: Snooze::finding(rule),
            until: "2026-12-21T10:00:00Z".to_owned(),
            reason: "a partner".to_owned(),
            by: "alice".to_owned(),
        };
        let (subject, finding) = (snooze.subject.clone(), snooze.finding.clone());
        (Key { subject, finding }, snooze)
    };
    Memory { snoozes: rules.into_iter().map(snooze).collect(), ..Memory::default() }
}

fn of_group(facts: &GroupFacts, touched: &[String], memory: &Memory) -> Decision {
    let lead = lead(touched);
    let context = DecisionContext { memory, ..context(Mode::Enforce) };
    decide::group(&event(Lead::Group(lead.clone())), &lead, facts, &context)
}

/// A cache on TCP 3 behind these groups, which carry nothing else.
fn of_cache_behind(groups: Vec<GroupFacts>, memory: &Memory) -> Decision {
    let interfaces = Interfaces::Read(vec![of_cache()]);
    let groups =
        groups.into_iter().map(|group| GroupFacts { interfaces: interfaces.clone(), ..group });
    let facts = CacheFacts {
        ports: vec![3],
        ..cache(CacheKind::ReplicationGroup, Engine::Valkey, groups.collect())
    };
    let lead = making(&facts);
    let context = DecisionContext { memory, ..context(Mode::Enforce) };
    decide::cache(&event(Lead::Cache(lead.clone())), &lead, &facts, &[], &context)
}

/// The rules that are found, by shape and not by the companions that are named.
fn found(decision: &Decision) -> BTreeSet<String> {
    decision.findings.iter().filter_map(rule_of).map(|rule| rule.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever other groups of an interface admit, no rule of them goes, and none of the group is kept because of them.
    #[test]
    fn other_groups_of_an_interface_only_ever_add_and_are_never_touched(own in rules(8), which in prop::collection::vec(any::<bool>(), 1..8), sets in prop::collection::vec(others(6), 0..3)) {
        let touched = touched(&own, &which);
        let alone = group(own);
        let beside = GroupFacts { beside: sets.into_iter().map(|rules| vec![other(rules)]).collect(), ..alone.clone() };
        let memory = Memory::default();
        let (before, after) = (of_group(&alone, &touched, &memory), of_group(&beside, &touched, &memory));
        prop_assert!(found(&after).is_superset(&found(&before)));
        prop_assert!(revoked(&after).is_superset(&revoked(&before)));
        prop_assert!(revoked(&after).iter().all(|id| touched.contains(id)));
        prop_assert!(after.findings.iter().all(|finding| group_of(finding) == Some("sg-01")));
        // What is found beyond is exactly what there is more.
        let mut whole = before.clone();
        whole.extend(after.clone().beyond(&before));
        prop_assert_eq!(found(&whole), found(&after));
        // Once it is gone, nothing is at fault.
        let gone = revoked(&after);
        let mut left = beside;
        left.rules.retain(|rule| !gone.contains(&rule.id));
        prop_assert_eq!(revoked(&of_group(&left, &touched, &memory)), BTreeSet::new());
    }

    /// A snooze belongs to the rule that it names: for every other rule, it is as if that rule was not there.
    #[test]
    fn a_snoozed_rule_changes_nothing_for_others(own in rules(8), more in others(6), snoozed in prop::collection::vec(any::<bool>(), 1..8)) {
        let all = own.iter().map(|rule| ("sg-01", rule)).chain(more.iter().map(|rule| ("sg-02", rule)));
        let chosen: Vec<_> = all.zip(snoozed.iter().cycle()).filter(|(_, snoozed)| **snoozed).map(|(placed, _)| placed).collect();
        let memory = snoozing(chosen.iter().copied());
        // The same shape twice in a group is the same rule.
        let is_snoozed = |group: &str, rule: &IngressRule| chosen.iter().any(|(of, one)| *of == group && Snooze::finding(one) == Snooze::finding(rule));
        let rest = |group: &str, rules: &[IngressRule]| -> Vec<IngressRule> { rules.iter().filter(|rule| !is_snoozed(group, rule)).cloned().collect() };
        let (own_rest, more_rest) = (rest("sg-01", &own), rest("sg-02", &more));
        let nothing = Memory::default();
        let with = of_cache_behind(vec![group(own.clone()), other(more.clone())], &memory);
        let without = of_cache_behind(vec![group(own_rest.clone()), other(more_rest.clone())], &nothing);
        prop_assert_eq!(found(&with), found(&without));
        let ids: Vec<String> = own.iter().map(|rule| rule.id.clone()).collect();
        let beside = |rules: &[IngressRule], more: &[IngressRule]| GroupFacts { beside: vec![vec![other(more.to_vec())]], ..group(rules.to_vec()) };
        let left: Vec<String> = own_rest.iter().map(|rule| rule.id.clone()).collect();
        let with = of_group(&beside(&own, &more), &ids, &memory);
        let without = of_group(&beside(&own_rest, &more_rest), &left, &nothing);
        let gone: Vec<String> = own.iter().filter(|rule| is_snoozed("sg-01", rule)).map(|rule| rule.id.clone()).collect();
        prop_assert!(found(&with).iter().all(|id| !gone.contains(id)));
        prop_assert_eq!(found(&with), found(&without));
    }
}
