//! What came of one finding, and what a person can do about it now.

use std::fmt::Write;

use portcullis_engine::action::{Action, Remedy};
use portcullis_engine::facts::IngressRule;
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::text;

use crate::{command, grants, lists, memory, open};

/// The lines of the mail for how a rule or a setting ended. `acted` is the finding on it that has the change.
pub(crate) fn outcome(body: &mut String, report: &Report, end: &Reported, acted: &Reported) {
    if lists::of(acted).is_some() {
        return lists::outcome(body, report, acted);
    }
    verdict(body, end);
    match acted.action() {
        Some(Action::RevokeIngress { group, rule, .. }) => {
            grants::lines(body, report, acted);
            of_rule(body, report, end, acted, (group, rule));
        }
        Some(Action::StartRecreation(_)) => of_move(body, report, end),
        Some(Action::RemoveEntries(_)) | None => {}
    }
}

fn verdict(body: &mut String, end: &Reported) {
    let why = text::plain(end.because.as_deref().unwrap_or_default(), 700);
    let _ = match end.resolution {
        Resolution::Done => {
            writeln!(body, "  Done:     revoked. The group was read again, and the rule is gone.")
        }
        Resolution::AlreadyGone | Resolution::Resolved => {
            writeln!(
                body,
                "  Done:     already removed: by someone else, or by an earlier attempt of Portcullis that failed \
                 before it could\n            send this alert.{}{}",
                as_told(end),
                if why.is_empty() {
                    String::new()
                } else {
                    format!("\n            In any case: {why}.")
                }
            )
        }
        Resolution::Started => {
            writeln!(body, "  Started:  the re-creation of this cache on another port.")
        }
        Resolution::AlreadyStarted => writeln!(
            body,
            "  Started:  the re-creation of this cache on another port, by an earlier delivery of this event. It \
             may\n            have ended since."
        ),
        Resolution::Failed => writeln!(body, "  FAILED:   {why}."),
        Resolution::NotRemediated => writeln!(body, "  Not remediated: {why}."),
        Resolution::Manual => writeln!(body, "  Manual:   {why}."),
        Resolution::Pending => {
            writeln!(body, "  Pending:  {why}. Check again when the cache is available.")
        }
    };
}

/// Whose word the shape of a rule is that EC2 does not show.
fn as_told(end: &Reported) -> &'static str {
    match end.finding.remedy {
        Remedy::Gone(_) => " EC2 does not show the rule: ports and source are what the event says.",
        Remedy::Do(_)
        | Remedy::NotRemediated { .. }
        | Remedy::Manual { .. }
        | Remedy::Pending(_) => "",
    }
}

/// How to put a rule back, or to close it.
fn of_rule(
    body: &mut String,
    report: &Report,
    end: &Reported,
    acted: &Reported,
    (group, rule): (&str, &IngressRule),
) {
    let region = &report.event.region;
    let _ = match end.resolution {
        Resolution::Done => {
            if let Some(now) = &end.went_as {
                let _ = writeln!(
                    body,
                    "  Note:     the rule was edited meanwhile; the revoked rule was {}.",
                    now.words()
                );
            }
            memory::undo(body, report, acted, (group, end.went_as.as_ref().unwrap_or(rule)));
            Ok(())
        }
        Resolution::AlreadyGone | Resolution::Resolved => {
            let undo = command::undo(region, group, rule);
            writeln!(body, "  Restore it, as far as it is known:\n{undo}")
        }
        // One command closes all, below.
        Resolution::Failed | Resolution::NotRemediated | Resolution::Manual
            if open::count(report) > 1 =>
        {
            Ok(())
        }
        Resolution::Failed | Resolution::NotRemediated | Resolution::Manual => {
            writeln!(body, "  Close it:\n{}", command::revoke(region, group, &[&rule.id]))
        }
        Resolution::Pending | Resolution::Started | Resolution::AlreadyStarted => Ok(()),
    };
}

/// What comes next of a move, how to follow and to stop it; or how to start it.
fn of_move(body: &mut String, report: &Report, end: &Reported) {
    let _ = match (end.resolution, &end.execution) {
        (Resolution::Started | Resolution::AlreadyStarted, Some(execution)) => {
            body.push_str(
                "  Next:     you get the plan by mail, or the reasons why there is none. Nothing is changed before a \
                 person\n            approves it, unless MoveCaches is `fresh` and the cache is new and empty.\n",
            );
            let stop = command::stop(&report.event.region, execution);
            writeln!(
                body,
                "  Follow:   portcullis moves{}\n            {execution}\n  Stop it, before the approval:\n{stop}",
                command::options(report)
            )
        }
        (Resolution::Failed, _) => writeln!(
            body,
            "  See the plan, and start the re-creation yourself:\n{}\n{}",
            command::plan(report),
            command::start_recreation(report)
        ),
        (Resolution::NotRemediated, _) => {
            writeln!(body, "  See the plan:\n{}", command::plan(report))
        }
        (
            Resolution::Done
            | Resolution::AlreadyGone
            | Resolution::Resolved
            | Resolution::Started
            | Resolution::AlreadyStarted
            | Resolution::Manual
            | Resolution::Pending,
            _,
        ) => Ok(()),
    };
}
