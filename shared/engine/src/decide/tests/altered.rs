//! Caches that were there before the call: it changed their groups, encryption or authentication.

use super::*;
use crate::event::Altered;
use crate::facts::{Interface, PendingChange};
use crate::ledger::{Lease, LeaseContext, LiveState, ReportedAs};
use crate::resolution::Resolution;
use crate::severity::Reaches;
use crate::time::{MINUTE, seconds};

const GROUP: CacheKind = CacheKind::ReplicationGroup;

const GROUPS: Altered = Altered { groups: true, transit: false, authentication: false };
const TRANSIT: Altered = Altered { groups: false, transit: true, authentication: false };
const AUTHENTICATION: Altered = Altered { groups: false, transit: false, authentication: true };

/// A node of the cache.
fn node(id: &str) -> Interface {
    Interface { cluster: Some("sessions-001".to_owned()), ..cache_interface(id) }
}

/// On its default port, open to the world there, without encryption and authentication, all of it.
fn faulty(interfaces: Vec<Interface>) -> CacheFacts {
    let open = fixtures::group(vec![rule("sgr-1", "tcp 6379", WORLD)]);
    CacheFacts {
        transit_encryption: Some(false),
        authentication: Some(false),
        members: vec!["sessions-001".to_owned()],
        groups: CacheGroups::Read(vec![with_interfaces(open, interfaces)]),
        ..fixtures::cache(GROUP, Engine::Valkey, &[6379])
    }
}

fn change(altered: Altered) -> Event {
    let lead = CacheLead { altered: Some(altered), ..cache_lead(GROUP) };
    Event { id: "e-2".to_owned(), ..event(Lead::Cache(lead)) }
}

fn decide_after(event: &Event, facts: &CacheFacts, minutes: i64, memory: &Memory) -> Decision {
    let Lead::Cache(lead) = &event.lead else { panic!("not about a cache") };
    let now = seconds(&event.time) + minutes * MINUTE;
    let context = DecisionContext { now, memory, ..fixtures::context(Mode::Enforce) };
    cache(event, lead, facts, &[], &context)
}

fn decided(altered: Altered, facts: &CacheFacts, minutes: i64) -> Decision {
    decide_after(&change(altered), facts, minutes, &Memory::default())
}

#[test]
fn only_what_the_call_changed_is_asked() {
    let facts = faulty(vec![node("eni-1")]);
    for (altered, check) in [
        (GROUPS, Check::OpenCache),
        (TRANSIT, Check::PlaintextTransit),
        (AUTHENTICATION, Check::NoAuth),
    ] {
        assert_eq!(checks(&decided(altered, &facts, 6).findings), [check], "{altered:?}");
    }
    let all = Altered { groups: true, transit: true, authentication: true };
    let expected = [Check::OpenCache, Check::PlaintextTransit, Check::NoAuth];
    assert_eq!(checks(&decided(all, &facts, 6).findings), expected);
}

#[test]
fn a_rule_that_is_older_than_the_call_goes_only_where_this_cache_alone_carries_its_group() {
    assert_eq!(revoked(&decided(GROUPS, &faulty(vec![node("eni-1")]), 0)), ["sgr-1"]);
    let another =
        || Interface { cluster: Some("carts-001".to_owned()), ..cache_interface("eni-2") };
    let nobody_knows = || cache_interface("eni-3");
    for other in [another(), nobody_knows()] {
        let decision = decided(GROUPS, &faulty(vec![node("eni-1"), other]), 0);
        let [Finding { remedy: Remedy::Manual { because, .. }, .. }] = &decision.findings[..]
        else {
            panic!("{decision:?}")
        };
        assert!(
            matches!(because, Because::OthersCarry { others, detach: None } if others.len() == 1),
            "{because:?}"
        );
    }
    // A cache that is made behind the same group is asked otherwise: the call that made it chose all of it.
    let lead = cache_lead(GROUP);
    let made = event(Lead::Cache(lead));
    let decision =
        decide_after(&made, &faulty(vec![node("eni-1"), another()]), 0, &Memory::default());
    assert_eq!(revoked(&decision), ["sgr-1"]);
}

/// The ledger after another event reported this as open, as bad as that.
fn reported(decision: &Decision, severity: &str) -> Memory {
    let made = event(Lead::Cache(cache_lead(GROUP)));
    let looked = LiveState::default();
    let lease = Lease { by: "r-1".to_owned(), until: 0 };
    let turn =
        LeaseContext { event: &made, looked: &looked, still_open: &[], lease: &lease, now: 0 };
    let leased = decision.lease(&Reaches::of([]), &Memory::default(), &turn);
    let mut memory = Memory::default();
    for mut entry in leased.entries {
        for occurrence in &mut entry.occurrences {
            occurrence.lease = None;
            occurrence.reported = Some(ReportedAs {
                at: "2026-11-20T10:00:00Z".to_owned(),
                outcome: Resolution::NotRemediated,
                severity: severity.to_owned(),
            });
        }
        memory.entries.insert(entry.key.clone(), entry);
    }
    memory
}

#[test]
fn what_was_reported_as_open_before_is_older_unless_it_is_worse_now() {
    let facts = faulty(vec![node("eni-1")]);
    let first = decided(GROUPS, &facts, 0);
    let left = |severity: &str| {
        let decision = decide_after(&change(GROUPS), &facts, 0, &reported(&first, severity));
        decision.actions().is_empty()
    };
    assert!(left("medium"), "it may have been behind this group before");
    assert!(!left("low"), "nothing carried the group then");
}

#[test]
fn nothing_is_certain_while_the_change_may_not_be_shown() {
    let facts = faulty(Vec::new());
    let pending = |facts: &CacheFacts, minutes| {
        let decision = decided(AUTHENTICATION, facts, minutes);
        matches!(&decision.findings[..], [Finding { remedy: Remedy::Pending(_), .. }])
    };
    assert!(pending(&facts, 1) && !pending(&facts, 6));
    let modifying = CacheFacts { status: "MODIFYING".to_owned(), ..facts };
    assert!(pending(&modifying, 6));
}

#[test]
fn what_waits_for_the_window_is_judged_as_it_will_be() {
    let facts = |today, then| CacheFacts {
        transit_encryption: Some(today),
        pending: PendingChange { transit_encryption: then, authentication: None },
        ..faulty(Vec::new())
    };
    let titles = |facts: &CacheFacts| -> Vec<String> {
        decided(TRANSIT, facts, 6).findings.iter().map(Finding::title).collect()
    };
    let later = "from the maintenance window on: Valkey is not encrypted in transit";
    assert_eq!(titles(&facts(true, Some(false))), [later]);
    assert_eq!(titles(&facts(false, None)), ["Valkey is not encrypted in transit"]);
    assert_eq!(titles(&facts(false, Some(true))), Vec::<String>::new());
    let ends = decided(TRANSIT, &facts(false, Some(true)), 6);
    assert_eq!(ends.notes, ["plaintext-transit ends with a change that is pending"]);
    // Who creates such a cache is told of what is there today.
    let made = event(Lead::Cache(cache_lead(GROUP)));
    let of_today = decide_after(&made, &facts(false, Some(true)), 6, &Memory::default());
    assert!(checks(&of_today.findings).contains(&Check::PlaintextTransit));
}
