//! What memory changes about a decision, and what is written before anything is done.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{cap_event, stop_fighting};
use super::news::{has_risen, is_same};
use super::place::{REVOKING, is_gone, place};
use super::recovered::{Looked, recovered};
use super::time::seconds;
use super::{Coming, Entry, Exemption, Held, Kept, Key, Limits, Memory, State};
use crate::action::{Action, Remedy};
use crate::alert::{self, Outcomes};
use crate::checks::{Evidence, Finding, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::exceptions::{Exception, Tolerated};
use crate::facts::IngressRule;

/// What remembering depends on, besides the decision and the memory.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The event that was decided about.
    pub event: &'a Event,
    /// What was read in full, so that what it does not show is gone.
    pub looked: &'a Looked,
    /// How much is done before a person is asked.
    pub limits: &'a Limits,
    /// This invocation, and until when it may run: nobody else deals with what it holds before that.
    pub holder: &'a Held,
    /// Seconds since 1970.
    pub now: i64,
}

/// What is to be written, and what is to be told of what is known already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remembered {
    /// To be written before anything is done, each only if nobody wrote it since it was read. If somebody did,
    /// read again, and remember again from the decision as it was.
    pub writes: Vec<Entry>,
    /// What another invocation deals with, by the finding's id. The decision does not hold it any more. This event
    /// has to be tried again later, in case the other one dies.
    pub busy: Vec<String>,
    /// Findings that were told, and are gone: good news. They are among the writes.
    pub recovered: Vec<Entry>,
    /// What came back.
    pub comebacks: BTreeMap<Key, Comeback>,
    /// What was told before as it is now.
    pub(super) silent: BTreeSet<Key>,
    /// The coming that is dealt with, by the event that brought it.
    pub(super) taken: BTreeMap<Key, String>,
    /// This invocation.
    pub(super) by: String,
}

/// How often a finding came back after it had been closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comeback {
    /// How often.
    pub times: u64,
    /// When it came first of all, ISO 8601.
    pub first: String,
    /// When it came the time before this one.
    pub last: String,
}

/// Holds a decision against what is remembered of its findings, before anything is done.
///
/// What is exempt becomes tolerated; what is fought over, or too much, is withheld; what another invocation
/// deals with is taken out. Without a memory it is called with an empty one, and nothing is written.
pub fn remember(decision: &mut Decision, memory: &Memory, turn: &Turn<'_>) -> Remembered {
    exempt(decision, memory, turn.now);
    let mut remembered = Remembered { by: turn.holder.by.clone(), ..Remembered::default() };
    let mut entries = take(decision, memory, turn, &mut remembered);
    for finding in &mut decision.findings {
        if let Some(entry) = entries.get(&Key::of(finding, &decision.subject)) {
            complete(finding, entry);
            stop_fighting(finding, entry, &turn.event.time, turn.limits);
        }
    }
    cap_event(decision, &tried(memory, turn.event), turn.limits);
    for finding in &decision.findings {
        let key = Key::of(finding, &decision.subject);
        if let Some(entry) = entries.get_mut(&key) {
            remembered.hold(finding, entry, turn);
        }
    }
    let Remembered { silent, .. } = &remembered;
    remembered.writes = entries.into_values().filter(|e| !silent.contains(&e.key)).collect();
    remembered.recovered = recovered(decision, memory, turn);
    remembered.writes.extend(remembered.recovered.iter().cloned());
    remembered
}

/// Moves what somebody put back, for a while, to what is tolerated: faults that are older than the event too.
fn exempt(decision: &mut Decision, memory: &Memory, now: i64) {
    let Decision { findings, older, tolerated, .. } = decision;
    let mut leave = |finding: &Finding| match exemption(finding, memory, now) {
        None => true,
        Some((rule, exemption)) => {
            let (check, rule, by) = (finding.check, Some(rule.clone()), exception(exemption));
            tolerated.push(Tolerated { check, rule, by });
            false
        }
    };
    findings.retain(&mut leave);
    older.retain(&mut leave);
}

fn exemption<'a>(
    finding: &'a Finding,
    memory: &'a Memory,
    now: i64,
) -> Option<(&'a IngressRule, &'a Exemption)> {
    let (Evidence::Rule { group, rule, .. } | Evidence::UnreadableRule { group, rule, .. }) =
        &finding.evidence
    else {
        return None;
    };
    let key = Key { subject: group.clone(), finding: Exemption::finding(rule) };
    let exemption = memory.exemptions.get(&key).filter(|found| now < seconds(&found.until))?;
    Some((rule, exemption))
}

fn exception(exemption: &Exemption) -> Exception {
    Exception {
        id: format!("exemption by {}", exemption.by),
        reason: exemption.reason.clone(),
        until: Some(exemption.until.clone()),
    }
}

