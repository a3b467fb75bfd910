//! Findings that were reported, and are gone now, although this event does not revoke them.

use super::{Entry, Key, LeaseContext, State};
use crate::event::{RuleLead, YOUNG};
use crate::exceptions::Suppressed;
use crate::finding::{Finding, Subject};
use crate::time::seconds;

/// A setting counts as gone at the earliest so many seconds after its alert, and a rule when its event is old by then:
/// what EC2 does not show before that may only not be shown yet.
const SETTLED: i64 = 60;

/// What this event found: of that, nothing is gone.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    /// The subject of the findings.
    pub subject: &'a Subject,
    /// The findings.
    pub findings: &'a [Finding],
    /// The suppressed findings.
    pub suppressed: &'a [Suppressed],
    /// The rules that EC2 does not show yet as the event has them.
    pub unseen: &'a [RuleLead],
}

impl Open<'_> {
    /// INVARIANT: what is found, suppressed or not shown yet is not reported as resolved.
    fn holds(&self, entry: &Entry) -> bool {
        let suppressed = || {
            let settings = self.suppressed.iter().filter(|suppressed| suppressed.rule.is_none());
            settings.map(|suppressed| suppressed.check.as_str()).any(|check| check == entry.check)
        };
        let record = entry.rule.as_ref();
        record.is_some_and(|record| self.unseen.iter().any(|lead| lead.is_about(&record.rule())))
            || (record.is_none() && entry.list.is_none() && suppressed())
            || self.findings.iter().any(|finding| Key::of(finding, self.subject) == entry.key)
    }
}

/// The entries of findings that were reported, are gone now, and have no lease of another invocation. Each is
/// returned with a lease of this one, ready to be written.
pub(super) fn resolved(open: Open<'_>, turn: &LeaseContext<'_>) -> Vec<Entry> {
    let gone = turn.still_open.iter().filter(|entry| {
        entry.state == State::Open
            && entry.latest().is_some_and(|occurrence| {
                let reported = occurrence.reported.as_ref().map(|reported| seconds(&reported.at));
                let settled =
                    if entry.rule.is_some() || entry.list.is_some() { YOUNG } else { SETTLED };
                reported.is_some_and(|reported| turn.now.saturating_sub(reported) >= settled)
                    && !occurrence.is_leased_by_other(&turn.lease.by, turn.now)
            })
            && turn.looked.shows_gone(entry)
            && !open.holds(entry)
    });
    gone.map(|entry| leased(entry, turn)).collect()
}

fn leased(entry: &Entry, turn: &LeaseContext<'_>) -> Entry {
    let mut entry = entry.clone();
    entry.version += 1;
    // An attempt that granted and revoked may have died, or had no answer.
    entry.keep_grants(&turn.looked.granted_for(&entry.id));
    if let Some(occurrence) = entry.occurrences.last_mut() {
        occurrence.lease = Some(turn.lease.clone());
    }
    entry
}
