//! Limits over passes and minutes, with an account whose clock moves: what a limit leaves open is closed in the next minutes.

use std::collections::BTreeMap;

use portcullis_engine::action::Outcome;
use portcullis_engine::case::{
    Answered, Arranged, Case, Channel, Counted, Fact, PolicyContext, Read, Shown, Step, Written,
};
use portcullis_engine::event::{Event, Lead, RevisitRef};
use portcullis_engine::facts::{GroupDetails, IngressRule, Interfaces, PrefixList, PublicSetting};
use portcullis_engine::ledger::{Key, Memory, Revisit, Why};
use portcullis_engine::report::Report;
use portcullis_engine::settings::Mode;
use portcullis_engine::severity::Severity;
use portcullis_testkit::example::{event, group, rule, settings, space, touching};
use portcullis_testkit::narrow;

/// A minute after the event.
const NOW: i64 = 1_795_255_260;

struct Account {
    live: Vec<IngressRule>,
    table: Memory,
    records: BTreeMap<Key, Revisit>,
    /// What the ledger counted, by minute.
    counted: BTreeMap<String, Counted>,
    now: i64,
    away: bool,
    /// What this process revoked, with the time.
    revoked: Vec<(i64, usize)>,
    reports: Vec<Report>,
}

impl Account {
    fn new(rules: usize) -> Self {
        Self {
            live: (6000..).zip(0..rules).map(|(port, at)| rule(at, port, "0.0.0.0/0")).collect(),
            table: Memory::default(),
            records: BTreeMap::new(),
            counted: BTreeMap::new(),
            now: NOW,
            away: false,
            revoked: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// The event of a call that made these.
    fn opened(&self, id: &str, rules: std::ops::Range<usize>) -> Event {
        let ids: Vec<String> = rules.map(|at| format!("sgr-{at:03}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let lead = Lead::Group(touching(&group(self.live.clone()), &ids));
        Event { id: id.to_owned(), ..event(lead) }
    }

    fn in_minute(&self, minute: i64) -> usize {
        let of = |(at, revoked): &(i64, usize)| (at.div_euclid(60) == minute).then_some(*revoked);
        self.revoked.iter().filter_map(of).sum()
    }

    fn deliver(&mut self, event: &Event) -> Step {
        let settings = settings(Mode::Enforce);
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        let spent = self.in_minute(self.now.div_euclid(60));
        self.drive(Case::new(event.clone(), "r-1", policy).after(spent))
    }

    /// Moves the clock to the next revisit, and looks; `false` if none is due.
    fn revisit(&mut self) -> bool {
        let due = self.records.values().filter(|record| !record.settled);
        let Some(next) = due.min_by_key(|record| record.due).cloned() else { return false };
        self.now = self.now.max(next.due);
        let settings = settings(Mode::Enforce);
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        let named = RevisitRef { subject: next.subject, event: next.event, due: String::new() };
        let spent = self.in_minute(self.now.div_euclid(60));
        let ended = self.drive(Case::revisit(&named, "r-2", policy).after(spent));
        assert!(matches!(ended, Step::Done(_)), "{ended:?}");
        true
    }

    fn read(&self, read: &Read) -> Option<Fact> {
        let away = || "the ledger does not answer".to_owned();
        Some(match read {
            Read::Versions(..) | Read::Naming(_) | Read::RulesOf(_) | Read::Uses(_) => {
                unreachable!("no event is about a prefix list")
            }
            Read::Rules(id) => {
                let owner = Some("111122223333".to_owned());
                let shown = Shown { owner, rules: self.live.clone(), egress: Vec::new() };
                Fact::Rules(id.clone(), Ok(shown))
            }
            Read::List(id) => Fact::List(id.clone(), PrefixList::Entries(Vec::new())),
            Read::Details(id) => Fact::Details(id.clone(), Ok(GroupDetails::default())),
            Read::Interfaces(id) => Fact::Interfaces(id.clone(), Interfaces::Read(Vec::new())),
            Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
            Read::Ledger(wanted) if self.away => Fact::Ledger(wanted.clone(), Err(away())),
            Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Ok(wanted.of(&self.table))),
            Read::OpenOf(_) => Fact::OpenOf(Ok(Vec::new())),
            Read::Servers(id) => Fact::Servers(id.clone(), Ok(Vec::new())),
            Read::Revisit { .. } if self.away => Fact::Revisit(Err(away())),
            Read::Revisit { subject, event } => {
                let record = self.records.get(&Revisit::key_of(subject, event));
                Fact::Revisit(Ok(record.cloned().map(Box::new)))
            }
            Read::Space(id) => Fact::Space(id.clone(), space()),
            Read::GroupNamed(_) | Read::Vpcs(_) | Read::Cache(..) | Read::Subnets(_) => {
                return None;
            }
        })
    }

    fn write(&mut self, entries: Vec<portcullis_engine::ledger::Entry>) -> Written {
        if self.away {
            return Written::Unavailable("the ledger does not answer".to_owned());
        }
        for entry in entries {
            self.table.entries.insert(entry.key.clone(), entry);
        }
        Written::All
    }

    fn drive(&mut self, mut case: Case<'_>) -> Step {
        loop {
            let answered = match case.next(self.now) {
                Step::Read { decide, inform, .. } => {
                    for fact in decide.iter().chain(&inform).filter_map(|read| self.read(read)) {
                        case.answer(Answered::Fact(fact));
                    }
                    Answered::Waited
                }
                Step::Lease { entries, count, .. } => {
                    let counted = count.filter(|_| !self.away).map(|count| {
                        let none = Counted { remediations: 0, alerts: 0 };
                        let counted = self.counted.entry(count.minute).or_insert(none);
                        counted.remediations += count.remediations;
                        counted.alerts += count.alerts;
                        *counted
                    });
                    Answered::Leased { written: self.write(entries), counted }
                }
                Step::Remediate(actions) => {
                    self.live.retain(|rule| !actions.iter().any(|action| action.id() == rule.id));
                    self.revoked.push((self.now, actions.len()));
                    let done = actions.iter().map(|one| (one.id().to_owned(), Outcome::Done(None)));
                    Answered::Remediated(done.collect())
                }
                Step::Revisit(_) if self.away => {
                    Answered::Arranged(Arranged::Not("the ledger does not answer".to_owned()))
                }
                Step::Revisit(revisit) => {
                    self.records.insert(revisit.key(), *revisit);
                    Answered::Arranged(Arranged::Scheduled)
                }
                Step::Notify(notification) => {
                    self.reports.push(notification.report);
                    Answered::Notified(Ok(Channel::Alert))
                }
                Step::Record(entries) => Answered::Recorded(self.write(entries)),
                Step::Wait(_) => Answered::Waited,
                ended @ (Step::Done(_) | Step::Fail(_)) => return ended,
            };
            case.answer(answered);
        }
    }
}

#[test]
fn sixty_rules_of_one_call_are_closed_in_three_passes_a_minute_apart() {
    let mut account = Account::new(60);
    let event = account.opened("e-1", 0..60);
    assert!(matches!(account.deliver(&event), Step::Done(_)));
    let report = account.reports.last().unwrap();
    let next = report.next.as_ref().expect("it says when");
    assert_eq!((next.why, next.due), (Why::Limit, NOW + 60));
    assert!(report.findings.iter().all(|reported| reported.severity >= Severity::High
        || !matches!(
            reported.finding.remedy,
            portcullis_engine::action::Remedy::NotRemediated { .. }
        )));
    while account.revisit() {}
    assert_eq!(account.revoked, [(NOW, 25), (NOW + 60, 25), (NOW + 120, 10)]);
    assert!(account.live.is_empty());
    assert!(account.records.values().all(|record| record.settled));
}

#[test]
fn the_same_event_once_more_is_no_pass_while_its_time_lies_ahead() {
    let mut account = Account::new(60);
    let event = account.opened("e-1", 0..60);
    for _ in 0..3 {
        account.deliver(&event);
        account.now += 5;
    }
    assert_eq!((account.revoked.len(), account.live.len()), (1, 35));
    assert_eq!(account.reports.len(), 1, "nothing is new");
    while account.revisit() {}
    assert!(account.live.is_empty());
}

#[test]
fn no_more_than_a_hundred_are_closed_in_a_minute_and_all_in_the_end() {
    let mut account = Account::new(200);
    for at in 0..8 {
        let event = account.opened(&format!("e-{at}"), 25 * at..25 * (at + 1));
        account.deliver(&event);
    }
    let minute = NOW.div_euclid(60);
    assert_eq!((account.in_minute(minute), account.live.len()), (100, 100));
    while account.revisit() {
        assert!(account.in_minute(account.now.div_euclid(60)) <= 100);
    }
    assert!(account.live.is_empty() && account.records.values().all(|record| record.settled));
}

#[test]
fn without_the_ledger_the_process_counts() {
    let mut account = Account::new(200);
    account.away = true;
    for at in 0..8 {
        let event = account.opened(&format!("e-{at}"), 25 * at..25 * (at + 1));
        let ended = account.deliver(&event);
        assert_eq!(matches!(ended, Step::Fail(_)), at >= 4, "what is left comes again: {ended:?}");
    }
    assert_eq!((account.in_minute(NOW.div_euclid(60)), account.live.len()), (100, 100));
}
