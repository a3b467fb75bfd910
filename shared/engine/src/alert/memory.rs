//! What is remembered of what an alert tells: how often it came back, what is gone by now, and how to put a rule back
//! so that it stays.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{End, Outcomes, command, text};
use crate::action::Action;
use crate::checks::Finding;
use crate::decide::Decision;
use crate::event::Event;
use crate::facts::IngressRule;
use crate::ledger::{Comeback, Entry, Key, Remarks};

/// How many are told in the mail; the document has all.
const TOLD: usize = 10;

/// The line of a finding that came back.
pub(super) fn comeback(body: &mut String, decision: &Decision, finding: &Finding) {
    if let Some(Comeback { times, first, last }) = of(decision, finding) {
        let often = match times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let (first, last) = (text::plain(first, 40), text::plain(last, 40));
        let _ = writeln!(
            body,
            "  Again:    closed before, and came back {often}. First seen {first}, before this {last}."
        );
    }
}

fn of<'a>(decision: &'a Decision, finding: &Finding) -> Option<&'a Comeback> {
    decision.remarks.comebacks.get(&Key::of(finding, &decision.subject))
}

/// For the document.
pub(super) fn comeback_json(decision: &Decision, finding: &Finding) -> Value {
    match of(decision, finding) {
        Some(Comeback { times, first, last }) => {
            json!({"times": times, "first": first, "last": last})
        }
        None => Value::Null,
    }
}

/// How to put a closed rule back.
pub(super) fn undo(
    body: &mut String,
    event: &Event,
    decision: &Decision,
    finding: &Finding,
    (group, rule): (&str, &IngressRule),
) {
    let undo = command::undo(&event.region, group, rule);
    let Some((table, exemption, ends)) = decision.remarks.exemption(event, group, rule) else {
        let _ = writeln!(body, "  Undo:\n{undo}");
        return;
    };
    let exempt = command::exempt(&event.region, table, &exemption, ends);
    // The table does not know of what could not be remembered.
    if decision.remarks.lost.is_none() {
        let _ = writeln!(body, "  Undo:     puts it back, and leaves it alone for 24 hours");
        let _ = writeln!(body, "{}", ours(event, decision, finding));
    }
    let _ = writeln!(
        body,
        "  By hand:  leave it alone until {}, and put it back:\n{exempt}\n{undo}",
        exemption.until
    );
}

/// The command that puts a closed rule back; with a ledger so that it stays.
pub(super) fn undo_of(
    event: &Event,
    decision: &Decision,
    finding: &Finding,
    outcomes: &Outcomes,
) -> Option<String> {
    let plain = command::undo_of(event, finding, outcomes)?;
    let Remarks { table, lost, .. } = &decision.remarks;
    if table.is_none() || lost.is_some() {
        return Some(plain);
    }
    Some(ours(event, decision, finding))
}

fn ours(event: &Event, decision: &Decision, finding: &Finding) -> String {
    let id = Key::of(finding, &decision.subject).id();
    format!("portcullis undo {id}{} --reason '<why>'", command::options(event, decision))
}

/// The same for machines, in `aws` commands alone: without the first, the rule would be closed again.
pub(super) fn commands_of(
    event: &Event,
    decision: &Decision,
    finding: &Finding,
    outcomes: &Outcomes,
) -> Option<String> {
    let plain = command::undo_of(event, finding, outcomes)?;
    let exempt = finding.remedy.action().and_then(Action::revokes).and_then(|(group, rule)| {
        let end = End::of(finding, outcomes);
        let went = if let End::Done(Some(edited)) = end { edited } else { rule.clone() };
        let (table, exemption, ends) = decision.remarks.exemption(event, group, &went)?;
        Some(command::exempt(&event.region, table, &exemption, ends))
    });
    Some(exempt.map_or(plain.clone(), |exempt| format!("{exempt} && {plain}")))
}

/// What was told before, and is gone.
pub(super) fn recovered(body: &mut String, decision: &Decision) {
    let recovered = &decision.remarks.recovered;
    if recovered.is_empty() {
        return;
    }
    body.push_str("\nGone since it was told, and nothing left to do:\n");
    for Entry { id, title, check, last_seen, .. } in recovered.iter().take(TOLD) {
        let (title, seen) = (text::plain(title, 160), text::plain(last_seen, 40));
        let _ = writeln!(body, "- {title} [{check}], of {seen} ({id})");
    }
    if let Some(more) = recovered.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let _ = writeln!(body, "- ... and {more} more");
    }
}

/// For the document.
pub(super) fn recovered_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "check": entry.check,
        "title": text::bounded(&entry.title, 512),
        "rule": entry.rule.as_ref().map(|kept| &kept.rule),
        "firstSeen": entry.first_seen,
        "lastSeen": entry.last_seen,
    })
}

/// That there was no memory.
pub(super) fn lost(body: &mut String, decision: &Decision) {
    if let Some(why) = &decision.remarks.lost {
        let why = text::plain(why, 300);
        let _ = writeln!(
            body,
            "Without memory: this may be told again, what came back was not counted, and exemptions were not seen.\n  {why}"
        );
    }
}
