//! One alert as a row of a digest: `portcullis.digest-row.v1`, described by `docs/digest.schema.json`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::severity::Severity;
use portcullis_engine::text;

use crate::mail::headline;

const SCHEMA: &str = "portcullis.digest-row.v1";

/// Longest text of a user, and longest headline, in a row.
const TEXT: usize = 120;
const WHAT: usize = 200;

/// How many findings of an alert are in a row; all are counted.
const FINDINGS: usize = 20;

/// How many findings ended in which way, by severity.
pub type Tally = BTreeMap<String, BTreeMap<Resolution, u32>>;

/// What a digest tells of one alert.
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
    pub(super) findings: Vec<Finding>,
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
pub struct Finding {
    /// As `portcullis undo` takes it.
    pub(super) id: String,
    pub(super) check: String,
    pub(super) severity: String,
    pub(super) outcome: Resolution,
    /// Always null: a row has ids and no commands, so that a forged one has nothing that a person runs. Rows of older
    /// versions have commands, which are not read.
    #[serde(skip_deserializing)]
    undo: (),
}

/// Why a text is no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a row of a digest: {0}")]
pub struct NoRow(String);

impl Row {
    /// Of what an event found, and what came of it.
    pub fn of(report: &Report) -> Self {
        let Report { event, decision, .. } = report;
        let bounded = |text: &str| text::bounded(text, TEXT);
        let mut tally = Tally::new();
        for Reported { severity, resolution, .. } in &report.findings {
            let of_severity = tally.entry(severity.as_str().to_owned()).or_default();
            *of_severity.entry(*resolution).or_default() += 1;
        }
        let told = report.findings.iter().take(FINDINGS).map(|reported| Finding {
            id: reported.key.id(),
            check: reported.finding.check.as_str().to_owned(),
            severity: reported.severity.as_str().to_owned(),
            outcome: reported.resolution,
            undo: (),
        });
        Self {
            schema: SCHEMA.to_owned(),
            event: bounded(&event.id),
            time: bounded(&event.time),
            account: bounded(&event.account),
            region: bounded(&event.region),
            severity: report.severity().as_str().to_owned(),
            subject: About {
                r#type: decision.subject.kind.to_owned(),
                id: bounded(&decision.subject.id),
                arn: text::bounded(&decision.subject.arn, 2 * TEXT),
            },
            what: text::bounded(&headline(report), WHAT),
            who: bounded(&event.actor.name),
            via: event.actor.via.as_deref().map(bounded),
            mode: decision.mode.as_str().to_owned(),
            checks: report
                .findings
                .iter()
                .map(|reported| reported.finding.check.to_string())
                .collect(),
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
        if let Some(told) = row.findings.iter().find(|told| !is_id(&told.id)) {
            let id = text::plain(&told.id, TEXT);
            return Err(NoRow(format!("`{id}` is no id of a finding")));
        }
        let wrong = row.tally.keys().chain([&row.severity]).find(|word| rank(word).is_none());
        if let Some(word) = wrong {
            return Err(NoRow(format!("`{}` is not a severity", text::plain(word, TEXT))));
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
        ends.filter(|(end, _)| !end.is_dealt_with()).map(|(_, count)| u64::from(*count)).sum()
    }

    /// How many findings it tells of.
    pub(super) fn count(&self) -> u64 {
        self.tally.values().flat_map(BTreeMap::values).map(|count| u64::from(*count)).sum()
    }
}

/// Whether it is the id of a finding: `f-` and 12 hex digits. It stands beside the commands of a mail.
fn is_id(text: &str) -> bool {
    let hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    text.strip_prefix("f-").is_some_and(|digits| digits.len() == 12 && digits.bytes().all(hex))
}

/// The severity of a word, to compare by.
fn rank(word: &str) -> Option<Severity> {
    Severity::parse(word)
}
