//! An account, a table with versions, and invocations that run side by side, step by step, and may die anywhere.
//!
//! Each invocation drives a [`Case`], as the functions do: what is here is the account, and no conversation of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::{
    Answered, Arranged, Case, Channel, Count, Counted, Fact, Notification, PolicyContext, Read,
    Shown, Step, Written,
};
use portcullis_engine::event::{
    Actor, Event, EventName, GroupLead, GroupRef, Lead, RevisitRef, RuleLead, RuleShape, Touched,
};
use portcullis_engine::facts::{
    GroupDetails, IngressRule, Interfaces, PrefixList, Protocol, PublicSetting, Source, Subnets,
};
use portcullis_engine::ledger::{Entry, Key, Memory, Revisit, Snooze, Why};
use portcullis_engine::report::Revisited;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::{Mode, Settings};

use portcullis_testkit::{example, narrow::NARROW};

const GROUP: &str = "sg-01";

/// How long an invocation may run, in seconds.
const TIMEOUT: i64 = 120;

/// `2026-11-21T00:00:00Z`
const START: i64 = 1_795_219_200;

/// What goes wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The invocation is killed before it.
    Dies,
    /// AWS refuses: the revoke, or the alert.
    Refused,
    /// It is done, and the answer is lost on its way.
    AnswerLost,
    /// What informs does not come.
    Late,
    /// The table does not answer.
    NoMemory,
}

/// Somebody opened a port: what has to be told once.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) rule: String,
    pub(crate) key: Key,
}

#[derive(Debug, Clone)]
struct Delivery {
    what: What,
    by: String,
}

#[derive(Debug, Clone)]
enum What {
    Event(Box<Event>),
    Revisit(RevisitRef),
}

#[derive(Debug, Clone)]
struct Running {
    delivery: Delivery,
    case: Case<'static>,
    /// What it is at, with what is left of it to write.
    step: Option<Step>,
    /// What others wrote of what it is to write.
    lost: Vec<Key>,
    /// What informs, begun and not answered.
    beside: Vec<Read>,
    /// What EC2 showed it the last time.
    shown: BTreeMap<i32, IngressRule>,
    until: i64,
    /// The rules that its alert told of.
    telling: Vec<String>,
    recorded: bool,
}

pub(crate) struct World {
    pub(crate) mode: Mode,
    pub(crate) now: i64,
    /// What calls come through: a service of AWS, unless somebody else opens rules.
    pub(crate) via: Option<String>,
    pub(crate) live: BTreeMap<i32, IngressRule>,
    /// What was live, and from when on: EC2 may show it as it was.
    past: Vec<(i64, BTreeMap<i32, IngressRule>)>,
    /// How old what EC2 shows may be, in seconds: by what is read next.
    pub(crate) lag: i64,
    /// The rules that an alert called gone while EC2 showed one of their shape, which the alert did not name.
    pub(crate) wrongly_gone: Vec<String>,

    pub(crate) table: Memory,
    counts: BTreeMap<String, Counted>,
    pub(crate) opened: Vec<Opened>,
    /// The records of what is looked at again, by their keys.
    pub(crate) revisits: BTreeMap<Key, Revisit>,
    queue: Vec<Delivery>,
    running: Vec<Running>,
    /// By rule and by what was told to have come of it: how often.
    pub(crate) alerts: BTreeMap<(String, &'static str), usize>,
    /// Why what was told was looked at again, with whose snoozes had ended; in the order of the alerts.
    pub(crate) again: Vec<Option<(Why, Vec<String>)>>,
    /// By rule: how often it was told to have gone by itself.
    pub(crate) recovered: BTreeMap<String, usize>,
    /// By rule: how often an invocation told of it and could not remember that.
    pub(crate) forgotten: BTreeMap<String, usize>,
    pub(crate) closed: BTreeSet<String>,
    named: usize,
}

fn settings(mode: Mode) -> &'static Settings {
    static BOTH: LazyLock<[Settings; 2]> =
        LazyLock::new(|| [Mode::Enforce, Mode::Observe].map(example::settings));
    &BOTH[usize::from(mode == Mode::Observe)]
}

