//! What is written after acting and telling.

use super::place::REVOKING;
use super::{Coming, Entry, Kept, Key, Memory, Remembered, State, Told};
use crate::action::{Action, Outcome, Remedy};
use crate::alert::{self, Outcomes};
use crate::checks::Finding;
use crate::decide::Decision;

/// The entries as they are to be written after acting and telling: what came of each finding, when it was told, if
/// it was, and that nobody deals with it any more.
///
/// `decision` is the one that was acted on; `told` is when its news and the good news went out, ISO 8601. `again` is
/// `None` at first.
pub fn settled(
    remembered: &Remembered,
    decision: &Decision,
    outcomes: &Outcomes,
    told: Option<&str>,
    again: Option<Again<'_>>,
) -> Vec<Entry> {
    let writes = remembered.writes.iter().filter_map(|ours| {
        let mut entry = match again {
            None => ours.clone(),
            Some(again) => again.lost(&ours.key)?.clone(),
        };
        let of = |finding: &&Finding| Key::of(finding, &decision.subject) == ours.key;
        let changed = match decision.findings.iter().find(of) {
            Some(finding) => remembered.settle(&mut entry, finding, outcomes, told),
            None => remembered.recover(&mut entry, ours, told),
        };
        entry.version += 1;
        changed.then_some(entry)
    });
    writes.collect()
}

/// What to write once more, because somebody else wrote meanwhile. Of that, only our own coming is changed.
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

impl Remembered {
    fn settle(
        &self,
        entry: &mut Entry,
        finding: &Finding,
        outcomes: &Outcomes,
        told: Option<&str>,
    ) -> bool {
        let event = self.taken.get(&entry.key);
        let Some(at) = entry.comings.iter().position(|coming| Some(&coming.event) == event) else {
            // So many came since that this one is not kept.
            return false;
        };
        let newest = at + 1 == entry.comings.len();
        let is_news = !self.is_known(finding, &entry.key, outcomes);
        let outcome = alert::end(finding, outcomes);
        if let Some(coming) = entry.comings.get_mut(at) {
            coming.outcome = outcome.to_owned();
            self.release(coming);
            if let Some(time) = told.filter(|_| is_news) {
                let severity = finding.severity.as_str().to_owned();
                let (at, outcome) = (time.to_owned(), outcome.to_owned());
                coming.told = Some(Told { at, outcome, severity });
            }
        }
        if newest {
            entry.end(finding, outcomes);
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
            let tried = coming.outcome == REVOKING || coming.outcome == "failed";
            entry.state = if tried { State::Closed } else { State::Recovered };
            coming.outcome = "recovered".to_owned();
            coming.told = coming.told.take().map(|told| Told {
                at: time.to_owned(),
                outcome: "recovered".to_owned(),
                severity: told.severity,
            });
        }
        true
    }

    fn release(&self, coming: &mut Coming) {
        if coming.held.as_ref().is_some_and(|held| held.by == self.by) {
            coming.held = None;
        }
    }
}

impl Entry {
    /// What became of the finding by what came of its newest coming.
    fn end(&mut self, finding: &Finding, outcomes: &Outcomes) {
        let Remedy::Do(action) = &finding.remedy else {
            if !matches!(finding.remedy, Remedy::Gone(_)) {
                self.state = State::Open;
            }
            return;
        };
        self.state = match outcomes.get(action.id()) {
            Some(Outcome::Done(_) | Outcome::AlreadyGone) => State::Closed,
            Some(Outcome::Started(_) | Outcome::AlreadyStarted(_) | Outcome::Failed(_)) | None => {
                State::Open
            }
        };
        // It is put back as it was when it went.
        if let (Action::RevokeIngress { group, .. }, Some(Outcome::Done(Some(edited)))) =
            (action, outcomes.get(action.id()))
        {
            self.rule = Some(Kept::of(group, edited));
        }
    }
}
