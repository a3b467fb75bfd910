//! The alert for a chat: what happened, who did it, and what to do now, in one short message.

use std::collections::{BTreeMap, BTreeSet};

use super::notification::Notification;
use super::{End, Outcomes, by_rule, command, mail, memory, owner, text};
use crate::action::Action;
use crate::checks::{Check, Finding, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::settings::Mode;

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// How many findings get a line each, and how many commands are shown.
const LINES: usize = 8;
const COMMANDS: usize = 3;

/// The notification's JSON.
pub(super) fn document(event: &Event, decision: &Decision, outcomes: &Outcomes) -> String {
    let severity = decision.severity().as_str();
    let subject = &decision.subject;
    let checks: BTreeSet<&str> =
        decision.findings.iter().map(|finding| finding.check.as_str()).collect();
    let context = [
        ("account", event.account.as_str()),
        ("event", &event.id),
        ("mode", decision.mode.as_str()),
        ("region", &event.region),
        ("severity", severity),
        ("subject", &subject.id),
    ];
    let headline = mail::headline(decision, outcomes);
    let title = text::chat(&format!("{}: {headline}", subject.id), 2 * TEXT);
    let keywords =
        [severity].into_iter().chain(checks).chain([event.account.as_str(), &event.region]);
    Notification {
        id: text::chat(&event.id, TEXT),
        title: format!("[{}] {title}", severity.to_uppercase()),
        description: description(event, decision, outcomes),
        next_steps: next_steps(event, decision, outcomes),
        keywords: keywords.map(|word| text::chat(word, TEXT)).collect(),
        thread: thread(event, decision),
        event_type: "portcullis-alert",
        resources: resources(decision),
        context: context.map(|(key, value)| (key, text::chat(value, TEXT))).into(),
    }
    .document()
}

/// What is said again of a resource on the same day falls into one thread. On another day it begins a new
/// one, for nobody looks into a thread of last month.
fn thread(event: &Event, decision: &Decision) -> String {
    let day = event.time.split('T').next().unwrap_or_default();
    text::chat(&format!("{} {day}", decision.subject.arn), 4 * TEXT)
}

fn resources(decision: &Decision) -> Vec<String> {
    let rules = decision.findings.iter().filter_map(rule_of).map(|rule| rule.id.as_str());
    let mut resources: Vec<String> = Vec::new();
    for id in [decision.subject.arn.as_str()].into_iter().chain(rules) {
        let id = text::chat(id, 4 * TEXT);
        if !resources.contains(&id) {
            resources.push(id);
        }
    }
    resources
}

fn description(event: &Event, decision: &Decision, outcomes: &Outcomes) -> Vec<String> {
    let (actor, subject) = (&event.actor, &decision.subject);
    let via = actor.via.as_deref().map(|via| format!(" via {}", text::code(via, TEXT)));
    let name = subject.name.as_deref().map(|name| format!(" {}", text::code(name, TEXT)));
    let vpc = subject.vpc.as_deref().map(|vpc| format!(" in {}", text::chat(vpc, TEXT)));
    let mut parts = vec![
        format!(
            "{} called {}{} from {} at {}.",
            text::code(&actor.name, TEXT),
            event.name,
            via.unwrap_or_default(),
            text::code(&actor.ip, TEXT),
            text::chat(&event.time, 40)
        ),
        format!(
            "{} {}{}{}, account {}, {}.",
            subject.kind.replace('-', " "),
            text::chat(&subject.id, TEXT),
            name.unwrap_or_default(),
            vpc.unwrap_or_default(),
            text::chat(&event.account, TEXT),
            text::chat(&event.region, TEXT)
        ),
    ];
    if decision.mode == Mode::Observe {
        parts.push("Observe mode: Portcullis changed nothing.".to_owned());
    }
    parts.extend(decision.findings.iter().take(LINES).map(|finding| line(finding, outcomes)));
    if let Some(more) = decision.findings.len().checked_sub(LINES).filter(|more| *more > 0) {
        parts.push(format!("- ... and {more} more: the mail has them."));
    }
    let undo =
        decision.findings.iter().filter_map(|f| memory::undo_of(event, decision, f, outcomes));
    let undo: BTreeSet<String> = undo.collect();
    parts.extend(undo.into_iter().take(COMMANDS).map(|undo| format!("Undo:\n```\n{undo}\n```")));
    parts.extend(owner::paragraph(event, decision, text::code).lines().map(str::to_owned));
    parts
}

fn line(finding: &Finding, outcomes: &Outcomes) -> String {
    let end = End::of(finding, outcomes);
    let ended = match (end.as_str(), finding.remedy.action()) {
        ("done", Some(Action::RevokeIngress { .. })) => "closed, and seen gone",
        ("failed", _) => "FAILED",
        (end, _) => end,
    };
    let because = end.because().map(|why| format!(", {}", text::code(why, 2 * TEXT)));
    format!(
        "- {} ({}, {}): {}{}",
        text::chat(&mail::title(finding), 2 * TEXT),
        finding.check,
        finding.severity.as_str(),
        ended,
        because.unwrap_or_default()
    )
}

/// What a person does now: first what is still open, then how to go back.
fn next_steps(event: &Event, decision: &Decision, outcomes: &Outcomes) -> Vec<String> {
    let mut steps: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for group in by_rule(&decision.findings) {
        for finding in group {
            if let Some((rank, step)) = step(event, decision, finding, outcomes) {
                steps.entry(rank).or_default().insert(step);
            }
        }
    }
    steps.into_values().flatten().collect()
}

fn step(
    event: &Event,
    decision: &Decision,
    finding: &Finding,
    outcomes: &Outcomes,
) -> Option<(u8, String)> {
    let id = text::chat(&decision.subject.id, TEXT);
    let end = End::of(finding, outcomes);
    let action = finding.remedy.action();
    match (end.as_str(), action) {
        ("done" | "already-gone", Some(Action::RevokeIngress { .. })) => Some((
            3,
            "If it was meant: run the undo command above, and change what opened it, or the next deploy is closed again."
                .to_owned(),
        )),
        ("failed" | "withheld" | "by-hand", Some(Action::RevokeIngress { group, rule })) => {
            let close = command::revoke(&event.region, group, rule);
            Some((0, format!("Close it: `{close}`")))
        }
        ("started" | "already-started", _) => {
            let moves = format!("portcullis moves{}", command::options(event, decision));
            Some((2, format!("Its plan comes by mail. `{moves}` shows how far it is.")))
        }
        (_, Some(Action::StartMove(_))) => {
            Some((1, format!("See what a move would do: `{}`", command::plan(event, decision))))
        }
        ("pending", _) => Some((2, "Look again when it is available.".to_owned())),
        (_, None) if finding.check == Check::DefaultPort => {
            Some((1, format!("See the way to another port: `{}`", command::plan(event, decision))))
        }
        (_, None) => {
            Some((1, format!("Mend {} of {id}: the mail has the commands for it.", finding.check)))
        }
        _ => None,
    }
}
