//! One finding, with all that is remembered of it.

use portcullis_engine::ledger::{Entry, Revisit, RuleRecord, Snooze, State, Undo, undo};

use super::again::when;
use super::words::{state, times};
use crate::moment::{seconds, shown};
use crate::paint::harmless;
use crate::table::table;

pub(super) fn text(
    entry: &Entry,
    snooze: Option<&Snooze>,
    revisits: &[&Revisit],
    now: i64,
    stack_option: &str,
) -> String {
    let mut text = format!("{}: {}\n\n", harmless(&entry.id), harmless(&entry.title));
    let again = revisits.iter().map(|one| format!("{}: {}", when(one, now), one.why.as_str()));
    let again = again.map(|text| ("Next look", text));
    for (name, value) in facts(entry, snooze, now).into_iter().chain(again) {
        text += &format!("  {name:12} {value}\n");
    }
    text += &format!("\n{}", indented(&occurrences(entry)));
    text += &next(entry, stack_option);
    text
}

fn facts(entry: &Entry, snooze: Option<&Snooze>, now: i64) -> Vec<(&'static str, String)> {
    let came = match (entry.times, entry.returns) {
        (1, _) => "once".to_owned(),
        (count, 0) => times(count),
        (count, back) => {
            format!("{}, {back} of them recurrences after a revoke", times(count))
        }
    };
    let mut facts = vec![
        ("Check", harmless(&entry.check)),
        ("Severity", harmless(&entry.severity)),
        ("Subject", harmless(&entry.key.subject)),
        ("State", state(entry.state).to_owned()),
        ("First seen", shown(&entry.first_seen)),
        ("Last seen", shown(&entry.last_seen)),
        ("Came", came),
    ];
    if let Some(kept) = &entry.rule {
        facts.extend(rule(kept));
    }
    if let Some(snooze) = snooze {
        let over = if seconds(&snooze.until) > now { "" } else { " (over)" };
        facts.push((
            "Snoozed",
            format!(
                "until {}{over}, by {}: {}",
                shown(&snooze.until),
                harmless(&snooze.by),
                harmless(&snooze.reason)
            ),
        ));
    }
    facts
}

/// The rule as it was, with all that undoing brings back.
fn rule(kept: &RuleRecord) -> Vec<(&'static str, String)> {
    let mut lines = vec![(
        "Rule",
        harmless(&format!("{} in {}, was {}", kept.rule().words(), kept.group, kept.rule)),
    )];
    lines.extend(kept.description.as_deref().map(|text| ("Description", harmless(text))));
    let tags = kept.tags.iter().map(|(key, value)| ("Tag", harmless(&format!("{key}={value}"))));
    lines.extend(tags);
    lines
}

fn occurrences(entry: &Entry) -> String {
    let heading = ["CAME", "BY", "THROUGH", "RULE", "BACK", "OUTCOME", "TOLD"];
    let mut rows = vec![heading.map(str::to_owned)];
    let or_none = |text: &Option<String>| text.as_deref().map_or_else(String::new, harmless);
    rows.extend(entry.occurrences.iter().rev().map(|occurrence| {
        [
            shown(&occurrence.at),
            harmless(&occurrence.by),
            or_none(&occurrence.via),
            or_none(&occurrence.rule),
            if occurrence.recurred { "yes".to_owned() } else { String::new() },
            harmless(occurrence.outcome.as_str()),
            occurrence.reported.as_ref().map_or_else(|| "no".to_owned(), |told| shown(&told.at)),
        ]
    }));
    table(&rows)
}

/// What can be done about it from here. The group is not looked at: a rule that is back is told by `undo`.
fn next(entry: &Entry, stack_option: &str) -> String {
    match undo(entry, Some(&[])) {
        Undo::Restore(_) => format!(
            "\nRestore the rule, and snooze it for a day:\n  portcullis undo {} --reason '...'{stack_option}\n",
            harmless(&entry.id)
        ),
        Undo::NothingToUndo(_) if entry.state == State::Open => {
            "\nThe rule was not revoked. Its alert says why, and what to do.\n".to_owned()
        }
        Undo::NothingToUndo(_) | Undo::AlreadyBack(_) | Undo::GroupGone => String::new(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
