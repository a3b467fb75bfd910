//! What a run reads, compares and writes, over several runs and the events between them.

mod follow;

use std::collections::BTreeSet;

use super::*;
use crate::case::{Answered, Case, Cause, Channel, Fact, PolicyContext, Read, Shown, Step};
use crate::exceptions::Exception;
use crate::facts::{CacheKind, GroupDetails, IngressRule, Interfaces, PublicSetting};
use crate::fixtures::{self, rule};
use crate::ledger::{Entry, Key, Lease, Memory, Revisit, Snooze, State, Wanted, Why, shape};
use crate::report::Report;
use crate::scan::Place;
use crate::settings::Settings;
use crate::severity::{Rating, Severity};
use crate::time::{DAY, HOUR, iso};

const GROUP: &str = "sg-01";
const NOW: i64 = 1_795_255_200;

fn open() -> IngressRule {
    rule("sgr-1", "tcp 22", "0.0.0.0/0")
}

/// A table, and runs of the sweep over one group.
struct Desk {
    memory: Memory,
    now: i64,
}

/// What a run came to.
struct Swept {
    changes: Vec<Change>,
    taken: Taken,
}

impl Desk {
    fn new() -> Self {
        Self { memory: Memory::new(), now: NOW }
    }

    fn entry(&self) -> &Entry {
        self.memory.entries.values().next().unwrap()
    }

    fn ledger(&self) -> Ledgered {
        let mut ledger = Ledgered::default();
        ledger.add(&self.memory, Vec::new());
        ledger
    }

    fn report(&self, rules: &[IngressRule]) -> Report {
        let (settings, exceptions) = (Settings::of_audit(), fixtures::Narrow);
        let policy = PolicyContext { settings: &settings, exceptions: &exceptions };
        let place = Place {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            time: iso(self.now),
            cause: Cause::Sweep,
        };
        let mut case = Case::looking(Cause::Sweep, place.group(GROUP, rules), policy);
        let snoozes = Memory { snoozes: self.memory.snoozes.clone(), ..Memory::new() };
        case.answer(Answered::Fact(Fact::Ledger(Wanted::default(), Ok(snoozes))));
        loop {
            match case.next(self.now) {
                Step::Read { decide, inform, .. } => {
                    for read in decide.into_iter().chain(inform) {
                        case.answer(Answered::Fact(shown(read, rules)));
                    }
                    case.answer(Answered::Waited);
                }
                Step::Notify(_) => case.answer(Answered::Notified(Ok(Channel::Alert))),
                Step::Done(_) => return case.report().unwrap().clone(),
                step @ (Step::Lease { .. }
                | Step::Remediate(_)
                | Step::Revisit(_)
                | Step::Record(_)
                | Step::Wait(_)
                | Step::Fail(_)) => panic!("{step:?}"),
            }
        }
    }

    /// What a run sees. `complete`: nothing was refused.
    fn looked(&self, rules: &[IngressRule], complete: bool) -> Observations {
        let mut looked = Observations::default();
        looked.listed(None, [GROUP.to_owned()]);
        looked.add_group(GROUP, rules.iter().map(shape).collect());
        looked.add(&self.report(rules), Some("the shop"));
        looked.read_all(complete);
        looked
    }

    /// A whole run, at which the account shows this.
    fn sweep(&mut self, looked: &Observations) -> Swept {
        let ledger = self.ledger();
        let compared = compare(looked, &ledger, self.now);
        let whole = Wanted::of_keys(wanted(&compared, &ledger)).of(&self.memory);
        let lease = Lease { by: "run".to_owned(), until: self.now + 1200 };
        let taken = Taken::of(&compared, looked, &ledger, whole, &lease, self.now);
        self.write(taken.entries());
        self.write(taken.record(self.now));
        Swept { changes: compared.changes.values().copied().collect(), taken }
    }

    fn write(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let there = self.memory.entries.get(&entry.key).map_or(0, |entry| entry.version);
            assert_eq!(entry.version, there + 1, "{}", entry.id);
            self.memory.entries.insert(entry.key.clone(), entry);
        }
    }
}

fn shown(read: Read, rules: &[IngressRule]) -> Fact {
    match read.clone() {
        Read::Rules(id) => {
            Fact::Rules(id, Ok(Shown { owner: None, rules: rules.to_vec(), egress: Vec::new() }))
        }
        Read::Details(id) => Fact::Details(id, Ok(GroupDetails::default())),
        Read::Interfaces(id) => Fact::Interfaces(id, Interfaces::Read(Vec::new())),
        Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
        Read::GroupNamed(_)
        | Read::List(_)
        | Read::Vpcs(_)
        | Read::Space(_)
        | Read::Cache(..)
        | Read::Subnets(_)
        | Read::Versions(..)
        | Read::Naming(_)
        | Read::RulesOf(_)
        | Read::Uses(_)
        | Read::Ledger(_)
        | Read::OpenOf(_)
        | Read::Revisit { .. }
        | Read::Servers(_) => panic!("{read:?} is not asked for"),
    }
}

