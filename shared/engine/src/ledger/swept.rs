//! What a run of the sweep writes of findings that are in the ledger and not at fault any more.

use super::state::Step;
use super::{Entry, Lease, Leased};

impl Leased {
    /// Leases of findings that were open, and are gone or suppressed now. They become [`Leased::resolved`] ones.
    pub fn of_open(entries: Vec<Entry>, lease: &Lease) -> Self {
        let take = |mut entry: Entry| {
            entry.version += 1;
            if let Some(occurrence) = entry.occurrences.last_mut() {
                occurrence.lease = Some(lease.clone());
            }
            entry
        };
        let entries: Vec<Entry> = entries.into_iter().map(take).collect();
        Self { resolved: entries.clone(), entries, by: lease.by.clone(), ..Self::default() }
    }

    /// The entries to write after it was told that exceptions suppress them now: what was told before counts no more, so
    /// that they are news when they are at fault again.
    pub fn suppressed(&self) -> Vec<Entry> {
        let suppress = |mut entry: Entry| {
            entry.version += 1;
            entry.state = entry.state.after(Step::Suppressed);
            if let Some(occurrence) = entry.occurrences.last_mut() {
                (occurrence.lease, occurrence.reported) = (None, None);
            }
            entry
        };
        self.entries.iter().cloned().map(suppress).collect()
    }
}
