//! The alert for people: plain text, the first three lines say it all.

use std::fmt::Write;

use portcullis_engine::event::Lead;
use portcullis_engine::finding::{Evidence, admitted};
use portcullis_engine::net::Exposure;
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::text;

use crate::by_rule::{by_rule, worst};
use crate::footer::footer;
use crate::message::SUBJECT_LIMIT;
use crate::outcome::outcome;
use crate::{command, guidance, lists, memory, next, open, owner, servers, tolerance};

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// How many findings are told in full; the rest get a line each.
const IN_FULL: usize = 10;

/// The subject line: severity first, then what became of what.
pub(crate) fn subject(report: &Report) -> String {
    let severity = level(report);
    let (id, what) = (&report.subject().id, headline(report));
    // Whole, whatever is cut: mail rules look for the account.
    let whose = text::ascii(&format!(" ({} {})", report.event.account, report.event.region), 50);
    let room = SUBJECT_LIMIT.saturating_sub(whose.len() + 3);
    format!("{}{whose}", text::ascii(&format!("[{severity}] {id}: {what}"), room))
}

/// Good news is no severity.
fn level(report: &Report) -> String {
    if report.findings.is_empty() {
        "RESOLVED".to_owned()
    } else {
        report.severity().as_str().to_uppercase()
    }
}

/// How what is about no rule may end, and the words for it in a headline.
const SETTINGS: [(&str, &[Resolution]); 5] = [
    ("RE-CREATION NOT STARTED", &[Resolution::Failed]),
    ("re-creation started", &[Resolution::Started, Resolution::AlreadyStarted]),
    ("not re-created", &[Resolution::NotRemediated]),
    ("action needed", &[Resolution::Manual]),
    ("not known yet", &[Resolution::Pending]),
];

/// What became of what, in a few words: first the rules, then what a person must see to.
pub(crate) fn headline(report: &Report) -> String {
    if report.is_later {
        return servers::headline(report);
    }
    if let Some(what) = report.unnamed() {
        return format!("could not evaluate {}, which names no {what}", report.event.call());
    }
    let (rules, settings): (Vec<_>, Vec<_>) = by_rule(&report.findings)
        .into_iter()
        .partition(|group| group.iter().any(|reported| reported.rule().is_some()));
    let (lists, settings): (Vec<_>, Vec<_>) =
        settings.into_iter().flatten().partition(|reported| lists::of(reported).is_some());
    let mut parts: Vec<String> = lists.into_iter().filter_map(lists::headline).collect();
    if !rules.is_empty() {
        parts.push(rules_headline(report, &rules));
    }
    for (words, ends) in SETTINGS {
        let ended = settings.iter().filter(|reported| ends.contains(&reported.resolution));
        let checks: Vec<&str> = ended.map(|reported| reported.finding.check.as_str()).collect();
        if !checks.is_empty() {
            parts.push(format!("{words}: {}", checks.join(", ")));
        }
    }
    if report.findings.is_empty() {
        let count = report.resolved.len();
        let things = if count == 1 { "finding" } else { "findings" };
        parts.push(format!("{count} {things} resolved"));
    }
    parts.join("; ")
}

fn rules_headline(report: &Report, rules: &[Vec<&Reported>]) -> String {
    let ends: Vec<Resolution> =
        rules.iter().filter_map(|group| Some(worst(group)?.resolution)).collect();
    let count = |wanted: Resolution| ends.iter().filter(|end| **end == wanted).count();
    let what = match rules {
        [only] => only.first().and_then(|first| first.rule()).map(|rule| rule.words()),
        _ => Some(format!("{} open rules", rules.len())),
    };
    let what = what.unwrap_or_default();
    let closed = count(Resolution::Done) + count(Resolution::AlreadyGone);
    match (count(Resolution::Failed), closed) {
        (0, _) if count(Resolution::AlreadyGone) == ends.len() => {
            format!("already removed: {what}")
        }
        (0, closed) if closed == ends.len() => format!("closed {what}"),
        (0, 0) if report.findings.iter().any(unreadable) => format!("could not evaluate {what}"),
        (0, 0) if count(Resolution::NotRemediated) > 0 => format!("left open {what}"),
        (0, 0) => format!("action needed: {what}"),
        (0, closed) => format!("closed {closed} of {what}"),
        (_, 0) => format!("NOT CLOSED {what}"),
        (_, closed) => format!("CLOSED ONLY {closed} of {what}"),
    }
}

fn unreadable(reported: &Reported) -> bool {
    matches!(
        reported.finding.evidence,
        Evidence::UnreadableRule { .. } | Evidence::UnreadableGroups(_)
    )
}

/// Why the call is reported now and not when it was made.
fn revisit(body: &mut String, report: &Report) {
    let Some(revisit) = &report.revisit else { return };
    let _ = writeln!(body, "Portcullis looked at this call again, because {revisit}.");
    for snooze in &revisit.snoozes {
        let _ = writeln!(
            body,
            "The snooze until {} was set by {}: {}",
            text::plain(&snooze.until, 40),
            text::plain(&snooze.by, TEXT),
            text::quoted(&snooze.reason, TEXT)
        );
    }
}

