//! What is written after remediating and reporting: how each occurrence ended.

use super::state::Step;
use super::{Entry, GrantRecord, Key, Leased, Memory, ReportedAs, RuleRecord};
use crate::action::{Action, Outcome, Outcomes, Remedy};
use crate::facts::IngressRule;
use crate::finding::Finding;
use crate::resolution::{Resolution, Standing};
use crate::settings::KNOWN_NETWORKS;
use crate::severity::Rating;

/// A finding that was leased, and what is written about it.
#[derive(Debug, Clone, Copy)]
pub struct LeasedFinding<'a> {
    /// Its key.
    pub key: &'a Key,
    /// As it was decided.
    pub finding: &'a Finding,
    /// Its severity in the report.
    pub rating: Rating,
    /// Whether the report tells it.
    pub is_told: bool,
    /// The rules that known networks have in its place.
    pub granted: &'a [IngressRule],
}

/// A second attempt to write, after another invocation wrote in between. It starts from what the table has now, and
/// changes only the occurrence that this invocation leased.
#[derive(Debug, Clone, Copy)]
pub struct Rewrite<'a> {
    /// The entries that were not written.
    pub lost: &'a [Key],
    /// What the table has now.
    pub memory: &'a Memory,
}

impl<'a> Rewrite<'a> {
    fn lost(self, key: &Key) -> Option<&'a Entry> {
        self.memory.entries.get(key).filter(|_| self.lost.contains(key))
    }
}

impl Leased {
    /// The entries to write after remediating and reporting: how each occurrence ended, its report if there was one,
    /// and no lease any more.
    ///
    /// `reported`: when the alert was sent, ISO 8601; `None` if nothing was sent. `again`: `None` in the first attempt.
    pub fn settle(
        &self,
        findings: &[LeasedFinding<'_>],
        outcomes: &Outcomes,
        reported: Option<&str>,
        again: Option<Rewrite<'_>>,
    ) -> Vec<Entry> {
        let entries = self.entries.iter().filter_map(|ours| {
            let mut entry = match again {
                None => ours.clone(),
                Some(again) => again.lost(&ours.key)?.clone(),
            };
            let changed = match findings.iter().find(|settled| *settled.key == ours.key) {
                Some(settled) => self.end(&mut entry, settled, outcomes, reported),
                None => self.recover(&mut entry, ours, reported),
            };
            entry.version += 1;
            changed.then_some(entry)
        });
        entries.collect()
    }

    fn end(
        &self,
        entry: &mut Entry,
        settled: &LeasedFinding<'_>,
        outcomes: &Outcomes,
        reported: Option<&str>,
    ) -> bool {
        let event = self.taken.get(&entry.key);
        let Some(at) =
            entry.occurrences.iter().position(|occurrence| Some(&occurrence.event) == event)
        else {
            // So many occurrences came since that this one was dropped.
            return false;
        };
        let newest = at + 1 == entry.occurrences.len();
        let resolution = Resolution::of(settled.finding, outcomes);
        let is_news = !self.is_known(&entry.key, settled.rating, resolution);
        if let Some(occurrence) = entry.occurrences.get_mut(at) {
            occurrence.outcome = Standing::Ended(resolution);
            self.release(occurrence);
            if let Some(time) = reported.filter(|_| is_news && settled.is_told) {
                occurrence.reported = Some(ReportedAs {
                    at: time.to_owned(),
                    outcome: resolution,
                    severity: settled.rating.severity.as_str().to_owned(),
                });
            }
        }
        entry.keep_grants(settled.granted);
        if newest {
            entry.severity = settled.rating.severity.as_str().to_owned();
            entry.end(settled.finding, outcomes);
        }
        true
    }

    /// A finding that is gone: it is resolved once that was reported.
    fn recover(&self, entry: &mut Entry, ours: &Entry, reported: Option<&str>) -> bool {
        let event = ours.latest().map(|occurrence| &occurrence.event);
        let latest = entry.occurrences.last_mut();
        let Some(occurrence) = latest.filter(|occurrence| Some(&occurrence.event) == event) else {
            return false;
        };
        self.release(occurrence);
        entry.grants.clone_from(&ours.grants);
        if let Some(time) = reported {
            // A revoke that seemed to fail, or whose invocation died, may have removed the rule.
            let begun = occurrence.outcome.may_have_revoked();
            entry.state = entry.state.after(Step::Resolved { begun });
            occurrence.outcome = Standing::Ended(Resolution::Resolved);
            occurrence.reported = occurrence.reported.take().map(|reported| ReportedAs {
                at: time.to_owned(),
                outcome: Resolution::Resolved,
                severity: reported.severity,
            });
        }
        true
    }

    fn release(&self, occurrence: &mut super::Occurrence) {
        if occurrence.lease.as_ref().is_some_and(|lease| lease.by == self.by) {
            occurrence.lease = None;
        }
    }
}

impl Entry {
    /// Keeps which rules known networks have in its place: of each network the newest.
    pub(super) fn keep_grants(&mut self, granted: &[IngressRule]) {
        for rule in granted {
            let source = rule.source.to_string();
            self.grants.retain(|grant| grant.rule != rule.id && grant.source != source);
            self.grants.push(GrantRecord { rule: rule.id.clone(), source });
        }
        let most = self.grants.len().saturating_sub(2 * KNOWN_NETWORKS);
        self.grants.drain(..most);
    }

    /// Changes the state by how the newest occurrence ended.
    fn end(&mut self, finding: &Finding, outcomes: &Outcomes) {
        let Remedy::Do(action) = &finding.remedy else {
            // A rule that was gone before has its state from the lease.
            if !matches!(finding.remedy, Remedy::Gone(_)) {
                self.state = self.state.after(Step::Left);
            }
            return;
        };
        let removed = Resolution::of(finding, outcomes).is_gone();
        self.state = self.state.after(if removed { Step::Removed } else { Step::Left });
        // Somebody edited the rule between the read and the revoke: `undo` restores what was revoked.
        if let (Action::RevokeIngress { group, .. }, Some(Outcome::Done(Some(edited)))) =
            (action, outcomes.get(action.id()))
        {
            self.rule = Some(RuleRecord::of(group, edited));
        }
    }
}
