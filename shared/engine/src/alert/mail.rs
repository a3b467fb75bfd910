//! The alert for people: plain text, the first three lines say it all.

use std::fmt::Write;

use super::document::rule_words;
use super::footer::footer;
use super::outcome::outcome;
use super::{
    End, Outcomes, SUBJECT_LIMIT, by_rule, guidance, memory, next, owner, text, tolerance,
};
use crate::action::Remedy;
use crate::checks::{Check, Evidence, Finding, admitted, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::net::Exposure;

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// How many findings are told in full; the rest get a line each.
const IN_FULL: usize = 10;

/// The subject line: severity first, then what became of what.
pub(super) fn subject(event: &Event, decision: &Decision, outcomes: &Outcomes) -> String {
    let severity = level(decision);
    let (id, what) = (&decision.subject.id, headline(decision, outcomes));
    // Whole, whatever is cut: mail rules look for the account.
    let whose = text::ascii(&format!(" ({} {})", event.account, event.region), 50);
    let room = SUBJECT_LIMIT.saturating_sub(whose.len() + 3);
    format!("{}{whose}", text::ascii(&format!("[{severity}] {id}: {what}"), room))
}

/// Good news is no severity.
fn level(decision: &Decision) -> String {
    match decision.findings.is_empty() {
        true => "GONE".to_owned(),
        false => decision.severity().as_str().to_uppercase(),
    }
}

/// How what is about no rule may end, and the words for it in a headline.
const SETTINGS: [(&str, &[&str]); 5] = [
    ("MOVE NOT STARTED", &["failed"]),
    ("move started", &["started", "already-started"]),
    ("not moved", &["withheld"]),
    ("needs you", &["by-hand"]),
    ("not known yet", &["pending"]),
];

/// What became of what, in a few words: first the rules, then what a person must see to.
pub(crate) fn headline(decision: &Decision, outcomes: &Outcomes) -> String {
    let (rules, settings): (Vec<_>, Vec<_>) = by_rule(&decision.findings)
        .into_iter()
        .partition(|group| group.iter().any(|f| rule_of(f).is_some()));
    let mut parts = Vec::new();
    if !rules.is_empty() {
        parts.push(rules_headline(decision, &rules, outcomes));
    }
    for (words, ends) in SETTINGS {
        let ended = |finding: &&&Finding| ends.contains(&End::of(finding, outcomes).as_str());
        let checks = settings.iter().flatten().filter(ended).map(|finding| finding.check.as_str());
        let checks: Vec<&str> = checks.collect();
        if !checks.is_empty() {
            parts.push(format!("{words}, {}", checks.join(", ")));
        }
    }
    if decision.findings.is_empty() {
        let count = decision.remarks.recovered.len();
        let things = if count == 1 { "finding is" } else { "findings are" };
        parts.push(format!("{count} {things} gone since told"));
    }
    parts.join("; ")
}

fn rules_headline(decision: &Decision, rules: &[Vec<&Finding>], outcomes: &Outcomes) -> String {
    let ends: Vec<End> = rules.iter().filter_map(|group| worst(group, outcomes)).collect();
    let count = |wanted: &str| ends.iter().filter(|end| end.as_str() == wanted).count();
    let what = match rules {
        [only] => only.first().and_then(|f| rule_words(f)).unwrap_or_default(),
        _ => format!("{} open rules", rules.len()),
    };
    let closed = count("done") + count("already-gone");
    match (count("failed"), closed) {
        (0, _) if count("already-gone") == ends.len() => format!("gone already: {what}"),
        (0, closed) if closed == ends.len() => format!("closed {what}"),
        (0, 0) if decision.findings.iter().any(unreadable) => format!("could not evaluate {what}"),
        (0, 0) if count("withheld") > 0 => format!("left open {what}"),
        (0, 0) => format!("needs you, {what}"),
        (0, closed) => format!("closed {closed} of {what}"),
        (_, 0) => format!("NOT CLOSED {what}"),
        (_, closed) => format!("CLOSED ONLY {closed} of {what}"),
    }
}

fn unreadable(finding: &Finding) -> bool {
    matches!(finding.evidence, Evidence::UnreadableRule { .. } | Evidence::UnreadableGroups(_))
}

/// Of findings on one rule, the one whose end matters most: an action, if any was decided.
pub(super) fn worst(group: &[&Finding], outcomes: &Outcomes) -> Option<End> {
    let acted = group.iter().find(|finding| matches!(finding.remedy, Remedy::Do(_)));
    acted.or(group.first()).map(|finding| End::of(finding, outcomes))
}

/// The body, with at most `room` findings.
pub(super) fn body(event: &Event, decision: &Decision, outcomes: &Outcomes, room: usize) -> String {
    let subject = &decision.subject;
    let mut body = String::new();
    let name = match &subject.name {
        Some(name) => format!(" {}", text::quoted(name, TEXT)),
        None => String::new(),
    };
    let vpc = subject.vpc.as_ref().map(|vpc| format!(" in {vpc}")).unwrap_or_default();
    let kind = subject.kind.replace('-', " ");
    let _ = writeln!(
        body,
        "{}: {kind} {}{name}{vpc}: {}. Account {}, {}.",
        level(decision),
        subject.id,
        headline(decision, outcomes),
        event.account,
        event.region
    );
    let actor = &event.actor;
    let via = actor.via.as_ref().map(|via| format!(" via {}", text::plain(via, TEXT)));
    let _ = writeln!(
        body,
        "{} called {}{} from {} at {}.",
        text::plain(&actor.name, TEXT),
        event.name,
        via.unwrap_or_default(),
        text::plain(&actor.ip, TEXT),
        text::plain(&event.time, 40)
    );
    let _ = writeln!(body, "{}", next::next(event, decision, outcomes));
    body.push_str(&owner::paragraph(event, decision, text::quoted));
    memory::lost(&mut body, decision);
    let mut groups = by_rule(&decision.findings);
    groups.sort_by_key(|group| worst(group, outcomes).map(|end| end.urgency()));
    for (at, group) in groups.iter().take(room).enumerate() {
        match at < IN_FULL {
            true => section(&mut body, event, decision, group, outcomes),
            false => short(&mut body, group, outcomes),
        }
    }
    if groups.len() > room {
        let _ = writeln!(
            body,
            "\n... and {} more, which did not fit into one message.",
            groups.len() - room
        );
    }
    older(&mut body, decision, room);
    tolerance::tolerated(&mut body, decision);
    memory::recovered(&mut body, decision);
    footer(&mut body, event, decision, outcomes);
    body
}

/// A title for one finding.
pub(crate) fn title(finding: &Finding) -> String {
    let words = rule_words(finding).unwrap_or_default();
    let pending = matches!(finding.remedy, Remedy::Pending(_));
    match (&finding.check, &finding.evidence) {
        (_, Evidence::UnreadableRule { .. }) => format!("{words} could not be evaluated"),
        (_, Evidence::UnreadableGroups(_)) => {
            "who can reach the cache could not be evaluated".to_owned()
        }
        (Check::OpenCache, Evidence::Rule { cache_port: Some(port), .. }) => {
            format!("{words} lets the internet reach the cache's port {port}")
        }
        (Check::MemcachedUdp, _) => {
            format!("{words} lets public addresses reach UDP 11211, which amplifies attacks")
        }
        (_, Evidence::Rule { exposure: Exposure::Together { .. }, .. }) => {
            format!("{words} lets the internet in, together with other rules")
        }
        (_, Evidence::Rule { .. }) => format!("{words} lets the internet in"),
        (_, Evidence::Port { engine, port: Some(port) }) => {
            format!(
                "{} listens on its default port {port}, which scanners try first",
                engine.name()
            )
        }
        (_, Evidence::Port { engine, port: None }) => {
            format!("the port of this {} cache is not known yet", engine.name())
        }
        (Check::NoAuth, Evidence::Setting { engine }) => {
            format!(
                "{} asks nobody who they are: whoever reaches it can read and write",
                engine.name()
            )
        }
        (Check::PublicSubnet, _) if pending => {
            "whether the cache's subnets are public is not known yet".to_owned()
        }
        (Check::PublicSubnet, _) => {
            "a subnet of the cache routes to an internet gateway".to_owned()
        }
        (Check::PublicEndpoint, _) if pending => {
            "whether the cache's endpoint is on the internet is not known yet".to_owned()
        }
        (Check::PublicEndpoint, _) => {
            "the cache's endpoint is on the internet, behind IAM and no network".to_owned()
        }
        (_, Evidence::Setting { engine }) => {
            format!("{} is not encrypted in transit", engine.name())
        }
    }
}

fn section(
    body: &mut String,
    event: &Event,
    decision: &Decision,
    group: &[&Finding],
    outcomes: &Outcomes,
) {
    for finding in group {
        let _ = writeln!(
            body,
            "\n* {} [{}, {}]",
            title(finding),
            finding.check,
            finding.severity.as_str()
        );
    }
    let Some(first) = group.first() else { return };
    if let Some(rule) = rule_of(first) {
        let _ =
            writeln!(body, "  Rule:     {} {}", rule.id, rule_text(rule.description.as_deref()));
    }
    if let Evidence::UnreadableRule { reach, .. } = &first.evidence {
        let _ = writeln!(body, "  Reaches:  {}", text::plain(&reach.to_string(), 300));
    }
    if let Evidence::Rule { exposure, reach, .. } = &first.evidence {
        let _ = writeln!(body, "  Admits:   {}{}", admitted(exposure), together(exposure));
        let _ = writeln!(body, "  Reaches:  {}", text::plain(&reach.to_string(), 300));
    }
    for finding in group {
        memory::comeback(body, decision, finding);
        tolerance::ended(body, decision, finding);
    }
    let Some(end) = worst(group, outcomes) else { return };
    let acted = group.iter().find(|finding| finding.remedy.action().is_some());
    outcome(body, event, decision, &end, acted.unwrap_or(first));
    for finding in group {
        body.push_str(&guidance::steps(event, decision, finding));
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

fn short(body: &mut String, group: &[&Finding], outcomes: &Outcomes) {
    let Some(first) = group.first() else { return };
    let end = worst(group, outcomes).map_or("", |end| end.as_str());
    let id = rule_of(first).map_or("", |rule| rule.id.as_str());
    let _ = writeln!(body, "* {} {id} [{}]: {end}", title(first), first.check);
}

fn older(body: &mut String, decision: &Decision, room: usize) {
    if decision.older.is_empty() {
        return;
    }
    body.push_str("\nOpen before this event, and left as they are:\n");
    for finding in decision.older.iter().take(room.min(IN_FULL)) {
        let id = rule_of(finding).map_or("", |rule| rule.id.as_str());
        let _ = writeln!(body, "- {} {id} [{}]", title(finding), finding.check);
    }
    if let Some(more) = decision.older.len().checked_sub(room.min(IN_FULL)).filter(|more| *more > 0)
    {
        let _ = writeln!(body, "- ... and {more} more");
    }
}
