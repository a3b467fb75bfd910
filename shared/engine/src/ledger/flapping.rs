//! Flapping: a rule that is revoked and recurs again and again.

use super::{Entry, OCCURRENCES};
use crate::action::{Because, Word};
use crate::time::{DAY, HOUR, iso, seconds};

/// The reason not to revoke a rule now: it recurred `most` times or more within an hour, an hour without a recurrence is
/// not over since, and a machine opens it, which would go on for ever. A rule that a person opens is revoked each time.
///
/// A user agent is the caller's own word. So an hour on it is given once a day, and what recurs [`OCCURRENCES`] times
/// within an hour is flapping, whoever opens it. 0 counts as 1.
pub(super) fn flapping(entry: &Entry, now: i64, most: u32) -> Option<Because> {
    let back = || {
        let recurred = entry.occurrences.iter().filter(|occurrence| occurrence.recurred);
        recurred.map(|occurrence| (seconds(&occurrence.at), occurrence))
    };
    let (at, last) = back().filter(|(at, _)| *at <= now).max_by_key(|(at, _)| *at)?;
    let times =
        back().filter(|(before, _)| at.saturating_sub(HOUR) < *before && *before <= at).count();
    let after_last = at.saturating_add(HOUR);
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    if times < most || now >= after_last {
        return None;
    }
    let until = match Word::of(last.via.as_deref()) {
        _ if times >= OCCURRENCES => after_last,
        Word::Aws => after_last,
        Word::Nobody => return None,
        Word::Tool => match entry.spared.as_deref().map(seconds) {
            Some(since) if now < since.saturating_add(HOUR) => since.saturating_add(HOUR),
            Some(since) if now < since.saturating_add(DAY) => return None,
            Some(_) | None => after_last,
        },
    };
    let (who, through) = (last.by.clone(), last.via.clone());
    Some(Because::Flapping { times, who, through, until })
}

impl Entry {
    /// Notes since when a tool's own word keeps the rule open.
    pub(super) fn spare(&mut self, because: &Because) {
        if let Because::Flapping { through, until, .. } = because
            && Word::of(through.as_deref()) == Word::Tool
        {
            self.spared = Some(iso(until.saturating_sub(HOUR)));
        }
    }
}
