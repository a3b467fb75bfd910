//! The sweep for people: what it comes to, then a table for each kind of news.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_engine::scan::effect;
use portcullis_engine::severity::Severity;
use portcullis_engine::text;

use super::told::{Row, SweepReport};

/// How many rows the mail of a baseline has.
const WORST: usize = 20;

/// The columns of a line.
const WIDTH: usize = 80;

/// What stands below the first line of a row.
const INDENT: &str = "          ";

/// How many checks and owners a baseline names.
const NAMED: usize = 10;

/// The mail, with so many rows a list at the most.
pub(super) fn body(told: &SweepReport, rows: usize) -> String {
    let mut body = summary(told).join("\n") + "\n";
    if told.baseline {
        counted(
            &mut body,
            "By check",
            told.new.iter().chain(&told.risen).map(|row| row.check.as_str()),
        );
        let owner =
            |row: &Row| row.owner.clone().unwrap_or_else(|| "nobody that is known".to_owned());
        let owners: Vec<String> = told.new.iter().chain(&told.risen).map(owner).collect();
        counted(&mut body, "By owner", owners.iter().map(String::as_str));
    }
    let most = if told.baseline { rows.min(WORST) } else { rows };
    list(
        &mut body,
        if told.baseline { "THE WORST" } else { "NEW: at fault, and no alert said so" },
        &told.new,
        most,
    );
    list(&mut body, "RISEN: reported before, and worse now", &told.risen, most);
    list(&mut body, "RESOLVED: reported before, and gone", &told.resolved, most);
    list(
        &mut body,
        "SUPPRESSED NOW: reported before, and an exception suppresses it",
        &told.suppressed_now,
        most,
    );
    list(&mut body, "CLOSED: older faults whose notice was over", &told.remediated, rows);
    left(&mut body, told, most);
    late(&mut body, told, most);
    endings(&mut body, told, most);
    unknown(&mut body, told);
    let option = told.option();
    let _ = write!(
        body,
        "\nList what is open, with snoozed rules:\nportcullis findings{option}\n\
         One finding, by the id in its row:\nportcullis findings f-...{option}\n"
    );
    if told.baseline {
        let _ = write!(
            body,
            "A report of all that is there, with the command and the exception for each:\n\
             portcullis audit --regions {} --format html --output audit.html\n",
            told.region
        );
    }
    if told.remediated.is_empty() {
        body.push_str("\nThe sweep closed nothing: it looks at what is there, and reports.\n");
    }
    body
}

/// A few lines that say it all.
pub(super) fn summary(told: &SweepReport) -> Vec<String> {
    let open: usize = told.open.values().sum();
    let by_severity: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .filter_map(|severity| {
            let count = told.open.get(severity.as_str()).filter(|count| **count > 0)?;
            Some(format!("{count} {}", severity.as_str()))
        })
        .collect();
    let of = if by_severity.is_empty() {
        String::new()
    } else {
        format!(": {}", by_severity.join(", "))
    };
    let mut lines = Vec::new();
    if told.baseline {
        lines.push(
            "The first sweep of this account and Region: what it found was there before."
                .to_owned(),
        );
    }
    lines.push(format!("{} open{of}.", text::counted(open, "finding")));
    if told.snoozed > 0 {
        lines.push(format!("{} snoozed.", told.snoozed));
    }
    lines.push(format!(
        "Looked at {} security groups and {} caches of account {}, {}.",
        told.counts.groups, told.counts.caches, told.account, told.region
    ));
    lines
}

/// `By check: open-ingress 12, no-auth 3`
fn counted<'a>(body: &mut String, what: &str, names: impl Iterator<Item = &'a str>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named: Vec<String> = counts
        .iter()
        .take(NAMED)
        .map(|(name, count)| format!("{} {count}", text::plain(name, 60)))
        .collect();
    if !named.is_empty() {
        wrapped(body, "", &format!("{what}: {}", named.join(", ")));
    }
}

