//! What was decided, and what follows from it.

use std::collections::BTreeSet;

use crate::action::{Action, Per, Remedy};
use crate::exceptions::Tolerated;
use crate::finding::{Finding, Subject};
use crate::ledger::{Leased, Memory, Open, Turn, lease};
use crate::limits::{Room, limit};
use crate::settings::Mode;
use crate::severity::{Reaches, judge};

/// What was decided about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The mode it was decided in.
    pub mode: Mode,
    /// What it is about.
    pub subject: Subject,
    /// What the event brought about. Each carries its remedy.
    pub findings: Vec<Finding>,
    /// Faults that the event touched and an exception or a snooze tolerates.
    pub tolerated: Vec<Tolerated>,
    /// Findings that another invocation leased, by their ids. Nothing is done about them here.
    pub leased: Vec<String>,
    /// Edits that would be a fault, and that EC2 does not show yet: the event must be looked at
    /// again, later.
    pub unseen: Vec<String>,
    /// What was seen and led to nothing, for the log.
    pub notes: Vec<String>,
}

impl Decision {
    /// Nothing is wrong: no action, no alert.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// What is to be done, each thing once: a rule may be at fault in two ways.
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

    /// Leases what was found, for whoever is to deal with it.
    pub fn lease(&self, reaches: &Reaches, memory: &Memory, turn: &Turn<'_>) -> Leased {
        let Self { subject, findings, tolerated, unseen, .. } = self;
        let open = Open { subject, findings, tolerated, unseen };
        let severities = judge(findings, reaches);
        lease(findings.iter().zip(severities), open, memory, turn)
    }

    /// How many rules are to be closed.
    pub fn closings(&self) -> usize {
        self.actions().into_iter().filter_map(Action::revokes).count()
    }

    /// The decision as far as the minute has room for it, of which `used` closings are used up already. Nobody knows
    /// how many before the findings are leased.
    pub fn within_minute(mut self, used: usize, per_minute: usize, reaches: &Reaches) -> Self {
        let free = BTreeSet::new();
        let room = Room { most: per_minute, per: Per::Minute, used, free: &free };
        let severities = judge(&self.findings, reaches);
        limit(&mut self.findings, &severities, room);
        self
    }
}
