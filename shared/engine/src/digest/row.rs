//! One alert as a row of a digest: `portcullis.digest-row.v1`, described by `docs/digest.schema.json`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::alert::{Outcomes, end, headline, undo_of};
use crate::checks::Severity;
use crate::decide::Decision;
use crate::event::Event;
use crate::ledger::Key;
use crate::text;

const SCHEMA: &str = "portcullis.digest-row.v1";

/// Longest text of a user, and longest headline, in a row.
const TEXT: usize = 120;
const WHAT: usize = 200;

/// How many findings of an alert are told one by one; all are counted.
const FINDINGS: usize = 20;

/// A longer command is left to the `portcullis` tool: rows have to fit beside each other.
const COMMAND: usize = 1_000;

/// How many findings ended in which way, by severity.
pub type Tally = BTreeMap<String, BTreeMap<String, u32>>;

/// What is told of one alert that is told among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    schema: String,
    /// CloudTrail's id of the event.
    pub(super) event: String,
    /// The time of the call.
    pub(super) time: String,
    pub(super) account: String,
    pub(super) region: String,
    /// The worst of the findings.
    pub(super) severity: String,
    pub(super) subject: About,
    /// What became of what, as in the subject line of the alert.
    pub(super) what: String,
    /// Who called, and through what.
    pub(super) who: String,
    pub(super) via: Option<String>,
    pub(super) mode: String,
    pub(super) checks: BTreeSet<String>,
    pub(super) tally: Tally,
    /// The worst first. Those that are not here are in the tally.
    pub(super) findings: Vec<Told>,
}

/// The resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub(super) r#type: String,
    pub(super) id: String,
    pub(super) arn: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// As `portcullis undo` takes it.
    pub(super) id: String,
    pub(super) check: String,
    pub(super) severity: String,
    pub(super) outcome: String,
    pub(super) undo: Option<String>,
}

/// Why a text is no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no row of a digest: {0}")]
pub struct NoRow(String);

impl Row {
    /// Of what an event found, and what came of it.
    pub fn of(event: &Event, decision: &Decision, outcomes: &Outcomes) -> Self {
        let bounded = |text: &str| text::bounded(text, TEXT);
        let mut tally = Tally::new();
        let mut findings: Vec<_> = decision.findings.iter().collect();
        findings.sort_by_key(|finding| Reverse(finding.severity));
        for finding in &findings {
            let of_severity = tally.entry(finding.severity.as_str().to_owned()).or_default();
            *of_severity.entry(end(finding, outcomes).to_owned()).or_default() += 1;
        }
        let told = findings.iter().take(FINDINGS).map(|finding| Told {
            id: Key::of(finding, &decision.subject).id(),
            check: finding.check.as_str().to_owned(),
            severity: finding.severity.as_str().to_owned(),
            outcome: end(finding, outcomes).to_owned(),
            undo: undo_of(event, finding, outcomes).filter(|undo| undo.len() <= COMMAND),
        });
        Self {
            schema: SCHEMA.to_owned(),
            event: bounded(&event.id),
            time: bounded(&event.time),
            account: bounded(&event.account),
            region: bounded(&event.region),
            severity: decision.severity().as_str().to_owned(),
            subject: About {
                r#type: decision.subject.kind.to_owned(),
                id: bounded(&decision.subject.id),
                arn: text::bounded(&decision.subject.arn, 2 * TEXT),
            },
            what: text::bounded(&headline(decision, outcomes), WHAT),
            who: bounded(&event.actor.name),
            via: event.actor.via.as_deref().map(bounded),
            mode: decision.mode.as_str().to_owned(),
            checks: findings.iter().map(|finding| finding.check.as_str().to_owned()).collect(),
            findings: told.collect(),
            tally,
        }
    }

