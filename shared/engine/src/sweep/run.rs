//! The one item that runs leave for each other: who runs, and when the last run finished.

use serde::{Deserialize, Serialize};

use super::Follow;
use crate::ledger::Lease;
use crate::time::{DAY, iso, seconds};

/// The partition of what the sweep remembers of itself: nothing else reads it.
pub const PARTITION: &str = "sweep";

/// The item of that partition that says who runs.
const STATE: &str = "state";

/// How long a run has the lease, in seconds: the time-out of its function, and some for the clocks.
const LEASE: i64 = 20 * 60;

/// After so long without a run, in seconds, what is found is a baseline again: one message, whatever it is.
const FORGOTTEN: i64 = 30 * DAY;

/// What runs leave for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// `sweep`
    pub subject: String,
    /// `state`
    pub finding: String,
    /// The run that is under way.
    pub lease: Option<Lease>,
    /// When the last run finished, ISO 8601; none before the first did.
    pub finished: Option<String>,
    /// The Monday, `2026-11-30`, on which it was last told how much is still open.
    pub monday: Option<String>,
    /// What waits for a follow-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// When the sweep last had calls delivered that nothing else did, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
    /// The number of writes. A write is conditional on the version that was read.
    pub version: u64,
}

/// A run that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// What it leases, itself and what it tells.
    pub lease: Lease,
    /// To be written before anything is read, on condition of its version.
    pub run: Run,
    /// Whether it is a baseline.
    pub baseline: bool,
    /// Today, if it is a Monday on which nobody was told yet.
    pub monday: Option<String>,
}

impl Run {
    /// The key of the item.
    pub fn key() -> crate::ledger::Key {
        crate::ledger::Key { subject: PARTITION.to_owned(), finding: STATE.to_owned() }
    }

    /// Begins a run, unless another is under way. `now` is in seconds since 1970.
    pub fn begin(before: Option<Self>, by: &str, now: i64) -> Option<RunStart> {
        let lease = before.as_ref().and_then(|before| before.lease.as_ref());
        // No run has it for longer: whoever wrote that keeps the sweep from nothing.
        let runs = |lease: &Lease| {
            (now.saturating_add(1)..=now.saturating_add(LEASE)).contains(&lease.until)
        };
        if lease.is_some_and(runs) {
            return None;
        }
        let finished = before.as_ref().and_then(|before| before.finished.clone());
        let last = finished.as_deref().map_or(i64::MIN, seconds);
        let day = iso(now).chars().take("2026-11-30".len()).collect::<String>();
        let told = before.as_ref().and_then(|before| before.monday.clone());
        let lease = Lease { by: by.to_owned(), until: now.saturating_add(LEASE) };
        let run = Self {
            lease: Some(lease.clone()),
            version: before.as_ref().map_or(0, |before| before.version) + 1,
            finished,
            subject: Self::key().subject,
            finding: Self::key().finding,
            monday: told.clone(),
            follow: before.as_ref().and_then(|before| before.follow.clone()),
            missed: before.as_ref().and_then(|before| before.missed.clone()),
        };
        Some(RunStart {
            lease,
            run,
            baseline: now.saturating_sub(last) > FORGOTTEN,
            // 1970 began on a Thursday.
            monday: (now.div_euclid(DAY).rem_euclid(7) == 4 && told.as_ref() != Some(&day))
                .then_some(day),
        })
    }

    /// The run is over. `follow` is what waits for a follow-up.
    pub fn end(self, monday: Option<String>, follow: Option<Follow>, now: i64) -> Self {
        let monday = monday.or_else(|| self.monday.clone());
        let (finished, version) = (Some(iso(now)), self.version + 1);
        Self { lease: None, finished, monday, follow, version, ..self }
    }

    /// Calls were missed, if there are any: they are delivered now.
    #[must_use]
    pub fn missing(self, calls: usize, now: i64) -> Self {
        let missed = if calls > 0 { Some(iso(now)) } else { self.missed.clone() };
        Self { missed, ..self }
    }

    /// The follow-up of the last run is over: the account was not looked at as a whole.
    pub fn end_follow_up(self, monday: Option<String>, now: i64) -> Self {
        let finished = self.finished.clone();
        Self { finished, ..self.end(monday, None, now) }
    }

    /// When the item may be deleted, in seconds since 1970.
    pub fn expires(now: i64) -> i64 {
        now.saturating_add(2 * FORGOTTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Saturday, ten o'clock.
    const NOW: i64 = 1_795_255_200;

    #[test]
    fn one_runs_at_a_time_and_one_that_died_is_not_waited_for() {
        let first = Run::begin(None, "r-1", NOW).unwrap();
        assert!(first.baseline && first.monday.is_none());
        assert_eq!(Run::begin(Some(first.run.clone()), "r-2", NOW + LEASE - 1), None);
        let second = Run::begin(Some(first.run), "r-2", NOW + LEASE).unwrap();
        assert!(second.baseline, "the first one did not finish");
        let forged = Lease { by: "r-9".to_owned(), until: i64::MAX };
        assert!(
            Run::begin(Some(Run { lease: Some(forged), ..second.run.clone() }), "r-2", NOW)
                .is_some()
        );
        let ended = second.run.end(None, None, NOW + LEASE + 5);
        assert_eq!((ended.version, &ended.lease), (3, &None));
        let third = Run::begin(Some(ended.clone()), "r-3", NOW + LEASE + 6).unwrap();
        assert!(!third.baseline);
        assert!(Run::begin(Some(ended), "r-4", NOW + 31 * DAY).unwrap().baseline);
    }

    #[test]
    fn a_monday_is_told_once() {
        let monday = seconds("2026-11-30T00:10:00Z");
        let first = Run::begin(None, "r-1", monday).unwrap();
        assert_eq!(first.monday.as_deref(), Some("2026-11-30"));
        let told = first.run.end(first.monday, None, monday);
        let again = Run::begin(Some(told.clone()), "r-2", monday + 6 * 3600).unwrap();
        assert_eq!(again.monday, None);
        let silent = again.run.end(None, None, monday + 6 * 3600);
        let next = Run::begin(Some(silent), "r-3", monday + 7 * DAY).unwrap();
        assert_eq!(next.monday.as_deref(), Some("2026-12-07"));
        assert!(Run::begin(Some(told), "r-4", monday + DAY).unwrap().monday.is_none());
    }
}
