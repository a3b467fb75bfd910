//! What a person does now, in a line: the third of the mail, so that whoever is woken by it need not read on.

use super::{End, Outcomes, by_rule, command, mail, memory, text};
use crate::action::{Because, Remedy};
use crate::checks::{Finding, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::settings::Mode;

/// Longest text of a user that is shown.
const TEXT: usize = 60;

/// `Next: …`, what is still open first.
pub(super) fn next(event: &Event, decision: &Decision, outcomes: &Outcomes) -> String {
    let (rules, settings): (Vec<_>, Vec<_>) = by_rule(&decision.findings)
        .into_iter()
        .partition(|group| group.iter().any(|finding| rule_of(finding).is_some()));
    let settings: Vec<&Finding> = settings.into_iter().flatten().collect();
    let steps = [
        of_rules(event, decision, &rules, outcomes),
        of_settings(event, decision, &settings, outcomes),
        decision.findings.is_empty().then(|| "nothing. This is good news.".to_owned()),
    ];
    let steps: Vec<String> = steps.into_iter().flatten().collect();
    match steps.is_empty() {
        true => "Next: see below.".to_owned(),
        false => format!("Next: {}", steps.join(" ")),
    }
}

fn of_rules(
    event: &Event,
    decision: &Decision,
    rules: &[Vec<&Finding>],
    outcomes: &Outcomes,
) -> Option<String> {
    let ends = rules.iter().filter_map(|group| Some((group, mail::worst(group, outcomes)?)));
    let ends: Vec<_> = ends.collect();
    let failed = ends.iter().filter(|(_, end)| matches!(end, End::Failed(_))).count();
    if failed > 0 {
        let Words { them, are, below } = words(failed);
        return Some(format!("close {them} yourself, at once: {are} STILL OPEN. {below}"));
    }
    let open: Vec<&Finding> = ends
        .iter()
        .filter(|(_, end)| matches!(end, End::Withheld(_) | End::ByHand(_)))
        .filter_map(|(group, _)| group.first().copied())
        .collect();
    if let Some(first) = open.first() {
        return Some(left_open(decision, first, open.len()));
    }
    let closed =
        rules.iter().flatten().find_map(|f| memory::undo_of(event, decision, f, outcomes))?;
    // The command of EC2 is longer than a line; the tool's is not.
    let undo = match (rules, closed.starts_with("portcullis")) {
        ([_], true) => format!("put it back: {closed}"),
        ([_], false) => "the command that puts it back is below".to_owned(),
        _ => "the commands that put them back are below".to_owned(),
    };
    let who = text::plain(&event.actor.name, TEXT);
    let older = match decision.older.len() {
        0 => String::new(),
        older => format!(" Open since before, and left: {older}, see below."),
    };
    Some(format!("it is closed. If it was meant, {undo}; if not, ask {who}.{older}"))
}

/// What Portcullis did not close, and why that is for a person.
fn left_open(decision: &Decision, first: &Finding, count: usize) -> String {
    let Words { them, are, below } = words(count);
    let because = match &first.remedy {
        Remedy::Withheld { because, .. } | Remedy::ByHand { because, .. } => Some(because),
        Remedy::Do(_) | Remedy::Pending(_) | Remedy::Gone(_) => None,
    };
    let what = match because {
        _ if decision.mode == Mode::Observe => {
            format!("close {them}, if not meant: {are} open, for observe mode changes nothing.")
        }
        Some(Because::Fight { who, .. }) => format!(
            "stop what puts it back ({}): {are} open, and Portcullis closes {them} no more.",
            text::plain(who, TEXT)
        ),
        Some(Because::TooMany { .. }) => {
            format!("close {them} yourself: {are} open, for so many are not closed without asking.")
        }
        Some(Because::Protected) => format!(
            "close {them}, if not meant: {are} open, for the group's tag says to leave it alone."
        ),
        _ => format!(
            "look whether {are} meant, and close {them} if not: Portcullis leaves that to you."
        ),
    };
    format!("{what} {below}")
}

fn of_settings(
    event: &Event,
    decision: &Decision,
    settings: &[&Finding],
    outcomes: &Outcomes,
) -> Option<String> {
    let of = |wanted: fn(&End) -> bool| -> Vec<&str> {
        let ended = settings.iter().filter(|finding| wanted(&End::of(finding, outcomes)));
        ended.map(|finding| finding.check.as_str()).collect()
    };
    if !of(|end| matches!(end, End::Failed(_))).is_empty() {
        let start = command::start_move(event, decision);
        return Some(format!("start the move yourself: {start}"));
    }
    let by_hand = of(|end| matches!(end, End::ByHand(_)));
    let started = of(|end| matches!(end, End::Started(_) | End::AlreadyStarted(_)));
    let mut steps = Vec::new();
    if !by_hand.is_empty() {
        steps.push(format!("mend {}: the commands for this cache are below.", by_hand.join(", ")));
    }
    if !started.is_empty() {
        steps.push("Wait for the plan of the move: it asks before anything is changed.".to_owned());
    }
    if !of(|end| matches!(end, End::Withheld(_))).is_empty() {
        steps.push(format!("See what a move would do: {}", command::plan(event, decision)));
    }
    if !of(|end| matches!(end, End::Pending(_))).is_empty() {
        steps.push("Look again when the cache is available.".to_owned());
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
        many => Words {
            them: format!("{many} rules"),
            are: "they are",
            below: "The commands are below.",
        },
    }
}
