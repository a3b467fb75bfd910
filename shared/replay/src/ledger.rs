//! The ledger of a world that is only thought of, by place and subject.

use std::collections::{BTreeSet, HashMap};
use std::io;

use portcullis_engine::case::{Arranged, Count, Counted, Written};
use portcullis_engine::ledger::{Entry, Key, Memory, Revisit, State, Wanted, Why};

use crate::history::Place;
use crate::store::Store;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By place and subject, and by finding.
    entries: Store<Entry>,
    /// By place, and by key.
    records: Store<Revisit>,
    due: BTreeSet<(i64, Place, Key)>,
    /// Of the newest minute of each place.
    counted: HashMap<Place, (String, Counted)>,
    /// Why the temporary files cannot be read or written any more.
    pub(crate) broken: Option<io::Error>,
}

impl Ledger {
    pub(crate) fn read(&self, place: &Place, wanted: &Wanted) -> io::Result<Memory> {
        let of_keys = wanted.keys.iter().map(|key| &key.subject);
        let opening = wanted.opening.values().flatten();
        let subjects: BTreeSet<&String> =
            of_keys.chain(opening).chain(wanted.rules.keys()).chain(wanted.since.keys()).collect();
        let mut memory = Memory::new();
        for subject in subjects {
            let entries = self.of(place, subject)?.into_iter();
            let taken = entries.filter(|entry| wanted.takes(entry));
            memory.entries.extend(taken.map(|entry| (entry.key.clone(), entry)));
        }
        Ok(memory)
    }

    pub(crate) fn open_of(&self, place: &Place, groups: &[String]) -> io::Result<Vec<Entry>> {
        let mut open = Vec::new();
        for id in groups {
            let entries = self.of(place, id)?.into_iter();
            open.extend(entries.filter(|entry| entry.state == State::Open));
        }
        Ok(open)
    }

    /// The entries of a subject, in the order of their keys.
    fn of(&self, place: &Place, subject: &str) -> io::Result<Vec<Entry>> {
        let mut entries = self.entries.all((place, subject))?;
        entries.retain(|entry| entry.key.subject == subject);
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    pub(crate) fn write(&mut self, place: &Place, entries: Vec<Entry>) -> Written {
        for entry in entries {
            let Key { subject, finding } = &entry.key;
            let put = self.entries.put((place, subject.as_str()), finding, &entry);
            self.note(put);
        }
        Written::All
    }

    fn note(&mut self, put: io::Result<()>) {
        if let Err(error) = put {
            self.broken.get_or_insert(error);
        }
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

    pub(crate) fn record(
        &self,
        place: &Place,
        subject: &str,
        event: &str,
    ) -> io::Result<Option<Revisit>> {
        self.of_key(place, &Revisit::key_of(subject, event))
    }

    fn of_key(&self, place: &Place, key: &Key) -> io::Result<Option<Revisit>> {
        let record = self.records.one(place, (&key.subject, &key.finding))?;
        Ok(record.filter(|record| record.key() == *key))
    }

    /// What never becomes known in a history is not looked at again.
    pub(crate) fn arrange(&mut self, place: &Place, revisit: &Revisit) -> Arranged {
        let key = revisit.key();
        if !revisit.settled && matches!(revisit.why, Why::Limit | Why::Flapping | Why::Snooze) {
            self.due.insert((revisit.due, place.clone(), key.clone()));
        }
        let put = self.records.put(place, (&key.subject, &key.finding), revisit);
        self.note(put);
        Arranged::Scheduled
    }

    /// What is due by then, the earliest first.
    pub(crate) fn next_due(&mut self, by: i64) -> io::Result<Option<(Place, Revisit)>> {
        while let Some((due, place, key)) = self.due.first().filter(|one| one.0 <= by).cloned() {
            self.due.pop_first();
            let record = self.of_key(&place, &key)?;
            if let Some(record) = record.filter(|record| !record.settled && record.due == due) {
                return Ok(Some((place, record)));
            }
        }
        Ok(None)
    }
}
