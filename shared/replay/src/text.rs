//! A replay as text, for a terminal.

use std::fmt::Write;

use portcullis_engine::text::harmless;

use crate::finding::{Finding, Verdict};
use crate::shown::{Shown, duration, minute};
use crate::summary::Summary;

/// How many lines of each list are shown; the other formats have all of it.
const MOST: usize = 40;

/// The whole report. `heading` paints a heading.
pub fn text(shown: &Shown<'_>, heading: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "{}", heading(title));
            for line in lines {
                let _ = writeln!(text, "  {}", harmless(&line));
            }
            text.push('\n');
        }
    };
    section("What was read", inputs(shown));
    section("What Portcullis would have done", verdicts(shown));
    section("What that means", figures(shown));
    for (by, counts) in &shown.summary.by {
        let lines = counts.iter().map(|(name, count)| [count.to_string(), name.clone()]).collect();
        section(&format!("Closed rules by {by}"), cut(columns(lines), counts.len()));
    }
    section("Findings", findings(shown));
    if let Some((dir, changes)) = &shown.compared {
        let lines = changes.iter().map(|change| {
            [minute(change.finding.at), change.words(), about(change.finding), by(change.finding)]
        });
        let mut lines = cut(columns(lines.collect()), changes.len());
        if lines.is_empty() {
            lines.push("nothing".to_owned());
        }
        section(&format!("What changes with the exceptions in {}", harmless(dir)), lines);
    }
    section("What could not be read", problems(shown));
    section(
        "What the history cannot tell",
        shown.limits().iter().map(|limit| (*limit).to_owned()).collect(),
    );
    text.trim_end().to_owned() + "\n"
}

fn inputs(shown: &Shown<'_>) -> Vec<String> {
    let facts = shown.facts;
    let inputs = &facts.inputs;
    let mut lines = vec![format!(
        "{} files, {} records, {} MB unpacked; {} records matter, {} of them watched calls",
        inputs.files,
        inputs.records,
        inputs.bytes / 1_000_000,
        facts.mattered,
        facts.events
    )];
    if let Some((first, last)) = facts.span {
        lines.push(format!("from {} to {} UTC", minute(first), minute(last)));
    }
    if facts.duplicates > 0 {
        lines
            .push(format!("{} records were there more than once and count once", facts.duplicates));
    }
    if inputs.passed_over > 0 {
        lines.push(format!("{} files of digests and insights passed over", inputs.passed_over));
    }
    if !inputs.problems.is_empty() {
        lines.push(format!("{} of them with problems, which are below", inputs.problems.len()));
    }
    lines
}

/// What was wrong with files, a line for each reason.
fn problems(shown: &Shown<'_>) -> Vec<String> {
    let grouped = shown.facts.inputs.grouped();
    let lines = grouped.iter().take(MOST).map(|(what, of)| match of.as_slice() {
        [one] => format!("{}: {one}", one.name),
        [first, ..] => format!("{} files: {what} (the first: {})", of.len(), first.name),
        [] => String::new(),
    });
    cut(lines.collect(), grouped.len())
}

fn verdicts(shown: &Shown<'_>) -> Vec<String> {
    let mut lines: Vec<[String; 2]> = shown
        .summary
        .verdicts
        .iter()
        .map(|(words, count)| [count.to_string(), words.clone()])
        .collect();
    if lines.is_empty() {
        lines.push(["0".to_owned(), "findings".to_owned()]);
    }
    let mut lines = columns(lines);
    lines.push(format!(
        "in {} mode, with the exceptions in {}, and a rule closed {} s after its call",
        shown.mode, shown.exceptions, shown.delay
    ));
    if shown.outcome.partly_known > 0 {
        lines.push(format!(
            "{} calls have no finding in groups whose older rules are unknown",
            shown.outcome.partly_known
        ));
    }
    let failed = shown.outcome.failed.iter();
    lines.extend(failed.map(|(event, why)| format!("event {event} would have failed: {why}")));
    lines
}

fn figures(shown: &Shown<'_>) -> Vec<String> {
    let Summary { closures, short_lived, again, saved, saved_still_open, messages, days, .. } =
        &shown.summary;
    let [median, most_days, worst] = messages;
    vec![
        format!("rules closed: {closures}"),
        format!(
            "closed by the same caller within an hour anyway: {short_lived} of {closures} (each would have been interrupted)"
        ),
        format!("opened again by somebody later: {again} of {closures}"),
        format!("undone: {}", shown.undone()),
        format!(
            "exposure saved: {} in all, and {} of rules that are still open at the end",
            duration(*saved),
            duration(*saved_still_open)
        ),
        format!(
            "messages a day: {median} in the median, {most_days} on 95 of 100 days at most, {worst} on the worst ({days} days)"
        ),
    ]
}

fn findings(shown: &Shown<'_>) -> Vec<String> {
    let lines = shown.outcome.findings.iter().take(MOST).map(|one| {
        let whose = one.owner.as_ref().map(|owner| format!("of {}", owner.who));
        [
            minute(one.at),
            one.verdict.words(),
            about(one),
            by(one),
            whose.unwrap_or_default(),
            shown.open(one),
            remark(one),
        ]
    });
    cut(columns(lines.collect()), shown.outcome.findings.len())
}

/// What a finding is about: check, subject and evidence.
fn about(finding: &Finding) -> String {
    let Finding { check, subject, evidence, place, .. } = finding;
    format!("{check} {subject} ({}): {evidence}", place.region)
}

pub(crate) fn by(finding: &Finding) -> String {
    let via = finding.actor.via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
    format!("{}{via}", finding.actor.name)
}

pub(crate) fn remark(finding: &Finding) -> String {
    let mut remarks: Vec<String> = Vec::new();
    if finding.verdict != Verdict::Closed {
        remarks.extend(finding.why.clone());
    }
    remarks.extend(finding.unknown.iter().map(|what| format!("unknown: {what}")));
    if !finding.as_of_today.is_empty() {
        remarks.push(format!("as of today: {}", finding.as_of_today.join(", ")));
    }
    remarks.extend(finding.life.again.map(|at| format!("opened again at {}", minute(at))));
    remarks.join("; ")
}

fn cut(mut lines: Vec<String>, all: usize) -> Vec<String> {
    lines.truncate(MOST);
    if all > lines.len() {
        lines.push(format!("and {} more (--format json has all of them)", all - lines.len()));
    }
    lines
}

/// Rows in columns, with two spaces between them.
fn columns<const N: usize>(rows: Vec<[String; N]>) -> Vec<String> {
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(harmless(cell).chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells =
            row.iter().zip(widths).map(|(cell, width)| format!("{:width$}", harmless(cell)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
