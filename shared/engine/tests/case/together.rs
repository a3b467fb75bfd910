//! What the groups of one interface admit together: found once the interfaces are known, after the revoke of what is clear.

use portcullis_engine::action::Outcome;
use portcullis_engine::case::{
    Answered, Case, Channel, Counted, Fact, PolicyContext, Read, Shown, Step, Written,
};
use portcullis_engine::event::Lead;
use portcullis_engine::facts::{
    GroupDetails, IngressRule, Interface, Interfaces, PrefixList, PublicSetting,
};
use portcullis_engine::ledger::{Entry, Key, Memory, Snooze};
use portcullis_engine::report::Report;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::Mode;
use portcullis_testkit::example::{event, group, rule, settings, space, touching};
use portcullis_testkit::narrow;

const NOW: i64 = 1_795_255_260;
const OTHER: &str = "sg-other";

struct Account {
    own: Vec<IngressRule>,
    /// `None`: they cannot be read.
    other: Option<Vec<IngressRule>>,
    snooze: Option<Snooze>,
    /// What becomes of the second lease.
    second: Written,
    /// What was done: reads of the interfaces that decide and of the other group, leases and revokes, in order.
    done: Vec<String>,
    recorded: Vec<Entry>,
    report: Option<Report>,
}

impl Account {
    /// The call opened SSH from everywhere, and the one half of a /8 for 6379; the other group has the other half.
    fn new() -> Self {
        Self {
            own: vec![
                rule(1, 22, "0.0.0.0/0"),
                rule(2, 6379, "11.0.0.0/9"),
                rule(3, 80, "11.0.0.0/9"),
            ],
            other: Some(vec![rule(9, 6379, "11.128.0.0/9")]),
            snooze: None,
            second: Written::All,
            done: Vec::new(),
            recorded: Vec::new(),
            report: None,
        }
    }

    fn read(&mut self, read: &Read) -> Fact {
        match read {
            Read::Rules(id) if id == OTHER => {
                self.done.push(format!("read {id}"));
                let shown = |rules| Shown { rules, ..Shown::default() };
                Fact::Rules(id.clone(), self.other.clone().map(shown).ok_or("denied".to_owned()))
            }
            Read::Versions(..) | Read::Naming(_) | Read::RulesOf(_) | Read::Uses(_) => {
                unreachable!("no event is about a prefix list")
            }
            Read::Rules(id) => {
                Fact::Rules(id.clone(), Ok(Shown { rules: self.own.clone(), ..Shown::default() }))
            }
            Read::Interfaces(id) => {
                let groups = vec![OTHER.to_owned(), id.clone()];
                let carriers = vec![Interface { groups, ..Interface::default() }];
                Fact::Interfaces(id.clone(), Interfaces::Read(carriers))
            }
            Read::Ledger(wanted) => {
                let mut table = Memory::default();
                table.snoozes.extend(self.snooze.clone().map(|snooze| {
                    let (subject, finding) = (snooze.subject.clone(), snooze.finding.clone());
                    (Key { subject, finding }, snooze)
                }));
                Fact::Ledger(wanted.clone(), Ok(wanted.of(&table)))
            }
            Read::Details(id) => Fact::Details(id.clone(), Ok(GroupDetails::default())),
            Read::List(id) => Fact::List(id.clone(), PrefixList::Entries(Vec::new())),
            Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
            Read::Space(id) => Fact::Space(id.clone(), space()),
            Read::OpenOf(_) => Fact::OpenOf(Ok(Vec::new())),
            Read::Revisit { .. } => Fact::Revisit(Ok(None)),
            Read::GroupNamed(_)
            | Read::Vpcs(_)
            | Read::Cache(..)
            | Read::Subnets(_)
            | Read::Servers(_) => {
                panic!("{read:?} is not asked for")
            }
        }
    }

