//! What only the ledger knows: an event that names no rule, or rules by their ids alone, held to a ledger that is away in
//! some of its attempts. Lambda retries the event, and in the end the on-failure queue holds it and a person redrives it.

use std::collections::BTreeMap;

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::{
    Answered, Arranged, CacheShown, Case, Fact, PolicyContext, Read, Shown, Step, Written,
};
use portcullis_engine::event::{
    Altered, Attached, CacheLead, Carrier, Event, GroupLead, GroupRef, Lead, Touched,
};
use portcullis_engine::facts::{
    CacheKind, Engine, GroupDetails, IngressRule, Interface, Interfaces, PrefixList, PublicSetting,
    Subnets,
};
use portcullis_engine::ledger::{Entry, Memory};
use portcullis_engine::report::Report;
use portcullis_engine::settings::Mode;
use portcullis_testkit::example::{
    cache, event, group, making, of_cache, rule, settings, space, touching,
};
use portcullis_testkit::narrow;
use proptest::prelude::*;

/// What goes wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The invocation is killed before it.
    Dies,
    /// AWS refuses.
    Refused,
    /// It is done, and the answer is lost on its way.
    AnswerLost,
    /// The ledger does not answer.
    NoLedger,
}

/// A group with a rule that is open, and the ledger.
#[derive(Debug)]
struct World {
    live: Vec<IngressRule>,
    ledger: Memory,
    /// The rule was reported to be gone.
    reported: bool,
    /// An attempt revoked the rule, and neither it nor the ledger could keep that.
    forgotten: bool,
    now: i64,
}

impl World {
    fn new() -> Self {
        Self {
            live: vec![rule(1, 6379, "0.0.0.0/0")],
            ledger: Memory::default(),
            reported: false,
            forgotten: false,
            now: 1_795_255_260,
        }
    }

    /// One attempt at the event, and whether it failed.
    fn attempt(&mut self, event: &Event, mut fault: impl FnMut(&Step) -> Fault) -> bool {
        let settings = settings(Mode::Enforce);
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        let mut case = Case::new(event.clone(), "r-1", policy);
        let failed = loop {
            self.now += 1;
            let step = case.next(self.now);
            let fault = fault(&step);
            if fault == Fault::Dies {
                break true;
            }
            let answered = match step {
                Step::Read { decide, inform, .. } => {
                    for read in decide.iter().chain(&inform) {
                        case.answer(Answered::Fact(self.read(read, fault)));
                    }
                    continue;
                }
                Step::Lease { entries, .. } => {
                    Answered::Leased { written: self.write(entries, fault), counted: None }
                }
                Step::Remediate(actions) => Answered::Remediated(self.remediate(&actions, fault)),
                Step::Notify(notification) => match fault {
                    Fault::Refused => Answered::Notified(Err("SNS refused".to_owned())),
                    _ => {
                        self.report(&notification.report);
                        Answered::Notified(Ok(notification.channel))
                    }
                },
                Step::Record(entries) => Answered::Recorded(self.write(entries, fault)),
                Step::Revisit(_) => Answered::Arranged(Arranged::Scheduled),
                Step::Wait(_) => Answered::Waited,
                Step::Done(_) => break false,
                Step::Fail(_) => break true,
            };
            case.answer(answered);
        };
        let known = self.ledger.entries.values().any(|entry| entry.rule.is_some());
        self.forgotten |= self.live.is_empty() && !known && !self.reported;
        failed
    }