    /// The row as it is queued.
    pub fn json(&self) -> String {
        // Strings, numbers and maps of them always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Row::json`] wrote.
    pub fn read(text: &str) -> Result<Self, NoRow> {
        let row: Self = serde_json::from_str(text).map_err(|error| NoRow(error.to_string()))?;
        if row.schema != SCHEMA {
            return Err(NoRow(format!("its schema is `{}`", text::plain(&row.schema, TEXT))));
        }
        let wrong = row.tally.keys().chain([&row.severity]).find(|word| rank(word).is_none());
        if let Some(word) = wrong {
            return Err(NoRow(format!("`{}` is no severity", text::plain(word, TEXT))));
        }
        Ok(row)
    }

    /// The worst first: by severity, then what is still open, then the time.
    pub(super) fn order(&self) -> impl Ord + use<> {
        (Reverse(rank(&self.severity)), Reverse(self.open()), self.time.clone(), self.event.clone())
    }

    /// How many of its findings are not closed, or on their way to be.
    pub(super) fn open(&self) -> u64 {
        let ends = self.tally.values().flatten();
        ends.filter(|(end, _)| !ended(end)).map(|(_, count)| u64::from(*count)).sum()
    }

    /// How many findings it tells of.
    pub(super) fn count(&self) -> u64 {
        self.tally.values().flat_map(BTreeMap::values).map(|count| u64::from(*count)).sum()
    }
}

/// Whether an outcome leaves nothing to do.
pub(super) fn ended(outcome: &str) -> bool {
    matches!(outcome, "done" | "already-gone" | "started" | "already-started")
}

/// The severity of a word, to compare by.
fn rank(word: &str) -> Option<Severity> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Outcome;
    use crate::decide::{self, Decision};
    use crate::event::{GroupLead, GroupRef, Lead, RuleLead, Touched};
    use crate::fixtures::{event, group, judge, public_interface, rule, with_interfaces};
    use crate::settings::Mode;

    fn decided(rules: usize) -> (Event, Decision) {
        let id = |at: usize| format!("sgr-{at}");
        let rules: Vec<_> = (0..rules)
            .map(|at| rule(&id(at), &format!("tcp {}", 1000 + at), "0.0.0.0/0"))
            .collect();
        let touched = rules.iter().map(|rule| RuleLead {
            id: Some(rule.id.clone()),
            shape: None,
            edit: false,
        });
        let facts = with_interfaces(group(rules.clone()), vec![public_interface("eni-1")]);
        let lead = GroupLead {
            group: GroupRef::Id(facts.id.clone()),
            touched: Touched::Rules(touched.collect()),
        };
        let event = event(Lead::Group(lead.clone()));
        let decision = decide::group(&event, &lead, &facts, &judge(Mode::Enforce));
        (event, decision)
    }

    #[test]
    fn a_row_says_what_the_alert_says() {
        let (event, decision) = decided(2);
        let failed = Outcome::Failed("no".to_owned());
        let outcomes = Outcomes::from([
            ("sgr-0".to_owned(), Outcome::Done(None)),
            ("sgr-1".to_owned(), failed),
        ]);
        let row = Row::of(&event, &decision, &outcomes);
        assert_eq!(row.what, "CLOSED ONLY 1 of 2 open rules");
        assert_eq!((row.count(), row.open()), (2, 1));
        let undo: Vec<bool> = row.findings.iter().map(|told| told.undo.is_some()).collect();
        assert_eq!(undo, [true, false]);
        let ids: Vec<String> = decision
            .findings
            .iter()
            .map(|finding| Key::of(finding, &decision.subject).id())
            .collect();
        assert_eq!(row.findings.iter().map(|told| told.id.clone()).collect::<Vec<_>>(), ids);
        assert_eq!(Row::read(&row.json()), Ok(row));
    }

    #[test]
    fn every_finding_is_counted_though_few_are_told() {
        let (event, decision) = decided(60);
        let row = Row::of(&event, &decision, &Outcomes::new());
        assert_eq!(row.findings.len(), FINDINGS);
        assert_eq!((row.count(), row.open()), (60, 60), "what was not tried is not closed");
        assert!(row.json().len() < 32 * 1024, "{}", row.json().len());
    }
}
