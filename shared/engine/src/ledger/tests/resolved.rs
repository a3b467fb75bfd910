use super::*;
use crate::event::Altered;
use crate::facts::{CacheFacts, CacheKind, Engine, PendingChange};
use crate::fixtures::{cache, cache_lead};

/// A desk that left a rule open, and told.
fn left_open(rule: &IngressRule) -> Desk {
    let mut desk = Desk::new();
    desk.limits.actions_per_event = 0;
    desk.deal(&event("e-1", &[rule]), &fixtures::group(vec![rule.clone()]));
    desk.now += 300;
    desk
}

fn other() -> IngressRule {
    rule("sgr-2", "tcp 443", "10.0.0.0/8")
}

fn ids(leased: &Leased) -> Vec<&str> {
    leased.resolved.iter().map(|entry| entry.id.as_str()).collect()
}

#[test]
fn what_was_told_and_is_gone_is_good_news_once() {
    let one = rule("sgr-1", "tcp 6379", WORLD);
    let mut desk = left_open(&one);
    let facts = fixtures::group(vec![other()]);
    let dealt = desk.deal(&event("e-2", &[&other()]), &facts);
    assert_eq!(ids(&dealt.leased), [desk.entry().id.as_str()]);
    assert!(dealt.report.findings.is_empty());
    assert_eq!(desk.entry().state, State::Resolved);
    let occurrence = desk.entry().latest().unwrap();
    assert_eq!((occurrence.outcome.as_str(), &occurrence.lease), ("recovered", &None));
    desk.now += 60;
    let again = desk.deal(&event("e-3", &[&other()]), &facts);
    assert!(again.leased.resolved.is_empty() && again.leased.entries.is_empty());
    // The event that brought it is no news either.
    let late = desk.deal(&event("e-1", &[&one]), &facts);
    assert!(late.reported().is_empty() && late.leased.resolved.is_empty());
}

#[test]
fn good_news_that_did_not_go_out_is_told_by_the_next_event() {
    let mut desk = left_open(&rule("sgr-1", "tcp 6379", WORLD));
    let facts = fixtures::group(vec![other()]);
    let (decision, remembered) = desk.lease(&event("e-2", &[&other()]), &facts);
    desk.write(remembered.entries.clone());
    desk.by = "r-2";
    let (_, busy) = desk.lease(&event("e-3", &[&other()]), &facts);
    assert!(busy.resolved.is_empty());
    desk.write(settled(&remembered, &decision, &Outcomes::new(), None, None));
    assert_eq!(desk.entry().state, State::Open);
    let dealt = desk.deal(&event("e-3", &[&other()]), &facts);
    assert_eq!(ids(&dealt.leased), [desk.entry().id.as_str()]);
}

#[test]
fn what_is_there_or_may_be_has_not_recovered() {
    let one = rule("sgr-1", "tcp 6379", WORLD);
    let event = event("e-2", &[&other()]);
    let there = fixtures::group(vec![one.clone(), other()]);
    assert!(left_open(&one).deal(&event, &there).leased.resolved.is_empty());
    // EC2 may not show it yet.
    let gone = fixtures::group(vec![other()]);
    let mut early = left_open(&one);
    early.now -= 1;
    assert!(early.deal(&event, &gone).leased.resolved.is_empty());
    let elsewhere = GroupFacts { id: "sg-02".to_owned(), ..gone };
    assert!(left_open(&one).deal(&event, &elsewhere).leased.resolved.is_empty());
}

#[test]
fn an_edit_that_is_not_shown_yet_has_not_recovered() {
    let one = rule("sgr-1", "tcp 6379", WORLD);
    let mut desk = left_open(&one);
    let mut edit = event("e-2", &[&one]);
    edit.time = "2026-11-21T10:05:00Z".to_owned();
    let Lead::Group(GroupLead { touched: Touched::Rules(leads), .. }) = &mut edit.lead else {
        panic!("it touched no rule")
    };
    leads[0].edit = true;
    let stale = fixtures::group(vec![rule("sgr-1", "tcp 6379", "10.0.0.0/8")]);
    let dealt = desk.deal(&edit, &stale);
    assert_eq!(dealt.decision.unseen.len(), 1);
    assert!(dealt.leased.resolved.is_empty());
}

#[test]
fn what_nobody_was_told_of_has_not_recovered() {
    let one = rule("sgr-1", "tcp 6379", WORLD);
    let mut desk = Desk::new();
    let (_, remembered) = desk.lease(&event("e-1", &[&one]), &fixtures::group(vec![one]));
    desk.write(remembered.entries);
    desk.now += 600;
    let dealt = desk.deal(&event("e-2", &[&other()]), &fixtures::group(vec![other()]));
    assert!(dealt.leased.resolved.is_empty());
    assert_eq!(desk.entry().state, State::Open);
}

#[test]
fn a_setting_of_a_cache_recovers_only_if_describe_says_so() {
    let event = fixtures::event(Lead::Cache(cache_lead(CacheKind::ReplicationGroup)));
    let Lead::Cache(lead) = &event.lead else { panic!("not about a cache") };
    let take = |memory: &Memory, facts: &CacheFacts, now: i64| {
        let context = DecisionContext { memory, now, by: "r-1", ..context(Mode::Enforce) };
        let decision = decide::cache(&event, lead, facts, &[], &context);
        let lease = Lease { by: "r-1".to_owned(), until: now + 30 };
        let looked = LiveState::at_cache(facts, lead.altered);
        let still_open: Vec<Entry> = memory.entries.values().cloned().collect();
        let turn = LeaseContext {
            event: &event,
            looked: &looked,
            still_open: &still_open,
            lease: &lease,
            now,
        };
        let leased = decision.lease(&Reaches::of_cache(facts), memory, &turn);
        (decision, leased)
    };
    let says = |authentication| CacheFacts {
        authentication,
        ..cache(CacheKind::ReplicationGroup, Engine::Redis, &[7000])
    };
    let (decision, remembered) = take(&Memory::default(), &says(Some(false)), NOW);
    let reported = Some("2026-11-21T10:00:00Z");
    let entries = settled(&remembered, &decision, &Outcomes::new(), reported, None);
    let memory = Memory {
        entries: entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect(),
        ..Memory::default()
    };
    assert_eq!(memory.entries.len(), 1);
    let recovered = |facts: &CacheFacts| take(&memory, facts, NOW + 60).1.resolved.len();
    assert_eq!(recovered(&says(Some(true))), 1);
    assert_eq!(recovered(&says(Some(false))), 0);
    assert_eq!(recovered(&says(None)), 0);
    let member = CacheFacts { member_of: Some("orders".to_owned()), ..says(Some(true)) };
    assert_eq!(recovered(&member), 0);
    // A call that changed something else says nothing of it, nor does one whose change is pending.
    let shows_gone = |facts: &CacheFacts, altered: Altered| {
        let looked = LiveState::at_cache(facts, Some(altered));
        memory.entries.values().all(|entry| looked.shows_gone(entry))
    };
    let authentication = Altered { authentication: true, ..Altered::default() };
    assert!(shows_gone(&says(Some(true)), authentication));
    assert!(!shows_gone(&says(Some(true)), Altered { groups: true, ..Altered::default() }));
    let pending = PendingChange { transit_encryption: None, authentication: Some(false) };
    assert!(!shows_gone(&CacheFacts { pending, ..says(Some(true)) }, authentication));
}
