//! A case ends, whatever it is answered: rightly, wrongly, in any order, or not at all.

mod case {
    mod limits;
    mod shifting;
    mod together;
}

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_engine::action::{Action, Outcome};
use portcullis_engine::case::{
    Answered, Arranged, CacheShown, Case, Cause, Channel, Counted, Fact, PolicyContext, Read,
    STEPS, Shown, Step, Written,
};
use portcullis_engine::document::Answers;
use portcullis_engine::event::{Event, Lead, RevisitRef};
use portcullis_engine::facts::{
    CacheKind, Engine, GroupDetails, Interfaces, PrefixList, PublicSetting, Subnets,
};
use portcullis_engine::ledger::{Key, Memory, Revisit, Wanted, Why};
use portcullis_engine::report::Report;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::scan::Place;
use portcullis_engine::settings::{Mode, Settings};
use portcullis_testkit::example::{
    cache, event, group, making, of_cache, rule, settings, space, touching,
};
use portcullis_testkit::narrow;
use proptest::prelude::*;

const NOW: i64 = 1_795_255_260;

fn events() -> Vec<Event> {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0"), rule(2, 22, "pl-01")]);
    let made = cache(CacheKind::ReplicationGroup, Engine::Valkey, vec![]);
    vec![
        event(Lead::Group(touching(&facts, &["sgr-001", "sgr-002", "sgr-009"]))),
        event(Lead::Cache(making(&made))),
    ]
}

/// Something to answer, which may fit or not.
fn answers() -> Vec<Answered> {
    let id = || group(Vec::new()).id;
    let why = || "away".to_owned();
    let key = Key { subject: id(), finding: "open-ingress#tcp#6379#6379#0.0.0.0/0".to_owned() };
    let rules = vec![rule(1, 6379, "0.0.0.0/0"), rule(2, 22, "pl-01")];
    let shown = Shown { owner: None, rules, egress: Vec::new() };
    let done = BTreeMap::from([("sgr-001".to_owned(), Outcome::Done(None))]);
    let failed = BTreeMap::from([("sgr-001".to_owned(), Outcome::Failed(why()))]);
    let counted = Some(Counted { remediations: 1000, alerts: 1000 });
    vec![
        Answered::Fact(Fact::Rules(id(), Ok(shown))),
        Answered::Fact(Fact::Rules(id(), Err(why()))),
        Answered::Fact(Fact::Rules("sg-other".to_owned(), Ok(Shown::default()))),
        Answered::Fact(Fact::List("pl-01".to_owned(), PrefixList::Unknown(why()))),
        Answered::Fact(Fact::Details(id(), Ok(GroupDetails::default()))),
        Answered::Fact(Fact::Details(id(), Err(why()))),
        Answered::Fact(Fact::Interfaces(id(), Interfaces::Read(Vec::new()))),
        Answered::Fact(Fact::PublicAccess(Ok(PublicSetting::default()))),
        Answered::Fact(Fact::Cache(Ok(None))),
        Answered::Fact(Fact::Subnets(None, Subnets::default())),
        Answered::Fact(Fact::Ledger(Wanted::default(), Ok(Memory::default()))),
        Answered::Fact(Fact::Ledger(Wanted::of_keys([key.clone()]), Err(why()))),
        Answered::Fact(Fact::OpenOf(Ok(Vec::new()))),
        Answered::Fact(Fact::Revisit(Ok(None))),
        Answered::Fact(Fact::Revisit(Err(why()))),
        Answered::Arranged(Arranged::Scheduled),
        Answered::Arranged(Arranged::OnlyRecorded(why())),
        Answered::Arranged(Arranged::Lost),
        Answered::Arranged(Arranged::Not(why())),
        Answered::Waited,
        Answered::Leased { written: Written::All, counted },
        Answered::Leased { written: Written::Conflict(vec![key]), counted: None },
        Answered::Leased { written: Written::Unavailable(why()), counted: None },
        Answered::Remediated(done),
        Answered::Remediated(failed),
        Answered::Notified(Ok(Channel::Alert)),
        Answered::Notified(Err(why())),
        Answered::Recorded(Written::All),
        Answered::Recorded(Written::Unavailable(why())),
    ]
}

/// What is there, looked at without a call.
fn audited() -> Vec<Event> {
    let time = "2026-11-21T10:00:30Z".to_owned();
    let place = Place {
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        time,
        cause: Cause::Audit,
    };
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0"), rule(2, 22, "pl-01")]);
    let made = cache(CacheKind::ReplicationGroup, Engine::Valkey, vec![]);
    let shown = CacheShown { facts: made, groups: vec![facts.id.clone()] };
    vec![place.group(&facts.id, &facts.rules), place.cache(&shown, Vec::new())]
}