    fn drive(&mut self, touched: &[&str]) -> Step {
        let settings = settings(Mode::Enforce);
        let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
        let lead = Lead::Group(touching(&group(self.own.clone()), touched));
        let mut case = Case::new(event(lead), "r-1", policy);
        loop {
            let answered = match case.next(NOW) {
                Step::Read { decide, inform, .. } => {
                    if decide.iter().any(|read| matches!(read, Read::Interfaces(_))) {
                        self.done.push("read interfaces".to_owned());
                    }
                    for read in decide.iter().chain(&inform) {
                        case.answer(Answered::Fact(self.read(read)));
                    }
                    Answered::Waited
                }
                Step::Lease { inform, entries, .. } => {
                    for read in &inform {
                        case.answer(Answered::Fact(self.read(read)));
                    }
                    let ids =
                        entries.iter().filter_map(|entry| Some(entry.rule.as_ref()?.rule.clone()));
                    self.done.push(format!("lease {}", ids.collect::<Vec<_>>().join(" ")));
                    let is_second = self.done.iter().any(|done| done.starts_with("revoke"));
                    let written = if is_second { self.second.clone() } else { Written::All };
                    let counted = Some(Counted { remediations: entries.len(), alerts: 1 });
                    Answered::Leased { written, counted }
                }
                Step::Remediate(actions) => {
                    let ids: Vec<&str> = actions.iter().map(|action| action.id()).collect();
                    self.done.push(format!("revoke {}", ids.join(" ")));
                    self.own.retain(|rule| !ids.contains(&rule.id.as_str()));
                    let done = |id: &&str| ((*id).to_owned(), Outcome::Done(None));
                    Answered::Remediated(ids.iter().map(done).collect())
                }
                Step::Notify(notification) => {
                    assert_eq!(self.report, None, "it is told once");
                    self.report = Some(notification.report);
                    Answered::Notified(Ok(Channel::Alert))
                }
                Step::Record(entries) => {
                    self.recorded = entries;
                    Answered::Recorded(Written::All)
                }
                Step::Revisit(record) => panic!("{record:?}"),
                Step::Wait(_) => Answered::Waited,
                end @ (Step::Done(_) | Step::Fail(_)) => return end,
            };
            case.answer(answered);
        }
    }

    fn left(&self) -> Vec<&str> {
        self.own.iter().map(|rule| rule.id.as_str()).collect()
    }
}

#[test]
fn what_is_clear_goes_first_and_then_what_the_groups_of_an_interface_admit_together() {
    let mut account = Account::new();
    let ended = account.drive(&["sgr-001", "sgr-002", "sgr-003"]);
    assert!(matches!(ended, Step::Done(_)), "{ended:?}");
    let done =
        ["lease sgr-001", "revoke sgr-001", "read sg-other", "lease sgr-002", "revoke sgr-002"];
    assert_eq!(account.done, done);
    assert_eq!(account.left(), ["sgr-003"]);
    let report = account.report.expect("it is told");
    let told: Vec<_> =
        report.findings.iter().map(|one| (one.finding.title(), one.resolution)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(_, how)| *how == Resolution::Done), "{told:?}");
    // The rules of the other group are nobody's business here, and what is at fault now is not called suppressed.
    let suppressed: Vec<_> = report.suppressed.iter().filter_map(|one| one.rule.as_ref()).collect();
    assert!(suppressed.iter().all(|rule| rule.id == "sgr-003"), "{suppressed:?}");
    let mut keys: Vec<_> =
        account.recorded.iter().map(|entry| entry.key.finding.as_str()).collect();
    keys.sort_unstable();
    let keys_of = ["open-ingress#tcp#22#22#0.0.0.0/0", "open-ingress#tcp#6379#6379#11.0.0.0/9"];
    assert_eq!(keys, keys_of);
    assert!(account.recorded.iter().all(|entry| entry.latest().unwrap().lease.is_none()));
}

