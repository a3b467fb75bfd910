//! An account, a table with versions, and invocations that run side by side, step by step, and may die anywhere.
//!
//! Each invocation drives a [`Case`], as the functions do: what is here is the account, and no conversation of its own.

mod account;
mod made;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use portcullis_engine::case::{Answered, Case, Counted, PolicyContext, Read, Step};
use portcullis_engine::event::{
    Actor, Event, EventName, GroupLead, GroupRef, Lead, RevisitRef, RuleLead, RuleShape, Touched,
};
use portcullis_engine::facts::{IngressRule, Protocol, Source};
use portcullis_engine::finding::Check;
use portcullis_engine::ledger::{Key, Memory, Revisit, Snooze, Why};
use portcullis_engine::report::Revisited;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::{Mode, Settings};
use portcullis_engine::time::iso;
use portcullis_testkit::{example, narrow::NARROW};

pub(crate) use made::Stages;

use made::Made;

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
    /// The invocation is killed in it, between the grant and the revoke.
    Halfway,
    /// The group has no room for more rules.
    Full,
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
    /// Whether the office is a known network, and what was granted to it.
    known: bool,
    pub(crate) granted: Vec<IngressRule>,
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
    /// A cache in the group.
    made: Option<Made>,
    /// What was told of the settings of the cache, and when.
    pub(crate) told: Vec<(Check, Resolution, i64)>,
    /// The executions that were started.
    pub(crate) executions: BTreeSet<String>,
    /// The rules that were revoked before an interface of the cache carried their group.
    pub(crate) rashly: Vec<String>,
    /// Some revisit could not be scheduled.
    pub(crate) unscheduled: bool,
    named: usize,
}

/// The known network.
pub(crate) const OFFICE: &str = "52.94.5.0/24";

fn settings(mode: Mode, known: bool) -> &'static Settings {
    static ALL: LazyLock<[[Settings; 2]; 2]> = LazyLock::new(|| {
        let office = vec![Source::cidr(OFFICE).unwrap()];
        [Vec::new(), office].map(|known_networks| {
            [Mode::Enforce, Mode::Observe]
                .map(|mode| Settings { known_networks: known_networks.clone(), ..moving(mode) })
        })
    });
    &ALL[usize::from(known)][usize::from(mode == Mode::Observe)]
}

/// Those of a stack that re-creates caches on their default ports.
fn moving(mode: Mode) -> Settings {
    let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:recreate".to_owned();
    Settings { recreate_state_machine_arn: Some(machine), ..example::settings(mode) }
}

impl World {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            now: START,
            via: Some("eks.amazonaws.com".to_owned()),
            live: BTreeMap::new(),
            known: false,
            granted: Vec::new(),
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
            made: None,
            told: Vec::new(),
            executions: BTreeSet::new(),
            rashly: Vec::new(),
            unscheduled: false,
            named: 0,
        }
    }

    /// The same, where the office is a known network.
    pub(crate) fn knowing(mode: Mode) -> Self {
        Self { known: true, ..Self::new(mode) }
    }

    /// Whether the invocation is about to remediate.
    pub(crate) fn is_remediating(&mut self) -> bool {
        let now = self.now;
        self.running.first_mut().is_some_and(|run| {
            let step = run.step.take().unwrap_or_else(|| run.case.next(now));
            let is = matches!(step, Step::Remediate(_));
            run.step = Some(step);
            is
        })
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += seconds;
    }

    /// Opens a port to everybody, unless it is open. The event comes `copies` times.
    pub(crate) fn open(&mut self, port: i32, copies: usize) {
        if self.live.contains_key(&port) {
            return;
        }
        let rule = self.admit(port);
        self.opened.push(Opened { rule: rule.id.clone(), key: self.key(&rule) });
        self.send(EventName::AuthorizeSecurityGroupIngress, &rule, copies);
    }

    /// A port is open to everybody, and no event tells it.
    pub(crate) fn admit(&mut self, port: i32) -> IngressRule {
        let rule = IngressRule {
            id: format!("sgr-{}", self.name()),
            protocol: Protocol::Tcp,
            from_port: port,
            to_port: port,
            source: Source::cidr("0.0.0.0/0").unwrap(),
            description: None,
            tags: Vec::new(),
        };
        self.live.insert(port, rule.clone());
        self.past.push((self.now, self.live.clone()));
        rule
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
        let group = GroupRef::Id(GROUP.to_owned());
        self.called(name, Lead::Group(GroupLead { group, touched }), copies);
    }

    fn called(&mut self, name: EventName, lead: Lead, copies: usize) {
        let event = Event {
            id: format!("e-{}", self.name()),
            name: Some(name),
            time: iso(self.now),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            actor: Actor { name: "ci".to_owned(), via: self.via.clone(), ..Actor::default() },
            lead,
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
        let policy =
            PolicyContext { settings: settings(self.mode, self.known), exceptions: NARROW };
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
        let acts = matches!(run.step, None | Some(Step::Remediate(_)));
        if fault == Fault::Dies || (fault == Fault::Halfway && !acts) || self.now >= run.until {
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
                let granted = self.grant(&actions, fault);
                if fault == Fault::Halfway {
                    return self.die(run);
                }
                let outcomes = self.remediate(&actions, fault);
                if fault != Fault::AnswerLost {
                    run.case.answer(Answered::Granted(granted));
                }
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
