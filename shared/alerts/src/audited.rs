//! What an audit tells of a finding: the words, commands and documents of an alert, for something that nobody was
//! alerted about.

use serde_json::Value;

use portcullis_engine::finding::{Evidence, admitted};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::text;

use crate::guidance::{self, Step};
use crate::{command, document, owner, tolerance};

/// A finding, with what a person needs to judge it and to remediate it.
#[derive(Debug, Clone, PartialEq)]
pub struct Audited {
    /// The finding as an alert has it: `$defs/finding` of `docs/alert.schema.json`.
    pub finding: Value,
    /// What the rule admits, in words; `None` where the finding is about no rule.
    pub admits: Option<String>,
    /// What stands behind the group of the rule, in words.
    pub reach: Option<String>,
    /// The command that remediates it, where there is a single one: it changes the account.
    pub command: Option<String>,
    /// What a person does about a cache.
    pub steps: Vec<Step>,
    /// The exception in Cedar that suppresses exactly this.
    pub exception: Option<String>,
}

/// Whom a resource belongs to, by its tags and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// As in an alert: `cloudformation`, `terraform`, ….
    pub kind: &'static str,
    /// For people.
    pub who: String,
    /// How it was told.
    pub by: String,
    /// What the owner changes where.
    pub advice: String,
}

/// The findings of a report, in its order.
pub fn audited(report: &Report) -> Vec<Audited> {
    report.findings.iter().map(|reported| of(report, reported)).collect()
}

fn of(report: &Report, reported: &Reported) -> Audited {
    let finding = &reported.finding;
    let admits = match &finding.evidence {
        Evidence::Rule { exposure, .. } => Some(admitted(exposure).to_string()),
        Evidence::UnreadableRule { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::Entries { .. }
        | Evidence::UnnamedSubject { .. }
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => None,
    };
    let revokes = reported.action().and_then(|action| action.revokes());
    Audited {
        finding: document::finding(report, reported),
        admits,
        reach: reported.reach.as_ref().map(ToString::to_string),
        command: revokes
            .map(|(group, rule)| command::revoke(&report.event.region, group, &[&rule.id])),
        steps: guidance::of(report, finding),
        exception: tolerance::policy(report, finding),
    }
}

/// The owner of what a report is about, if anything tells of one.
pub fn owner_of(report: &Report) -> Option<Owner> {
    let told = owner::in_words(report, text::quoted)?;
    let owner::InWords { kind, who, by, advice, .. } = told;
    Some(Owner { kind, who, by, advice })
}