impl World {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            now: START,
            via: Some("eks.amazonaws.com".to_owned()),
            live: BTreeMap::new(),
            past: vec![(START, BTreeMap::new())],
            lag: 0,
            wrongly_gone: Vec::new(),
            table: Memory::default(),
            counts: BTreeMap::new(),
            opened: Vec::new(),
            revisits: BTreeMap::new(),
            queue: Vec::new(),
            running: Vec::new(),
            alerts: BTreeMap::new(),
            again: Vec::new(),
            recovered: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            closed: BTreeSet::new(),
            named: 0,
        }
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += seconds;
    }

    /// Opens a port to everybody, unless it is open. The event comes `copies` times.
    pub(crate) fn open(&mut self, port: i32, copies: usize) {
        if self.live.contains_key(&port) {
            return;
        }
        let rule = IngressRule {
            id: format!("sgr-{}", self.name()),
            protocol: Protocol::Tcp,
            from_port: port,
            to_port: port,
            source: Source::cidr("0.0.0.0/0").unwrap(),
            description: None,
            tags: Vec::new(),
        };
        self.opened.push(Opened { rule: rule.id.clone(), key: self.key(&rule) });
        self.send(EventName::AuthorizeSecurityGroupIngress, &rule, copies);
        self.live.insert(port, rule);
        self.past.push((self.now, self.live.clone()));
    }

    /// Somebody snoozes what is found about an open port, for so many seconds.
    pub(crate) fn snooze(&mut self, port: i32, seconds: i64) {
        let finding = format!("exempt#tcp#{port}#{port}#0.0.0.0/0");
        let key = Key { subject: GROUP.to_owned(), finding: finding.clone() };
        let (until, reason, by) =
            (iso(self.now + seconds), "the demo".to_owned(), "bob".to_owned());
        self.table
            .snoozes
            .insert(key, Snooze { subject: GROUP.to_owned(), finding, until, reason, by });
    }

    /// What the finding of an open rule is remembered under.
    pub(crate) fn key(&self, rule: &IngressRule) -> Key {
        let port = rule.from_port;
        let finding = format!("open-ingress#tcp#{port}#{port}#0.0.0.0/0");
        Key { subject: GROUP.to_owned(), finding }
    }

    /// Edits an open rule without changing what it admits.
    pub(crate) fn touch(&mut self, port: i32, copies: usize) {
        if let Some(rule) = self.live.get(&port).cloned() {
            self.send(EventName::ModifySecurityGroupRules, &rule, copies);
        }
    }

    /// Somebody removes a rule, which no event tells.
    pub(crate) fn remove(&mut self, port: i32) {
        self.live.remove(&port);
        self.past.push((self.now, self.live.clone()));
    }

    fn send(&mut self, name: EventName, rule: &IngressRule, copies: usize) {
        let shape = RuleShape {
            protocol: rule.protocol.clone(),
            from_port: rule.from_port,
            to_port: rule.to_port,
            source: rule.source.clone(),
        };
        let edit = name == EventName::ModifySecurityGroupRules;
        let lead = RuleLead { id: Some(rule.id.clone()), shape: Some(shape), edit };
        let touched = Touched::Rules(vec![lead]);
        let event = Event {
            id: format!("e-{}", self.name()),
            name: Some(name),
            time: iso(self.now),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            actor: Actor { name: "ci".to_owned(), via: self.via.clone(), ..Actor::default() },
            lead: Lead::Group(GroupLead { group: GroupRef::Id(GROUP.to_owned()), touched }),
        };
        for _ in 0..copies {
            let by = format!("r-{}", self.name());
            self.queue.push(Delivery { what: What::Event(Box::new(event.clone())), by });
        }
    }

    fn name(&mut self) -> usize {
        self.named += 1;
        self.named
    }

    /// Begins an invocation.
    pub(crate) fn deliver(&mut self, which: usize) {
        if self.queue.is_empty() {
            return;
        }
        let delivery = self.queue.remove(which % self.queue.len());
        let policy = PolicyContext { settings: settings(self.mode), exceptions: NARROW };
        self.running.push(Running {
            case: match &delivery.what {
                What::Event(event) => Case::new(event.as_ref().clone(), &delivery.by, policy),
                What::Revisit(named) => Case::revisit(named, &delivery.by, policy),
            },
            delivery,
            step: None,
            lost: Vec::new(),
            beside: Vec::new(),
            shown: BTreeMap::new(),
            until: self.now + TIMEOUT,
            telling: Vec::new(),
            recorded: false,
        });
    }

    /// A schedule fires: early, late or once more, for all that the function knows.
    pub(crate) fn fire(&mut self, which: usize) {
        if self.revisits.is_empty() {
            return;
        }
        let which = which % self.revisits.len();
        let Some(revisit) = self.revisits.values().nth(which).cloned() else { return };
        self.look_again(&revisit);
    }

    fn look_again(&mut self, revisit: &Revisit) {
        let by = format!("r-{}", self.name());
        let Revisit { subject, event, .. } = revisit.clone();
        let what = What::Revisit(RevisitRef { subject, event, due: iso(revisit.due) });
        self.queue.push(Delivery { what, by });
    }

    /// One step of an invocation.
    pub(crate) fn step(&mut self, which: usize, fault: Fault) {
        if self.running.is_empty() {
            return;
        }
        let which = which % self.running.len();
        let mut run = self.running.remove(which);
        self.now += 1;
        if fault == Fault::Dies || self.now >= run.until {
            return self.die(run);
        }
        let step = run.step.take().unwrap_or_else(|| run.case.next(self.now));
        match step {
            Step::Read { decide, inform, patience } => {
                let late = fault == Fault::Late;
                if decide.iter().any(|read| matches!(read, Read::Rules(_))) {
                    run.shown = self.shown().clone();
                }
                for read in decide.iter().chain(inform.iter().filter(|_| !late)) {
                    run.case.answer(Answered::Fact(self.read(read, fault)));
                }
                if !late && !patience.is_zero() {
                    for read in std::mem::take(&mut run.beside) {
                        run.case.answer(Answered::Fact(self.read(&read, fault)));
                    }
                }
            }
            Step::Lease { entries, count, inform, .. } => {
                run.beside.extend(inform);
                self.lease(&mut run, entries, count, fault);
            }
            Step::Remediate(actions) => {
                let outcomes = self.remediate(&actions, fault);
                run.case.answer(Answered::Remediated(outcomes));
            }
            Step::Revisit(revisit) => {
                let arranged = self.arrange(&revisit, fault);
                run.case.answer(Answered::Arranged(arranged));
            }
            Step::Notify(notification) => {
                let by =
                    |again: &Revisited| again.snoozes.iter().map(|one| one.by.clone()).collect();
                let again =
                    notification.report.revisit.as_ref().map(|again| (again.why, by(again)));
                self.again.push(again);
                self.notify(&mut run, &notification, fault);
            }
            Step::Record(entries) => self.record(&mut run, entries, fault),
            Step::Wait(_) => run.case.answer(Answered::Waited),
            Step::Done(_) => return self.end(run, false),
            Step::Fail(_) => return self.end(run, true),
        }
        self.running.insert(which, run);
    }

    /// What EC2 shows: the account as it was up to `lag` seconds ago.
    fn shown(&self) -> &BTreeMap<i32, IngressRule> {
        let before = self.past.iter().rev().find(|(since, _)| *since <= self.now - self.lag);
        before.map_or(&self.live, |(_, shown)| shown)
    }

    fn read(&self, read: &Read, fault: Fault) -> Fact {
        match read {
            Read::GroupNamed(_) => Fact::GroupNamed(Ok(Some(GROUP.to_owned()))),
            Read::Rules(id) => {
                let owner = Some("111122223333".to_owned());
                let rules = self.shown().values().cloned().collect();
                Fact::Rules(id.clone(), Ok(Shown { owner, rules, egress: Vec::new() }))
            }
            Read::List(id) => Fact::List(id.clone(), PrefixList::Entries(Vec::new())),
            Read::Details(id) => Fact::Details(id.clone(), Ok(GroupDetails::default())),
            Read::Interfaces(id) => Fact::Interfaces(id.clone(), Interfaces::Read(Vec::new())),
            Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
            Read::Vpcs(_) => Fact::Vpcs(Ok(Vec::new())),
            Read::Space(id) => Fact::Space(id.clone(), example::space()),
            Read::Cache(..) => Fact::Cache(Ok(None)),
            Read::Subnets(_) => Fact::Subnets(None, Subnets::default()),
            Read::Revisit { subject, event } => {
                let record = self.revisits.get(&Revisit::key_of(subject, event));
                Fact::Revisit(match fault {
                    Fault::NoMemory => Err("the table does not answer".to_owned()),
                    _ => Ok(record.cloned().map(Box::new)),
                })
            }
            Read::Ledger(wanted) => {
                let read = match fault {
                    Fault::NoMemory => Err("the table does not answer".to_owned()),
                    Fault::None
                    | Fault::Dies
                    | Fault::Refused
                    | Fault::AnswerLost
                    | Fault::Late => Ok(wanted.of(&self.table)),
                };
                Fact::Ledger(wanted.clone(), read)
            }
            Read::Servers(id) => Fact::Servers(id.clone(), Ok(Vec::new())),
            Read::OpenOf(_) => Fact::OpenOf(Ok(self.table.entries.values().cloned().collect())),
        }
    }

    /// Others write between one entry and the next.
    fn lease(
        &mut self,
        run: &mut Running,
        mut entries: Vec<Entry>,
        count: Option<Count>,
        fault: Fault,
    ) {
        let written = match fault {
            Fault::NoMemory => Written::Unavailable("the table does not answer".to_owned()),
            Fault::None | Fault::Dies | Fault::Refused | Fault::AnswerLost | Fault::Late => {
                self.write(run, &mut entries);
                if !entries.is_empty() {
                    let (tags, inform) = (Vec::new(), Vec::new());
                    run.step = Some(Step::Lease { tags, entries, count, inform });
                    return;
                }
                written(&mut run.lost)
            }
        };
        let counted = count.map(|count| self.count(&count));
        run.case.answer(Answered::Leased { written, counted });
    }

    fn arrange(&mut self, revisit: &Revisit, fault: Fault) -> Arranged {
        let key = revisit.key();
        let there = self.revisits.get(&key);
        if fault == Fault::NoMemory {
            return Arranged::Not("the table does not answer".to_owned());
        }
        if there != Some(revisit) && there.map_or(0, |there| there.version) + 1 != revisit.version {
            return Arranged::Lost;
        }
        self.revisits.insert(key, revisit.clone());
        match fault {
            Fault::Refused | Fault::AnswerLost => Arranged::OnlyRecorded("refused".to_owned()),
            _ => Arranged::Scheduled,
        }
    }

    fn count(&mut self, count: &Count) -> Counted {
        let nothing = Counted { remediations: 0, alerts: 0 };
        let counted = self.counts.entry(count.minute.clone()).or_insert(nothing);
        counted.remediations += count.remediations;
        counted.alerts += count.alerts;
        *counted
    }

    /// Writes one entry, unless somebody wrote it meanwhile.
    fn write(&mut self, run: &mut Running, entries: &mut Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let entry = entries.remove(0);
        let there = self.table.entries.get(&entry.key).map_or(0, |entry| entry.version);
        if there + 1 == entry.version {
            self.table.entries.insert(entry.key.clone(), entry);
        } else {
            run.lost.push(entry.key);
        }
    }

    fn remediate(&mut self, actions: &[Action], fault: Fault) -> Outcomes {
        let mut outcomes = Outcomes::new();
        for (_, rule) in actions.iter().filter_map(Action::revokes) {
            let there = self.live.get(&rule.from_port).is_some_and(|live| live.id == rule.id);
            let outcome = match (fault, there) {
                (Fault::Refused, _) => Outcome::Failed("EC2 refused".to_owned()),
                (Fault::AnswerLost, _) => Outcome::Failed("nothing came back".to_owned()),
                (_, true) => Outcome::Done(None),
                (_, false) => Outcome::AlreadyGone,
            };
            if fault != Fault::Refused && there {
                self.live.remove(&rule.from_port);
                self.past.push((self.now, self.live.clone()));
                self.closed.insert(rule.id.clone());
            }
            outcomes.insert(rule.id.clone(), outcome);
        }
        outcomes
    }

    fn notify(&mut self, run: &mut Running, notification: &Notification, fault: Fault) {
        if fault == Fault::Refused {
            return run.case.answer(Answered::Notified(Err("SNS refused".to_owned())));
        }
        let Notification { report, channel } = notification;
        for reported in report.findings.iter().filter(|reported| reported.resolution.is_gone()) {
            let rule = reported.rule().expect("only rules are at fault");
            let live = run.shown.get(&rule.from_port);
            let named = reported.because.as_deref().unwrap_or_default();
            if live.is_some_and(|live| live.id != rule.id && !named.contains(&live.id)) {
                self.wrongly_gone.push(rule.id.clone());
            }
        }
        for entry in &report.resolved {
            let record = entry.rule.as_ref().expect("only rules are at fault");
            if run.shown.contains_key(&record.from_port) {
                self.wrongly_gone.push(record.rule.clone());
            }
        }
        for reported in &report.findings {
            let rule = reported.rule().expect("only rules are at fault").id.clone();
            run.telling.push(rule.clone());
            *self.alerts.entry((rule, became(reported.resolution))).or_default() += 1;
        }
        for entry in &report.resolved {
            let rule = entry.rule.clone().expect("only rules are at fault").rule;
            run.telling.push(rule.clone());
            *self.recovered.entry(rule).or_default() += 1;
        }
        if fault == Fault::AnswerLost {
            self.forget(run);
            run.telling.clear();
            return run.case.answer(Answered::Notified(Err("nothing came back".to_owned())));
        }
        if report.unremembered.is_some() {
            // Nobody kept others from telling the same at the same time.
            self.forget(run);
            run.telling.clear();
        }
        let told: Channel = *channel;
        run.case.answer(Answered::Notified(Ok(told)));
    }

    fn record(&mut self, run: &mut Running, mut entries: Vec<Entry>, fault: Fault) {
        if fault == Fault::NoMemory {
            let why = "the table does not answer".to_owned();
            return run.case.answer(Answered::Recorded(Written::Unavailable(why)));
        }
        self.write(run, &mut entries);
        if !entries.is_empty() {
            run.step = Some(Step::Record(entries));
            return;
        }
        let written = written(&mut run.lost);
        run.recorded = written == Written::All;
        run.case.answer(Answered::Recorded(written));
    }

    fn end(&mut self, run: Running, failed: bool) {
        if !run.recorded {
            self.forget(&run);
        }
        if failed {
            self.queue.push(run.delivery);
        }
    }

    /// Lambda tries the event again.
    fn die(&mut self, run: Running) {
        self.forget(&run);
        self.queue.push(run.delivery);
    }

    /// What it told is not remembered.
    fn forget(&mut self, run: &Running) {
        for rule in &run.telling {
            *self.forgotten.entry(rule.clone()).or_default() += 1;
        }
    }

    /// Lets everything come to its end, without a fault.
    pub(crate) fn settle(&mut self) {
        self.settle_until(i64::MAX);
        // Until no lease is left.
        self.wait(TIMEOUT * 2);
    }

    /// The same, but for what is looked at again after this time.
    pub(crate) fn settle_until(&mut self, last: i64) {
        for _ in 0..8000 {
            if !self.running.is_empty() {
                self.step(0, Fault::None);
            } else if !self.queue.is_empty() {
                // Lambda waits a minute and more before it tries again.
                self.wait(TIMEOUT * 2);
                self.deliver(0);
            } else if let Some(revisit) = self.next_revisit().filter(|next| next.due <= last) {
                self.now = self.now.max(revisit.due);
                self.lag = 0;
                self.look_again(&revisit);
                self.deliver(0);
            } else {
                return;
            }
        }
        panic!("{} events are tried again for ever", self.queue.len() + self.running.len());
    }
}

