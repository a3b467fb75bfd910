mod key;
mod lease;
mod limits;
mod resolved;
mod undo;

use super::*;
use crate::action::{Because, Outcome, Outcomes, Remedy};
use crate::decide::{self, Decision, DecisionContext};
use crate::event::{Event, GroupLead, GroupRef, Lead, RuleLead, RuleShape, Touched};
use crate::facts::{GroupFacts, IngressRule};
use crate::finding::Finding;
use crate::fixtures::{self, context, rule};
use crate::limits::Limits;
use crate::report::{Known, Report, Seen};
use crate::resolution::{Intent, Resolution, Standing};
use crate::settings::Mode;
use crate::severity::{Rating, Reaches, Severity};

/// `2026-11-21T10:00:00Z`, the time of every event that says no other.
const NOW: i64 = 1_795_255_200;

const WORLD: &str = "0.0.0.0/0";

/// An event that touched these rules.
fn event(id: &str, rules: &[&IngressRule]) -> Event {
    let lead = |rule: &&IngressRule| RuleLead {
        id: Some(rule.id.clone()),
        shape: Some(RuleShape {
            protocol: rule.protocol.clone(),
            from_port: rule.from_port,
            to_port: rule.to_port,
            source: rule.source.clone(),
        }),
        edit: false,
    };
    let touched = Touched::Rules(rules.iter().map(lead).collect());
    let lead = GroupLead { group: GroupRef::Id("sg-01".to_owned()), touched };
    Event { id: id.to_owned(), ..fixtures::event(Lead::Group(lead)) }
}

fn decided(event: &Event, facts: &GroupFacts) -> Decision {
    let Lead::Group(lead) = &event.lead else { panic!("not about a group") };
    decide::group(event, lead, facts, &context(Mode::Enforce))
}

/// An invocation, one after the other.
struct Desk {
    memory: Memory,
    limits: Limits,
    now: i64,
    by: &'static str,
    outcome: Outcome,
    is_revisit: bool,
}

/// What it did.
struct Processed {
    decision: Decision,
    leased: Leased,
    report: Report,
}

impl Desk {
    fn new() -> Self {
        let (memory, limits) = (Memory::default(), Limits::default());
        Self {
            memory,
            limits,
            now: NOW,
            by: "r-1",
            outcome: Outcome::Done(None),
            is_revisit: false,
        }
    }

    fn context(&self) -> DecisionContext<'_> {
        let Self { memory, limits, by, now, is_revisit, .. } = self;
        let (limits, by, now, is_revisit) = (*limits, *by, *now, *is_revisit);
        DecisionContext { memory, limits, by, now, is_revisit, ..context(Mode::Enforce) }
    }

    fn lease(&self, event: &Event, facts: &GroupFacts) -> (Decision, Leased) {
        let Lead::Group(lead) = &event.lead else { panic!("not about a group") };
        let decision = decide::group(event, lead, facts, &self.context());
        let still_open: Vec<Entry> = self.memory.entries.values().cloned().collect();
        let turn = LeaseContext {
            event,
            looked: &LiveState::at_group(facts),
            still_open: &still_open,
            lease: &Lease { by: self.by.to_owned(), until: self.now + 30 },
            now: self.now,
        };
        let leased = decision.lease(&Reaches::of([facts]), &self.memory, &turn);
        (decision, leased)
    }

    fn write(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let there = self.memory.entries.get(&entry.key).map_or(0, |entry| entry.version);
            assert_eq!(entry.version, there + 1, "{}", entry.id);
            self.memory.entries.insert(entry.key.clone(), entry);
        }
    }

    /// All of it, from the lease to the record.
    fn deal(&mut self, event: &Event, facts: &GroupFacts) -> Processed {
        let (decision, leased) = self.lease(event, facts);
        self.write(leased.entries.clone());
        let outcomes = self.act(&decision);
        let context = self.context();
        let known = Known::new(Seen::Group(facts), &context);
        let report =
            Report::new(event, &decision, &Known { outcomes: &outcomes, leased: &leased, ..known });
        let reported = "2026-11-21T10:00:00Z";
        self.write(leased.settle(&report.settled(), &outcomes, Some(reported), None));
        Processed { decision, leased, report }
    }

    fn act(&self, decision: &Decision) -> Outcomes {
        let outcome =
            |action: &crate::action::Action| (action.id().to_owned(), self.outcome.clone());
        decision.actions().into_iter().map(outcome).collect()
    }

    fn entry(&self) -> &Entry {
        self.memory.entries.values().next().expect("nothing is remembered")
    }
}

/// The entries as they are written after these outcomes.
fn settled(
    leased: &Leased,
    decision: &Decision,
    outcomes: &Outcomes,
    reported: Option<&str>,
    again: Option<Rewrite<'_>>,
) -> Vec<Entry> {
    let keys: Vec<Key> =
        decision.findings.iter().map(|finding| Key::of(finding, &decision.subject)).collect();
    let settled = keys.iter().zip(&decision.findings);
    let rating = Rating { severity: Severity::Low, at_least: Severity::Low };
    let settled: Vec<_> = settled
        .map(|(key, finding)| LeasedFinding { key, finding, rating, is_told: true, granted: &[] })
        .collect();
    leased.settle(&settled, outcomes, reported, again)
}

impl Processed {
    /// The ids of the rules that it told of.
    fn reported(&self) -> Vec<&str> {
        let rules = self.report.findings.iter().filter_map(|reported| reported.rule());
        rules.map(|rule| rule.id.as_str()).collect()
    }
}

fn because(finding: &Finding) -> Option<&Because> {
    match &finding.remedy {
        Remedy::NotRemediated { because, .. } => Some(because),
        Remedy::Do(_) | Remedy::Manual { .. } | Remedy::Pending(_) | Remedy::Gone(_) => None,
    }
}
