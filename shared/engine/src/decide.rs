//! Facts and the ledger become a decision. Pure and total: there is no decision that cannot be made.
//!
//! INVARIANT: everything that chooses is here or called from here. `observe` mode turns
//! `Remedy::Do` into `Remedy::Withheld` in `settle`, and nothing after it asks for the mode.

mod cache;
mod group;
mod start_move;

use std::collections::BTreeSet;

use crate::action::{Action, Because, Per, Remedy};
use crate::event::{Event, RuleLead};
use crate::exceptions::{Doubt, Exceptions, Inquiry, Tolerated};
use crate::facts::{GroupFacts, IngressRule};
use crate::finding::{Evidence, Finding, Subject};
use crate::ledger::{Histories, History, Leased, Memory, Open, Turn, lease};
use crate::limits::{Limits, Room, limit};
use crate::settings::Mode;
use crate::severity::{Reaches, judge};

pub use cache::cache;
pub use group::{group, older};

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

/// What a decision depends on, besides the event and the facts.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// Whether anything is to be done.
    pub mode: Mode,
    /// What is tolerated.
    pub exceptions: &'a dyn Exceptions,
    /// The state machine that moves caches, where the stack's owner wants a move for each that is on its
    /// default port.
    pub machine: Option<&'a str>,
    /// How much is done before a person is asked.
    pub limits: Limits,
    /// What is remembered of the subject.
    pub memory: &'a Memory,
    /// The invocation that decides: what others leased is not its own.
    pub by: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

static NOTHING: Memory = Memory::new();

impl<'a> Judge<'a> {
    /// Who remembers nothing, moves no cache, and has the limits that a stack has unless it says otherwise.
    pub fn new(mode: Mode, exceptions: &'a dyn Exceptions) -> Self {
        let limits = Limits::default();
        Self { mode, exceptions, machine: None, limits, memory: &NOTHING, by: "", now: 0 }
    }
}

/// Where the policies could not be asked, nothing is done.
fn doubt(findings: &mut [Finding], asked: &Inquiry<'_>) {
    for finding in findings {
        match asked.doubt(finding) {
            None => {}
            Some(Doubt::NotKnown) => withhold(finding, Because::ExceptionsNotKnown),
            Some(Doubt::Unreadable(why)) => {
                withhold(finding, Because::ExceptionsUnreadable(why.clone()));
            }
        }
    }
}

/// In a group that its owner protects, nothing is done. It is said before any other reason not to,
/// for it is the one that somebody chose for this very group.
/// Tags that could not be read protect nothing here: then IAM does, and it is told as refused.
fn protect(finding: &mut Finding, group: &GroupFacts) {
    if group.is_protected() {
        withhold(finding, Because::Protected);
    }
}

/// Applies what holds for every finding: only the owner can change a group, and in observe mode
/// nobody does.
fn settle(finding: &mut Finding, event: &Event, owner: Option<&str>, mode: Mode) {
    if let Some(owner) = owner
        && owner != event.account
        && let Remedy::Do(action) = &finding.remedy
    {
        let because = Because::OtherOwner(owner.to_owned());
        finding.remedy = Remedy::ByHand { action: Some(action.clone()), because };
    }
    if mode == Mode::Observe {
        withhold(finding, Because::Observe);
    }
}

fn withhold(finding: &mut Finding, because: Because) {
    if let Remedy::Do(action) = &finding.remedy {
        finding.remedy = Remedy::Withheld { action: action.clone(), because };
    }
}

/// A rule that is gone, if the event tells what it was.
fn as_told(lead: &RuleLead) -> Option<IngressRule> {
    let shape = lead.shape.clone()?;
    Some(IngressRule {
        id: lead.to_string(),
        protocol: shape.protocol,
        from_port: shape.from_port,
        to_port: shape.to_port,
        source: shape.source,
        description: None,
        tags: Vec::new(),
    })
}

fn is_among(leads: &[RuleLead], rule: &IngressRule) -> bool {
    leads.iter().any(|lead| lead.id.as_ref() == Some(&rule.id))
}

/// Of the findings those about rules that are gone, as that.
fn told_as_gone(mut findings: Vec<Finding>, missing: &[RuleLead]) -> Vec<Finding> {
    findings.retain_mut(|finding| match &finding.evidence {
        Evidence::Rule { group, rule, .. } if is_among(missing, rule) => {
            let (group, rule) = (group.clone(), rule.clone());
            finding.remedy = Remedy::Gone(Action::RevokeIngress { group, rule });
            true
        }
        // What a list held that nobody names any more was not read.
        Evidence::Rule { .. }
        | Evidence::UnreadableRule { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => false,
    });
    findings
}

/// What the ledger changes: what is snoozed is tolerated, what another invocation leased is left to it, what is flapping
/// and what is too much at once is withheld.
fn remember(decision: &mut Decision, event: &Event, reaches: &Reaches, judged: &Judge<'_>) {
    let Judge { memory, limits, by, now, .. } = *judged;
    let mut histories = Histories::new(memory, event, by, limits.comebacks_per_hour, now);
    let Decision { findings, tolerated, leased, notes, subject, .. } = decision;
    findings.retain_mut(|finding| {
        if let Some(snoozed) = memory.snoozed(finding, now) {
            tolerated.push(snoozed);
            return false;
        }
        match histories.of(finding, subject, event) {
            History::Free => {}
            History::Leased(id) => {
                notes.push(format!(
                    "another invocation is processing {id}; this event will be retried"
                ));
                leased.push(id);
                return false;
            }
            History::Whole(whole) => *finding = *whole,
            History::Flapping(because) => withhold(finding, because),
        }
        true
    });
    let free = memory.tried(event);
    let most = limits.actions_per_event;
    let room = Room { most, per: Per::Event, used: free.len(), free: &free };
    let severities = judge(findings, reaches);
    limit(findings, &severities, room);
}

#[cfg(test)]
mod tests;
