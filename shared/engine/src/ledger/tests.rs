mod key;
mod limits;
mod recovered;
mod remember;
mod undo;

use super::*;
use crate::action::{Because, Outcome, Remedy};
use crate::alert::Outcomes;
use crate::checks::{Finding, rule_of};
use crate::decide::{self, Decision};
use crate::event::{Event, GroupLead, GroupRef, Lead, RuleLead, RuleShape, Touched};
use crate::facts::GroupFacts;
use crate::fixtures::{self, judge, rule};
use crate::settings::Mode;

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
    decide::group(event, lead, facts, &judge(Mode::Enforce))
}

/// An invocation, one after the other.
struct Desk {
    memory: Memory,
    limits: Limits,
    now: i64,
    by: &'static str,
    outcome: Outcome,
}

/// What it did.
struct Dealt {
    decision: Decision,
    remembered: Remembered,
    news: Decision,
}

impl Desk {
    fn new() -> Self {
        let (memory, limits) = (Memory::default(), Limits::default());
        Self { memory, limits, now: NOW, by: "r-1", outcome: Outcome::Done(None) }
    }

    fn remember(&self, event: &Event, facts: &GroupFacts) -> (Decision, Remembered) {
        let mut decision = decided(event, facts);
        let turn = Turn {
            event,
            looked: &Looked::at_group(facts),
            limits: &self.limits,
            holder: &Held { by: self.by.to_owned(), until: self.now + 30 },
            now: self.now,
        };
        let remembered = remember(&mut decision, &self.memory, &turn);
        (decision, remembered)
    }

    fn write(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let there = self.memory.entries.get(&entry.key).map_or(0, |entry| entry.version);
            assert_eq!(entry.version, there + 1, "{}", entry.id);
            self.memory.entries.insert(entry.key.clone(), entry);
        }
    }

    /// All of it, from remembering to recording.
    fn deal(&mut self, event: &Event, facts: &GroupFacts) -> Dealt {
        let (decision, remembered) = self.remember(event, facts);
        self.write(remembered.writes.clone());
        let outcomes = self.act(&decision);
        let news = remembered.news(&decision, &outcomes);
        let told = "2026-11-21T10:00:00Z";
        self.write(settled(&remembered, &decision, &outcomes, Some(told), None));
        Dealt { decision, remembered, news }
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

impl Dealt {
    /// The ids of the rules that it told of.
    fn told(&self) -> Vec<&str> {
        fixtures::rule_ids(&self.news.findings)
    }
}

fn because(finding: &Finding) -> Option<&Because> {
    match &finding.remedy {
        Remedy::Withheld { because, .. } => Some(because),
        Remedy::Do(_) | Remedy::ByHand { .. } | Remedy::Pending(_) | Remedy::Gone(_) => None,
    }
}
