//! Entries of a prefix list that let the internet in: what is told of them, and the commands for them.

use std::fmt::Write;

use portcullis_engine::action::{Because, ListStays, Remedy, RemoveEntries};
use portcullis_engine::facts::{ListEntry, PROTECT};
use portcullis_engine::finding::Evidence;
use portcullis_engine::report::{Report, Reported, WorstGroup};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::Mode;
use portcullis_engine::text;

use crate::command;

/// How many entries are shown.
const ENTRIES: usize = 20;

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// What is done at the list, if the finding is about one.
pub(crate) fn of(reported: &Reported) -> Option<&RemoveEntries> {
    reported.action().and_then(|action| action.removes())
}

/// The entries that are gone: for `undo`.
pub(crate) fn went(reported: &Reported) -> Option<&RemoveEntries> {
    of(reported).filter(|_| reported.resolution.is_gone())
}

/// What is left open, and for a person.
fn is_open(reported: &Reported) -> bool {
    let ends = [Resolution::Failed, Resolution::NotRemediated, Resolution::Manual];
    ends.contains(&reported.resolution)
}

/// What became of it, in a few words.
pub(crate) fn headline(reported: &Reported) -> Option<String> {
    let RemoveEntries { entries, groups, .. } = of(reported)?;
    let what = ListEntry::words(entries);
    let groups = groups.len();
    let of = if groups == 1 { "1 group".to_owned() } else { format!("{groups} groups") };
    Some(match reported.resolution {
        Resolution::Done => format!("closed {what} to {of}"),
        Resolution::AlreadyGone | Resolution::Resolved => format!("already removed: {what}"),
        Resolution::Failed => format!("NOT CLOSED {what} to {of}"),
        Resolution::NotRemediated => format!("left open {what} to {of}"),
        Resolution::Manual
        | Resolution::Pending
        | Resolution::Started
        | Resolution::AlreadyStarted => format!("action needed: {what} to {of}"),
    })
}

/// The step of the mail's third line.
pub(crate) fn next(report: &Report, reported: &Reported) -> Option<String> {
    let RemoveEntries { list, .. } = of(reported)?;
    let who = text::plain(&report.event.actor.name, 60);
    let stays = match &reported.finding.remedy {
        Remedy::Manual { because: Because::ListStays(stays), .. } => Some(stays),
        Remedy::Manual { .. }
        | Remedy::Do(_)
        | Remedy::NotRemediated { .. }
        | Remedy::Pending(_)
        | Remedy::Gone(_) => None,
    };
    Some(match (reported.resolution, stays) {
        (Resolution::Failed, _) => format!(
            "remove the entries from {list} yourself, at once: they are STILL THERE. The command is below."
        ),
        (Resolution::NotRemediated, _) if report.decision.mode == Mode::Observe => format!(
            "remove the entries from {list} if not intended: observe mode changes nothing. The command is below."
        ),
        (_, Some(ListStays::OnlyReported)) => format!(
            "ask {who} whether the entries of {list} are intended, and remove them if not. The command is below."
        ),
        _ if is_open(reported) => format!(
            "check whether the entries of {list} are intended, and close them at the list or in the groups: \
             Portcullis leaves that to you. The commands are below."
        ),
        _ => format!(
            "the entries are gone. If they were intended, undo it below; if not, ask {who}."
        ),
    })
}

/// The lines of the mail for the list and its groups.
pub(crate) fn lines(body: &mut String, reported: &Reported) {
    let Evidence::Entries { entries, groups, .. } = &reported.finding.evidence else { return };
    for entry in entries.iter().take(ENTRIES) {
        let said = entry.description.as_deref().map(|said| text::quoted(said, TEXT));
        let said = said.map(|said| format!(" described as {said}")).unwrap_or_default();
        let _ = writeln!(body, "  Entry:    {entry}{said}");
    }
    if let Some(more) = entries.len().checked_sub(ENTRIES).filter(|more| *more > 0) {
        let _ = writeln!(body, "  Entry:    ... and {more} more");
    }
    for WorstGroup { group, name, reach } in &reported.worst {
        let name = name.as_deref().map(|name| format!(" {}", text::quoted(name, TEXT)));
        let (id, rules) = (&group.id, group.rules.join(", "));
        let reach = text::plain(&reach.to_string(), 200);
        let _ = writeln!(body, "  Group:    {id}{} by {rules}: {reach}", name.unwrap_or_default());
    }
    if let Some(more) = groups.len().checked_sub(reported.worst.len()).filter(|more| *more > 0) {
        let _ = writeln!(body, "  Group:    ... and {more} more");
    }
}

