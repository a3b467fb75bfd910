//! What a person does now, in a line: the third of the mail, so that whoever is woken by it need not read on.

use portcullis_engine::action::{Because, Remedy};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::Mode;
use portcullis_engine::text;

use crate::by_rule::{by_rule, worst};
use crate::{command, lists, memory};

/// Longest text of a user that is shown.
const TEXT: usize = 60;

/// `Next: …`, what is still open first.
pub(crate) fn next(report: &Report) -> String {
    if let Some(what) = report.unnamed() {
        return format!(
            "Next: find out which {what} {} changed, and whether it is open now: the command is below.",
            report.event.call()
        );
    }
    let (rules, settings): (Vec<_>, Vec<_>) = by_rule(&report.findings)
        .into_iter()
        .partition(|group| group.iter().any(|reported| reported.rule().is_some()));
    let (lists, settings): (Vec<&Reported>, Vec<&Reported>) =
        settings.into_iter().flatten().partition(|reported| lists::of(reported).is_some());
    let steps: Vec<String> = [
        lists.into_iter().find_map(|reported| lists::next(report, reported)),
        of_rules(report, &rules),
        of_settings(report, &settings),
        report.findings.is_empty().then(|| "nothing to do.".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if steps.is_empty() {
        "Next: see below.".to_owned()
    } else {
        format!("Next: {}", steps.join(" "))
    }
}

fn of_rules(report: &Report, rules: &[Vec<&Reported>]) -> Option<String> {
    let ends: Vec<_> = rules.iter().filter_map(|group| Some((group, worst(group)?))).collect();
    let failed = ends.iter().filter(|(_, end)| end.resolution == Resolution::Failed).count();
    if failed > 0 {
        let Words { them, are, below } = words(failed);
        return Some(format!("close {them} yourself, at once: {are} STILL OPEN. {below}"));
    }
    let open: Vec<&Reported> = ends
        .iter()
        .filter(|(_, end)| matches!(end.resolution, Resolution::NotRemediated | Resolution::Manual))
        .filter_map(|(group, _)| group.first().copied())
        .collect();
    if let Some(first) = open.first() {
        return Some(left_open(report, first, open.len()));
    }
    let closed = rules.iter().flatten().find_map(|reported| memory::undo_of(report, reported))?;
    // The command of EC2 is longer than a line; the tool's is not.
    let undo = match (rules, closed.starts_with("portcullis")) {
        ([_], true) => format!("restore it: {closed}"),
        ([_], false) => "the command that restores it is below".to_owned(),
        _ => "the commands that restore them are below".to_owned(),
    };
    let who = text::plain(&report.event.actor.name, TEXT);
    let older = match report.older.len() {
        0 => String::new(),
        older => format!(" Older findings: {older}, see below."),
    };
    Some(format!("it is closed. If the rule was intended, {undo}; if not, ask {who}.{older}"))
}

/// What Portcullis did not close, and why that is for a person.
fn left_open(report: &Report, first: &Reported, count: usize) -> String {
    let Words { them, are, below } = words(count);
    let because = match &first.finding.remedy {
        Remedy::NotRemediated { because, .. } | Remedy::Manual { because, .. } => Some(because),
        Remedy::Do(_) | Remedy::Pending(_) | Remedy::Gone(_) => None,
    };
    let what = match because {
        _ if report.decision.mode == Mode::Observe => {
            format!(
                "close {them} if not intended: {are} open, because observe mode changes nothing."
            )
        }
        Some(Because::Flapping { who, .. }) => format!(
            "stop what opens the rule ({}): {are} open, and Portcullis revokes {them} only after an hour in which the rule \
             does not recur.",
            text::plain(who, TEXT)
        ),
        Some(Because::TooMany { .. }) => return limited(report, count),
        Some(Because::Protected) => format!(
            "close {them} if not intended: {are} open, because the group is protected by its tag."
        ),
        _ => format!(
            "check whether {are} intended, and close {them} if not: Portcullis leaves that to you."
        ),
    };
    format!("{what} {below}")
}

/// What a limit leaves open, and when its turn comes.
fn limited(report: &Report, open: usize) -> String {
    let Words { them, are, below } = words(open);
    let closed = |reported: &&Reported| reported.resolution == Resolution::Done;
    let closed =
        by_rule(&report.findings).iter().filter_map(|group| worst(group)).filter(closed).count();
    match &report.next {
        Some(next) if next.not_arranged.is_none() => {
            let done = match closed {
                0 => "none could be closed yet".to_owned(),
                1 => "the most dangerous one was closed".to_owned(),
                closed => format!("the most dangerous {closed} were closed"),
            };
            format!("{done}; the rest at {}. To close {them} sooner, see below.", next.at())
        }
        Some(_) | None => {
            format!("close {them} yourself: {are} open, because a limit was reached. {below}")
        }
    }
}

fn of_settings(report: &Report, settings: &[&Reported]) -> Option<String> {
    let of = |wanted: &[Resolution]| -> Vec<&str> {
        let ended = settings.iter().filter(|reported| wanted.contains(&reported.resolution));
        ended.map(|reported| reported.finding.check.as_str()).collect()
    };
    if !of(&[Resolution::Failed]).is_empty() {
        let start = command::start_recreation(report);
        return Some(format!("start the re-creation yourself: {start}"));
    }
    let by_hand = of(&[Resolution::Manual]);
    let started = of(&[Resolution::Started, Resolution::AlreadyStarted]);
    let mut steps = Vec::new();
    if !by_hand.is_empty() {
        steps.push(format!("Fix {}: the commands for this cache are below.", by_hand.join(", ")));
    }
    if !started.is_empty() {
        steps.push(
            "Wait for the plan of the re-creation: nothing is changed before you approve it."
                .to_owned(),
        );
    }
    if !of(&[Resolution::NotRemediated]).is_empty() {
        steps.push(format!("See the plan of a re-creation: {}", command::plan(report)));
    }
    if !of(&[Resolution::Pending]).is_empty() {
        steps.push("Check again when the cache is available.".to_owned());
    }
    (!steps.is_empty()).then(|| steps.join(" "))
}

/// What stands for one rule, or for several.
struct Words {
    them: String,
    are: &'static str,
    below: &'static str,
}

fn words(count: usize) -> Words {
    match count {
        1 => Words { them: "it".to_owned(), are: "it is", below: "The command is below." },
        many => {
            Words { them: format!("{many} rules"), are: "they are", below: "The command is below." }
        }
    }
}
