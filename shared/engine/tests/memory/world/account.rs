//! The account of the world: what is read of it, and what a step does to it.

use std::collections::BTreeMap;

use portcullis_engine::action::{Action, AllGranted, Outcome, Outcomes};
use portcullis_engine::case::{
    Answered, Arranged, Channel, Count, Counted, Fact, Notification, Read, Shown, Step, Written,
};
use portcullis_engine::facts::{GroupDetails, IngressRule, PrefixList, PublicSetting, Subnets};
use portcullis_engine::ledger::{Entry, Key, Revisit, shape};
use portcullis_engine::resolution::Resolution;
use portcullis_testkit::example;

use super::{Fault, GROUP, Running, World};

impl World {
    /// What EC2 shows: the account as it was up to `lag` seconds ago.
    pub(super) fn shown(&self) -> &BTreeMap<i32, IngressRule> {
        let before = self.past.iter().rev().find(|(since, _)| *since <= self.now - self.lag);
        before.map_or(&self.live, |(_, shown)| shown)
    }

    pub(super) fn read(&self, read: &Read, fault: Fault) -> Fact {
        match read {
            Read::GroupNamed(_) => Fact::GroupNamed(Ok(Some(GROUP.to_owned()))),
            Read::Rules(id) => {
                let owner = Some("111122223333".to_owned());
                let rules = self.shown().values().chain(&self.granted).cloned().collect();
                Fact::Rules(id.clone(), Ok(Shown { owner, rules, egress: Vec::new() }))
            }
            Read::List(id) => Fact::List(id.clone(), PrefixList::Entries(Vec::new())),
            Read::Versions(..) | Read::Naming(_) | Read::RulesOf(_) | Read::Uses(_) => {
                unreachable!("no event is about a prefix list")
            }
            Read::Details(id) => Fact::Details(id.clone(), Ok(GroupDetails::default())),
            Read::Interfaces(id) => Fact::Interfaces(id.clone(), self.interfaces()),
            Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
            Read::Vpcs(_) => Fact::Vpcs(Ok(Vec::new())),
            Read::Space(id) => Fact::Space(id.clone(), example::space()),
            Read::Cache(..) => Fact::Cache(Ok(self.cache())),
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
                    | Fault::Halfway
                    | Fault::Full
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
    pub(super) fn lease(
        &mut self,
        run: &mut Running,
        mut entries: Vec<Entry>,
        count: Option<Count>,
        fault: Fault,
    ) {
        let written = match fault {
            Fault::NoMemory => Written::Unavailable("the table does not answer".to_owned()),
            Fault::None
            | Fault::Dies
            | Fault::Halfway
            | Fault::Full
            | Fault::Refused
            | Fault::AnswerLost
            | Fault::Late => {
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

    pub(super) fn arrange(&mut self, revisit: &Revisit, fault: Fault) -> Arranged {
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
            Fault::Refused | Fault::AnswerLost => {
                self.unscheduled = true;
                Arranged::OnlyRecorded("refused".to_owned())
            }
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

    /// EC2 makes all rules of a call, or none.
    pub(super) fn grant(&mut self, actions: &[Action], fault: Fault) -> AllGranted {
        let mut granted = AllGranted::new();
        for action in actions {
            let (Some((_, rule)), Some(grants)) = (action.revokes(), action.grants()) else {
                continue;
            };
            if fault != Fault::Full {
                for grant in grants.rules(rule) {
                    if self.granted.iter().all(|there| shape(there) != shape(&grant)) {
                        let id = format!("sgr-{}", self.name());
                        self.granted.push(IngressRule { id, ..grant });
                    }
                }
            }
            let why = (fault == Fault::Full).then_some(("it is full", true));
            let found = action.granted(&self.granted, why);
            granted.extend(found.map(|found| (rule.id.clone(), found)));
        }
        granted
    }

    pub(super) fn remediate(&mut self, actions: &[Action], fault: Fault) -> Outcomes {
        let mut outcomes = self.start(actions, fault);
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
                if self.is_behind_nothing() {
                    self.rashly.push(rule.id.clone());
                }
            }
            outcomes.insert(rule.id.clone(), outcome);
        }
        outcomes
    }

    pub(super) fn notify(&mut self, run: &mut Running, notification: &Notification, fault: Fault) {
        if fault == Fault::Refused {
            return run.case.answer(Answered::Notified(Err("SNS refused".to_owned())));
        }
        let Notification { report, channel } = notification;
        for reported in report.findings.iter().filter(|reported| reported.resolution.is_gone()) {
            let Some(rule) = reported.rule() else { continue };
            let live = run.shown.get(&rule.from_port);
            let named = reported.because.as_deref().unwrap_or_default();
            if live.is_some_and(|live| live.id != rule.id && !named.contains(&live.id)) {
                self.wrongly_gone.push(rule.id.clone());
            }
        }
        for entry in &report.resolved {
            let Some(record) = &entry.rule else { continue };
            if run.shown.contains_key(&record.from_port) {
                self.wrongly_gone.push(record.rule.clone());
            }
        }
        for reported in &report.findings {
            let Some(rule) = reported.rule().map(|rule| rule.id.clone()) else {
                self.told.push((reported.finding.check, reported.resolution, self.now));
                continue;
            };
            run.telling.push(rule.clone());
            *self.alerts.entry((rule, became(reported.resolution))).or_default() += 1;
        }
        for entry in &report.resolved {
            let Some(rule) = entry.rule.clone().map(|record| record.rule) else { continue };
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

    pub(super) fn record(&mut self, run: &mut Running, mut entries: Vec<Entry>, fault: Fault) {
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
