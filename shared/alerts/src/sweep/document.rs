//! The sweep for machines: `portcullis.sweep.v1`, described by `docs/sweep.schema.json`.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::scan::{Counts, effect};
use portcullis_engine::severity::Severity;
use portcullis_engine::sweep::LateRevisit;
use portcullis_engine::text::{bounded, harmless_json};
use serde_json::{Value, json};

use super::told::{NotRemediated, Row, SweepReport};

/// Longest text of a user that is passed on.
const TEXT: usize = 256;

/// With so many rows a list at the most.
pub(super) fn document(told: &SweepReport, rows: usize) -> String {
    let news = told.new.iter().chain(&told.risen).chain(&told.remediated);
    let checks: BTreeSet<&str> = news.map(|row| row.check.as_str()).collect();
    let open: BTreeMap<&str, usize> = Severity::ALL
        .into_iter()
        .map(|severity| {
            let severity = severity.as_str();
            (severity, told.open.get(severity).copied().unwrap_or_default())
        })
        .collect();
    let Counts { groups, suspects, rules, prefix_lists, caches } = told.counts;
    let list = |all: &[Row]| all.iter().take(rows).map(row).collect::<Vec<Value>>();
    let more = |all: usize| all.saturating_sub(rows);
    let document = json!({
        "schema": "portcullis.sweep.v1",
        "id": format!("sweep/{}", told.run),
        "account": told.account,
        "region": told.region,
        "severity": told.severity().as_str(),
        "checks": checks,
        "mode": told.mode,
        "run": {"started": told.run, "finished": told.finished, "baseline": told.baseline},
        "counts": {
            "groups": groups, "suspects": suspects, "rules": rules, "prefixLists": prefix_lists, "caches": caches,
            "snoozed": told.snoozed, "unread": told.unread,
        },
        "open": open,
        "new": list(&told.new),
        "risen": list(&told.risen),
        "resolved": list(&told.resolved),
        "suppressedNow": list(&told.suppressed_now),
        "remediated": list(&told.remediated),
        "notRemediated": told.not_remediated.iter().take(rows).map(left).collect::<Vec<Value>>(),
        "dueLate": told.due_late.iter().take(rows).map(late).collect::<Vec<Value>>(),
        "exceptions": {
            "ending": endings(told, false, rows),
            "ended": endings(told, true, rows),
        },
        "unknown": told.unknown.iter().take(rows).map(|unknown| json!({
            "call": unknown.call,
            "right": unknown.right,
            "error": bounded(&unknown.error, 2 * TEXT),
            "count": unknown.count,
            "effect": effect(&unknown.call),
        })).collect::<Vec<Value>>(),
        "more": {
            "new": more(told.new.len()),
            "risen": more(told.risen.len()),
            "resolved": more(told.resolved.len()),
            "suppressedNow": more(told.suppressed_now.len()),
            "remediated": more(told.remediated.len()),
            "notRemediated": more(told.not_remediated.len()),
            "dueLate": more(told.due_late.len()),
            "unknown": more(told.unknown.len()),
            "ending": more(told.ending.iter().filter(|one| !one.is_over).count()),
            "ended": more(told.ending.iter().filter(|one| one.is_over).count()),
        },
    });
    harmless_json(&document.to_string())
}

fn row(row: &Row) -> Value {
    json!({
        "id": row.id,
        "check": row.check,
        "severity": row.severity.as_str(),
        "subject": bounded(&row.subject, TEXT),
        "title": bounded(&row.title, TEXT),
        "owner": row.owner.as_deref().map(|owner| bounded(owner, TEXT)),
        "firstSeen": row.first_seen,
        "note": row.note.as_deref().map(|note| bounded(note, TEXT)),
    })
}

fn left(left: &NotRemediated) -> Value {
    json!({"id": left.id, "because": bounded(&left.because, TEXT)})
}

fn endings(told: &SweepReport, over: bool, rows: usize) -> Vec<Value> {
    let endings = told.ending.iter().filter(|one| one.is_over == over).take(rows);
    endings
        .map(|one| {
            json!({
                "id": bounded(&one.id, TEXT),
                "file": bounded(&one.file, TEXT),
                "until": bounded(&one.until, TEXT),
            })
        })
        .collect()
}

fn late(late: &LateRevisit) -> Value {
    json!({
        "subject": bounded(&late.subject, TEXT),
        "why": late.why,
        "due": late.due,
        "failed": late.failed.as_deref().map(|why| bounded(why, TEXT)),
    })
}
