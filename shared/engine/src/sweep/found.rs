//! What a run found of one subject.

use crate::action::{Because, Remedy};
use crate::event::{Event, Lead, Touched};
use crate::exceptions::Exception;
use crate::facts::{CacheGroups, IngressRule};
use crate::finding::{Finding, Subject};
use crate::ledger::{Key, shape};
use crate::reach::Reach;
use crate::report::Report;
use crate::severity::Rating;

/// A finding of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which finding.
    pub key: Key,
    /// The finding.
    pub finding: Finding,
    /// How bad it is.
    pub rating: Rating,
    /// What it is about.
    pub subject: Subject,
    /// What the run made in place of a call.
    pub event: Event,
    /// What stands behind the group of its rule.
    pub reach: Option<Reach>,
    /// Whom it belongs to, in words.
    pub owner: Option<String>,
}

/// Whom the ledger names as the caller of what a run found first.
const BY: &str = "found by the sweep";

impl Found {
    /// The findings of a report. `owner` is that of its subject.
    pub fn of(report: &Report, owner: Option<&str>) -> Vec<Self> {
        let mut event = report.event.clone();
        event.actor.name = BY.to_owned();
        if let Lead::Group(lead) = &mut event.lead {
            lead.touched = Touched::Rules(Vec::new());
        }
        let found = report.findings.iter().map(|reported| Self {
            key: reported.key.clone(),
            finding: reported.finding.clone(),
            rating: Rating { severity: reported.severity, at_least: reported.at_least },
            subject: report.subject().clone(),
            event: event.clone(),
            reach: reported.reach.clone(),
            owner: owner.map(str::to_owned),
        });
        found.collect()
    }

    /// Whether an exception may suppress it, and nobody can tell: it asks who called.
    pub fn depends_on_caller(&self) -> bool {
        matches!(
            &self.finding.remedy,
            Remedy::NotRemediated { because: Because::CallerNotKnown, .. }
                | Remedy::Manual { because: Because::CallerNotKnown, .. }
        )
    }

    /// Whether the exceptions could not be read: whatever they suppress looks as if it were at fault.
    pub(super) fn may_be_suppressed(&self) -> bool {
        let unreadable = |because: &Because| matches!(because, Because::ExceptionsUnreadable(_));
        matches!(&self.finding.remedy, Remedy::NotRemediated { because, .. } if unreadable(because))
    }
}

/// The keys that the suppressed findings of a report would have.
pub(super) fn suppressed(report: &Report) -> Vec<(Key, Exception)> {
    let about = format!("{}/{}", report.subject().kind, report.subject().id);
    let mut keys = Vec::new();
    for suppressed in &report.suppressed {
        let check = suppressed.check.as_str();
        let mut add = |subject: &str, finding| {
            let key = Key { subject: subject.to_owned(), finding };
            keys.push((key, suppressed.by.clone()));
        };
        match (&suppressed.rule, &report.cache) {
            (None, _) => add(&about, check.to_owned()),
            (Some(rule), None) => add(&report.subject().id, format!("{check}#{}", shape(rule))),
            (Some(rule), Some(cache)) => {
                let CacheGroups::Read(groups) = &cache.groups else { continue };
                let has = |rules: &[IngressRule]| rules.iter().any(|one| one.id == rule.id);
                for group in groups.iter().filter(|group| has(&group.rules)) {
                    add(&group.id, format!("{check}#{}#{about}", shape(rule)));
                }
            }
        }
    }
    keys
}