impl World {
    /// What is due next. Where no schedule was made, somebody makes it up.
    fn next_revisit(&self) -> Option<Revisit> {
        // A pause, and what is looked at again in it, lasts until somebody ends it.
        let is_paused =
            |revisit: &Revisit| self.mode == Mode::Observe && revisit.why == Why::Paused;
        let is_due = |revisit: &&Revisit| !revisit.settled && !is_paused(revisit);
        let due = self.revisits.values().filter(is_due);
        due.min_by_key(|revisit| revisit.due).cloned()
    }
}

fn written(lost: &mut Vec<Key>) -> Written {
    match std::mem::take(lost) {
        lost if lost.is_empty() => Written::All,
        lost => Written::Conflict(lost),
    }
}

/// What an alert says came of a finding, as far as it makes a difference.
fn became(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Done | Resolution::AlreadyGone | Resolution::Resolved => "gone",
        Resolution::NotRemediated | Resolution::Manual | Resolution::Pending => "left",
        Resolution::Failed | Resolution::Started | Resolution::AlreadyStarted => "failed",
    }
}

fn iso(seconds: i64) -> String {
    let since = seconds - START;
    let (day, hour, minute) = (since / 86_400, since / 3600 % 24, since / 60 % 60);
    format!("2026-11-{:02}T{hour:02}:{minute:02}:{:02}Z", 21 + day, since % 60)
}
