//! Findings that went, and not by us.

use super::{Entry, Key, Memory, State, Turn};
use crate::exceptions::Tolerated;
use crate::finding::{Finding, Subject};
use crate::time::seconds;

/// How long after its alert a finding may count as gone, in seconds. EC2 may for some seconds not show what is
/// there, and a minute is beyond all that was seen.
const SETTLED: i64 = 60;

/// What is open all the same, whatever the ledger says.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    /// What the findings are about.
    pub subject: &'a Subject,
    /// What was found.
    pub findings: &'a [Finding],
    /// What is tolerated.
    pub tolerated: &'a [Tolerated],
    /// The rules that EC2 does not show as they were edited.
    pub unseen: &'a [String],
}

impl Open<'_> {
    /// INVARIANT: what is found, tolerated or not seen yet is not gone.
    fn holds(&self, entry: &Entry) -> bool {
        let tolerated = || {
            let settings = self.tolerated.iter().filter(|tolerated| tolerated.rule.is_none());
            settings.map(|tolerated| tolerated.check.as_str()).any(|check| check == entry.check)
        };
        let kept = entry.rule.as_ref();
        kept.is_some_and(|kept| self.unseen.contains(&kept.rule))
            || (kept.is_none() && tolerated())
            || self.findings.iter().any(|finding| Key::of(finding, self.subject) == entry.key)
    }
}

/// Findings that were reported, that are gone now, and that no other invocation leased; as they are to be written.
pub(super) fn resolved(open: Open<'_>, memory: &Memory, turn: &Turn<'_>) -> Vec<Entry> {
    let gone = memory.entries.values().filter(|entry| {
        entry.state == State::Open
            && entry.latest().is_some_and(|coming| {
                let told = coming.told.as_ref().map(|told| seconds(&told.at));
                told.is_some_and(|told| turn.now.saturating_sub(told) >= SETTLED)
                    && !coming.is_held_by_other(&turn.holder.by, turn.now)
            })
            && turn.looked.shows_gone(entry)
            && !open.holds(entry)
    });
    gone.map(|entry| held(entry, turn)).collect()
}

fn held(entry: &Entry, turn: &Turn<'_>) -> Entry {
    let mut entry = entry.clone();
    entry.version += 1;
    if let Some(coming) = entry.comings.last_mut() {
        coming.held = Some(turn.holder.clone());
    }
    entry
}
