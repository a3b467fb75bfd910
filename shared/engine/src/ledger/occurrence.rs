//! Which coming of a finding an event is: one that is known, or a new one.

use std::collections::BTreeMap;

use super::{COMINGS, Coming, Entry, Key, Memory, State, Told};
use crate::action::{Action, Remedy};
use crate::event::Event;
use crate::finding::{Finding, rule_of};
use crate::resolution::{Intent, Standing};
use crate::time::seconds;

/// In seconds: what recurs within it is flapping.
pub(super) const HOUR: i64 = 3600;

/// Among the comings of an entry, at this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Known(usize),
    New(usize),
}

/// The entries of findings, each with the occurrence that an event brought.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    memory: &'a Memory,
    event: &'a Event,
    pub(super) entries: BTreeMap<Key, Entry>,
}

impl<'a> Placed<'a> {
    pub(super) fn new(memory: &'a Memory, event: &'a Event) -> Self {
        Self { memory, event, entries: BTreeMap::new() }
    }

    /// The entry of a finding with the occurrence of the event, and where among its occurrences that is.
    pub(super) fn place(&self, key: &Key, finding: &Finding) -> (Entry, usize) {
        let known = self.entries.get(key).or_else(|| self.memory.entries.get(key)).cloned();
        let mut entry = known.unwrap_or_else(|| unknown(key, finding, self.event));
        let at = place(&mut entry, self.event, finding);
        (entry, at)
    }
}

/// The entry of a finding that nothing is remembered of.
fn unknown(key: &Key, finding: &Finding, event: &Event) -> Entry {
    Entry {
        key: key.clone(),
        id: key.id(),
        check: finding.check.as_str().to_owned(),
        severity: String::new(),
        title: finding.title(),
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

/// Finds the coming that the event brought, or adds it, and says which it is.
fn place(entry: &mut Entry, event: &Event, finding: &Finding) -> usize {
    match find(entry, event, finding) {
        Place::Known(at) => at,
        Place::New(at) => add(entry, event, finding, at),
    }
}

/// The event may be an old one that comes late, and what was read of the group a little older than what is
/// remembered. So what is known by its rule is the same coming, and what is not is put where its time says.
fn find(entry: &Entry, event: &Event, finding: &Finding) -> Place {
    let comings = &entry.comings;
    if let Some(at) = comings.iter().position(|coming| coming.event == event.id) {
        return Place::Known(at);
    }
    let last = comings.len().checked_sub(1);
    let same = match (rule_of(finding), rule_id(finding)) {
        (None, _) => last,
        (Some(_), None) => None,
        (Some(_), id) => comings.iter().rposition(|coming| coming.rule.as_deref() == id),
    };
    let time = seconds(&event.time);
    match same {
        // Edited away by somebody, and back, it is the same rule. One that we revoked comes back as another.
        Some(at) if Some(at) == last && went_before(entry, time) => Place::New(comings.len()),
        Some(at) => Place::Known(at),
        None if is_gone(finding) => {
            Place::New(comings.partition_point(|coming| seconds(&coming.at) < time))
        }
        None => Place::New(comings.partition_point(|coming| seconds(&coming.at) <= time)),
    }
}

/// Whether it was told, before this time, that the finding had gone.
fn went_before(entry: &Entry, time: i64) -> bool {
    let told = entry.latest().and_then(|coming| coming.told.as_ref());
    let gone = |told: &Told| told.outcome.is_gone() && seconds(&told.at) < time;
    entry.state == State::Recovered && told.is_some_and(gone)
}

fn add(entry: &mut Entry, event: &Event, finding: &Finding, at: usize) -> usize {
    let newest = at == entry.comings.len();
    // There is only one rule of a shape, so the one before this one is gone: if somebody was about to close
    // it, then by that.
    let closing = entry
        .latest()
        .is_some_and(|coming| coming.outcome == Standing::Leased(Intent::RevokeIngress));
    let back = newest && (entry.state == State::Closed || entry.state == State::Open && closing);
    entry.comings.insert(
        at,
        Coming {
            event: event.id.clone(),
            at: event.time.clone(),
            rule: rule_id(finding).map(str::to_owned),
            by: event.actor.name.clone(),
            via: event.actor.via.clone(),
            back,
            outcome: Standing::before(finding),
            told: None,
            held: None,
        },
    );
    entry.times += 1;
    entry.returns += u64::from(back);
    if seconds(&event.time) < seconds(&entry.first_seen) {
        entry.first_seen = event.time.clone();
    }
    if newest {
        entry.last_seen = event.time.clone();
        entry.state = State::Open;
    }
    forget(&mut entry.comings, event);
    entry.comings.iter().position(|coming| coming.event == event.id).unwrap_or_default()
}

/// The oldest goes, but for the one that came now, however late, and for those that make a fight.
fn forget(comings: &mut Vec<Coming>, event: &Event) {
    let hour = seconds(&event.time).saturating_sub(HOUR);
    let fights = |coming: &Coming| coming.back && seconds(&coming.at) > hour;
    let mut others = comings.iter().enumerate().filter(|(_, coming)| !fights(coming));
    if others.clone().count() > COMINGS
        && let Some((oldest, _)) = others.find(|(_, coming)| coming.event != event.id)
    {
        comings.remove(oldest);
    }
}

/// Whether the rule was not there any more when it was looked for.
pub(super) fn is_gone(finding: &Finding) -> bool {
    matches!(finding.remedy, Remedy::Gone(Action::RevokeIngress { .. }))
}

/// The id of the rule; a rule that is gone may be known by its shape alone.
fn rule_id(finding: &Finding) -> Option<&str> {
    rule_of(finding).map(|rule| rule.id.as_str()).filter(|id| id.starts_with("sgr-"))
}
