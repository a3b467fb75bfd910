//! How many rules Portcullis revokes at once, and which of them first. A limit is a rate: what it leaves open is revoked in
//! the next minutes, the most dangerous first.

mod harm;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::action::{Because, Per, Remedy};
use crate::facts::GroupFacts;
use crate::finding::Finding;
use crate::severity::Reaches;
pub(crate) use harm::oldest_and_most_harmful_first;
use harm::{Rule, most_harmful_first};

/// `PORTCULLIS_COMEBACKS_PER_HOUR`, unless set. Once may be a person who did not read the alert, twice a script that
/// was run again. A machine that opens the same rule a third time within the hour will go on for ever, and closing it
/// again at once only makes an outage that comes and goes. A person is closed each time.
pub const COMEBACKS_PER_HOUR: u32 = 3;

/// `PORTCULLIS_ACTIONS_PER_EVENT`, unless set: the rules that one pass over an event revokes; passes are a minute apart. A
/// group has at most 60 ingress rules by default, and few calls open more than a handful at once. Whoever opens more
/// moves something big, and has some minutes to say so. Sixty are closed in three passes.
pub const ACTIONS_PER_EVENT: usize = 25;

/// `PORTCULLIS_ACTIONS_PER_MINUTE`, unless set. It bounds what a wrong policy, or a fault of ours, can close in an account
/// before somebody sees the alerts: a deployment of twenty stacks with five open rules each is still closed.
pub const ACTIONS_PER_MINUTE: usize = 100;

/// The limits that a decision knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A finding that recurs so often within an hour is flapping; 0 counts as 1.
    pub comebacks_per_hour: u32,
    /// How many rules are revoked in one pass over an event at the most.
    pub actions_per_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { comebacks_per_hour: COMEBACKS_PER_HOUR, actions_per_event: ACTIONS_PER_EVENT }
    }
}

/// How many rules may be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The limit.
    pub most: usize,
    /// Whether it is the limit of an event or of a minute.
    pub per: Per,
    /// How many rules were revoked already.
    pub used: usize,
}

/// Has as many rules revoked as there is room for, the most harmful first; the others are not remediated. A rule with
/// two findings counts once. `groups`: the groups of the rules, as they were read.
pub fn limit(findings: &mut [Finding], groups: &[GroupFacts], reaches: &Reaches, room: Room) {
    let free = room.most.saturating_sub(room.used);
    let lists = findings.iter_mut().filter(|_| free == 0);
    for finding in lists {
        if let Remedy::Do(action) = &finding.remedy
            && action.removes().is_some()
        {
            let because = Because::TooMany { most: room.most, per: room.per };
            finding.remedy = Remedy::NotRemediated { action: action.clone(), because };
        }
    }
    let rules = Rule::all(findings, groups, reaches);
    if rules.len() <= free {
        return;
    }
    let order = most_harmful_first(&rules);
    let owned = |rule: harm::Rule<'_>| (rule.group.to_owned(), rule.id().to_owned());
    let left: BTreeSet<(String, String)> = order.into_iter().skip(free).map(owned).collect();
    let because = Because::TooMany { most: room.most, per: room.per };
    for finding in findings {
        if let Remedy::Do(action) = &finding.remedy
            && let Some((group, rule)) = action.revokes()
            && left.contains(&(group.to_owned(), rule.id.clone()))
        {
            let (action, because) = (action.clone(), because.clone());
            finding.remedy = Remedy::NotRemediated { action, because };
        }
    }
}
