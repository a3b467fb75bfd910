//! `portcullis findings`: what is remembered of findings, which rules are left alone, and what is looked at again.

mod again;
mod one;
mod words;

use std::cmp::Reverse;

use anyhow::{Context, Result};
use clap::Args;
use portcullis_aws::now;
use portcullis_engine::facts::{IngressRule, Protocol, Source};
use portcullis_engine::ledger::{Entry, Memory, Revisit, Snooze, State};
use portcullis_engine::severity::Severity;
use serde_json::json;

use crate::advice::advice;
use crate::common::{Common, Exit};
use crate::moment::{seconds, shown};
use crate::paint::harmless;
use crate::table::table;
use crate::{account, paint};
use words::{state, times};

/// List open findings, snoozed rules and revisits, or show one finding
#[derive(Debug, Args)]
#[command(after_long_help = EXIT)]
pub(crate) struct Arguments {
    /// A finding, by its id: everything that the ledger has about it
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// List also remediated and resolved findings, and snoozes that are over
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

const EXIT: &str = "\
`portcullis undo ID --reason TEXT` restores a rule that was revoked.

Exit status:
  0  the list, which may be empty, or the finding
  2  the ledger could not be read, or has no finding with this id";

/// Lists the ledger, or shows one finding of it.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let config = account::config(common, None).await?;
    let listed = account::ledger(&config, common).list_all().await;
    let (memory, revisits) = listed.map_err(|error| account::no_ledger(error, &config, common))?;
    let output = match &arguments.id {
        Some(id) => {
            let entry = find(&memory, id, common)?;
            let snooze = snooze(&memory, entry);
            let again = again::of(entry, &revisits);
            if arguments.json {
                let again: Vec<_> = again.into_iter().map(again::json).collect();
                paint::json(&json!({"finding": entry, "exemption": snooze, "revisits": again}))
            } else {
                one::text(entry, snooze, &again, now(), &common.stack_option())
            }
        }
        None => {
            let list = List::of(&memory, &revisits, arguments.all, now());
            if arguments.json { list.json() } else { list.text() }
        }
    };
    paint::write(&output, common.color).context("the list cannot be written")?;
    Ok(Exit::Yes)
}

/// The finding of this id.
pub(crate) fn find<'a>(memory: &'a Memory, id: &str, common: &Common) -> Result<&'a Entry> {
    match memory.entries.values().find(|entry| entry.id == id) {
        Some(entry) => Ok(entry),
        None => Err(advice(
            format!(
                "there is no finding `{}` in the ledger of stack {}",
                id.escape_default(),
                common.stack
            ),
            format!(
                "give the id of one that `portcullis findings --all{}` lists",
                common.stack_option()
            ),
        )),
    }
}

/// The snooze of the rule that a finding is about, whether it is over or not.
pub(crate) fn snooze<'a>(memory: &'a Memory, entry: &Entry) -> Option<&'a Snooze> {
    let kept = entry.rule.as_ref()?;
    let finding = Snooze::finding(&kept.rule());
    memory.snoozes.values().find(|e| e.subject == kept.group && e.finding == finding)
}

/// What is listed.
struct List<'a> {
    entries: Vec<&'a Entry>,
    /// Each with the ids of the findings about the rule.
    snoozes: Vec<(&'a Snooze, Vec<&'a str>)>,
    /// The earliest first.
    revisits: Vec<&'a Revisit>,
    all: bool,
    now: i64,
}

