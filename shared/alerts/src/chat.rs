//! The alert for a chat: what happened, who did it, and what to do now, in one short message.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::action::Action;
use portcullis_engine::finding::Check;
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::Mode;
use portcullis_engine::text;

use crate::by_rule::by_rule;
use crate::notification::Notification;
use crate::{command, grants, lists, mail, memory, open, owner, servers};

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// How many findings get a line each, and how many commands are shown.
const LINES: usize = 8;
const COMMANDS: usize = 3;

/// The notification's JSON.
pub(crate) fn document(report: &Report) -> String {
    let Report { event, decision, .. } = report;
    let severity = report.severity().as_str();
    let subject = report.subject();
    let checks: BTreeSet<&str> =
        report.findings.iter().map(|reported| reported.finding.check.as_str()).collect();
    let context = [
        ("account", event.account.as_str()),
        ("event", &event.id),
        ("mode", decision.mode.as_str()),
        ("region", &event.region),
        ("severity", severity),
        ("subject", &subject.id),
    ];
    let headline = mail::headline(report);
    let title = text::chat(&format!("{}: {headline}", subject.id), 2 * TEXT);
    let keywords =
        [severity].into_iter().chain(checks).chain([event.account.as_str(), &event.region]);
    Notification {
        id: text::chat(&event.id, TEXT),
        title: format!("[{}] {title}", severity.to_uppercase()),
        description: description(report),
        next_steps: next_steps(report),
        keywords: keywords.map(|word| text::chat(word, TEXT)).collect(),
        thread: thread(report),
        event_type: "portcullis-alert",
        resources: resources(report),
        context: context.map(|(key, value)| (key, text::chat(value, TEXT))).into(),
    }
    .document()
}

/// What is said again of a resource on the same day falls into one thread. On another day it begins a new
/// one, for nobody looks into a thread of last month.
fn thread(report: &Report) -> String {
    let day = report.event.time.split('T').next().unwrap_or_default();
    text::chat(&format!("{} {day}", report.subject().arn), 4 * TEXT)
}

fn resources(report: &Report) -> Vec<String> {
    let rules = report.findings.iter().filter_map(Reported::rule).map(|rule| rule.id.as_str());
    let mut resources: Vec<String> = Vec::new();
    for id in [report.subject().arn.as_str()].into_iter().chain(rules) {
        let id = text::chat(id, 4 * TEXT);
        if !resources.contains(&id) {
            resources.push(id);
        }
    }
    resources
}

fn description(report: &Report) -> Vec<String> {
    let Report { event, decision, names, .. } = report;
    let (actor, subject) = (&event.actor, report.subject());
    let via = actor.via.as_deref().map(|via| format!(" via {}", text::code(via, TEXT)));
    let whom = actor.source_identity.as_deref();
    let whom = whom.map(|whom| format!(" (source identity {})", text::code(whom, TEXT)));
    let name = names.name.as_deref().map(|name| format!(" {}", text::code(name, TEXT)));
    let vpc = names.vpc.as_deref().map(|vpc| format!(" in {}", text::chat(vpc, TEXT)));
    let mut parts = vec![
        format!(
            "{}{} called {}{} from {} at {}.",
            text::code(&actor.name, TEXT),
            whom.unwrap_or_default(),
            event.call(),
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
    parts.extend(report.findings.iter().take(LINES).map(line));
    if let Some(more) = report.findings.len().checked_sub(LINES).filter(|more| *more > 0) {
        parts.push(format!("- ... and {more} more: the mail has them."));
    }
    let behind = servers::chat(report);
    if !behind.is_empty() {
        parts.push("Servers behind it, in their own words:".to_owned());
        parts.extend(behind);
    }
    let undo: BTreeSet<String> =
        report.findings.iter().filter_map(|reported| memory::undo_of(report, reported)).collect();
    parts.extend(undo.into_iter().take(COMMANDS).map(|undo| format!("Undo:\n```\n{undo}\n```")));
    parts.extend(owner::paragraph(report, text::code).lines().map(str::to_owned));
    parts
}

fn line(reported: &Reported) -> String {
    let Reported { finding, severity, resolution, because, .. } = reported;
    let ended = match (resolution, reported.action()) {
        (Resolution::Done, Some(Action::RevokeIngress { .. } | Action::RemoveEntries(_))) => {
            "closed, and verified"
        }
        (Resolution::Failed, _) => "FAILED",
        (resolution, _) => resolution.words(),
    };
    let because = because.as_deref().map(|why| format!(", {}", text::code(why, 2 * TEXT)));
    format!(
        "- {} ({}, {}): {}{}{}",
        text::chat(&finding.title(), 2 * TEXT),
        finding.check,
        severity.as_str(),
        ended,
        because.unwrap_or_default(),
        text::chat(&grants::in_short(reported), 2 * TEXT)
    )
}

/// What a person does now: first what is still open, then how to go back.
fn next_steps(report: &Report) -> Vec<String> {
    let mut steps: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for group in by_rule(&report.findings) {
        for reported in group {
            if let Some((rank, step)) = step(report, reported) {
                steps.entry(rank).or_default().insert(step);
            }
        }
    }
    let harden = servers::harden(report).into_iter();
    let harden = harden.map(|command| format!("Harden the server behind it: `{command}`"));
    steps.entry(2).or_default().extend(harden);
    steps.into_values().flatten().collect()
}

fn step(report: &Report, reported: &Reported) -> Option<(u8, String)> {
    let id = text::chat(&report.subject().id, TEXT);
    let check = reported.finding.check;
    match (reported.resolution, reported.action()) {
        (
            Resolution::Failed | Resolution::NotRemediated | Resolution::Manual,
            Some(Action::RemoveEntries(removal)),
        ) => {
            let remove = lists::remove(report, removal).into_iter().take(COMMANDS);
            let remove = remove.collect::<Vec<_>>().join("\n");
            Some((0, format!("Remove the entries:\n```\n{remove}\n```")))
        }
        (
            Resolution::Done | Resolution::AlreadyGone,
            Some(Action::RevokeIngress { .. } | Action::RemoveEntries(_)),
        ) => Some((
            3,
            "If it was intended: run the undo command above, and change what opened it; otherwise the next deployment \
             is revoked again."
                .to_owned(),
        )),
        (
            Resolution::Failed | Resolution::NotRemediated | Resolution::Manual,
            Some(Action::RevokeIngress { group, rule, .. }),
        ) => {
            if open::count(report) > 1 {
                let close = open::close_all(report).join("\n");
                return Some((0, format!("Close all that is open:\n```\n{close}\n```")));
            }
            let close = command::revoke(&report.event.region, group, &[&rule.id]);
            Some((0, format!("Close it: `{close}`")))
        }
        (Resolution::Started | Resolution::AlreadyStarted, _) => {
            let moves = format!("portcullis moves{}", command::options(report));
            Some((2, format!("The plan is sent by mail. `{moves}` shows the progress.")))
        }
        (_, Some(Action::StartRecreation(_))) => {
            Some((1, format!("See the plan of a re-creation: `{}`", command::plan(report))))
        }
        (Resolution::Pending, _) => Some((2, "Check again when the cache is available.".to_owned())),
        (_, None) if check == Check::DefaultPort => {
            Some((1, format!("See the plan for another port: `{}`", command::plan(report))))
        }
        (_, None) if report.unnamed().is_some() => {
            let audit = command::audit(&report.event.region);
            Some((0, format!("See what is open in the Region now: `{audit}`")))
        }
        (_, None) => {
            Some((1, format!("Fix {check} of {id}: the mail has the commands.")))
        }
        _ => None,
    }
}
