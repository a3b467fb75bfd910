//! Looking again: the record of a revisit is read, arranged while something is undecided, and settled when nothing is.

use super::again::{Arrangement, Undecided, revisit};
use super::known::Part;
use super::step::{Arranged, Read, Step, Summary, reading};
use super::{Case, Cause};
use crate::ledger::{Revisit, due};
use crate::report::Next;

/// How often what others wrote of the record meanwhile is read again.
const CONFLICTS: usize = 6;

impl Case<'_> {
    /// The event of a revisit is in its record.
    pub(super) fn open(&mut self) -> Option<Step> {
        let Cause::Revisit { subject, event } = &self.cause else { return None };
        let about = format!(
            "the revisit of {} for event {}",
            subject.escape_default(),
            event.escape_default()
        );
        let step = match &self.known.revisit {
            _ if self.event.is_some() => return None,
            Part::Unread => {
                let (subject, event) = (subject.clone(), event.clone());
                reading(vec![Read::Revisit { subject, event }])
            }
            Part::Failed(why) => Step::Fail(why.clone()),
            Part::Read(None) => Step::Done(Summary(format!("there is no record of {about}"))),
            Part::Read(Some(record)) if record.settled => {
                Step::Done(Summary(format!("nothing is left of {about}")))
            }
            Part::Read(Some(record)) => {
                (self.event, self.why) = (Some(record.call.clone()), Some(record.why));
                return None;
            }
        };
        Some(step)
    }

    /// Writes the record and makes the schedule, until that is answered.
    pub(super) fn arrange(&mut self, undecided: &[Undecided], now: i64) -> Option<Step> {
        let earliest = undecided.first()?.why;
        self.again.why = Some(earliest);
        match &self.again.arranged {
            Some(Arranged::Lost) if self.again.conflicts < CONFLICTS => {
                self.again =
                    Arrangement { conflicts: self.again.conflicts + 1, ..Arrangement::default() };
                self.known.revisit = Part::Unread;
            }
            Some(Arranged::Lost) => {
                let why = "other invocations keep writing the record".to_owned();
                self.again.arranged = Some(Arranged::Not(why));
                return None;
            }
            Some(Arranged::OnlyRecorded(_)) if !self.again.late => {
                let sent = self.again.sent.as_mut()?;
                (sent.due, sent.version) = (due(now.max(sent.due), 60), sent.version + 1);
                self.again.late = true;
                return Some(Step::Revisit(Box::new(sent.clone())));
            }
            Some(_) => return None,
            None => {}
        }
        let event = self.event.clone()?;
        let subject = Revisit::subject(&event);
        let before = match &self.known.revisit {
            Part::Unread => return Some(reading(vec![Read::Revisit { subject, event: event.id }])),
            Part::Failed(why) => {
                self.again.arranged = Some(Arranged::Not(why.clone()));
                return None;
            }
            Part::Read(before) => before.as_deref(),
        };
        let revisit = revisit(before, event, undecided, now)?;
        self.again.sent = Some(revisit.clone());
        Some(Step::Revisit(Box::new(revisit)))
    }

    /// Nothing is left to look at: the record of this revisit is settled. If that cannot be written, it is looked at
    /// once more.
    pub(super) fn settle(&mut self) -> Option<Step> {
        let Cause::Revisit { subject, event } = &self.cause else { return None };
        if self.again.settled || self.again.why.is_some() {
            return None;
        }
        if self.known.revisit.is_unread() {
            let (subject, event) = (subject.clone(), event.clone());
            return Some(reading(vec![Read::Revisit { subject, event }]));
        }
        self.again.settled = true;
        let record = self.known.revisit.get()?.as_deref()?;
        let version = record.version + 1;
        Some(Step::Revisit(Box::new(Revisit { settled: true, version, ..record.clone() })))
    }

    /// What comes next.
    pub(super) fn next_look(&self) -> Option<Next> {
        let Arrangement { sent, arranged, .. } = &self.again;
        let not_arranged = match arranged.as_ref()? {
            Arranged::Scheduled | Arranged::Lost => None,
            Arranged::OnlyRecorded(why) | Arranged::Not(why) => Some(why.clone()),
        };
        let (due, why) = sent.as_ref().map_or((0, self.again.why?), |sent| (sent.due, sent.why));
        Some(Next { due, why, not_arranged })
    }

    /// Why it cannot be looked at again: then the event has to come again.
    pub(super) fn not_arranged(&self) -> Option<String> {
        match self.again.arranged.as_ref()? {
            Arranged::Not(why) => Some(format!("it could not be arranged to look again: {why}")),
            Arranged::Scheduled | Arranged::OnlyRecorded(_) | Arranged::Lost => None,
        }
    }
}
