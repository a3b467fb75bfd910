//! What is written before anything is done: the leases of one invocation.

use std::collections::{BTreeMap, BTreeSet};

use super::occurrence::{Placed, is_gone};
use super::reported::has_risen;
use super::resolved::{Open, resolved};
use super::state::Step;
use super::{
    Entry, Key, LeaseContext, Leased, ListRecord, Memory, Recurrence, RuleRecord, RuleTags, State,
};
use crate::action::{Action, Because, Remedy};
use crate::event::Event;
use crate::finding::{Evidence, Finding, Subject, rule_of};
use crate::resolution::Standing;
use crate::severity::Rating;

impl Leased {
    /// No lease.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            tags: Vec::new(),
            resolved: Vec::new(),
            recurrences: BTreeMap::new(),
            silent: BTreeSet::new(),
            taken: BTreeMap::new(),
            by: String::new(),
        }
    }

    /// The same for what was done and reported without a lease, so that one write records it: what another invocation
    /// leased meanwhile is left to it, and nobody was told what is resolved.
    pub fn afterwards(mut self, memory: &Memory, now: i64) -> Self {
        let is_held = |key: &Key, event: &String| {
            let mut occurrences =
                memory.entries.get(key).into_iter().flat_map(|entry| &entry.occurrences);
            occurrences.any(|occurrence| {
                occurrence.event == *event && occurrence.is_leased_by_other(&self.by, now)
            })
        };
        self.entries.retain(|entry| {
            self.taken.get(&entry.key).is_some_and(|event| !is_held(&entry.key, event))
        });
        for entry in &mut self.entries {
            entry.version = entry.version.saturating_sub(1);
        }
        self.resolved.clear();
        self
    }

    /// Without what is resolved.
    pub fn of_findings(mut self) -> Self {
        let resolved = std::mem::take(&mut self.resolved);
        self.entries.retain(|entry| !resolved.iter().any(|one| one.key == entry.key));
        self
    }

    /// Adds leases of other findings by the same invocation.
    pub fn extend(&mut self, more: Self) {
        let Self { entries, tags, resolved, recurrences, silent, taken, by } = more;
        self.entries.extend(entries);
        self.tags.extend(tags);
        self.resolved.extend(resolved);
        self.recurrences.extend(recurrences);
        self.silent.extend(silent);
        self.taken.extend(taken);
        if self.by.is_empty() {
            self.by = by;
        }
    }

    /// Without what only informs, and another invocation wrote meanwhile; `None` if it wrote more than that.
    pub fn but_resolved(mut self, lost: &[Key]) -> Option<Self> {
        if !lost.iter().all(|key| self.resolved.iter().any(|entry| entry.key == *key)) {
            return None;
        }
        self.resolved.retain(|entry| !lost.contains(&entry.key));
        self.entries.retain(|entry| !lost.contains(&entry.key));
        Some(self)
    }
}

/// What the ledger says about a finding before it is decided what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// Nothing that changes the decision.
    Free,
    /// Another invocation has the lease; the id of the finding.
    Leased(String),
    /// Its rule is gone, and the ledger has it with description and tags: the finding with that rule, so that `undo`
    /// can restore all of it.
    Whole(Box<Finding>),
    /// It is flapping, so its rule is not revoked; the reason.
    Flapping(Because),
}

/// The ledger as a decision asks it, finding by finding.
#[derive(Debug)]
pub struct Histories<'a> {
    memory: &'a Memory,
    placed: Placed<'a>,
    by: &'a str,
    recurrences_per_hour: u32,
    now: i64,
    /// When the hour ends in which recurrences count.
    hour: i64,
}

impl<'a> Histories<'a> {
    /// For the invocation `by`. A finding that recurs `recurrences_per_hour` times within the hour that ends at `hour` is
    /// flapping.
    pub fn new(
        memory: &'a Memory,
        event: &'a Event,
        by: &'a str,
        recurrences_per_hour: u32,
        now: i64,
        hour: i64,
    ) -> Self {
        Self { memory, placed: Placed::new(memory, event), by, recurrences_per_hour, now, hour }
    }

    /// What the ledger says of a finding.
    pub fn of(&mut self, finding: &Finding, subject: &Subject) -> History {
        let key = Key::of(finding, subject);
        if self.memory.unreadable.contains_key(&key) {
            return History::Free;
        }
        let (entry, at) = self.placed.place(&key, finding);
        if entry
            .occurrences
            .get(at)
            .is_some_and(|occurrence| occurrence.is_leased_by_other(self.by, self.now))
        {
            return History::Leased(entry.id);
        }
        let flapping = super::flapping::flapping(&entry, self.hour, self.recurrences_per_hour);
        let whole = whole(finding, &entry);
        self.placed.entries.insert(key, entry);
        match (whole, flapping, &finding.remedy) {
            (Some(whole), _, _) => History::Whole(Box::new(whole)),
            (None, Some(because), Remedy::Do(action)) if action.closes() => {
                History::Flapping(because)
            }
            (None, _, _) => History::Free,
        }
    }
}

