//! The end of the mail: what holds for all findings together.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{End, Outcomes, command, text, tolerance};
use crate::action::{Because, Remedy};
use crate::checks::{Finding, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::facts::PROTECT;

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// What follows from it all, how to except a group, and what to look the event up by.
pub(super) fn footer(body: &mut String, event: &Event, decision: &Decision, outcomes: &Outcomes) {
    let closed =
        decision.findings.iter().any(|finding| matches!(End::of(finding, outcomes), End::Done(_)));
    if closed {
        body.push_str("\nConnections that were open before the revoke can outlive it; a network ACL cuts them.\n");
    }
    let moves = decision.findings.iter().filter_map(|finding| finding.remedy.action()?.starts());
    let has_moves = moves.count() > 0;
    if has_moves {
        body.push_str(
            "\nA cache with the tag portcullis:protect is not moved. With MoveCaches=on-request a move starts only when\n\
             somebody says so (portcullis move), with MoveCaches=no never; Mode=observe changes nothing at all.\n",
        );
    }
    if decision.findings.iter().any(|finding| rule_of(finding).is_some()) {
        protection(body, event, decision, closed);
    } else if !has_moves && !decision.findings.is_empty() {
        body.push_str(
            "\nTo be told no more, change the cache as above; nothing is done to it without you.\n",
        );
    }
    policy(body, decision);
    let _ = writeln!(
        body,
        "\nCaller: {}\nAgent:  {}\nEvent:  {}\nARN:    {}",
        text::plain(&event.actor.arn, 300),
        text::plain(&event.actor.agent, TEXT),
        text::plain(&event.id, 64),
        decision.subject.arn
    );
}

/// The exception that tolerates the worst of the findings, to be put beside the others.
fn policy(body: &mut String, decision: &Decision) {
    // What cannot be read must be mended first: another policy beside it would not be read either.
    let readable = |finding: &&Finding| {
        let unreadable = |because: &Because| matches!(because, Because::ExceptionsUnreadable(_));
        !matches!(&finding.remedy, Remedy::Withheld { because, .. } if unreadable(because))
    };
    let mut findings = decision.findings.iter().filter(readable);
    let policy = findings.find_map(|finding| tolerance::policy(decision, finding));
    if let Some(policy) = policy {
        let _ = write!(
            body,
            "\nTo have it tolerated from now on, put this exception into infra/exceptions/ and deploy (docs/exceptions.md):\n{policy}"
        );
    }
}

/// How to have a group left alone, and how not to any more.
fn protection(body: &mut String, event: &Event, decision: &Decision, closed: bool) {
    let mut closable = BTreeSet::new();
    let mut protected = BTreeSet::new();
    for finding in &decision.findings {
        match &finding.remedy {
            Remedy::Withheld { action, because: Because::Protected } => {
                protected.extend(action.revokes().map(|(group, _)| group));
            }
            Remedy::Do(action)
            | Remedy::Gone(action)
            | Remedy::Withheld { action, because: Because::Observe | Because::TouchedUnknown(_) } =>
            {
                closable.extend(action.revokes().map(|(group, _)| group));
            }
            Remedy::Withheld { .. } | Remedy::ByHand { .. } | Remedy::Pending(_) => {}
        }
    }
    let list = |groups: BTreeSet<_>| groups.into_iter().collect::<Vec<_>>();
    if !closable.is_empty() {
        let command = command::protect(&event.region, &list(closable));
        let when = match closed {
            true => format!("To keep it as it was, tag the group {PROTECT} before you undo"),
            false => format!("\nTo have the group left alone, tag it {PROTECT}"),
        };
        let _ = writeln!(
            body,
            "{when}, and Portcullis only tells:\n{command}\nRemove the tag to have it close again what is opened."
        );
    }
    if !protected.is_empty() {
        let command = command::unprotect(&event.region, &list(protected));
        let _ =
            writeln!(body, "\nRemove the tag to have Portcullis close what is opened:\n{command}");
    }
}