impl<'a> List<'a> {
    /// Open ones first, then the worst, then the latest.
    fn of(memory: &'a Memory, revisits: &'a [Revisit], all: bool, now: i64) -> Self {
        let is_open = |entry: &Entry| entry.state == State::Open;
        let mut entries: Vec<&Entry> =
            memory.entries.values().filter(|entry| all || is_open(entry)).collect();
        entries.sort_by_key(|entry| {
            (
                !is_open(entry),
                Reverse(severity(&entry.severity)),
                Reverse(seconds(&entry.last_seen)),
                &entry.id,
            )
        });
        let runs = |snooze: &Snooze| seconds(&snooze.until) > now;
        let snoozes = memory.snoozes.values().filter(|snooze| all || runs(snooze));
        let of_rule = |snoozed: &Snooze| {
            let about = memory
                .entries
                .values()
                .filter(|entry| snooze(memory, entry).is_some_and(|of_entry| of_entry == snoozed));
            about.map(|entry| entry.id.as_str()).collect()
        };
        let snoozes = snoozes.map(|snooze| (snooze, of_rule(snooze))).collect();
        let mut revisits: Vec<&Revisit> = revisits.iter().collect();
        revisits.sort_by_key(|revisit| (revisit.due, &revisit.subject, &revisit.event));
        Self { entries, snoozes, revisits, all, now }
    }

    fn text(&self) -> String {
        let findings = match (self.entries.is_empty(), self.all) {
            (true, true) => "No findings.\n".to_owned(),
            (true, false) => {
                "No open findings. --all also lists remediated and resolved ones.\n".to_owned()
            }
            (false, _) => self.findings(),
        };
        let mut text = findings;
        if !self.snoozes.is_empty() {
            text += &format!("\n{}", self.left());
        }
        if !self.revisits.is_empty() {
            text += &format!("\n{}", again::listed(&self.revisits, self.now));
        }
        text
    }

    fn findings(&self) -> String {
        let heading =
            ["FINDING", "SEVERITY", "WHAT", "SUBJECT", "STATE", "RECURRED", "BY", "LAST SEEN"];
        let mut rows = vec![heading.map(str::to_owned)];
        rows.extend(self.entries.iter().map(|entry| {
            [
                harmless(&entry.id),
                harmless(&entry.severity),
                harmless(&entry.title),
                harmless(&entry.key.subject),
                state(entry.state).to_owned(),
                times(entry.returns),
                entry.latest().map_or_else(String::new, |occurrence| harmless(&occurrence.by)),
                shown(&entry.last_seen),
            ]
        }));
        table(&rows)
    }

    fn left(&self) -> String {
        let mut rows = vec![["SNOOZED", "IN", "UNTIL", "BY", "WHY", "FINDING"].map(str::to_owned)];
        rows.extend(self.snoozes.iter().map(|(snooze, findings)| {
            [
                harmless(&words(&snooze.finding)),
                harmless(&snooze.subject),
                shown(&snooze.until),
                harmless(&snooze.by),
                harmless(&snooze.reason),
                harmless(&findings.join(", ")),
            ]
        }));
        table(&rows)
    }

    fn json(&self) -> String {
        let snoozes: Vec<_> = self.snoozes.iter().map(|(snooze, _)| snooze).collect();
        let revisits: Vec<_> = self.revisits.iter().map(|revisit| again::json(revisit)).collect();
        let all = json!({"findings": self.entries, "exemptions": snoozes, "revisits": revisits});
        paint::json(&all)
    }
}

/// `None`, the least, for a severity that this version does not know.
fn severity(text: &str) -> Option<Severity> {
    let known = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    known.into_iter().find(|severity| severity.as_str() == text)
}

/// A rule, by the sort key of its snooze: `exempt#tcp#6379#6379#0.0.0.0/0`.
fn words(finding: &str) -> String {
    let parts: Vec<&str> = finding.splitn(5, '#').collect();
    let [_, protocol, from, to, source] = parts.as_slice() else { return finding.to_owned() };
    let rule = IngressRule {
        id: String::new(),
        protocol: Protocol::parse(protocol),
        from_port: from.parse().unwrap_or(-1),
        to_port: to.parse().unwrap_or(-1),
        source: Source::Unreadable((*source).to_owned()),
        description: None,
        tags: Vec::new(),
    };
    rule.words()
}

#[cfg(test)]
mod tests;
