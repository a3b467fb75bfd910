//! The ledger of a world that is only thought of: in memory, by place and subject.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use portcullis_engine::case::{Arranged, Count, Counted, Written};
use portcullis_engine::ledger::{Entry, Key, Memory, Revisit, State, Wanted, Why};

use crate::history::Place;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In one map: a history may have a million groups with a finding each.
    entries: BTreeMap<(Place, Key), Entry>,
    records: BTreeMap<(Place, Key), Revisit>,
    due: BTreeSet<(i64, Place, Key)>,
    /// Of the newest minute of each place.
    counted: HashMap<Place, (String, Counted)>,
}

impl Ledger {
    pub(crate) fn read(&self, place: &Place, wanted: &Wanted) -> Memory {
        let of_keys = wanted.keys.iter().map(|key| &key.subject);
        let opening = wanted.opening.values().flatten();
        let subjects: BTreeSet<&String> =
            of_keys.chain(opening).chain(wanted.rules.keys()).collect();
        let entries = subjects.into_iter().flat_map(|subject| self.of(place, subject));
        let taken = entries.filter(|entry| wanted.takes(entry));
        Memory {
            entries: taken.map(|entry| (entry.key.clone(), entry.clone())).collect(),
            ..Memory::new()
        }
    }

    pub(crate) fn open_of(&self, place: &Place, groups: &[String]) -> Vec<Entry> {
        let entries = groups.iter().flat_map(|id| self.of(place, id));
        entries.filter(|entry| entry.state == State::Open).cloned().collect()
    }

    /// The entries of a subject.
    fn of(&self, place: &Place, subject: &str) -> impl Iterator<Item = &Entry> {
        let first = Key { subject: subject.to_owned(), finding: String::new() };
        let (place, subject) = (place.clone(), subject.to_owned());
        let from = self.entries.range((place.clone(), first)..);
        let of = from.take_while(move |((at, key), _)| *at == place && key.subject == subject);
        of.map(|(_, entry)| entry)
    }

    pub(crate) fn write(&mut self, place: &Place, entries: Vec<Entry>) -> Written {
        let keyed = entries.into_iter().map(|entry| ((place.clone(), entry.key.clone()), entry));
        self.entries.extend(keyed);
        Written::All
    }

    pub(crate) fn count(&mut self, place: &Place, count: &Count) -> Counted {
        let nothing = Counted { remediations: 0, alerts: 0 };
        let counted = self.counted.entry(place.clone()).or_insert((String::new(), nothing));
        if counted.0 != count.minute {
            *counted = (count.minute.clone(), nothing);
        }
        counted.1.remediations += count.remediations;
        counted.1.alerts += count.alerts;
        counted.1
    }

    pub(crate) fn record(&self, place: &Place, subject: &str, event: &str) -> Option<Revisit> {
        self.records.get(&(place.clone(), Revisit::key_of(subject, event))).cloned()
    }

    /// What never becomes known in a history is not looked at again.
    pub(crate) fn arrange(&mut self, place: &Place, revisit: &Revisit) -> Arranged {
        let key = revisit.key();
        if !revisit.settled && matches!(revisit.why, Why::Limit | Why::Flapping | Why::Snooze) {
            self.due.insert((revisit.due, place.clone(), key.clone()));
        }
        self.records.insert((place.clone(), key), revisit.clone());
        Arranged::Scheduled
    }

    /// What is due by then, the earliest first.
    pub(crate) fn next_due(&mut self, by: i64) -> Option<(Place, Revisit)> {
        while let Some((due, place, key)) = self.due.first().filter(|one| one.0 <= by).cloned() {
            self.due.pop_first();
            let record = self.records.get(&(place.clone(), key));
            if let Some(record) = record.filter(|record| !record.settled && record.due == due) {
                return Some((place, record.clone()));
            }
        }
        None
    }
}
