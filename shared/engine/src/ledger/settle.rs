//! What is written after acting and telling.

use super::{Entry, Kept, Key, Leased, Memory, State, Told};
use crate::action::{Action, Outcome, Outcomes, Remedy};
use crate::finding::Finding;
use crate::resolution::{Resolution, Standing};
use crate::severity::Severity;

/// A finding that was leased, with what is to be written of it.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// Which.
    pub key: &'a Key,
    /// As it was decided.
    pub finding: &'a Finding,
    /// How bad it is.
    pub severity: Severity,
}

/// What to write once more, because somebody else wrote meanwhile. Of that, only our own occurrence is changed.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    /// What was not written.
    pub lost: &'a [Key],
    /// What is remembered now.
    pub memory: &'a Memory,
}

impl<'a> Again<'a> {
    fn lost(self, key: &Key) -> Option<&'a Entry> {
        self.memory.entries.get(key).filter(|_| self.lost.contains(key))
    }
}

impl Leased {
    /// The entries as they are to be written after acting and telling: how each finding ended, when it was reported,
    /// if it was, and that nobody leases it any more.
    ///
    /// `told` is when its news and the good news went out, ISO 8601. `again` is `None` at first.
    pub fn settle(
        &self,
        findings: &[Settled<'_>],
        outcomes: &Outcomes,
        told: Option<&str>,
        again: Option<Again<'_>>,
    ) -> Vec<Entry> {
        let entries = self.entries.iter().filter_map(|ours| {
            let mut entry = match again {
                None => ours.clone(),
                Some(again) => again.lost(&ours.key)?.clone(),
            };
            let changed = match findings.iter().find(|settled| *settled.key == ours.key) {
                Some(settled) => self.end(&mut entry, settled, outcomes, told),
                None => self.recover(&mut entry, ours, told),
            };
            entry.version += 1;
            changed.then_some(entry)
        });
        entries.collect()
    }

    fn end(
        &self,
        entry: &mut Entry,
        settled: &Settled<'_>,
        outcomes: &Outcomes,
        told: Option<&str>,
    ) -> bool {
        let event = self.taken.get(&entry.key);
        let Some(at) = entry.comings.iter().position(|coming| Some(&coming.event) == event) else {
            // So many came since that this one is not kept.
            return false;
        };
        let newest = at + 1 == entry.comings.len();
        let resolution = Resolution::of(settled.finding, outcomes);
        let is_news = !self.is_known(&entry.key, settled.severity, resolution);
        if let Some(coming) = entry.comings.get_mut(at) {
            coming.outcome = Standing::Ended(resolution);
            self.release(coming);
            if let Some(time) = told.filter(|_| is_news) {
                coming.told = Some(Told {
                    at: time.to_owned(),
                    outcome: resolution,
                    severity: settled.severity.as_str().to_owned(),
                });
            }
        }
        if newest {
            entry.severity = settled.severity.as_str().to_owned();
            entry.end(settled.finding, outcomes);
        }
        true
    }

    /// A finding that went, once that was told.
    fn recover(&self, entry: &mut Entry, ours: &Entry, told: Option<&str>) -> bool {
        let event = ours.latest().map(|coming| &coming.event);
        let latest = entry.comings.last_mut();
        let Some(coming) = latest.filter(|coming| Some(&coming.event) == event) else {
            return false;
        };
        self.release(coming);
        if let Some(time) = told {
            // A revoke that seemed to fail, or of which nothing is known, may have been done all the same.
            entry.state = match coming.outcome.may_have_revoked() {
                true => State::Closed,
                false => State::Recovered,
            };
            coming.outcome = Standing::Ended(Resolution::Resolved);
            coming.told = coming.told.take().map(|told| Told {
                at: time.to_owned(),
                outcome: Resolution::Resolved,
                severity: told.severity,
            });
        }
        true
    }

    fn release(&self, coming: &mut super::Coming) {
        if coming.held.as_ref().is_some_and(|held| held.by == self.by) {
            coming.held = None;
        }
    }
}

impl Entry {
    /// What became of the finding by how its newest occurrence ended.
    fn end(&mut self, finding: &Finding, outcomes: &Outcomes) {
        let Remedy::Do(action) = &finding.remedy else {
            if !matches!(finding.remedy, Remedy::Gone(_)) {
                self.state = State::Open;
            }
            return;
        };
        self.state = match Resolution::of(finding, outcomes).is_gone() {
            true => State::Closed,
            false => State::Open,
        };
        // It is put back as it was when it went.
        if let (Action::RevokeIngress { group, .. }, Some(Outcome::Done(Some(edited)))) =
            (action, outcomes.get(action.id()))
        {
            self.rule = Some(Kept::of(group, edited));
        }
    }
}