/// The record of an event that is looked at again.
fn record(call: Event) -> Revisit {
    Revisit {
        subject: Revisit::subject(&call),
        event: call.id.clone(),
        due: NOW - 60,
        why: Why::Lag,
        tries: 0,
        call,
        version: 1,
        settled: false,
    }
}

#[test]
fn a_step_that_is_not_answered_comes_again_and_the_case_fails_in_the_end() {
    let settings = settings(Mode::Enforce);
    for event in events() {
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        let mut case = Case::new(event, "r-1", policy);
        let first = case.next(NOW);
        assert!(matches!(&first, Step::Read { decide, .. } if !decide.is_empty()), "{first:?}");
        for _ in 1..STEPS {
            let (Step::Read { decide, .. }, Step::Read { decide: again, .. }) =
                (&first, &case.next(NOW))
            else {
                panic!("it is read again")
            };
            assert_eq!(decide, again);
        }
        assert_eq!(case.next(NOW), Step::Fail("it is not over after 100 steps".to_owned()));
    }
}

#[test]
fn a_group_and_the_ledger_are_read_first_and_side_by_side() {
    let settings = settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
    let event = events().remove(0);
    let Lead::Group(lead) = &event.lead else { panic!("not about a group") };
    let id = group(Vec::new()).id;
    let wanted = Wanted::of_group(&id, lead);
    let mut case = Case::new(event, "r-1", policy);
    let decide = vec![Read::Rules(id.clone()), Read::Ledger(wanted)];
    let inform = vec![Read::Details(id.clone()), Read::OpenOf(vec![id])];
    assert_eq!(case.next(NOW), Step::Read { decide, inform, patience: Duration::ZERO });
}

/// An archive of EventBridge may hold the calls of a year, and whoever replays it does not want them undone.
#[test]
fn what_is_replayed_only_looks_once_it_is_an_hour_old() {
    let settings = settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let event = event(Lead::Group(touching(&facts, &["sgr-001"])));
    let at = portcullis_engine::time::seconds(&event.time);
    let answers = Answers::from(facts);
    let ends = |now: i64| {
        let mut case = Case::replayed(event.clone(), "r-1", policy);
        loop {
            match case.next(now) {
                Step::Read { decide, inform, .. } => {
                    for read in decide.iter().chain(&inform) {
                        case.answer(Answered::Fact(answers.answer(read)));
                    }
                }
                other => return other,
            }
        }
    };
    assert!(matches!(ends(at + 3599), Step::Lease { .. }));
    let Step::Done(summary) = ends(at + 3600) else { panic!("it does more than look") };
    assert!(summary.0.starts_with("replayed, and only looked at:\n"), "{}", summary.0);
    assert!(summary.0.contains("sgr-001 TCP 6379 from 0.0.0.0/0"), "{}", summary.0);
}

/// A group with two public rules behind nothing but a cache.
fn shown(read: &Read) -> Fact {
    let facts = cache(CacheKind::ReplicationGroup, Engine::Valkey, Vec::new());
    match read {
        Read::GroupNamed(_) => Fact::GroupNamed(Ok(None)),
        Read::Versions(..) | Read::Naming(_) | Read::RulesOf(_) | Read::Uses(_) => {
            unreachable!("no event is about a prefix list")
        }
        Read::Rules(id) => {
            let rules = vec![rule(1, 6379, "0.0.0.0/0"), rule(2, 22, "::/0")];
            Fact::Rules(id.clone(), Ok(Shown { owner: None, rules, egress: Vec::new() }))
        }
        Read::List(id) => Fact::List(id.clone(), PrefixList::Entries(Vec::new())),
        Read::Details(id) => Fact::Details(id.clone(), Ok(GroupDetails::default())),
        Read::Interfaces(id) => Fact::Interfaces(id.clone(), Interfaces::Read(vec![of_cache()])),
        Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
        Read::Vpcs(_) => Fact::Vpcs(Ok(Vec::new())),
        Read::Space(id) => Fact::Space(id.clone(), space()),
        Read::Cache(..) => {
            let groups = vec![group(Vec::new()).id];
            Fact::Cache(Ok(Some(Box::new(CacheShown { facts: facts.clone(), groups }))))
        }
        Read::Subnets(_) => Fact::Subnets(None, Subnets::default()),
        Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Ok(Memory::default())),
        Read::OpenOf(_) => Fact::OpenOf(Ok(Vec::new())),
        Read::Servers(id) => Fact::Servers(id.clone(), Ok(Vec::new())),
        Read::Revisit { .. } => Fact::Revisit(Ok(None)),
    }
}