fn list(body: &mut String, heading: &str, rows: &[Row], most: usize) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(body, "\n{heading}");
    for row in rows.iter().take(most) {
        let _ = writeln!(
            body,
            "{:8}  {}  {}",
            row.severity.as_str(),
            text::plain(&row.id, 20),
            text::plain(&row.subject, 60)
        );
        wrapped(body, INDENT, &text::plain(&row.title, 200));
        let owner =
            row.owner.as_deref().map(|owner| format!("owner: {}; ", text::plain(owner, 120)));
        let since =
            format!("{}first seen {}", owner.unwrap_or_default(), text::plain(&row.first_seen, 40));
        wrapped(body, INDENT, &since);
        if let Some(note) = &row.note {
            wrapped(body, INDENT, &text::plain(note, 200));
        }
    }
    let more = rows.len().saturating_sub(most);
    if more > 0 {
        let _ = writeln!(body, "... and {more} more");
    }
}

/// What stays open for now, and the ways to keep it so.
fn left(body: &mut String, told: &SweepReport, most: usize) {
    if told.not_remediated.is_empty() {
        if told.closes {
            keep(body, told);
        }
        return;
    }
    body.push_str("\nNOT CLOSED: older faults that the sweep could close\n");
    for one in told.not_remediated.iter().take(most) {
        let words = format!(
            "{:8}  {}: {}",
            one.severity.as_str(),
            text::plain(&one.id, 20),
            text::plain(&one.because, 200)
        );
        wrapped(body, "", &words);
    }
    let more = told.not_remediated.len().saturating_sub(most);
    if more > 0 {
        let _ = writeln!(body, "... and {more} more");
    }
    keep(body, told);
}

/// The three ways out.
fn keep(body: &mut String, told: &SweepReport) {
    let _ = write!(
        body,
        "\nTo keep one open: write an exception (docs/exceptions.md); or tag its security\ngroup with portcullis:protect; or, for up to 30 days:\nportcullis undo f-... --for 30d --reason '...'{}\n",
        told.option()
    );
}

fn late(body: &mut String, told: &SweepReport, most: usize) {
    if told.due_late.is_empty() {
        return;
    }
    body.push_str("\nREVISITED LATE: nothing had looked again in time; it is done now\n");
    for late in told.due_late.iter().take(most) {
        let failed = late.failed.as_deref();
        let failed = failed.map(|why| format!("; NOT DONE: {}", text::plain(why, 200)));
        let words = format!(
            "{}, due {} ({}){}",
            text::plain(&late.subject, 60),
            text::plain(&late.due, 40),
            late.why,
            failed.unwrap_or_default()
        );
        wrapped(body, "", &words);
    }
}

fn endings(body: &mut String, told: &SweepReport, most: usize) {
    if told.ending.is_empty() {
        return;
    }
    body.push_str("\nEXCEPTIONS that have expired, or expire within 30 days\n");
    for one in told.ending.iter().take(most) {
        let words = format!(
            "{} {} at {}: {}",
            text::plain(&one.id, 60),
            if one.is_over { "expired" } else { "expires" },
            text::plain(&one.until, 40),
            text::plain(&one.file, 120)
        );
        wrapped(body, "", &words);
    }
    let more = told.ending.len().saturating_sub(most);
    if more > 0 {
        let _ = writeln!(body, "... and {more} more");
    }
}

fn unknown(body: &mut String, told: &SweepReport) {
    if told.unknown.is_empty() && told.unread == 0 {
        return;
    }
    let _ = writeln!(body, "\nUNKNOWN: {} cannot be judged", text::counted(told.unread, "finding"));
    for unknown in &told.unknown {
        let right = unknown.right.as_deref().map(|right| format!(" (missing right {right})"));
        let words =
            format!("{}{}: {}", unknown.call, right.unwrap_or_default(), effect(&unknown.call));
        wrapped(body, "", &words);
    }
}

/// Broken between words; each line begins with the indent.
fn wrapped(body: &mut String, indent: &str, words: &str) {
    for line in text::lines(words.split(' '), WIDTH - indent.len()) {
        let _ = writeln!(body, "{indent}{line}");
    }
}
