//! How much Portcullis remediates before a person is asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Because, Per, Remedy};
use crate::finding::Finding;
use crate::severity::Severity;

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

/// The limits that a decision knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A finding that recurs so often within an hour is flapping; 0 counts as 1.
    pub comebacks_per_hour: u32,
    /// How many rules are revoked for one event at the most.
    pub actions_per_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { comebacks_per_hour: COMEBACKS_PER_HOUR, actions_per_event: ACTIONS_PER_EVENT }
    }
}

/// How many rules may be revoked, and which count as revoked already.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// The limit.
    pub most: usize,
    /// Whether it is the limit of an event or of a minute.
    pub per: Per,
    /// How many rules were revoked already.
    pub used: usize,
    /// Rules that are among those already, and are revoked in any case.
    pub free: &'a BTreeSet<String>,
}

/// Has as many rules revoked as there is room for, the most severe first; the others are not remediated. A rule with
/// two findings counts once.
pub fn limit(findings: &mut [Finding], severities: &[Severity], room: Room<'_>) {
    let mut rules: BTreeMap<(String, String), Severity> = BTreeMap::new();
    for (finding, severity) in findings.iter().zip(severities) {
        if let Some(rule) = closes(finding).filter(|(_, rule)| !room.free.contains(rule)) {
            let worst = rules.entry(rule).or_insert(*severity);
            *worst = (*severity).max(*worst);
        }
    }
    let mut worst_first: Vec<_> = rules.into_iter().collect();
    worst_first.sort_by_key(|(_, severity)| Reverse(*severity));
    let skipped = room.most.saturating_sub(room.used);
    let left: BTreeSet<_> = worst_first.into_iter().skip(skipped).map(|(rule, _)| rule).collect();
    let because = Because::TooMany { most: room.most, per: room.per };
    for finding in findings {
        if closes(finding).is_some_and(|rule| left.contains(&rule))
            && let Remedy::Do(action) = &finding.remedy
        {
            let (action, because) = (action.clone(), because.clone());
            finding.remedy = Remedy::NotRemediated { action, because };
        }
    }
}

/// The group and the id of the rule that is to be revoked.
fn closes(finding: &Finding) -> Option<(String, String)> {
    let Remedy::Do(action) = &finding.remedy else { return None };
    action.revokes().map(|(group, rule)| (group.to_owned(), rule.id.clone()))
}