/// Finds the coming of each finding, and takes out what another invocation deals with.
fn take(
    decision: &mut Decision,
    memory: &Memory,
    turn: &Turn<'_>,
    remembered: &mut Remembered,
) -> BTreeMap<Key, Entry> {
    let Decision { findings, notes, subject, .. } = decision;
    let mut entries: BTreeMap<Key, Entry> = BTreeMap::new();
    findings.retain(|finding| {
        let key = Key::of(finding, subject);
        let known = entries.get(&key).or_else(|| memory.entries.get(&key)).cloned();
        let mut entry = known.unwrap_or_else(|| unknown(&key, finding, turn.event));
        let at = place(&mut entry, turn.event, finding);
        let Some(coming) = entry.comings.get(at) else { return true };
        if coming.is_held_by_other(turn) {
            notes.push(format!("{} is dealt with by another invocation", entry.id));
            remembered.busy.push(entry.id);
            return false;
        }
        if entry.returns > 0 {
            let before = at.checked_sub(1).and_then(|before| entry.comings.get(before));
            let last = before.map_or(&entry.first_seen, |coming| &coming.at).clone();
            let comeback = Comeback { times: entry.returns, first: entry.first_seen.clone(), last };
            remembered.comebacks.insert(key.clone(), comeback);
        }
        remembered.taken.insert(key.clone(), coming.event.clone());
        entries.insert(key, entry);
        true
    });
    for (key, entry) in &mut entries {
        entry.version = memory.entries.get(key).map_or(0, |entry| entry.version) + 1;
    }
    entries
}

/// A finding that nothing is remembered of.
fn unknown(key: &Key, finding: &Finding, event: &Event) -> Entry {
    Entry {
        key: key.clone(),
        id: key.id(),
        check: finding.check.as_str().to_owned(),
        severity: finding.severity.as_str().to_owned(),
        title: alert::title(finding),
        state: State::Open,
        first_seen: event.time.clone(),
        last_seen: event.time.clone(),
        times: 0,
        returns: 0,
        comings: Vec::new(),
        rule: None,
        version: 0,
    }
}

/// A rule that is gone is known by the event, without its tags. Where it is remembered whole, it can be put
/// back whole.
fn complete(finding: &mut Finding, entry: &Entry) {
    let Some(kept) = entry.rule.as_ref().map(Kept::rule) else { return };
    if is_gone(finding)
        && rule_of(finding).is_some_and(|rule| rule.id == kept.id)
        && let Evidence::Rule { group, rule, .. } = &mut finding.evidence
    {
        *rule = kept.clone();
        finding.remedy = Remedy::Gone(Action::RevokeIngress { group: group.clone(), rule: kept });
    }
}

/// The rules that an earlier try of the event went to close.
fn tried(memory: &Memory, event: &Event) -> BTreeSet<String> {
    let comings = memory.entries.values().flat_map(|entry| &entry.comings);
    comings
        .filter(|coming| coming.event == event.id)
        .filter(|coming| coming.outcome == REVOKING || coming.outcome == "done")
        .filter_map(|coming| coming.rule.clone())
        .collect()
}

impl Coming {
    pub(super) fn is_held_by_other(&self, turn: &Turn<'_>) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.by != turn.holder.by && held.until > turn.now)
    }
}

impl Remembered {
    /// Takes hold of a coming; or leaves it, if there is nothing to do about it and nothing to tell.
    fn hold(&mut self, finding: &Finding, entry: &mut Entry, turn: &Turn<'_>) {
        let taken = self.taken.get(&entry.key);
        let Some(at) = entry.comings.iter().position(|coming| Some(&coming.event) == taken) else {
            return;
        };
        let newest = at + 1 == entry.comings.len();
        let Some(coming) = entry.comings.get_mut(at) else { return };
        let outcome = about_to(finding);
        // What somebody held, and died, or what is gone and not remembered so, is written as it is now.
        let is_right =
            coming.held.is_none() && !(newest && is_gone(finding) && entry.state == State::Open);
        if !matches!(finding.remedy, Remedy::Do(_))
            && is_right
            && let Some(told) = &coming.told
            && is_same(&told.outcome, outcome)
            && !has_risen(finding, told)
        {
            self.silent.insert(entry.key.clone());
            return;
        }
        let before = std::mem::replace(&mut coming.outcome, outcome.to_owned());
        coming.held = Some(turn.holder.clone());
        if newest {
            entry.note(finding, &before);
        }
    }
}

/// What a coming is written with before anything is done.
fn about_to(finding: &Finding) -> &'static str {
    match &finding.remedy {
        Remedy::Do(action) => action.as_str(),
        Remedy::Withheld { .. } | Remedy::ByHand { .. } | Remedy::Pending(_) | Remedy::Gone(_) => {
            alert::end(finding, &Outcomes::new())
        }
    }
}

impl Entry {
    /// Notes how the newest coming was seen. `before` is what had come of it.
    fn note(&mut self, finding: &Finding, before: &str) {
        self.severity = finding.severity.as_str().to_owned();
        self.title = alert::title(finding);
        if let Evidence::Rule { group, rule, .. } | Evidence::UnreadableRule { group, rule, .. } =
            &finding.evidence
        {
            self.rule = Some(Kept::of(group, rule));
        }
        self.state = match (is_gone(finding), self.state) {
            (true, State::Open) if before == REVOKING || before == "failed" => State::Closed,
            (true, State::Open) => State::Recovered,
            (true, state) => state,
            (false, State::Closed) => State::Closed,
            (false, State::Open | State::Recovered) => State::Open,
        };
    }
}
