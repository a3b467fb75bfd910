//! An account, a table with versions, and invocations that run side by side, step by step, and may die anywhere.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::action::{Outcome, Remedy};
use portcullis_engine::alert::Outcomes;
use portcullis_engine::checks::{Finding, rule_of};
use portcullis_engine::decide::{self, Decision};
use portcullis_engine::event::{
    Actor, Event, EventName, GroupLead, GroupRef, Lead, RuleLead, RuleShape, Touched,
};
use portcullis_engine::facts::{GroupFacts, IngressRule, Interfaces, Protocol, Source};
use portcullis_engine::ledger::{
    Again, Entry, Held, Key, Limits, Looked, Memory, Remembered, Turn, remember, settled,
};
use portcullis_engine::settings::Mode;

use crate::narrow::judge;

const GROUP: &str = "sg-01";

/// How long an invocation may run, in seconds.
const TIMEOUT: i64 = 30;

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
    event: Event,
    by: String,
}

#[derive(Debug, Clone)]
enum Stage {
    Remember,
    Hold(Vec<Entry>),
    Act,
    Publish,
    Record(Vec<Entry>),
}

#[derive(Debug, Clone)]
struct Running {
    delivery: Delivery,
    holder: Held,
    looked: Looked,
    /// As it was decided, before anything was remembered.
    decided: Decision,
    decision: Decision,
    remembered: Remembered,
    outcomes: Outcomes,
    told: Option<String>,
    /// The rules that its alert told of.
    telling: Vec<String>,
    failed: bool,
    stage: Stage,
}

