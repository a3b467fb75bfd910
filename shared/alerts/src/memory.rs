//! What is remembered of what an alert tells: how often it came back, what is gone by now, and how to put a rule back
//! so that it stays.

use std::fmt::Write;

use serde_json::{Value, json};

use portcullis_engine::facts::IngressRule;
use portcullis_engine::ledger::{Entry, Recurrence, Snooze};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::text;

use crate::{command, lists};

/// How many are told in the mail; the document has all.
const TOLD: usize = 10;

/// The line of a finding that came back.
pub(crate) fn recurrence(body: &mut String, reported: &Reported) {
    if let Some(Recurrence { times, first, last }) = &reported.recurrence {
        let often = match times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let (first, last) = (text::plain(first, 40), text::plain(last, 40));
        let _ = writeln!(
            body,
            "  Recurred: {often} after a revoke. First seen {first}, previous occurrence {last}."
        );
    }
}

/// For the document.
pub(crate) fn recurrence_json(reported: &Reported) -> Value {
    match &reported.recurrence {
        Some(Recurrence { times, first, last }) => {
            json!({"times": times, "first": first, "last": last})
        }
        None => Value::Null,
    }
}

/// The ledger's table, and the snooze that has a rule left alone when it is put back, with its end.
fn snooze<'a>(
    report: &'a Report,
    group: &str,
    rule: &IngressRule,
) -> Option<(&'a str, Snooze, i64)> {
    let table = report.deployment.ledger.as_deref()?;
    let (snooze, ends) = Snooze::by_alert(&report.event, group, rule)?;
    Some((table, snooze, ends))
}

/// How to put a closed rule back.
pub(crate) fn undo(
    body: &mut String,
    report: &Report,
    reported: &Reported,
    (group, rule): (&str, &IngressRule),
) {
    let region = &report.event.region;
    let mut undo = command::undo(region, group, rule);
    if let Some(remove) = command::remove_grants(report, reported) {
        let _ = write!(undo, "\n{remove}");
    }
    let Some((table, snooze, ends)) = snooze(report, group, rule) else {
        let _ = writeln!(body, "  Undo:\n{undo}");
        return;
    };
    let write_snooze = command::write_snooze(region, table, &snooze, ends);
    // The table does not know of what could not be remembered.
    if report.is_remembered(&reported.key) {
        let _ = writeln!(body, "  Undo:     restores the rule, and snoozes it for 24 hours");
        let _ = writeln!(body, "{}", command::undo_by_id(report, reported));
        if reported.tags_apart {
            return;
        }
    } else if reported.tags_apart {
        let _ = writeln!(
            body,
            "  Note:     its tags are too long for this alert; the command restores it without them"
        );
    }
    let _ = writeln!(
        body,
        "  Or:       with the AWS CLI, snooze it until {}, and restore it:\n{write_snooze}\n{undo}",
        snooze.until
    );
}

/// The command that puts a closed rule back; with a ledger so that it stays.
pub(crate) fn undo_of(report: &Report, reported: &Reported) -> Option<String> {
    if let Some(removal) = lists::went(reported) {
        let is_known = report.deployment.ledger.is_some() && report.is_remembered(&reported.key);
        return if is_known {
            Some(command::undo_by_id(report, reported))
        } else {
            lists::restore(report, removal)
        };
    }
    let plain = command::undo_of(report, reported)?;
    if report.deployment.ledger.is_none() || !report.is_remembered(&reported.key) {
        return Some(plain);
    }
    Some(command::undo_by_id(report, reported))
}

/// The same for machines, in `aws` commands alone: without the first, the rule would be closed again. Where the tags of
/// the rule are too large for them, `portcullis undo` stands for them.
pub(crate) fn commands_of(report: &Report, reported: &Reported) -> Option<String> {
    // The snooze of entries is written by `portcullis undo` alone.
    if lists::went(reported).is_some() {
        return undo_of(report, reported);
    }
    let plain = command::undo_of(report, reported)?;
    if reported.tags_apart
        && report.deployment.ledger.is_some()
        && report.is_remembered(&reported.key)
    {
        return Some(command::undo_by_id(report, reported));
    }
    let (group, went) = reported.went()?;
    let write_snooze = snooze(report, group, went).map(|(table, snooze, ends)| {
        command::write_snooze(&report.event.region, table, &snooze, ends)
    });
    let remove = command::remove_grants(report, reported);
    let commands = write_snooze.into_iter().chain([plain]).chain(remove);
    Some(commands.collect::<Vec<_>>().join(" && "))
}

/// What was told before, and is gone.
pub(crate) fn recovered(body: &mut String, report: &Report) {
    let recovered = &report.resolved;
    if recovered.is_empty() {
        return;
    }
    body.push_str("\nResolved, reported before and gone now:\n");
    for Entry { id, title, check, last_seen, .. } in recovered.iter().take(TOLD) {
        let (title, seen) = (text::plain(title, 160), text::plain(last_seen, 40));
        let _ = writeln!(body, "- {title} [{check}], of {seen} ({id})");
    }
    if let Some(more) = recovered.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let _ = writeln!(body, "- ... and {more} more");
    }
}

/// For the document.
pub(crate) fn recovered_json(entry: &Entry) -> Value {
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
pub(crate) fn lost(body: &mut String, report: &Report) {
    if let Some(why) = &report.unremembered {
        let why = text::plain(why, 300);
        let _ = writeln!(
            body,
            "Ledger unavailable: this alert may repeat, recurrences were not counted, and snoozes were not applied.\n \
              {why}"
        );
    }
    for (key, why) in report.unreadable.iter().take(TOLD) {
        let _ = writeln!(
            body,
            "Ledger entry unreadable: {} may be reported again, and was handled without its history or snooze.\n  {}",
            key.id(),
            text::plain(why, 300)
        );
    }
    if let Some(more) = report.unreadable.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let _ = writeln!(body, "... and {more} more unreadable entries");
    }
}

/// For the document: why what is remembered of a finding was not there.
pub(crate) fn away(report: &Report) -> Option<String> {
    let unreadable = || {
        let (key, why) = report.unreadable.first_key_value()?;
        Some(format!("{}: {why}", key.id()))
    };
    report.unremembered.clone().or_else(unreadable)
}
