//! How much is done before a person is asked: fights, and too much at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Entry;
use super::time::seconds;
use crate::action::{Action, Because, Per, Remedy};
use crate::checks::{Finding, Severity};
use crate::decide::Decision;

/// `PORTCULLIS_COMEBACKS_PER_HOUR`, unless set. Once may be a person who did not read the alert, twice a script that
/// was run again. What opens the same rule a third time within the hour is a machine that will go on for ever,
/// and closing it again only makes an outage that comes and goes.
pub const COMEBACKS_PER_HOUR: u32 = 3;

/// `PORTCULLIS_ACTIONS_PER_EVENT`, unless set. A group has at most 60 ingress rules by default, and few calls open more
/// than a handful at once. Whoever opens 25 moves something big, and should be asked before all of it goes.
pub const ACTIONS_PER_EVENT: usize = 25;

/// `PORTCULLIS_ACTIONS_PER_MINUTE`, unless set. It bounds what a wrong policy, or a fault of ours, can close in an account
/// before somebody sees the alerts: a deployment of twenty stacks with five open rules each is still closed.
pub const ACTIONS_PER_MINUTE: usize = 100;

/// In seconds.
pub(super) const HOUR: i64 = 3600;

/// The limits of what is done for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The comeback of a rule within an hour that is not closed any more; 0 counts as 1.
    pub comebacks_per_hour: u32,
    /// How many rules one event may have closed.
    pub actions_per_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { comebacks_per_hour: COMEBACKS_PER_HOUR, actions_per_event: ACTIONS_PER_EVENT }
    }
}

/// Leaves a rule alone that was closed, and came back too often in the hour before `time`. Then somebody is paged.
pub(super) fn stop_fighting(finding: &mut Finding, entry: &Entry, time: &str, limits: &Limits) {
    let Remedy::Do(action @ Action::RevokeIngress { .. }) = &finding.remedy else { return };
    let now = seconds(time);
    let hour = now.saturating_sub(HOUR).saturating_add(1)..now.saturating_add(1);
    let back: Vec<_> = entry
        .comings
        .iter()
        .filter(|coming| coming.back && hour.contains(&seconds(&coming.at)))
        .collect();
    let most = usize::try_from(limits.comebacks_per_hour.max(1)).unwrap_or(usize::MAX);
    let Some(last) = back.last().filter(|_| back.len() >= most) else { return };
    let because =
        Because::Fight { times: back.len(), who: last.by.clone(), through: last.via.clone() };
    finding.remedy = Remedy::Withheld { action: action.clone(), because };
    finding.severity = finding.severity.max(Severity::High);
}

/// Withholds what is too much for one event. `closed` are the rules that an earlier try of it went to close.
pub(super) fn cap_event(decision: &mut Decision, closed: &BTreeSet<String>, limits: &Limits) {
    let most = limits.actions_per_event;
    let room = most.saturating_sub(closed.len());
    withhold_beyond(decision, room, closed, &Because::TooMany { most, per: Per::Event });
}

/// Withholds what is too much for a minute, of which `before` closings are used up already.
///
/// What was withheld is told, and not closed later: nobody waits for it.
pub fn cap(decision: &mut Decision, before: usize, per_minute: usize) {
    let room = per_minute.saturating_sub(before);
    let because = Because::TooMany { most: per_minute, per: Per::Minute };
    withhold_beyond(decision, room, &BTreeSet::new(), &because);
}

/// Lets `room` rules go, the worst first, and withholds the others. A rule that is at fault twice is one.
fn withhold_beyond(
    decision: &mut Decision,
    room: usize,
    free: &BTreeSet<String>,
    because: &Because,
) {
    let mut rules: BTreeMap<(String, String), Severity> = BTreeMap::new();
    for finding in &decision.findings {
        if let Some(rule) = closes(finding).filter(|(_, rule)| !free.contains(rule)) {
            let worst = rules.entry(rule).or_insert(finding.severity);
            *worst = finding.severity.max(*worst);
        }
    }
    let mut worst_first: Vec<_> = rules.into_iter().collect();
    worst_first.sort_by_key(|(_, severity)| Reverse(*severity));
    let left: BTreeSet<_> = worst_first.into_iter().skip(room).map(|(rule, _)| rule).collect();
    for finding in &mut decision.findings {
        if closes(finding).is_some_and(|rule| left.contains(&rule))
            && let Remedy::Do(action) = &finding.remedy
        {
            let (action, because) = (action.clone(), because.clone());
            finding.remedy = Remedy::Withheld { action, because };
        }
    }
}

/// The group and the id of the rule that is to be closed.
fn closes(finding: &Finding) -> Option<(String, String)> {
    let Remedy::Do(action) = &finding.remedy else { return None };
    action.revokes().map(|(group, rule)| (group.to_owned(), rule.id.clone()))
}