/// Nothing else is at fault: a piece of the internet is looked at all the same.
#[test]
fn a_piece_is_found_where_it_is_all_that_the_call_opened() {
    let mut account = Account::new();
    let ended = account.drive(&["sgr-002"]);
    assert!(matches!(ended, Step::Done(_)), "{ended:?}");
    assert_eq!(
        account.done,
        ["read interfaces", "read sg-other", "lease sgr-002", "revoke sgr-002"]
    );
    assert_eq!(account.left(), ["sgr-001", "sgr-003"]);
    let report = account.report.expect("it is told");
    let ends: Vec<_> = report.findings.iter().map(|one| one.resolution).collect();
    assert_eq!(ends, [Resolution::Done]);
    let recorded: Vec<_> =
        account.recorded.iter().map(|entry| entry.key.finding.as_str()).collect();
    assert_eq!(recorded, ["open-ingress#tcp#6379#6379#11.0.0.0/9"]);
}

/// A thousand rules as narrow as these are not the internet, and an interface has no more.
#[test]
fn nothing_is_read_for_what_is_no_piece() {
    let mut account = Account::new();
    for (id, source) in
        [(5, "10.0.0.0/8"), (6, "192.0.2.7/32"), (7, "198.18.0.0/15"), (8, "12.0.0.0/19")]
    {
        account.own.push(rule(id, 6379, source));
        account.drive(&[&format!("sgr-{id:03}")]);
        assert_eq!((account.done.len(), account.left().len()), (0, 3 + id - 4), "{source}");
    }
}

#[test]
fn a_piece_alone_that_no_other_group_completes_is_clean() {
    for other in
        [None, Some(vec![rule(9, 6379, "11.0.0.0/9")]), Some(vec![rule(9, 22, "11.128.0.0/9")])]
    {
        let mut account = Account { other, ..Account::new() };
        let ended = account.drive(&["sgr-002"]);
        assert!(matches!(ended, Step::Done(_)), "{ended:?}");
        assert_eq!(account.done, ["read interfaces", "read sg-other"]);
        assert_eq!((account.left().len(), account.report), (3, None));
    }
}

#[test]
fn a_snoozed_rule_of_another_group_counts_in_no_union() {
    let mut account = Account::new();
    account.snooze = Some(Snooze {
        subject: OTHER.to_owned(),
        finding: "exempt#tcp#6379#6379#11.128.0.0/9".to_owned(),
        until: "2026-12-21T10:00:00Z".to_owned(),
        reason: "a partner".to_owned(),
        by: "alice".to_owned(),
    });
    account.drive(&["sgr-001", "sgr-002", "sgr-003"]);
    assert_eq!(account.left(), ["sgr-002", "sgr-003"]);
}

#[test]
fn a_group_that_cannot_be_read_takes_nothing_along() {
    let mut account = Account::new();
    account.other = None;
    let ended = account.drive(&["sgr-001", "sgr-002", "sgr-003"]);
    assert!(matches!(ended, Step::Done(_)), "{ended:?}");
    assert_eq!(account.left(), ["sgr-002", "sgr-003"]);
}

#[test]
fn what_another_invocation_holds_meanwhile_is_left_to_the_retry_and_the_rest_is_told() {
    let mut account = Account::new();
    let finding = "open-ingress#tcp#6379#6379#11.0.0.0/9".to_owned();
    account.second = Written::Conflict(vec![Key { subject: group(Vec::new()).id, finding }]);
    let ended = account.drive(&["sgr-001", "sgr-002", "sgr-003"]);
    assert_eq!(account.left(), ["sgr-002", "sgr-003"]);
    assert_eq!(account.report.expect("it is told").findings.len(), 1);
    assert_eq!(account.recorded.len(), 1);
    let Step::Fail(why) = ended else { panic!("{ended:?}") };
    assert!(why.contains("another invocation is processing"), "{why}");
}

#[test]
fn without_the_second_lease_it_is_closed_and_told_all_the_same() {
    let mut account = Account::new();
    account.second = Written::Unavailable("throttled".to_owned());
    account.drive(&["sgr-001", "sgr-002", "sgr-003"]);
    assert_eq!(account.left(), ["sgr-003"]);
    let report = account.report.expect("it is told");
    assert_eq!((report.findings.len(), report.unremembered.is_some()), (2, true));
}