pub(crate) struct World {
    pub(crate) mode: Mode,
    pub(crate) now: i64,
    pub(crate) live: BTreeMap<i32, IngressRule>,
    pub(crate) table: Memory,
    pub(crate) opened: Vec<Opened>,
    queue: Vec<Delivery>,
    running: Vec<Running>,
    /// By rule and by what was told to have come of it: how often.
    pub(crate) alerts: BTreeMap<(String, &'static str), usize>,
    /// By rule: how often it was told to have gone by itself.
    pub(crate) recovered: BTreeMap<String, usize>,
    /// By rule: how often an invocation told of it and could not remember that.
    pub(crate) forgotten: BTreeMap<String, usize>,
    pub(crate) closed: BTreeSet<String>,
    named: usize,
}

impl World {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            now: START,
            live: BTreeMap::new(),
            table: Memory::default(),
            opened: Vec::new(),
            queue: Vec::new(),
            running: Vec::new(),
            alerts: BTreeMap::new(),
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
            name,
            time: iso(self.now),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            actor: Actor { name: "ci".to_owned(), ..Actor::default() },
            lead: Lead::Group(GroupLead { group: GroupRef::Id(GROUP.to_owned()), touched }),
        };
        for _ in 0..copies {
            let by = format!("r-{}", self.name());
            self.queue.push(Delivery { event: event.clone(), by });
        }
    }

    fn name(&mut self) -> usize {
        self.named += 1;
        self.named
    }

    /// Begins an invocation: it reads the account.
    pub(crate) fn deliver(&mut self, which: usize) {
        if self.queue.is_empty() {
            return;
        }
        let delivery = self.queue.remove(which % self.queue.len());
        let facts = GroupFacts {
            id: GROUP.to_owned(),
            owner: Some("111122223333".to_owned()),
            rules: self.live.values().cloned().collect(),
            interfaces: Interfaces::Read(Vec::new()),
            ..GroupFacts::default()
        };
        let Lead::Group(lead) = &delivery.event.lead else { panic!("not about a group") };
        let decided = decide::group(&delivery.event, lead, &facts, &judge(self.mode));
        self.running.push(Running {
            holder: Held { by: delivery.by.clone(), until: self.now + TIMEOUT },
            delivery,
            looked: Looked::at_group(&facts),
            decision: decided.clone(),
            decided,
            remembered: Remembered::default(),
            outcomes: Outcomes::new(),
            told: None,
            telling: Vec::new(),
            failed: false,
            stage: Stage::Remember,
        });
    }

    /// One step of an invocation.
    pub(crate) fn step(&mut self, which: usize, fault: Fault) {
        if self.running.is_empty() {
            return;
        }
        let which = which % self.running.len();
        let mut run = self.running.remove(which);
        self.now += 1;
        if fault == Fault::Dies || self.now >= run.holder.until {
            return self.die(run);
        }
        let refused = fault == Fault::Refused;
        run.stage = match run.stage.clone() {
            Stage::Remember | Stage::Hold(_) if fault == Fault::NoMemory => blind(&mut run),
            Stage::Record(_) if fault == Fault::NoMemory => {
                if !run.remembered.writes.is_empty() {
                    self.forget(&run);
                }
                return self.end(run);
            }
            Stage::Remember => self.remember(&mut run),
            Stage::Hold(writes) => match self.write(writes) {
                Ok(left) if left.is_empty() => Stage::Act,
                Ok(left) => Stage::Hold(left),
                Err(_) => Stage::Remember,
            },
            Stage::Act => self.act(&mut run, refused),
            Stage::Publish => self.publish(&mut run, refused),
            Stage::Record(writes) => {
                let lost = writes.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>();
                match self.write(writes) {
                    Ok(left) if left.is_empty() => return self.end(run),
                    Ok(left) => Stage::Record(left),
                    Err(left) => {
                        let lost = &lost[lost.len() - left..];
                        let again = Again { lost, memory: &self.table };
                        Stage::Record(run.settled(Some(again)))
                    }
                }
            }
        };
        self.running.insert(which, run);
    }

    fn remember(&self, run: &mut Running) -> Stage {
        run.decision = run.decided.clone();
        let turn = Turn {
            event: &run.delivery.event,
            looked: &run.looked,
            limits: &Limits::default(),
            holder: &run.holder,
            now: self.now,
        };
        run.remembered = remember(&mut run.decision, &self.table, &turn);
        Stage::Hold(run.remembered.writes.clone())
    }

    /// Writes one entry, unless somebody wrote it meanwhile: then how many are left.
    fn write(&mut self, mut writes: Vec<Entry>) -> Result<Vec<Entry>, usize> {
        if writes.is_empty() {
            return Ok(writes);
        }
        let entry = &writes[0];
        let there = self.table.entries.get(&entry.key).map_or(0, |entry| entry.version);
        if there + 1 != entry.version {
            return Err(writes.len());
        }
        let entry = writes.remove(0);
        self.table.entries.insert(entry.key.clone(), entry);
        Ok(writes)
    }

    fn act(&mut self, run: &mut Running, refused: bool) -> Stage {
        for action in run.decision.actions() {
            let (_, rule) = action.revokes().expect("only rules are at fault");
            let there = self.live.get(&rule.from_port).is_some_and(|live| live.id == rule.id);
            let outcome = match (refused, there) {
                (true, _) => Outcome::Failed("EC2 refused".to_owned()),
                (false, true) => Outcome::Done(None),
                (false, false) => Outcome::AlreadyGone,
            };
            if matches!(outcome, Outcome::Done(_)) {
                self.live.remove(&rule.from_port);
                self.closed.insert(rule.id.clone());
            }
            run.failed |= matches!(outcome, Outcome::Failed(_));
            run.outcomes.insert(rule.id.clone(), outcome);
        }
        Stage::Publish
    }

    fn publish(&mut self, run: &mut Running, refused: bool) -> Stage {
        let news = run.remembered.news(&run.decision, &run.outcomes);
        let recovered = &run.remembered.recovered;
        if news.is_clean() && recovered.is_empty() {
            return Stage::Record(run.settled(None));
        }
        if refused {
            run.failed = true;
            return Stage::Record(run.settled(None));
        }
        run.told = Some(iso(self.now));
        for finding in &news.findings {
            let rule = rule_of(finding).expect("only rules are at fault").id.clone();
            run.telling.push(rule.clone());
            *self.alerts.entry((rule, became(finding, &run.outcomes))).or_default() += 1;
        }
        for entry in recovered {
            let rule = entry.rule.clone().expect("only rules are at fault").rule;
            run.telling.push(rule.clone());
            *self.recovered.entry(rule).or_default() += 1;
        }
        Stage::Record(run.settled(None))
    }

    fn end(&mut self, run: Running) {
        if run.remembered.writes.is_empty() {
            self.forget(&run);
        }
        if run.failed || !run.remembered.busy.is_empty() {
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
        for _ in 0..2000 {
            if !self.running.is_empty() {
                self.step(0, Fault::None);
            } else if !self.queue.is_empty() {
                // Lambda waits a minute and more before it tries again.
                self.wait(TIMEOUT * 2);
                self.deliver(0);
            } else {
                return;
            }
        }
        panic!("{} events are tried again for ever", self.queue.len() + self.running.len());
    }
}

/// Goes on without a memory.
fn blind(run: &mut Running) -> Stage {
    run.decision = run.decided.clone();
    run.remembered = Remembered::default();
    Stage::Act
}

impl Running {
    fn settled(&self, again: Option<Again<'_>>) -> Vec<Entry> {
        settled(&self.remembered, &self.decision, &self.outcomes, self.told.as_deref(), again)
    }
}

/// What an alert says came of a finding, as far as it makes a difference.
fn became(finding: &Finding, outcomes: &Outcomes) -> &'static str {
    match &finding.remedy {
        Remedy::Do(action) => match outcomes.get(action.id()) {
            Some(Outcome::Done(_) | Outcome::AlreadyGone) => "gone",
            _ => "failed",
        },
        Remedy::Withheld { .. } | Remedy::ByHand { .. } | Remedy::Pending(_) => "left",
        Remedy::Gone(_) => "gone",
    }
}

/// Within November 2026.
fn iso(seconds: i64) -> String {
    let since = seconds - START;
    let (day, hour, minute) = (since / 86_400, since / 3600 % 24, since / 60 % 60);
    format!("2026-11-{:02}T{hour:02}:{minute:02}:{:02}Z", 21 + day, since % 60)
}