    fn read(&self, read: &Read, fault: Fault) -> Fact {
        let away = "the ledger does not answer".to_owned();
        match read {
            Read::GroupNamed(_) => Fact::GroupNamed(Ok(None)),
            Read::Rules(id) => {
                let (owner, rules) = (Some("111122223333".to_owned()), self.live.clone());
                Fact::Rules(id.clone(), Ok(Shown { owner, rules, egress: Vec::new() }))
            }
            Read::List(id) => Fact::List(id.clone(), PrefixList::Entries(Vec::new())),
            Read::Versions(..) | Read::Naming(_) | Read::RulesOf(_) | Read::Uses(_) => {
                unreachable!("no event is about a prefix list")
            }
            Read::Details(id) => Fact::Details(id.clone(), Ok(GroupDetails::default())),
            Read::Interfaces(id) => {
                let node = Interface { cluster: Some("orders".to_owned()), ..of_cache() };
                Fact::Interfaces(id.clone(), Interfaces::Read(vec![node]))
            }
            Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
            Read::Vpcs(_) => Fact::Vpcs(Ok(Vec::new())),
            Read::Space(id) => Fact::Space(id.clone(), space()),
            Read::Cache(kind, _) => {
                let facts = cache(*kind, Engine::Valkey, Vec::new());
                let groups = vec![group(Vec::new()).id];
                Fact::Cache(Ok(Some(Box::new(CacheShown { facts, groups }))))
            }
            Read::Subnets(_) => Fact::Subnets(None, Subnets::default()),
            Read::Ledger(wanted) if fault == Fault::NoLedger => {
                Fact::Ledger(wanted.clone(), Err(away))
            }
            Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Ok(wanted.of(&self.ledger))),
            Read::Servers(id) => Fact::Servers(id.clone(), Ok(Vec::new())),
            Read::OpenOf(_) => Fact::OpenOf(Ok(self.ledger.entries.values().cloned().collect())),
            Read::Revisit { .. } if fault == Fault::NoLedger => Fact::Revisit(Err(away)),
            Read::Revisit { .. } => Fact::Revisit(Ok(None)),
        }
    }

    fn write(&mut self, entries: Vec<Entry>, fault: Fault) -> Written {
        let unavailable = || Written::Unavailable("the ledger does not answer".to_owned());
        if fault == Fault::NoLedger {
            return unavailable();
        }
        for entry in entries {
            let there = self.ledger.entries.get(&entry.key).map_or(0, |entry| entry.version);
            assert_eq!(there + 1, entry.version, "nobody else writes");
            self.ledger.entries.insert(entry.key.clone(), entry);
        }
        if fault == Fault::AnswerLost { unavailable() } else { Written::All }
    }

    fn remediate(&mut self, actions: &[Action], fault: Fault) -> Outcomes {
        let mut outcomes = BTreeMap::new();
        for (_, rule) in actions.iter().filter_map(Action::revokes) {
            let there = self.live.contains(rule);
            let outcome = match (fault, there) {
                (Fault::Refused, _) => Outcome::Failed("EC2 refused".to_owned()),
                (Fault::AnswerLost, _) => Outcome::Failed("it is unknown".to_owned()),
                (_, true) => Outcome::Done(None),
                (_, false) => Outcome::AlreadyGone,
            };
            if fault != Fault::Refused {
                self.live.retain(|live| live != rule);
            }
            outcomes.insert(rule.id.clone(), outcome);
        }
        outcomes
    }

    fn report(&mut self, report: &Report) {
        let about = report.findings.iter().filter(|reported| reported.rule().is_some());
        let resolved = report.resolved.iter().any(|entry| entry.rule.is_some());
        let gone = about.clone().any(|reported| reported.resolution.is_gone());
        self.reported |= gone || resolved;
    }
}

/// A cache that was made or put behind the group, and an interface that was: their events name no rule. And a call that names
/// the rule by its id alone.
fn events() -> [Event; 4] {
    let made = cache(CacheKind::ReplicationGroup, Engine::Valkey, Vec::new());
    let facts = group(Vec::new());
    let altered = CacheLead {
        security_groups: vec![facts.id.clone()],
        altered: Some(Altered { groups: true, ..Altered::default() }),
        ..making(&made)
    };
    let to = Carrier::Interface(of_cache().id);
    let attached = GroupLead {
        group: GroupRef::Id(facts.id.clone()),
        touched: Touched::Attached(Attached { to, unreported: Vec::new() }),
    };
    [
        event(Lead::Cache(making(&made))),
        event(Lead::Cache(altered)),
        event(Lead::Group(attached)),
        event(Lead::Group(touching(&facts, &["sgr-001"]))),
    ]
}

/// Attempts with these faults, one after the other, until one succeeds.
fn played(event: &Event, faults: &[Fault]) -> World {
    let mut world = World::new();
    let mut faults = faults.iter().copied();
    for _ in 0..200 {
        let failed = world.attempt(event, |_| faults.next().unwrap_or(Fault::None));
        // A redrive comes when no lease is left.
        world.now += 300;
        if !failed {
            return world;
        }
    }
    panic!("the event is retried for ever");
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Dies),
        1 => Just(Fault::Refused),
        2 => Just(Fault::AnswerLost),
        3 => Just(Fault::NoLedger),
    ];
    prop::collection::vec(fault, 0..80)
}

/// What the revoke answers is lost.
fn lost(step: &Step) -> Fault {
    if matches!(step, Step::Remediate(_)) { Fault::AnswerLost } else { Fault::None }
}

/// The ledger answers while the rule is revoked, and not in the attempt after that.
#[test]
fn an_attempt_without_its_ledger_fails_where_only_the_ledger_knows_of_a_rule_that_is_gone() {
    for event in events() {
        let mut world = World::new();
        assert!(world.attempt(&event, lost));
        assert!(world.live.is_empty() && !world.reported && !world.forgotten);
        assert!(world.attempt(&event, |_| Fault::NoLedger), "it comes again");
        assert!(!world.attempt(&event, |_| Fault::None));
        assert!(world.reported);
    }
}

/// The ledger is away until the rule is revoked, and answers by then.
#[test]
fn what_was_revoked_without_the_ledger_is_recorded_afterwards() {
    for event in events() {
        let (mut world, mut revoked) = (World::new(), false);
        let failed = world.attempt(&event, |step| {
            revoked |= matches!(step, Step::Remediate(_));
            if revoked { lost(step) } else { Fault::NoLedger }
        });
        assert!(failed && world.live.is_empty() && !world.reported && !world.forgotten);
        assert!(!world.attempt(&event, |_| Fault::None));
        assert!(world.reported);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Only where the ledger was away from the revoke to the end of the attempt, nobody can know.
    #[test]
    fn a_rule_that_only_the_ledger_knows_is_reported_as_gone(faults in faults()) {
        for event in events() {
            let world = played(&event, &faults);
            prop_assert!(world.live.is_empty());
            prop_assert!(world.reported || world.forgotten);
        }
    }
}
