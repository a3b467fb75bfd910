//! What came of one finding, and what a person can do about it now.

use std::fmt::Write;

use super::{End, command, memory, text};
use crate::action::Action;
use crate::checks::Finding;
use crate::decide::Decision;
use crate::event::Event;
use crate::facts::IngressRule;

/// The lines of the mail for one end.
pub(super) fn outcome(
    body: &mut String,
    event: &Event,
    decision: &Decision,
    end: &End,
    finding: &Finding,
) {
    verdict(body, end);
    match finding.remedy.action() {
        Some(Action::RevokeIngress { group, rule }) => {
            of_rule(body, event, decision, end, finding, (group, rule));
        }
        Some(Action::StartMove(_)) => of_move(body, event, decision, end),
        None => {}
    }
}

fn verdict(body: &mut String, end: &End) {
    let why = text::plain(end.because().unwrap_or_default(), 400);
    let _ = match end {
        End::Done(_) => {
            writeln!(body, "  Done:     revoked, and seen gone when the group was read again.")
        }
        End::AlreadyGone => {
            writeln!(
                body,
                "  Done:     it is gone. If not by somebody else, then by Portcullis, before it could tell."
            )
        }
        End::Started(_) => writeln!(body, "  Started:  the move of this cache to another port."),
        End::AlreadyStarted(_) => writeln!(
            body,
            "  Started:  the move of this cache to another port, when this event was dealt with before. It may\n            \
             have ended since."
        ),
        End::Failed(_) => writeln!(body, "  FAILED:   {why}."),
        End::Withheld(_) => writeln!(body, "  Withheld: {why}."),
        End::ByHand(_) => writeln!(body, "  By hand:  {why}."),
        End::Pending(_) => writeln!(body, "  Pending:  {why}. Look again when it is available."),
    };
}

/// How to put a rule back, or to close it.
fn of_rule(
    body: &mut String,
    event: &Event,
    decision: &Decision,
    end: &End,
    finding: &Finding,
    (group, rule): (&str, &IngressRule),
) {
    let _ = match end {
        End::Done(changed) => {
            if let Some(now) = changed {
                let _ = writeln!(
                    body,
                    "  Note:     it was edited while we decided; what went was {} from {}.",
                    now.traffic(),
                    now.source
                );
            }
            let went = changed.as_ref().unwrap_or(rule);
            memory::undo(body, event, decision, finding, (group, went));
            Ok(())
        }
        End::AlreadyGone => {
            let undo = command::undo(&event.region, group, rule);
            writeln!(body, "  Put it back, as far as it is known:\n{undo}")
        }
        End::Failed(_) | End::Withheld(_) | End::ByHand(_) => {
            writeln!(body, "  Close it:\n{}", command::revoke(&event.region, group, rule))
        }
        End::Pending(_) | End::Started(_) | End::AlreadyStarted(_) => Ok(()),
    };
}

/// What comes next of a move, how to follow and to stop it; or how to start it.
fn of_move(body: &mut String, event: &Event, decision: &Decision, end: &End) {
    let _ = match end {
        End::Started(execution) | End::AlreadyStarted(execution) => {
            body.push_str(
                "  Next:     a plan is made and sent to you, or why there can be none. Nothing is changed before somebody\n            \
                 agrees to it, unless MoveCaches is `fresh` and the cache is new and empty.\n",
            );
            let stop = command::stop(&event.region, execution);
            writeln!(
                body,
                "  Follow:   portcullis moves{}\n            {execution}\n  Stop it, while nothing is agreed to:\n{stop}",
                command::options(event, decision)
            )
        }
        End::Failed(_) => writeln!(
            body,
            "  See what it would do, and start it yourself:\n{}\n{}",
            command::plan(event, decision),
            command::start_move(event, decision)
        ),
        End::Withheld(_) => {
            writeln!(body, "  See what it would do:\n{}", command::plan(event, decision))
        }
        End::Done(_) | End::AlreadyGone | End::ByHand(_) | End::Pending(_) => Ok(()),
    };
}
