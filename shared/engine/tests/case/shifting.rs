//! What EC2 and ElastiCache show may be late, or be another thing at each look: no event fails because of it.

use std::iter::Cycle;
use std::slice::Iter;

use portcullis_engine::action::{Action, Outcome};
use portcullis_engine::case::{
    Answered, Arranged, CacheShown, Case, Channel, Fact, PolicyContext, Read, Shown, Step, Written,
};
use portcullis_engine::event::{Event, GroupLead, GroupRef, Lead, RevisitRef, RuleLead, Touched};
use portcullis_engine::facts::{CacheFacts, CacheKind, Engine, IngressRule};
use portcullis_engine::ledger::{Memory, Revisit};
use portcullis_engine::settings::Mode;
use portcullis_engine::time::seconds;
use portcullis_testkit::example::{cache, event, group, making, rule, settings};
use portcullis_testkit::narrow;
use proptest::prelude::*;

use crate::shown;

/// What a look may show of a group: nothing, a rule as the call made it, edited, or put back under another id.
fn looks() -> impl Strategy<Value = Vec<Vec<IngressRule>>> {
    let rules = vec![
        rule(1, 6379, "0.0.0.0/0"),
        rule(1, 6379, "10.0.0.0/8"),
        rule(1, 22, "0.0.0.0/0"),
        rule(2, 22, "pl-01"),
        rule(2, 22, "::/0"),
        rule(7, 6379, "0.0.0.0/0"),
    ];
    let look = prop::sample::subsequence(rules, 0..6);
    // An id is there once.
    let once = look.prop_map(|mut rules| {
        rules.dedup_by(|one, other| one.id == other.id);
        rules
    });
    prop::collection::vec(once, 1..12)
}

/// Calls that name their rules by ids, by shapes, by both, as edits, or not at all; and one that made a cache.
fn calls() -> Vec<Event> {
    let made = cache(CacheKind::ReplicationGroup, Engine::Valkey, vec![]);
    let of = |touched| {
        let group = GroupRef::Id(group(Vec::new()).id);
        event(Lead::Group(GroupLead { group, touched }))
    };
    let lead = |has_id: bool, has_shape: bool, edit| {
        let lead = |one: IngressRule| RuleLead {
            id: has_id.then(|| one.id.clone()),
            shape: has_shape.then(|| one.into()),
            edit,
        };
        Touched::Rules(vec![lead(rule(1, 6379, "0.0.0.0/0")), lead(rule(2, 22, "pl-01"))])
    };
    let mut by_name = of(lead(true, true, false));
    if let Lead::Group(lead) = &mut by_name.lead {
        lead.group = GroupRef::Name("orders-db".to_owned());
    }
    vec![
        of(lead(true, false, false)),
        of(lead(false, true, false)),
        of(lead(true, true, false)),
        of(lead(true, true, true)),
        of(Touched::Unknown("it is truncated".to_owned())),
        by_name,
        event(Lead::Cache(making(&made))),
        event(Lead::Unknown),
    ]
}

/// An account in which every call succeeds, and each look at the group or the cache shows something else.
struct Shifting<'a> {
    rules: Cycle<Iter<'a, Vec<IngressRule>>>,
    caches: Cycle<Iter<'a, Option<&'static str>>>,
    table: Memory,
    record: Option<Revisit>,
}

impl Shifting<'_> {
    fn read(&mut self, read: &Read) -> Fact {
        match read {
            Read::GroupNamed(_) => {
                let there = self.rules.next().is_some_and(|rules| !rules.is_empty());
                Fact::GroupNamed(Ok(there.then(|| group(Vec::new()).id)))
            }
            Read::Rules(id) => {
                let rules = self.rules.next().cloned().unwrap_or_default();
                Fact::Rules(id.clone(), Ok(Shown { owner: None, rules, egress: Vec::new() }))
            }
            Read::Cache(..) => {
                let status = self.caches.next().copied().flatten();
                Fact::Cache(Ok(status.map(|status| {
                    let facts = cache(CacheKind::ReplicationGroup, Engine::Valkey, Vec::new());
                    let facts = CacheFacts { status: status.to_owned(), ..facts };
                    Box::new(CacheShown { facts, groups: vec![group(Vec::new()).id] })
                })))
            }
            Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Ok(wanted.of(&self.table))),
            Read::Revisit { .. } => Fact::Revisit(Ok(self.record.clone().map(Box::new))),
            other => shown(other),
        }
    }

    /// How it ends.
    fn drive(&mut self, mut case: Case<'_>, now: i64) -> Step {
        loop {
            let answered = match case.next(now) {
                Step::Read { decide, inform, .. } => {
                    for one in decide.iter().chain(&inform) {
                        case.answer(Answered::Fact(self.read(one)));
                    }
                    Answered::Waited
                }
                Step::Lease { entries, .. } => {
                    self.table
                        .entries
                        .extend(entries.into_iter().map(|one| (one.key.clone(), one)));
                    Answered::Leased { written: Written::All, counted: None }
                }
                Step::Remediate(actions) => {
                    let done = |action: &Action| (action.id().to_owned(), Outcome::Done(None));
                    Answered::Remediated(actions.iter().map(done).collect())
                }
                Step::Revisit(revisit) => {
                    self.record = Some(*revisit);
                    Answered::Arranged(Arranged::Scheduled)
                }
                Step::Notify(_) => Answered::Notified(Ok(Channel::Alert)),
                Step::Record(entries) => {
                    self.table
                        .entries
                        .extend(entries.into_iter().map(|one| (one.key.clone(), one)));
                    Answered::Recorded(Written::All)
                }
                Step::Wait(_) => Answered::Waited,
                ended @ (Step::Done(_) | Step::Fail(_)) => return ended,
            };
            case.answer(answered);
        }
    }
}

proptest! {
    /// At no age of the event, and in none of the revisits that follow.
    #[test]
    fn no_event_fails_because_of_what_ec2_shows(
        rules in looks(),
        caches in prop::collection::vec(prop::sample::select(vec![None, Some("creating"), Some("available")]), 1..12),
        age in prop_oneof![0..400_i64, 0..200_000_i64],
    ) {
        let settings = settings(Mode::Enforce);
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        for event in calls() {
            let mut now = seconds(&event.time) + age;
            let (rules, caches) = (rules.iter().cycle(), caches.iter().cycle());
            let mut account = Shifting { rules, caches, table: Memory::default(), record: None };
            let mut case = Case::new(event.clone(), "r-1", policy);
            for number in 0..12 {
                let ended = account.drive(case, now);
                prop_assert!(matches!(ended, Step::Done(_)), "{number}: {ended:?} of {:?}", event.lead);
                let Some(next) = account.record.clone().filter(|record| !record.settled) else { break };
                now = now.max(next.due);
                let named = RevisitRef { subject: next.subject, event: next.event, due: String::new() };
                case = Case::revisit(&named, &format!("r-{number}"), policy);
            }
        }
    }
}
