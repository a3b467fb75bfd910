//! What is to be looked at again, why and when, and how far that is arranged.

use super::step::Arranged;
use crate::event::{Event, Lead, RuleLead, Touched};
use crate::ledger::{Revisit, Why, due};
use crate::time::{DAY, HOUR, MINUTE, seconds};

/// What is to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undecided {
    pub(super) why: Why,
    /// Not before this time, in seconds since 1970, where it is known.
    pub(super) not_before: Option<i64>,
    /// The rules that it is about; `None` if it is about all that the event touched.
    pub(super) rules: Option<Vec<RuleLead>>,
}

/// How far that is arranged.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrangement {
    /// The first reason.
    pub(super) why: Option<Why>,
    /// What was handed out to be written and scheduled.
    pub(super) sent: Option<Revisit>,
    pub(super) arranged: Option<Arranged>,
    /// The time was refused once, and a minute later is tried.
    pub(super) late: bool,
    pub(super) conflicts: usize,
    /// The record was handed out to be settled.
    pub(super) settled: bool,
}

impl Arrangement {
    pub(super) fn answer(&mut self, arranged: Arranged) {
        // A record that is not settled is looked at once more, and nothing else depends on it.
        if self.sent.is_some() && !self.settled {
            self.arranged = Some(arranged);
        }
    }
}

/// The record: the one that is there while its time lies ahead, or the next.
pub(super) fn revisit(
    before: Option<&Revisit>,
    mut call: Event,
    undecided: &[Undecided],
    now: i64,
) -> Option<Revisit> {
    let age = now.saturating_sub(seconds(&call.time));
    narrow(&mut call, undecided);
    let tries = |why| {
        let same = before.filter(|before| before.why == why && !before.settled);
        same.map_or(0, |same| same.tries.saturating_add(u32::from(!same.is_ahead(now))))
    };
    let at = |one: &Undecided| match one.not_before {
        Some(at) => due(at.max(now), 0),
        None => due(now, delay(one.why, tries(one.why), age)),
    };
    let first = undecided.iter().min_by_key(|one| at(one))?;
    let next = Revisit {
        subject: Revisit::subject(&call),
        event: call.id.clone(),
        due: at(first),
        why: first.why,
        tries: tries(first.why),
        call,
        version: before.map_or(0, |before| before.version) + 1,
        settled: false,
    };
    let Some(before) = before.filter(|before| before.is_ahead(now) && before.due <= next.due)
    else {
        return Some(next);
    };
    let same = Revisit { due: before.due, why: before.why, tries: before.tries, ..next };
    Some(if same.call == before.call { before.clone() } else { same })
}

/// Keeps the rules that are still undecided.
fn narrow(call: &mut Event, undecided: &[Undecided]) {
    let rules: Option<Vec<&Vec<RuleLead>>> =
        undecided.iter().map(|one| one.rules.as_ref()).collect();
    if let (Some(rules), Lead::Group(lead)) = (rules, &mut call.lead)
        && let Touched::Rules(touched) = &mut lead.touched
    {
        touched.retain(|lead| rules.iter().any(|rules| rules.contains(lead)));
    }
}

/// How long until it is looked at again after so many tries, in seconds; `age` is that of the event.
fn delay(why: Why, tries: u32, age: i64) -> i64 {
    let doubled = (2 * MINUTE).saturating_mul(1 << tries.min(10));
    match why {
        Why::Lag => 2 * MINUTE,
        Why::Limit => 10,
        Why::Pending if age >= DAY => HOUR,
        Why::Pending => doubled.min(30 * MINUTE),
        Why::Unknown => doubled.min(HOUR),
        Why::Flapping | Why::Paused | Why::Snooze => HOUR,
    }
}