#[test]
fn what_no_event_told_is_told_once_and_what_is_gone_is_resolved_once() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    let first = desk.sweep(&there);
    assert_eq!(first.changes, [Change::New]);
    assert_eq!(first.taken.told().len(), 1);
    let entry = desk.entry();
    assert_eq!((entry.state, entry.times, entry.version), (State::Open, 1, 2));
    let occurrence = entry.latest().unwrap();
    assert_eq!(occurrence.by, "found by the sweep");
    assert_eq!(occurrence.event, format!("sweep/{}/{GROUP}", iso(NOW)));
    assert!(occurrence.reported.is_some() && occurrence.lease.is_none());
    desk.now += 6 * HOUR;
    let there = desk.looked(&[open()], true);
    let second = desk.sweep(&there);
    assert_eq!(second.changes, [Change::Known]);
    assert_eq!((second.taken.told().len(), desk.entry().version), (0, 2), "nothing is written");
    desk.now += 6 * HOUR;
    let gone = desk.looked(&[], true);
    let third = desk.sweep(&gone);
    assert_eq!(third.changes, [Change::Resolved]);
    assert_eq!(desk.entry().state, State::Resolved);
    assert_eq!(desk.entry().latest().unwrap().outcome.as_str(), "recovered");
    desk.now += 6 * HOUR;
    assert!(desk.sweep(&gone).changes.is_empty());
    // And again, with another id: EC2 gives a new one.
    let again = desk.looked(&[rule("sgr-2", "tcp 22", "0.0.0.0/0")], true);
    assert_eq!(desk.sweep(&again).changes, [Change::Recurred]);
    assert_eq!((desk.entry().state, desk.entry().times), (State::Open, 2));
}

#[test]
fn what_was_not_read_is_unknown_and_stays_open() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    desk.now += HOUR;
    // The group was not decided about.
    let nothing = Observations::default();
    assert_eq!(desk.sweep(&nothing).changes, [Change::Unknown]);
    // The rule is there, and something that decides was refused.
    let mut partly = Observations::default();
    partly.listed(None, [GROUP.to_owned()]);
    partly.add_group(GROUP, BTreeSet::from([shape(&open())]));
    assert_eq!(desk.sweep(&partly).changes, [Change::Unknown]);
    assert_eq!(desk.entry().state, State::Open);
    partly.read_all(true);
    assert_eq!(desk.sweep(&partly).changes, [Change::Resolved], "it is not at fault any more");
}

#[test]
fn a_group_or_a_cache_that_is_not_listed_any_more_is_gone() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    let rule_of_cache = "open-cache#tcp#6379#6379#0.0.0.0/0#replication-group/orders".to_owned();
    for (subject, finding) in
        [("replication-group/orders", "no-auth".to_owned()), ("sg-02", rule_of_cache)]
    {
        let key = Key { subject: subject.to_owned(), finding };
        let entry = Entry { key: key.clone(), id: key.id(), ..desk.entry().clone() };
        desk.memory.entries.insert(key, entry);
    }
    desk.now += HOUR;
    let mut looked = Observations::default();
    looked.listed(None, ["sg-02".to_owned()]);
    assert_eq!(compare(&looked, &desk.ledger(), desk.now).unknown, 2);
    looked.listed(Some(CacheKind::ReplicationGroup), []);
    let swept = desk.sweep(&looked);
    assert_eq!(swept.changes, [Change::Resolved; 3]);
    assert!(desk.memory.entries.values().all(|entry| entry.state == State::Resolved));
}

#[test]
fn what_an_exception_suppresses_now_is_told_and_is_news_when_the_exception_ends() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    desk.now += HOUR;
    let mut suppressed = desk.looked(&[open()], true);
    let by = Exception { id: "bastion".to_owned(), reason: String::new(), until: None };
    suppressed.suppressed.extend(suppressed.found.keys().cloned().map(|key| (key, by.clone())));
    suppressed.found.clear();
    assert_eq!(desk.sweep(&suppressed).changes, [Change::Suppressed]);
    assert_eq!(desk.entry().state, State::Suppressed);
    desk.now += HOUR;
    assert!(desk.sweep(&suppressed).changes.is_empty());
    let ended = desk.looked(&[open()], true);
    let swept = desk.sweep(&ended);
    assert_eq!((swept.changes.as_slice(), swept.taken.told().len()), (&[Change::Recurred][..], 1));
    assert_eq!(desk.entry().state, State::Open);
}