/// The body, with at most `room` findings.
pub(crate) fn body(report: &Report, room: usize) -> String {
    let Report { event, names, .. } = report;
    let subject = report.subject();
    let mut body = String::new();
    if report.is_redelivered {
        let at = text::plain(&event.time, 40);
        let _ = writeln!(
            body,
            "Delivered late: found by the sweep; CloudTrail recorded the call at {at}."
        );
    }
    let name = match &names.name {
        Some(name) => format!(" {}", text::quoted(name, TEXT)),
        None => String::new(),
    };
    let vpc = names.vpc.as_ref().map(|vpc| format!(" in {vpc}")).unwrap_or_default();
    let kind = subject.kind.replace('-', " ");
    let _ = writeln!(
        body,
        "{}: {kind} {}{name}{vpc}: {}. Account {}, {}.",
        level(report),
        subject.id,
        headline(report),
        event.account,
        event.region
    );
    if report.is_later {
        servers::later(&mut body, report);
        footer(&mut body, report);
        return body;
    }
    let actor = &event.actor;
    let via = actor.via.as_ref().map(|via| format!(" via {}", text::plain(via, TEXT)));
    let whom = actor.source_identity.as_ref();
    let whom = whom.map(|whom| format!(" (source identity {})", text::plain(whom, TEXT)));
    let _ = writeln!(
        body,
        "{}{} called {}{}{} from {} at {}.",
        text::plain(&actor.name, TEXT),
        whom.unwrap_or_default(),
        event.call(),
        carrier(report),
        via.unwrap_or_default(),
        text::plain(&actor.ip, TEXT),
        text::plain(&event.time, 40)
    );
    let _ = writeln!(body, "{}", next::next(report));
    revisit(&mut body, report);
    body.push_str(&owner::paragraph(report, text::quoted));
    memory::lost(&mut body, report);
    let mut groups = by_rule(&report.findings);
    groups.sort_by_key(|group| worst(group).map(|reported| urgency(reported.resolution)));
    for (at, group) in groups.iter().take(room).enumerate() {
        if at < IN_FULL { section(&mut body, report, group) } else { short(&mut body, group) }
    }
    if groups.len() > room {
        let _ = writeln!(
            body,
            "\n... and {} more, which did not fit into one message.",
            groups.len() - room
        );
    }
    open::paragraph(&mut body, report);
    open::detach(&mut body, report);
    servers::paragraph(&mut body, report);
    older(&mut body, report, room);
    tolerance::suppressed(&mut body, report);
    memory::recovered(&mut body, report);
    footer(&mut body, report);
    body
}

/// What the call put the group before.
fn carrier(report: &Report) -> String {
    let Lead::Group(lead) = &report.event.lead else { return String::new() };
    lead.carrier().map(|carrier| format!(" for {carrier}")).unwrap_or_default()
}

/// What is told first: the lowest.
fn urgency(resolution: Resolution) -> u8 {
    match resolution {
        Resolution::Failed => 0,
        Resolution::NotRemediated | Resolution::Manual => 1,
        Resolution::Pending | Resolution::Started | Resolution::AlreadyStarted => 2,
        Resolution::Done | Resolution::AlreadyGone | Resolution::Resolved => 3,
    }
}

fn section(body: &mut String, report: &Report, group: &[&Reported]) {
    for Reported { finding, severity, .. } in group {
        let (title, check) = (finding.title(), finding.check);
        let _ = writeln!(body, "\n* {title} [{check}, {}]", severity.as_str());
    }
    let Some(first) = group.first() else { return };
    if let Some(rule) = first.rule() {
        let _ =
            writeln!(body, "  Rule:     {} {}", rule.id, rule_text(rule.description.as_deref()));
    }
    if let Evidence::Rule { exposure, .. } = &first.finding.evidence {
        let _ = writeln!(body, "  Admits:   {}{}", admitted(exposure), together(exposure));
    }
    lists::lines(body, first);
    if let Some(reach) = first.reach.as_ref().filter(|_| lists::of(first).is_none()) {
        let _ = writeln!(body, "  Reaches:  {}", text::plain(&reach.to_string(), 300));
    }
    for reported in group {
        memory::recurrence(body, reported);
        tolerance::ended(body, report, &reported.finding);
    }
    let Some(end) = worst(group) else { return };
    let acted = group.iter().find(|reported| reported.action().is_some());
    outcome(body, report, end, acted.unwrap_or(first));
    if report.unnamed().is_some() {
        let _ = writeln!(
            body,
            "  Look:     ask the caller what the call changed, or see what is open in the Region now:\n{}",
            command::audit(&report.event.region)
        );
    }
    for reported in group {
        body.push_str(&guidance::steps(report, &reported.finding));
    }
}

fn rule_text(description: Option<&str>) -> String {
    match description {
        Some(text) => format!("described as {}", text::quoted(text, TEXT)),
        None => "without a description".to_owned(),
    }
}

fn together(exposure: &Exposure) -> String {
    match exposure {
        Exposure::Alone(_) => String::new(),
        Exposure::Together { port, with, .. } => {
            format!(" at port {port}, together with {}", with.join(", "))
        }
    }
}

fn short(body: &mut String, group: &[&Reported]) {
    let (Some(first), Some(end)) = (group.first(), worst(group)) else { return };
    let id = first.rule().map_or("", |rule| rule.id.as_str());
    let (title, check) = (first.finding.title(), first.finding.check);
    let _ = writeln!(body, "* {title} {id} [{check}]: {}", end.resolution.words());
}

fn older(body: &mut String, report: &Report, room: usize) {
    if report.older.is_empty() {
        return;
    }
    body.push_str("\nOlder findings, not remediated:\n");
    for reported in report.older.iter().take(room.min(IN_FULL)) {
        let id = reported.rule().map_or("", |rule| rule.id.as_str());
        let (title, check) = (reported.finding.title(), reported.finding.check);
        let _ = writeln!(body, "- {title} {id} [{check}]");
    }
    if let Some(more) = report.older.len().checked_sub(room.min(IN_FULL)).filter(|more| *more > 0) {
        let _ = writeln!(body, "- ... and {more} more");
    }
}
