//! Which occurrence of a finding an event is: one that the ledger has, or a new one.

use std::collections::BTreeMap;

use super::state::Step;
use super::{Entry, Key, Memory, OCCURRENCES, Occurrence, ReportedAs, State};
use crate::action::{Action, Remedy};
use crate::event::Event;
use crate::finding::{Evidence, Finding, rule_of};
use crate::resolution::{Intent, Standing};
use crate::time::{HOUR, seconds};

/// An occurrence of an entry, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Known(usize),
    New(usize),
}

/// The entries of findings, each with the occurrence of one event in it.
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

    /// The entry of a finding with the occurrence of the event in it, and the index of that occurrence.
    pub(super) fn place(&self, key: &Key, finding: &Finding) -> (Entry, usize) {
        let known = self.entries.get(key).or_else(|| self.memory.entries.get(key)).cloned();
        let mut entry = known.unwrap_or_else(|| unknown(key, finding, self.event));
        let at = place(&mut entry, self.event, finding);
        (entry, at)
    }
}

/// The entry of a finding that the ledger does not have.
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
        occurrences: Vec::new(),
        rule: None,
        grants: Vec::new(),
        list: None,
        spared: None,
        version: 0,
    }
}

/// Finds the occurrence of the event in the entry, or adds it; its index.
fn place(entry: &mut Entry, event: &Event, finding: &Finding) -> usize {
    match find(entry, event, finding) {
        Place::Known(at) => at,
        Place::New(at) => add(entry, event, finding, at),
    }
}

/// Events arrive late and out of order, and EC2 may show the group as it was some seconds ago. So an event whose rule
/// id is recorded is the same occurrence, even if it is another event; any other is inserted in the order of time.
fn find(entry: &Entry, event: &Event, finding: &Finding) -> Place {
    let occurrences = &entry.occurrences;
    if let Some(at) = occurrences.iter().position(|occurrence| occurrence.event == event.id) {
        return Place::Known(at);
    }
    let last = occurrences.len().checked_sub(1);
    let same = match (rule_of(finding), rule_id(finding)) {
        // Entries that are added again are added by another call.
        (None, _) if matches!(finding.evidence, Evidence::Entries { .. }) => None,
        (None, _) => last,
        (Some(_), None) => None,
        (Some(_), id) => {
            occurrences.iter().rposition(|occurrence| occurrence.rule.as_deref() == id)
        }
    };
    let time = seconds(&event.time);
    match same {
        // Somebody edited the rule away and back: EC2 keeps its id, and it is a new occurrence. A rule that was
        // revoked recurs with another id.
        Some(at) if Some(at) == last && went_before(entry, time) => Place::New(occurrences.len()),
        Some(at) => Place::Known(at),
        None if is_gone(finding) => {
            Place::New(occurrences.partition_point(|occurrence| seconds(&occurrence.at) < time))
        }
        None => {
            Place::New(occurrences.partition_point(|occurrence| seconds(&occurrence.at) <= time))
        }
    }
}

/// Whether it was reported, before this time, that the finding is gone.
fn went_before(entry: &Entry, time: i64) -> bool {
    let reported = entry.latest().and_then(|occurrence| occurrence.reported.as_ref());
    let gone = |reported: &ReportedAs| reported.outcome.is_gone() && seconds(&reported.at) < time;
    entry.state == State::Resolved && reported.is_some_and(gone)
}

fn add(entry: &mut Entry, event: &Event, finding: &Finding, at: usize) -> usize {
    let newest = at == entry.occurrences.len();
    // A group has one rule of a shape, so the rule of the occurrence before this one is gone. If an invocation was
    // about to revoke that one and died, it did revoke it: this is a recurrence.
    let closing = entry.latest().is_some_and(|occurrence| {
        let closes = [Intent::RevokeIngress, Intent::RemoveEntries].map(Standing::Leased);
        closes.contains(&occurrence.outcome)
    });
    let recurred =
        newest && (entry.state == State::Closed || entry.state == State::Open && closing);
    entry.occurrences.insert(
        at,
        Occurrence {
            event: event.id.clone(),
            at: event.time.clone(),
            rule: rule_id(finding).map(str::to_owned),
            by: event.actor.name.clone(),
            via: event.actor.via.clone(),
            recurred,
            outcome: Standing::before(finding),
            reported: None,
            lease: None,
        },
    );
    entry.times += 1;
    entry.returns += u64::from(recurred);
    if seconds(&event.time) < seconds(&entry.first_seen) {
        entry.first_seen = event.time.clone();
    }
    if newest {
        entry.last_seen = event.time.clone();
        entry.state = entry.state.after(Step::Occurred);
    }
    forget(&mut entry.occurrences, event);
    entry.occurrences.iter().position(|occurrence| occurrence.event == event.id).unwrap_or_default()
}

/// Drops the oldest occurrence if there are too many. It keeps the occurrence of this event, however old it is (its
/// result has to be written), and the recurrences of the last hour (they count towards flapping).
fn forget(occurrences: &mut Vec<Occurrence>, event: &Event) {
    let hour = seconds(&event.time).saturating_sub(HOUR);
    let fights = |occurrence: &Occurrence| occurrence.recurred && seconds(&occurrence.at) > hour;
    let mut others = occurrences.iter().enumerate().filter(|(_, occurrence)| !fights(occurrence));
    if others.clone().count() > OCCURRENCES
        && let Some((oldest, _)) = others.find(|(_, occurrence)| occurrence.event != event.id)
    {
        occurrences.remove(oldest);
    }
}

/// Whether the rule was gone when the group was read, or the entries when the prefix list was.
pub(super) fn is_gone(finding: &Finding) -> bool {
    matches!(finding.remedy, Remedy::Gone(Action::RevokeIngress { .. } | Action::RemoveEntries(_)))
}

/// The id of the rule. Of a rule that is gone, the event may name only the shape.
fn rule_id(finding: &Finding) -> Option<&str> {
    rule_of(finding).map(|rule| rule.id.as_str()).filter(|id| id.starts_with("sgr-"))
}