#[test]
fn what_is_worse_than_it_was_reported_has_risen_and_what_stays_is_written_once_a_month() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    let latest = |desk: &Desk| desk.entry().latest().unwrap().reported.clone().unwrap();
    assert_eq!(latest(&desk).severity, "low");
    desk.now += HOUR;
    let mut worse = desk.looked(&[open()], true);
    let rating = Rating { severity: Severity::High, at_least: Severity::High };
    worse.found.values_mut().for_each(|found| found.rating = rating);
    assert_eq!(desk.sweep(&worse).changes, [Change::Risen]);
    assert_eq!(latest(&desk).severity, "high");
    assert_eq!(desk.entry().times, 1, "it is the same occurrence");
    desk.now += 31 * DAY;
    let (version, before) = (desk.entry().version, latest(&desk));
    let still = desk.looked(&[open()], true);
    let swept = desk.sweep(&still);
    assert_eq!((swept.changes.as_slice(), swept.taken.told().len()), (&[Change::Seen][..], 0));
    assert_eq!((desk.entry().version, &desk.entry().last_seen), (version + 1, &iso(desk.now)));
    assert_eq!(latest(&desk), before, "nobody is told");
}

#[test]
fn a_snoozed_rule_is_counted_and_told_when_the_snooze_is_over_and_nothing_looks_at_it() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    let snooze = Snooze {
        subject: GROUP.to_owned(),
        finding: Snooze::finding(&open()),
        until: iso(NOW + DAY),
        reason: String::new(),
        by: "alice".to_owned(),
    };
    let key = Key { subject: snooze.subject.clone(), finding: snooze.finding.clone() };
    desk.memory.snoozes.insert(key, snooze);
    desk.now += HOUR;
    let snoozed = desk.looked(&[open()], true);
    assert!(snoozed.found.is_empty());
    assert_eq!(desk.sweep(&snoozed).changes, [Change::Snoozed]);
    desk.now += DAY;
    let over = desk.looked(&[open()], true);
    let swept = desk.sweep(&over);
    assert_eq!(
        (swept.changes.as_slice(), swept.taken.told().len()),
        (&[Change::SnoozeOver][..], 1)
    );
    desk.now += HOUR;
    assert_eq!(desk.sweep(&over).changes, [Change::Known]);
}

/// Whoever writes between the run's look at the ledger and its lease has dealt with it.
#[test]
fn what_somebody_wrote_meanwhile_is_theirs() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    desk.now += HOUR;
    let gone = desk.looked(&[], true);
    let before = desk.ledger();
    let compared = compare(&gone, &before, desk.now);
    let mut whole = desk.memory.clone();
    whole.entries.values_mut().for_each(|entry| entry.version += 1);
    let lease = Lease { by: "run".to_owned(), until: desk.now + 1200 };
    let taken = Taken::of(&compared, &gone, &before, whole, &lease, desk.now);
    assert!(taken.entries().is_empty() && taken.told().is_empty());
    let mut taken = Taken::of(&compared, &gone, &before, desk.memory.clone(), &lease, desk.now);
    let lost: Vec<Key> = taken.entries().into_iter().map(|entry| entry.key).collect();
    assert_eq!(lost.len(), 1);
    taken.without(&lost);
    assert!(taken.told().is_empty() && taken.record(desk.now).is_empty());
}

/// A run that died before it told has told nobody: the next one does.
#[test]
fn a_run_that_died_before_its_message_is_made_up_for() {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    let (ledger, lease) = (desk.ledger(), Lease { by: "run".to_owned(), until: desk.now + 1200 });
    let compared = compare(&there, &ledger, desk.now);
    let taken = Taken::of(&compared, &there, &ledger, Memory::new(), &lease, desk.now);
    desk.write(taken.entries());
    desk.now += 600;
    assert_eq!(desk.sweep(&there).changes, [Change::Busy]);
    desk.now += 600;
    let later = desk.looked(&[open()], true);
    assert_eq!(desk.sweep(&later).changes, [Change::New]);
    assert_eq!(desk.entry().times, 1);
    assert!(desk.entry().latest().unwrap().reported.is_some());
}

#[test]
fn what_a_revisit_looks_at_is_the_revisits_to_tell() {
    let desk = Desk::new();
    let there = desk.looked(&[open()], true);
    let revisit = |due| Revisit {
        subject: GROUP.to_owned(),
        event: "e-1".to_owned(),
        due,
        why: Why::Limit,
        tries: 0,
        call: there.found.values().next().unwrap().event.clone(),
        version: 1,
        settled: false,
    };
    for (due, change) in
        [(NOW - DAY, Change::Busy), (NOW + 60, Change::Busy), (NOW + DAY, Change::New)]
    {
        let ledger = Ledgered { revisits: vec![revisit(due)], ..Ledgered::default() };
        let changes: Vec<Change> = compare(&there, &ledger, NOW).changes.into_values().collect();
        assert_eq!(changes, [change]);
        assert_eq!(ledger.overdue(NOW).len(), usize::from(due < NOW));
    }
}
