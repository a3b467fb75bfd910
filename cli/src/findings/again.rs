//! What is looked at again, and what should have been.

use portcullis_engine::ledger::{Entry, Revisit};
use portcullis_engine::time::iso;
use serde_json::{Value, json};

use crate::moment::shown;
use crate::paint::harmless;
use crate::table::table;

/// How long after it was due nothing looks at it any more, in seconds: by then it was retried.
const OVERDUE: i64 = 10 * 60;

/// The revisits of the events that reported a finding.
pub(super) fn of<'a>(entry: &Entry, revisits: &'a [Revisit]) -> Vec<&'a Revisit> {
    let reported =
        |revisit: &&Revisit| entry.occurrences.iter().any(|one| one.event == revisit.event);
    revisits.iter().filter(reported).collect()
}

/// All of them, in a table.
pub(super) fn listed(revisits: &[&Revisit], now: i64) -> String {
    let heading = ["LOOKED AT AGAIN", "SUBJECT", "BECAUSE", "CALL OF", "EVENT"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(revisits.iter().map(|revisit| {
        [
            when(revisit, now),
            harmless(&revisit.subject),
            revisit.why.as_str().to_owned(),
            harmless(&revisit.call.actor.name),
            harmless(&revisit.event),
        ]
    }));
    table(&rows)
}

/// When; or that its time is over and nothing has looked.
pub(super) fn when(revisit: &Revisit, now: i64) -> String {
    let due = shown(&iso(revisit.due));
    if revisit.due + OVERDUE < now { format!("{due}, overdue") } else { due }
}

pub(super) fn json(revisit: &Revisit) -> Value {
    let Revisit { subject, event, due, why, tries, .. } = revisit;
    json!({
        "subject": subject, "event": event, "due": iso(*due), "why": why.as_str(), "tries": tries,
    })
}
