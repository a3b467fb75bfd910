//! The end of the mail: what holds for all findings together.

use std::collections::BTreeSet;
use std::fmt::Write;

use portcullis_engine::action::{Because, Remedy};
use portcullis_engine::facts::PROTECT;
use portcullis_engine::finding::Finding;
use portcullis_engine::report::Report;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::text;

use crate::{command, lists, tolerance};

/// Longest text of a user that is shown.
const TEXT: usize = 120;

/// What follows from it all, how to except a group, and what to look the event up by.
pub(crate) fn footer(body: &mut String, report: &Report) {
    let Report { event, findings, .. } = report;
    let closed = findings.iter().any(|reported| reported.resolution == Resolution::Done);
    if closed {
        body.push_str("\nConnections that were open before the revoke can continue; a network ACL cuts them.\n");
    }
    let moves = findings.iter().filter_map(|reported| reported.action()?.starts());
    let has_moves = moves.count() > 0;
    if has_moves {
        body.push_str(
            "\nA cache with the tag portcullis:protect is never re-created. With MoveCaches=on-request only \
             `portcullis move`\nstarts a re-creation, with MoveCaches=no nothing does. Mode=observe changes nothing \
             at all.\n",
        );
    }
    if findings.iter().any(|reported| reported.rule().is_some()) {
        protection(body, report, closed);
    } else if report.findings.iter().any(|reported| lists::of(reported).is_some()) {
        lists::protection(body, report);
    } else if !has_moves && !findings.is_empty() && report.unnamed().is_none() {
        body.push_str(
            "\nPortcullis does not change this cache without you. To get no more alerts, change it as above.\n",
        );
    }
    policy(body, report);
    let _ = writeln!(
        body,
        "\nCaller: {}\nAgent:  {}\nEvent:  {}\nARN:    {}\n\nWho called, when and from where is what the event \
         says. To verify it in CloudTrail:\n{}",
        text::plain(&event.actor.arn, 300),
        text::plain(&event.actor.agent, TEXT),
        text::plain(&event.id, 64),
        report.subject().arn,
        command::record(&event.region, &event.id)
    );
}

/// The exception that tolerates the worst of the findings, to be put beside the others.
fn policy(body: &mut String, report: &Report) {
    // What cannot be read must be mended first: another policy beside it would not be read either.
    let readable = |finding: &&Finding| {
        let unreadable = |because: &Because| matches!(because, Because::ExceptionsUnreadable(_));
        !matches!(&finding.remedy, Remedy::NotRemediated { because, .. } if unreadable(because))
    };
    let findings = report.findings.iter().map(|reported| &reported.finding);
    let policy = findings.filter(readable).find_map(|finding| tolerance::policy(report, finding));
    if let Some(policy) = policy {
        let _ = write!(
            body,
            "\nTo suppress it from now on, put this exception into infra/exceptions/ and deploy \
             (docs/exceptions.md):\n{policy}"
        );
    }
}

/// How to have a group left alone, and how not to any more.
fn protection(body: &mut String, report: &Report, closed: bool) {
    let mut closable = BTreeSet::new();
    let mut protected = BTreeSet::new();
    for reported in &report.findings {
        match &reported.finding.remedy {
            Remedy::NotRemediated { action, because: Because::Protected } => {
                protected.extend(action.revokes().map(|(group, _)| group));
            }
            Remedy::Do(action)
            | Remedy::Gone(action)
            | Remedy::NotRemediated {
                action,
                because: Because::Observe | Because::TouchedUnknown(_),
            } => {
                closable.extend(action.revokes().map(|(group, _)| group));
            }
            Remedy::NotRemediated { .. } | Remedy::Manual { .. } | Remedy::Pending(_) => {}
        }
    }
    let list = |groups: BTreeSet<_>| groups.into_iter().collect::<Vec<_>>();
    if !closable.is_empty() {
        let command = command::protect(&report.event.region, &list(closable));
        let when = if closed {
            format!("To protect the group from now on, tag it {PROTECT} before you undo")
        } else {
            format!("\nTo protect the group, tag it {PROTECT}")
        };
        let _ = writeln!(
            body,
            "{when}. Portcullis then only reports:\n{command}\nTo let Portcullis remediate again, remove the tag."
        );
    }
    if !protected.is_empty() {
        let command = command::unprotect(&report.event.region, &list(protected));
        let _ = writeln!(body, "\nTo let Portcullis remediate again, remove the tag:\n{command}");
    }
}
