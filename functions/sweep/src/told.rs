//! From what a run found to what it tells.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use portcullis_alerts::sweep::{Ending, Late, Row, Told};
use portcullis_engine::scan::Place;
use portcullis_engine::settings::Settings;
use portcullis_engine::sweep::{Begun, Change, Compared, Looked, Taken};
use portcullis_engine::text::bounded;
use portcullis_engine::time::iso;
use portcullis_exceptions::End;
use portcullis_inventory::survey::Surveyed;

/// What a run found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) place: &'a Place,
    pub(crate) begun: &'a Begun,
    pub(crate) surveyed: &'a Surveyed,
    pub(crate) looked: &'a Looked,
    pub(crate) compared: &'a Compared,
    pub(crate) taken: &'a Taken,
    pub(crate) ends: &'a [End],
}

/// What it tells. `now` is in seconds since 1970.
pub(crate) fn told(settings: &Settings, seen: &Seen<'_>, late: Vec<Late>, now: i64) -> Told {
    let Seen { place, begun, surveyed, looked, compared, taken, ends } = *seen;
    let mut told = Told {
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
        due_late: late,
        unknown: surveyed.not_read.clone(),
        ending: ends.iter().cloned().map(ending).collect(),
        monday: begun.monday.is_some(),
        ..Told::default()
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
            Change::New => told.new.push(row(None)),
            Change::Recurred => told.new.push(row(Some("it was gone, and is there again"))),
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

/// How many findings are open, by severity.
fn open(looked: &Looked, compared: &Compared) -> BTreeMap<&'static str, usize> {
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
