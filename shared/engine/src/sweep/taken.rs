//! What is written of what is told: leases before the message, and what it says after it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Comparison, Found, Ledgered, Observations};
use crate::action::Outcomes;
use crate::finding::Finding;
use crate::ledger::{
    Entry, Key, Lease, LeaseContext, Leased, LeasedFinding, LiveState, Memory, Open, lease,
};
use crate::severity::Rating;
use crate::time::iso;

/// What a run tells, leased.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// What is at fault, subject by subject.
    found: Vec<(Leased, Vec<Found>)>,
    resolved: Leased,
    suppressed: Leased,
    /// To be written, and not told: they are still there.
    seen: Vec<Entry>,
}

/// The entries that have to be read whole before anything is written: those of which the ledger has one.
pub fn wanted(compared: &Comparison, ledger: &Ledgered) -> Vec<Key> {
    let is_written = |change: Change| {
        !matches!(change, Change::Known | Change::Snoozed | Change::Unknown | Change::Busy)
    };
    let changes = compared
        .changes
        .iter()
        .filter(|(key, change)| is_written(**change) && ledger.entries.contains_key(*key));
    changes.map(|(key, _)| key.clone()).collect()
}

impl Taken {
    /// Leases what is told. `memory` has the entries of [`wanted`]; what somebody wrote since the ledger was listed is left
    /// to the next run.
    pub fn of(
        compared: &Comparison,
        looked: &Observations,
        ledger: &Ledgered,
        mut memory: Memory,
        lease: &Lease,
        now: i64,
    ) -> Self {
        memory.entries.retain(|key, entry| {
            ledger.entries.get(key).is_some_and(|before| before.version == entry.version)
        });
        let (mut taken, mut gone, mut silenced) = (Self::default(), Vec::new(), Vec::new());
        let mut found: BTreeMap<&str, Vec<Found>> = BTreeMap::new();
        for (key, change) in &compared.changes {
            let before = memory.entries.get(key).cloned();
            if before.is_none() && ledger.entries.contains_key(key) {
                continue;
            }
            match (change, before) {
                (Change::New | Change::Recurred | Change::Risen, _) => {}
                (Change::SnoozeOver, _) => {
                    let entry = memory.entries.get_mut(key);
                    if let Some(latest) = entry.and_then(|entry| entry.occurrences.last_mut()) {
                        latest.reported = None;
                    }
                }
                (Change::Resolved, before) => gone.extend(before),
                (Change::Suppressed, before) => silenced.extend(before),
                (Change::Seen, Some(mut entry)) => {
                    entry.last_seen = iso(now);
                    entry.version += 1;
                    taken.seen.push(entry);
                }
                (_, _) => continue,
            }
            if let Some(one) = looked.found.get(key).filter(|_| change.is_at_fault()) {
                found.entry(one.subject.arn.as_str()).or_default().push(one.clone());
            }
        }
        taken.found =
            found.into_values().map(|found| (leased(&found, &memory, lease, now), found)).collect();
        taken.resolved = Leased::of_open(gone, lease);
        taken.suppressed = Leased::of_open(silenced, lease);
        taken
    }

    /// What is to be written before it is told, each on condition of its version.
    pub fn entries(&self) -> Vec<Entry> {
        let found = self.found.iter().flat_map(|(leased, _)| &leased.entries);
        let rest = self.resolved.entries.iter().chain(&self.suppressed.entries);
        found.chain(rest).chain(&self.seen).cloned().collect()
    }

    /// Without what somebody else wrote meanwhile.
    pub fn without(&mut self, lost: &[Key]) {
        let lost: BTreeSet<&Key> = lost.iter().collect();
        let found = self.found.iter_mut().map(|(leased, _)| leased);
        for leased in found.chain([&mut self.resolved, &mut self.suppressed]) {
            leased.entries.retain(|entry| !lost.contains(&entry.key));
        }
        self.seen.retain(|entry| !lost.contains(&entry.key));
    }

    /// The entry of each finding that is told.
    pub fn told(&self) -> BTreeMap<&Key, &Entry> {
        let found = self.found.iter().flat_map(|(leased, _)| &leased.entries);
        let rest = self.resolved.entries.iter().chain(&self.suppressed.entries);
        found.chain(rest).map(|entry| (&entry.key, entry)).collect()
    }

    /// What is to be written after it was told.
    pub fn record(&self, now: i64) -> Vec<Entry> {
        let (at, nothing) = (iso(now), Outcomes::new());
        let found = self.found.iter().flat_map(|(leased, found)| {
            let settled: Vec<LeasedFinding<'_>> = found
                .iter()
                .map(|Found { key, finding, rating, .. }| LeasedFinding {
                    key,
                    finding,
                    rating: *rating,
                    is_told: true,
                    granted: &[],
                })
                .collect();
            leased.settle(&settled, &nothing, Some(&at), None)
        });
        let resolved = self.resolved.settle(&[], &nothing, Some(&at), None);
        found.chain(resolved).chain(self.suppressed.suppressed()).collect()
    }
}

impl Change {
    /// Whether what is told is at fault.
    pub fn is_at_fault(self) -> bool {
        matches!(self, Self::New | Self::Recurred | Self::Risen | Self::SnoozeOver)
    }
}

fn leased(found: &[Found], memory: &Memory, taken: &Lease, now: i64) -> Leased {
    let Some(Found { subject, event, .. }) = found.first() else { return Leased::new() };
    let findings: Vec<Finding> = found.iter().map(|found| found.finding.clone()).collect();
    let ratings = found.iter().map(|found| found.rating);
    let pairs: Vec<(&Finding, Rating)> = findings.iter().zip(ratings).collect();
    let open = Open { subject, findings: &findings, suppressed: &[], unseen: &[] };
    let looked = LiveState::default();
    let turn = LeaseContext { event, looked: &looked, still_open: &[], lease: taken, now };
    // Only these: an entry that was not read whole is no entry that is not there.
    let keys: BTreeSet<&Key> = found.iter().map(|found| &found.key).collect();
    let entries = memory.entries.iter().filter(|(key, _)| keys.contains(key));
    let entries = entries.map(|(key, entry)| (key.clone(), entry.clone())).collect();
    let memory = Memory { entries, ..Memory::default() };
    lease(pairs.into_iter(), open, &memory, &turn)
}
