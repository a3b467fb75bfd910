//! What was decided, and what follows from it.

use std::collections::BTreeSet;

use super::settle::protect;
use crate::action::{Action, Outcome, Outcomes, Remedy};
use crate::event::RuleLead;
use crate::exceptions::Suppressed;
use crate::facts::GroupFacts;
use crate::finding::{Finding, Subject, group_of, rule_of};
use crate::ledger::{Key, LeaseContext, Leased, Memory, Open, lease};
use crate::limits::{Room, limit};
use crate::settings::Mode;
use crate::severity::{Reaches, rate};

/// What was decided about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The mode it was decided in.
    pub mode: Mode,
    /// The group or the cache.
    pub subject: Subject,
    /// The findings about what the event touched, each with its remedy.
    pub findings: Vec<Finding>,
    /// Faults that the event touched and that an exception or a snooze suppresses.
    pub suppressed: Vec<Suppressed>,
    /// The ids of findings that another invocation has leased. This decision leaves them out.
    pub leased: Vec<String>,
    /// Touched rules that would be at fault as the event has them, or cannot be judged so, and that EC2 does not show
    /// so yet: the group must be read again later. None once the event is old: then EC2 is right.
    pub unseen: Vec<RuleLead>,
    /// Groups whose address space was not read, though a finding depends on it: read it, and decide again.
    pub spaces: BTreeSet<String>,
    /// For the log: what was seen and is no finding.
    pub notes: Vec<String>,
}

impl Decision {
    /// Whether there is no finding: then nothing is done and nothing is reported.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The remediations, each once: two findings about one rule share its revoke.
    pub fn actions(&self) -> Vec<&Action> {
        let mut actions: Vec<&Action> = Vec::new();
        for finding in &self.findings {
            if let Remedy::Do(action) = &finding.remedy
                && !actions.contains(&action)
            {
                actions.push(action);
            }
        }
        actions
    }

    /// The keys of the findings.
    pub fn keys(&self) -> BTreeSet<Key> {
        self.findings.iter().map(|finding| Key::of(finding, &self.subject)).collect()
    }

    /// The leases of the findings, to be written before anything is done.
    pub fn lease(&self, reaches: &Reaches, memory: &Memory, turn: &LeaseContext<'_>) -> Leased {
        let Self { subject, findings, suppressed, unseen, .. } = self;
        let open = Open { subject, findings, suppressed, unseen };
        lease(findings.iter().zip(rate(findings, reaches)), open, memory, turn)
    }

    /// Leaves protected groups alone, whose tags were read only after it was decided. What was done stays.
    pub fn protect(&mut self, groups: &[GroupFacts], outcomes: &Outcomes) {
        for finding in &mut self.findings {
            let outcome = finding.remedy.action().and_then(|action| outcomes.get(action.id()));
            let group = group_of(finding).and_then(|id| groups.iter().find(|group| group.id == id));
            if let (None | Some(Outcome::Failed(_)), Some(group)) = (outcome, group) {
                protect(finding, group);
            }
        }
    }

    /// How many rules are to be revoked; a prefix list counts as one.
    pub fn closings(&self) -> usize {
        self.actions().into_iter().filter(|action| action.closes()).count()
    }

    /// The decision under a limit. That of a minute is applied last: only the write of the leases tells how many rules were
    /// revoked in it already.
    pub fn within(mut self, room: Room, groups: &[GroupFacts], reaches: &Reaches) -> Self {
        limit(&mut self.findings, groups, reaches, room);
        self
    }

    /// Without anything else than these findings.
    pub fn only(mut self, keys: &BTreeSet<Key>) -> Self {
        self.findings.retain(|finding| keys.contains(&Key::of(finding, &self.subject)));
        self
    }

    /// What it has that a decision made with less knowledge does not.
    pub fn beyond(mut self, first: &Self) -> Self {
        let known = first.keys();
        self.findings.retain(|finding| !known.contains(&Key::of(finding, &self.subject)));
        self.leased.retain(|id| !first.leased.contains(id));
        self
    }

    /// Adds what was decided later about the same.
    pub fn extend(&mut self, more: Self) {
        let is_at_fault = |suppressed: &Suppressed| {
            let about = |finding: &Finding| rule_of(finding) == suppressed.rule.as_ref();
            suppressed.rule.is_some() && more.findings.iter().any(about)
        };
        self.suppressed.retain(|suppressed| !is_at_fault(suppressed));
        self.findings.extend(more.findings);
        self.leased.extend(more.leased);
    }
}