/// The lines of the mail for how it ended.
pub(crate) fn outcome(body: &mut String, report: &Report, reported: &Reported) {
    let Some(removal) = of(reported) else { return };
    let why = text::plain(reported.because.as_deref().unwrap_or_default(), 700);
    let _ = match reported.resolution {
        Resolution::Done => writeln!(
            body,
            "  Done:     the entries were removed, and the list was read again. Its other entries stay."
        ),
        Resolution::AlreadyGone | Resolution::Resolved => writeln!(
            body,
            "  Done:     already removed: by an earlier attempt of Portcullis that failed before it could send this \
             alert."
        ),
        Resolution::Failed => writeln!(body, "  FAILED:   {why}."),
        Resolution::NotRemediated => writeln!(body, "  Not remediated: {why}."),
        Resolution::Manual
        | Resolution::Pending
        | Resolution::Started
        | Resolution::AlreadyStarted => writeln!(body, "  Manual:   {why}."),
    };
    if let Some(removal) = went(reported) {
        let undo = restore(report, removal);
        if report.deployment.ledger.is_some() && report.is_remembered(&reported.key) {
            let _ = writeln!(
                body,
                "  Undo:     restores the entries, and snoozes them for 24 hours\n{}",
                command::undo_by_id(report, reported)
            );
        } else if let Some(undo) = undo {
            let _ = writeln!(body, "  Undo:\n{undo}");
        }
        return;
    }
    let _ = writeln!(
        body,
        "  Close it at the list, which keeps its other entries:\n{}",
        remove(report, removal).join("\n")
    );
    let in_groups = in_groups(report, reported);
    if !in_groups.is_empty() {
        let _ = writeln!(
            body,
            "  Or in each group, where nothing of the list gets in any more:\n{}",
            in_groups.join("\n")
        );
    }
}

/// The commands that remove the entries, 100 at once.
pub(crate) fn remove(report: &Report, removal: &RemoveEntries) -> Vec<String> {
    let (region, list) = (&report.event.region, &removal.list);
    let command = |entries: &[ListEntry]| {
        let entries: Vec<String> =
            entries.iter().map(|entry| format!("Cidr={}", entry.cidr)).collect();
        command::modify_list(region, list, &format!("--remove-entries {}", entries.join(" ")))
    };
    removal.entries.chunks(command::AT_ONCE).map(command).collect()
}

/// The command that restores the entries with their descriptions; `None` where they are too many for one.
pub(crate) fn restore(report: &Report, removal: &RemoveEntries) -> Option<String> {
    let RemoveEntries { list, entries, .. } = removal;
    (entries.len() <= command::AT_ONCE)
        .then(|| command::restore_entries(&report.event.region, list, entries))
}

/// The commands that revoke the rules of the worst groups.
pub(crate) fn in_groups(report: &Report, reported: &Reported) -> Vec<String> {
    let of_group = |WorstGroup { group, .. }: &WorstGroup| {
        let ids: Vec<&str> = group.rules.iter().map(String::as_str).collect();
        command::revoke_all(&report.event.region, &group.id, &ids)
    };
    reported.worst.iter().flat_map(of_group).collect()
}

/// How to have the list left alone.
pub(crate) fn protection(body: &mut String, report: &Report) {
    if report.findings.iter().any(|reported| of(reported).is_some()) {
        let command = command::protect(&report.event.region, &[&report.subject().id]);
        let _ = writeln!(
            body,
            "\nTo protect the prefix list, tag it {PROTECT}. Portcullis then only reports:\n{command}"
        );
    }
}
