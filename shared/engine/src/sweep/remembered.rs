//! What the ledger has, reduced to what a run compares: an entry has kilobytes, and a table has many.

use std::collections::{BTreeMap, BTreeSet};

use super::OVERDUE;
use crate::ledger::{Entry, Key, Memory, Revisit, Snooze, State};
use crate::severity::Severity;
use crate::time::{HOUR, seconds};

/// What is remembered of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Which finding.
    pub key: Key,
    /// Whether it is open, closed, resolved or suppressed.
    pub state: State,
    /// The last report of its newest occurrence, if there was one.
    pub told: Option<LastReport>,
    /// When it was last seen, in seconds since 1970.
    pub last_seen: i64,
    /// When it was last told or seen: later nobody wrote it, but for a lease.
    pub written: i64,
    /// Until when it is leased.
    pub leased_until: Option<i64>,
    /// The number of writes.
    pub version: u64,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReport {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The severity that it gave; `None` if no version knows it.
    pub severity: Option<Severity>,
}

impl Remembered {
    /// Of an entry.
    pub fn of(entry: &Entry) -> Self {
        let latest = entry.latest();
        let told = latest.and_then(|occurrence| occurrence.reported.as_ref()).map(|reported| {
            LastReport { at: seconds(&reported.at), severity: Severity::parse(&reported.severity) }
        });
        let last_seen = seconds(&entry.last_seen);
        Self {
            key: entry.key.clone(),
            state: entry.state,
            written: told.as_ref().map_or(last_seen, |told| told.at.max(last_seen)),
            told,
            last_seen,
            leased_until: latest.and_then(|one| one.lease.as_ref()).map(|lease| lease.until),
            version: entry.version,
        }
    }
}

/// What the ledger has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledgered {
    /// The findings.
    pub entries: BTreeMap<Key, Remembered>,
    /// The snoozes, and nothing else.
    pub snoozes: Memory,
    /// Of these items nothing is known.
    pub unreadable: BTreeSet<Key>,
    /// The revisits that are not settled.
    pub revisits: Vec<Revisit>,
}

impl Ledgered {
    /// Adds a page of the table.
    pub fn add(&mut self, page: &Memory, revisits: Vec<Revisit>) {
        let entries = page.entries.iter();
        self.entries.extend(entries.map(|(key, entry)| (key.clone(), Remembered::of(entry))));
        let snoozes = page.snoozes.clone();
        self.snoozes.extend(Memory { snoozes, ..Memory::default() });
        self.unreadable.extend(page.unreadable.keys().cloned());
        self.revisits.extend(revisits);
    }

    /// The revisits that nothing has invoked in time, the earliest first.
    pub fn overdue(&self, now: i64) -> Vec<&Revisit> {
        let is_overdue = |revisit: &&Revisit| now.saturating_sub(revisit.due) > OVERDUE;
        let mut overdue: Vec<&Revisit> = self.revisits.iter().filter(is_overdue).collect();
        overdue.sort_by_key(|revisit| revisit.due);
        overdue
    }

    /// Whether a revisit of this subject is due about now, or is done by this run: that tells of it.
    pub(super) fn is_revisited(&self, subject: &str, now: i64) -> bool {
        let mut revisits = self.revisits.iter();
        revisits.any(|one| one.subject == subject && one.due <= now.saturating_add(HOUR))
    }

    fn snooze(&self, key: &Key) -> Option<&Snooze> {
        let (_, shape, _) = key.parts();
        let finding = Snooze::of_shape(&shape?);
        self.snoozes.snoozes.get(&Key { subject: key.subject.clone(), finding })
    }

    /// Whether the rule of a finding is snoozed now.
    pub(super) fn is_snoozed(&self, key: &Key, now: i64) -> bool {
        self.snooze(key).is_some_and(|snooze| seconds(&snooze.until) > now)
    }

    /// When the snooze of its rule ended, if one did and no revisit looks at it.
    pub(super) fn snooze_ended(&self, key: &Key, now: i64) -> Option<i64> {
        let ended = seconds(&self.snooze(key)?.until);
        let is_awaited = self.revisits.iter().any(|revisit| revisit.subject == key.subject);
        (ended <= now && !is_awaited).then_some(ended)
    }
}