/// Leases the findings of a decision for this invocation. What the ledger has of a finding and nobody can read stays.
pub fn lease<'a>(
    findings: impl Iterator<Item = (&'a Finding, Rating)> + Clone,
    open: Open<'_>,
    memory: &Memory,
    turn: &LeaseContext<'_>,
) -> Leased {
    let mut leased = Leased { by: turn.lease.by.clone(), ..Leased::default() };
    let mut placed = Placed::new(memory, turn.event);
    for (finding, _) in findings.clone() {
        let key = Key::of(finding, open.subject);
        if memory.unreadable.contains_key(&key) {
            continue;
        }
        let (entry, at) = placed.place(&key, finding);
        let Some(occurrence) = entry.occurrences.get(at) else { continue };
        leased.taken.insert(key.clone(), occurrence.event.clone());
        leased.recurrences.extend(recurrence(&entry, at).map(|found| (key.clone(), found)));
        placed.entries.insert(key, entry);
    }
    let mut entries = placed.entries;
    for (key, entry) in &mut entries {
        entry.version = memory.entries.get(key).map_or(0, |entry| entry.version) + 1;
    }
    for (finding, rating) in findings {
        if let Some(entry) = entries.get_mut(&Key::of(finding, open.subject)) {
            leased.hold(finding, rating, entry, turn);
        }
    }
    let Leased { silent, .. } = &leased;
    leased.entries = entries.into_values().filter(|entry| !silent.contains(&entry.key)).collect();
    leased.resolved = resolved(open, turn);
    leased.entries.extend(leased.resolved.iter().cloned());
    leased
}

fn recurrence(entry: &Entry, at: usize) -> Option<Recurrence> {
    let before = at.checked_sub(1).and_then(|before| entry.occurrences.get(before));
    let last = before.map_or(&entry.first_seen, |occurrence| &occurrence.at).clone();
    let first = entry.first_seen.clone();
    (entry.returns > 0).then_some(Recurrence { times: entry.returns, first, last })
}

/// The finding with its rule as the ledger has it, if the rule is gone. The event names such a rule without its tags
/// and description.
fn whole(finding: &Finding, entry: &Entry) -> Option<Finding> {
    let record = entry.rule.as_ref().map(RuleRecord::rule)?;
    if !is_gone(finding) || rule_of(finding)?.id != record.id {
        return None;
    }
    let mut whole = finding.clone();
    if let (Evidence::Rule { rule, .. }, Remedy::Gone(action)) =
        (&mut whole.evidence, &mut whole.remedy)
        && let Action::RevokeIngress { rule: gone, .. } = action
    {
        (*rule, *gone) = (record.clone(), record);
    }
    Some(whole)
}

impl Leased {
    /// Leases an occurrence, unless there is nothing to do about it and nothing to report.
    fn hold(
        &mut self,
        finding: &Finding,
        rating: Rating,
        entry: &mut Entry,
        turn: &LeaseContext<'_>,
    ) {
        let taken = self.taken.get(&entry.key);
        let Some(at) =
            entry.occurrences.iter().position(|occurrence| Some(&occurrence.event) == taken)
        else {
            return;
        };
        let newest = at + 1 == entry.occurrences.len();
        let Some(occurrence) = entry.occurrences.get_mut(at) else { return };
        let standing = Standing::before(finding);
        // Written all the same: an occurrence with a lease of an invocation that died, and a rule that is gone while
        // its entry is still open.
        let is_right = occurrence.lease.is_none()
            && !(newest && is_gone(finding) && entry.state == State::Open);
        if let Standing::Ended(resolution) = standing
            && is_right
            && let Some(reported) = &occurrence.reported
            && resolution.is_same_as(reported.outcome)
            && !has_risen(rating, reported)
        {
            self.silent.insert(entry.key.clone());
            return;
        }
        if let Remedy::Do(action) = &finding.remedy
            && let Some(tags) = action.revokes().and_then(|(group, rule)| RuleTags::of(group, rule))
            && !self.tags.contains(&tags)
        {
            self.tags.push(tags);
        }
        let before = std::mem::replace(&mut occurrence.outcome, standing);
        occurrence.lease = Some(turn.lease.clone());
        if newest {
            entry.note(finding, rating, before);
        }
    }
}

impl Entry {
    /// Records what was read of the newest occurrence. `before`: what the ledger had as its outcome.
    fn note(&mut self, finding: &Finding, rating: Rating, before: Standing) {
        self.severity = rating.severity.as_str().to_owned();
        self.title = finding.title();
        if let Evidence::Rule { group, rule, .. } | Evidence::UnreadableRule { group, rule, .. } =
            &finding.evidence
        {
            let before = self.rule.take().filter(|before| before.rule == rule.id);
            let mut record = RuleRecord::of(group, rule);
            // Of a rule that is gone, this finding has only what the ledger had.
            record.tags_apart |= is_gone(finding) && before.is_some_and(|before| before.tags_apart);
            self.rule = Some(record);
        }
        if let (Evidence::Entries { .. }, Some(Action::RemoveEntries(remove))) =
            (&finding.evidence, finding.remedy.action())
        {
            self.list = Some(ListRecord::of(remove));
        }
        if let Remedy::NotRemediated { because, .. } = &finding.remedy {
            self.spare(because);
        }
        let begun = before.may_have_revoked();
        self.state =
            self.state.after(if is_gone(finding) { Step::Gone { begun } } else { Step::Present });
    }
}
