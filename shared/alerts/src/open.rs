//! What is left open, and the one command that closes all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use portcullis_engine::action::{Because, Remedy};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;

use crate::command;

/// Whether this is about a rule that is open.
pub(crate) fn is_open(reported: &Reported) -> bool {
    let ends = [Resolution::Failed, Resolution::NotRemediated, Resolution::Manual];
    ends.contains(&reported.resolution)
        && reported.action().is_some_and(|action| action.revokes().is_some())
}

/// The rules that are open, by group.
fn open(report: &Report) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut open: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for reported in report.findings.iter().filter(|reported| is_open(reported)) {
        if let Some((group, rule)) = reported.action().and_then(|action| action.revokes()) {
            open.entry(group).or_default().insert(&rule.id);
        }
    }
    open
}

/// How many rules are open.
pub(crate) fn count(report: &Report) -> usize {
    open(report).values().map(BTreeSet::len).sum()
}

/// The commands that close all of it: one a group, for up to 100 rules.
pub(crate) fn close_all(report: &Report) -> Vec<String> {
    let of_group = |(group, ids): (&str, BTreeSet<&str>)| {
        let ids: Vec<&str> = ids.into_iter().collect();
        command::revoke_all(&report.event.region, group, &ids)
    };
    open(report).into_iter().flat_map(of_group).collect()
}

/// The way that leaves the rules as they are, where the call put their group before something else than what has it.
pub(crate) fn detach(body: &mut String, report: &Report) {
    let detach = report.findings.iter().find_map(|reported| match &reported.finding.remedy {
        Remedy::Manual { because: Because::OthersCarry { detach, .. }, .. } => detach.as_ref(),
        Remedy::Manual { .. }
        | Remedy::Do(_)
        | Remedy::NotRemediated { .. }
        | Remedy::Pending(_)
        | Remedy::Gone(_) => None,
    });
    let Some(detach) = detach else { return };
    let command = command::detach(&report.event.region, detach);
    let _ = writeln!(
        body,
        "\nOr leave the rules, and take the group off {} again, which keeps its other groups:\n{command}",
        detach.interface
    );
}

/// The paragraph of the mail, where more than one rule is open.
pub(crate) fn paragraph(body: &mut String, report: &Report) {
    let count = count(report);
    if count > 1 {
        let commands = close_all(report).join("\n");
        let _ = writeln!(body, "\nTo close the {count} rules that are open:\n{commands}");
    }
}