/// What a case changes, where of what only informs this is handed in: by the number of the read.
fn remediated(event: &Event, handed_in: &[bool]) -> Vec<Action> {
    let settings = settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
    let mut case = Case::new(event.clone(), "r-1", policy);
    let (mut handed_in, mut actions) = (handed_in.iter(), Vec::new());
    let mut answer = |case: &mut Case<'_>, decide: &[Read], inform: &[Read]| {
        for one in decide {
            case.answer(Answered::Fact(shown(one)));
        }
        for one in inform.iter().rev().filter(|_| handed_in.next() == Some(&true)) {
            case.answer(Answered::Fact(shown(one)));
        }
    };
    loop {
        match case.next(NOW) {
            Step::Read { decide, inform, .. } => answer(&mut case, &decide, &inform),
            Step::Lease { inform, .. } => {
                answer(&mut case, &[], &inform);
                case.answer(Answered::Leased { written: Written::All, counted: None });
            }
            Step::Remediate(found) => {
                let done = |action: &Action| (action.id().to_owned(), Outcome::Done(None));
                case.answer(Answered::Remediated(found.iter().map(done).collect()));
                actions.extend(found);
            }
            Step::Notify(_) => case.answer(Answered::Notified(Ok(Channel::Alert))),
            Step::Record(_) => case.answer(Answered::Recorded(Written::All)),
            Step::Revisit(_) => case.answer(Answered::Arranged(Arranged::Scheduled)),
            Step::Wait(_) => case.answer(Answered::Waited),
            Step::Done(_) | Step::Fail(_) => return actions,
        }
    }
}

#[test]
fn an_audit_reads_and_reports_and_does_nothing_else() {
    let settings = Settings::of_audit();
    let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
    for event in audited() {
        let mut case = Case::looking(Cause::Audit, event.clone(), policy);
        let told: Report = loop {
            match case.next(NOW) {
                Step::Read { decide, inform, .. } => {
                    for one in decide.iter().chain(&inform) {
                        assert!(!matches!(one, Read::Ledger(_) | Read::OpenOf(_)), "{one:?}");
                        case.answer(Answered::Fact(shown(one)));
                    }
                }
                Step::Notify(_) => case.answer(Answered::Notified(Ok(Channel::Alert))),
                Step::Done(_) => break case.report().unwrap().clone(),
                other => panic!("{other:?}"),
            }
        };
        assert!(!told.findings.is_empty(), "{event:?}");
        for reported in &told.findings {
            let resolution = reported.resolution;
            assert!(
                matches!(resolution, Resolution::NotRemediated | Resolution::Manual),
                "{reported:?}"
            );
            if resolution == Resolution::NotRemediated {
                assert_eq!(reported.because.as_deref(), Some("an audit changes nothing"));
            }
        }
    }
}

proptest! {
    #[test]
    fn what_only_informs_never_changes_what_is_remediated(handed_in in prop::collection::vec(any::<bool>(), 0..12)) {
        for event in events() {
            let all = remediated(&event, &[true; 12]);
            prop_assert!(!all.is_empty());
            prop_assert_eq!(remediated(&event, &handed_in), all);
        }
    }

    #[test]
    fn any_answers_end(which in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 0..400)) {
        let (settings, answers) = (settings(Mode::Enforce), answers());
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        let begun = events().into_iter().map(|event| Case::new(event, "r-1", policy));
        let again = events().into_iter().map(|event| {
            let record = record(event);
            let named = RevisitRef { subject: record.subject.clone(), event: record.event.clone(), due: String::new() };
            let mut case = Case::revisit(&named, "r-1", policy);
            case.answer(Answered::Fact(Fact::Revisit(Ok(Some(Box::new(record))))));
            case
        });
        let audits = audited().into_iter().map(|event| Case::looking(Cause::Audit, event, policy));
        for mut case in begun.chain(again).chain(audits) {
            let mut answered = which.iter();
            let mut over = false;
            for _ in 0..=STEPS {
                over = matches!(case.next(NOW), Step::Done(_) | Step::Fail(_));
                if over {
                    break;
                }
                if let Some((at, more)) = answered.next() {
                    for offset in 0..=*more {
                        case.answer(answers[(at.index(answers.len()) + offset) % answers.len()].clone());
                    }
                }
            }
            prop_assert!(over);
        }
    }
}
