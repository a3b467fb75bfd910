//! From what a run found to what it tells.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use portcullis_alerts::sweep::{Ending, Row, SweepReport};
use portcullis_engine::ledger::Key;
use portcullis_engine::scan::Place;
use portcullis_engine::settings::Settings;
use portcullis_engine::sweep::{
    Change, Comparison, Follow, LateRevisit, Ledgered, Observations, RunStart, Taken,
};
use portcullis_engine::text::bounded;
use portcullis_engine::time::iso;
use portcullis_exceptions::End;
use portcullis_inventory::survey::Surveyed;

/// What came of what no event told.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// What waits for the follow-up, or for the next run.
    pub(crate) next: Option<Follow>,
    /// What is said of new findings.
    pub(crate) notes: BTreeMap<Key, &'static str>,
    /// Calls that were not delivered before, and are now.
    pub(crate) missed: usize,
    /// The revisits that this message tells.
    pub(crate) late: Vec<LateRevisit>,
}

/// What a run found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) place: &'a Place,
    pub(crate) begun: &'a RunStart,
    pub(crate) surveyed: &'a Surveyed,
    pub(crate) looked: &'a Observations,
    pub(crate) ledger: &'a Ledgered,
    pub(crate) followed: &'a Followed,
    pub(crate) compared: &'a Comparison,
    pub(crate) taken: &'a Taken,
    pub(crate) ends: &'a [End],
}

/// What it tells. `now` is in seconds since 1970.
pub(crate) fn told(settings: &Settings, seen: &Seen<'_>, now: i64) -> SweepReport {
    let Seen { place, begun, surveyed, looked, ledger: _, followed, compared, taken, ends } = *seen;
    let mut told = SweepReport {
        run: place.time.clone(),
        finished: iso(now),
        baseline: begun.baseline,
        account: place.account.clone(),
        region: place.region.clone(),
        mode: settings.mode.as_str(),
        stack: settings.stack.clone(),
        counts: surveyed.counts,
        open: open(looked, compared),
        snoozed: compared.changes.values().filter(|change| **change == Change::Snoozed).count(),
        unread: compared.unknown,
        due_late: followed.late.clone(),
        unknown: surveyed.not_read.clone(),
        ending: ends.iter().cloned().map(ending).collect(),
        monday: begun.monday.is_some(),
        ..SweepReport::default()
    };
    for (key, entry) in taken.told() {
        let Some(change) = compared.changes.get(key) else { continue };
        let row = |note: Option<&str>| {
            let note = note.map(str::to_owned);
            match looked.found.get(key) {
                Some(found) => Row::of_found(found, entry, note),
                None => Row::of_entry(entry, note),
            }
        };
        match change {
            Change::New => told.new.push(row(followed.notes.get(key).copied())),
            Change::Recurred => {
                let again = "it was gone, and is there again";
                let note = followed.notes.get(key).map(|note| format!("{again}; {note}"));
                told.new.push(row(Some(note.as_deref().unwrap_or(again))));
            }
            Change::Risen => told.risen.push(row(None)),
            Change::SnoozeOver => told.risen.push(row(Some("its snooze is over"))),
            Change::Resolved => told.resolved.push(row(None)),
            Change::Suppressed => {
                let by = looked.suppressed.get(key);
                let by = by.map(|by| format!("suppressed by {}", bounded(&by.id, 120)));
                told.suppressed_now.push(row(by.as_deref()));
            }
            Change::Seen | Change::Known | Change::Snoozed | Change::Unknown | Change::Busy => {}
        }
    }
    let lists = [&mut told.new, &mut told.risen, &mut told.resolved, &mut told.suppressed_now];
    for rows in lists {
        rows.sort_by(|a, b| {
            let order = |row: &Row| (Reverse(row.severity), row.first_seen.clone(), row.id.clone());
            order(a).cmp(&order(b))
        });
    }
    told
}

fn ending(end: End) -> Ending {
    let End { id, file, until, is_over } = end;
    Ending { id, file, until, is_over }
}

impl Seen<'_> {
    /// What is open, by severity, and how many are snoozed: for a run that did not look at everything.
    pub(crate) fn open_of_all(&self, now: i64) -> (BTreeMap<&'static str, usize>, usize) {
        let (mut open, snoozed) = self.ledger.open(now);
        for key in self.taken.told().keys() {
            if let (Some(change), Some(found)) =
                (self.compared.changes.get(key), self.looked.found.get(key))
                && change.is_new()
            {
                *open.entry(found.rating.severity.as_str()).or_default() += 1;
            }
        }
        (open, snoozed)
    }
}

/// How many findings are open, by severity.
fn open(looked: &Observations, compared: &Comparison) -> BTreeMap<&'static str, usize> {
    let mut open = BTreeMap::new();
    for (key, found) in &looked.found {
        let is_open = |change: &Change| {
            change.is_at_fault() || matches!(change, Change::Known | Change::Seen | Change::Busy)
        };
        if compared.changes.get(key).is_some_and(is_open) {
            *open.entry(found.rating.severity.as_str()).or_default() += 1;
        }
    }
    open
}
