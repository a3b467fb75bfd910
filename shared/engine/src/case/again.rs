//! What is to be looked at again, why and when, and how far that is arranged.

use super::step::Arranged;
use crate::event::{Event, Lead, RuleLead, Touched};
use crate::ledger::{Revisit, Why, due};

/// How long until what EC2 does not show is looked at again, in seconds.
const LAG: i64 = 120;

/// What is to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undecided {
    pub(super) why: Why,
    /// The rules that it is about; `None` if it is about all that the event touched.
    pub(super) rules: Option<Vec<RuleLead>>,
}

/// How far that is arranged.
#[derive(Debug, Clone, Default)]
pub(super) struct Again {
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

impl Again {
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
    why: Why,
    undecided: &[Undecided],
    now: i64,
) -> Revisit {
    narrow(&mut call, undecided);
    let subject = Revisit::subject(&call);
    let next = |tries, version| Revisit {
        subject: subject.clone(),
        event: call.id.clone(),
        due: due(now, delay(why)),
        why,
        tries,
        call: call.clone(),
        version,
        settled: false,
    };
    let Some(before) = before else { return next(0, 1) };
    let is_over = u32::from(!before.is_ahead(now));
    let same = before.why == why && !before.settled;
    let tries = if same { before.tries.saturating_add(is_over) } else { 0 };
    let next = next(tries, before.version + 1);
    if !before.is_ahead(now) || before.due > next.due {
        return next;
    }
    let same = Revisit { due: before.due, why: before.why, tries: before.tries, ..next };
    if same.call == before.call { before.clone() } else { same }
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

/// How long until it is looked at again, in seconds.
pub(super) fn delay(why: Why) -> i64 {
    match why {
        Why::Lag => LAG,
        Why::Limit => 10,
        Why::Pending | Why::Unknown => 120,
        Why::Flapping | Why::Paused | Why::Snooze => 3600,
    }
}
