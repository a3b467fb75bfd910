//! The findings as CSV (RFC 4180), one row each, for a spreadsheet.

use portcullis_engine::text::csv_row;
use portcullis_engine::time::iso;

use crate::finding::{Finding, Verdict};
use crate::shown::Shown;

const COLUMNS: [&str; 23] = [
    "time",
    "account",
    "region",
    "verdict",
    "suppressed_by",
    "because",
    "check",
    "severity",
    "subject",
    "group",
    "rule",
    "evidence",
    "call",
    "event",
    "caller",
    "role",
    "tool",
    "owner",
    "would_close",
    "open_seconds",
    "closed_by",
    "opened_again",
    "as_of_today",
];

/// The table. With other exceptions it has one column more: what they make of the finding, where that differs.
pub fn csv(shown: &Shown<'_>) -> String {
    let end = shown.end();
    let mut text = String::new();
    let changes = shown.compared.as_ref().map(|(_, changes)| changes);
    let mut head = COLUMNS.map(str::to_owned).to_vec();
    head.extend(changes.map(|_| "with_other_exceptions".to_owned()));
    text += &csv_row(&head);
    for one in &shown.outcome.findings {
        let mut cells = cells(one, end);
        cells.extend(changes.map(|changes| {
            let change = changes.iter().find(|change| change.finding.identity() == one.identity());
            let after = |verdict: Option<&Verdict>| {
                verdict.map_or_else(|| "no finding".to_owned(), Verdict::words)
            };
            change.map(|change| after(change.after)).unwrap_or_default()
        }));
        text += &csv_row(&cells);
    }
    text
}

fn cells(one: &Finding, end: i64) -> Vec<String> {
    let Finding { place, actor, life, .. } = one;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        iso(one.at),
        place.account.to_string(),
        place.region.to_string(),
        one.verdict.as_str().to_owned(),
        one.verdict.suppressed_by().unwrap_or_default().to_owned(),
        text(&one.why),
        one.check.as_str().to_owned(),
        one.severity.map(|severity| severity.as_str()).unwrap_or_default().to_owned(),
        one.subject.to_string(),
        one.group.as_deref().unwrap_or_default().to_owned(),
        one.told_rule().unwrap_or_default().to_owned(),
        one.evidence.clone(),
        one.name.to_owned(),
        one.event.to_string(),
        actor.name.to_string(),
        text(&actor.role),
        text(&actor.via),
        one.owner.as_ref().map(|owner| owner.who.clone()).unwrap_or_default(),
        one.would_close.map(iso).unwrap_or_default(),
        one.open(end).to_string(),
        life.closed.as_ref().map(|(_, by)| by.to_string()).unwrap_or_default(),
        life.again.map(iso).unwrap_or_default(),
        one.as_of_today.join(", "),
    ];
    cells.to_vec()
}
