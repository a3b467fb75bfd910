//! How many older faults a run closes: few at first, more while nobody wants one back, none once people do.
//!
//! | of what was closed since the ramp began, opened or undone | the run |
//! |---|---|
//! | nothing since the last run, which closed something | doubles |
//! | nothing since the last run, which closed nothing | keeps the number |
//! | the first one | keeps the number |
//! | a second one, of twenty or more | keeps the number |
//! | a second one, more than a tenth | stops |
//! | a third one | stops |
//! | anything, and it has stopped | stays stopped |

use serde::{Deserialize, Serialize};

use super::{Ledgered, PARTITION};
use crate::ledger::{Key, State};
use crate::time::{DAY, iso, seconds};

/// The item of the sweep's partition that says how far the ramp is.
const RAMP: &str = "ramp";

/// So many rules are closed by the first run that closes, and by each later one.
const STEPS: [usize; 6] = [5, 10, 20, 40, 80, 100];

/// So many that people wanted back stop it.
const STOPS: usize = 3;

/// What was closed so long ago, in seconds, nobody misses any more.
const FORGOTTEN: i64 = 30 * DAY;

/// The item of the ledger has 400 KB at the most.
const KEPT: usize = 1000;

/// What runs that close leave for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ramp {
    /// `sweep`
    pub subject: String,
    /// `ramp`
    pub finding: String,
    /// When the first run with `Sweep=enforce` began, ISO 8601: the notice of what was reported before begins here.
    pub since: String,
    /// How often it doubled.
    step: usize,
    /// The last run closed something.
    went: bool,
    /// Since when it closes nothing, ISO 8601, if people wanted too much back.
    pub stopped: Option<String>,
    /// What it closed, the oldest first.
    closed: Vec<Closed>,
    /// The number of writes. A write is conditional on the version that was read.
    pub version: u64,
}

/// A finding whose rule a run closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Closed {
    subject: String,
    finding: String,
    /// When, ISO 8601.
    at: String,
    /// Somebody opened it again, or undid it.
    back: bool,
}

impl Ramp {
    /// The key of the item.
    pub fn key() -> Key {
        Key { subject: PARTITION.to_owned(), finding: RAMP.to_owned() }
    }

    /// A ramp that begins at the first step. `version` is that of the item that it replaces; 0 if there is none.
    pub fn new(version: u64, now: i64) -> Self {
        let Key { subject, finding } = Self::key();
        let (since, closed) = (iso(now), Vec::new());
        let version = version + 1;
        Self { subject, finding, since, step: 0, went: false, stopped: None, closed, version }
    }

    /// The same from the first step on: what was wanted back counts no more, and whatever was given notice keeps it.
    pub fn resumed(&self, now: i64) -> Self {
        Self { since: self.since.clone(), ..Self::new(self.version, now) }
    }

    /// The sweep only reports: the next ramp begins with notice, and at the first step.
    pub fn over(&self) -> Self {
        Self { since: String::new(), ..self.resumed(0) }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.since.is_empty()
    }

    /// Begins a run that may close. `now` is in seconds since 1970.
    pub fn begin(before: Option<Self>, ledger: &Ledgered, now: i64) -> Self {
        let version = before.as_ref().map_or(0, |before| before.version);
        let Some(mut ramp) = before.filter(|before| !before.is_over()) else {
            return Self::new(version, now);
        };
        ramp.version += 1;
        ramp.closed.retain(|one| now.saturating_sub(seconds(&one.at)) < FORGOTTEN);
        let mut fresh = false;
        for one in ramp.closed.iter_mut().filter(|one| !one.back) {
            one.back = one.is_back(ledger, now);
            fresh |= one.back;
        }
        let back = ramp.closed.iter().filter(|one| one.back).count();
        // The first one alone would be a fifth of the first five.
        if back >= STOPS || (back > 1 && back * 10 > ramp.closed.len()) {
            ramp.stopped.get_or_insert_with(|| iso(now));
        } else if !fresh && ramp.went {
            ramp.step = (ramp.step + 1).min(STEPS.len() - 1);
        }
        ramp.went = false;
        ramp
    }

    /// How many rules this run closes at the most.
    pub fn most(&self) -> usize {
        let step = STEPS.get(self.step).copied().unwrap_or_default();
        if self.stopped.is_some() { 0 } else { step }
    }

    /// Whether it is this run that stopped.
    pub fn stops_now(&self, now: i64) -> bool {
        self.stopped.as_deref() == Some(&iso(now))
    }

    /// The run is over: it closed these.
    #[must_use]
    pub fn end(mut self, keys: impl IntoIterator<Item = Key>, now: i64) -> Self {
        let at = iso(now);
        let closed = |key: Key| {
            let Key { subject, finding } = key;
            Closed { subject, finding, at: at.clone(), back: false }
        };
        let before = self.closed.len();
        self.closed.extend(keys.into_iter().map(closed));
        self.went = self.closed.len() > before;
        let too_many = self.closed.len().saturating_sub(KEPT);
        self.closed.drain(..too_many);
        self.version += 1;
        self
    }

    /// When the item may be deleted, in seconds since 1970.
    pub fn expires(now: i64) -> i64 {
        now.saturating_add(400 * DAY)
    }
}

impl Closed {
    /// `portcullis undo` snoozes the rule; whoever opens it otherwise leaves a later occurrence, or an open finding.
    fn is_back(&self, ledger: &Ledgered, now: i64) -> bool {
        let key = Key { subject: self.subject.clone(), finding: self.finding.clone() };
        ledger.is_snoozed(&key, now)
            || ledger.entries.get(&key).is_some_and(|entry| {
                entry.state == State::Open || entry.last_seen > seconds(&self.at)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Remembered;

    const NOW: i64 = 1_795_255_200;

    fn key(at: usize) -> Key {
        Key { subject: format!("sg-{at}"), finding: "open-ingress#tcp#22#22#::/0".to_owned() }
    }

    /// A ledger in which the first so many are open again, and the others closed.
    fn ledger(open: usize, all: usize) -> Ledgered {
        let entry = |at: usize| {
            let state = if at < open { State::Open } else { State::Closed };
            let (told, leased_until) = (None, None);
            let seen = NOW - DAY;
            let (last_seen, written) = (seen, seen);
            (
                key(at),
                Remembered {
                    key: key(at),
                    state,
                    told,
                    last_seen,
                    written,
                    leased_until,
                    version: 1,
                },
            )
        };
        Ledgered { entries: (0..all).map(entry).collect(), ..Ledgered::default() }
    }

    /// A run that may close, after one that closed `closed` more rules.
    fn next(ramp: Ramp, closed: std::ops::Range<usize>, open: usize) -> Ramp {
        let all = closed.end;
        Ramp::begin(Some(ramp.end(closed.map(key), NOW)), &ledger(open, all), NOW + 60)
    }

    #[test]
    fn it_doubles_while_nobody_wants_anything_back() {
        let mut ramp = Ramp::begin(None, &Ledgered::default(), NOW);
        let mut numbers = vec![ramp.most()];
        for _ in 0..6 {
            ramp = next(ramp, 0..1, 0);
            numbers.push(ramp.most());
        }
        assert_eq!(numbers, [5, 10, 20, 40, 80, 100, 100]);
        assert_eq!(next(ramp, 0..0, 0).most(), 100);
        let idle = Ramp::begin(None, &Ledgered::default(), NOW);
        assert_eq!(next(idle, 0..0, 0).most(), 5, "a run that closed nothing proves nothing");
    }

    /// Each row of the documentation.
    #[test]
    fn what_people_want_back_keeps_the_number_and_then_stops_it() {
        let begun = || Ramp::begin(None, &Ledgered::default(), NOW);
        let one = next(begun(), 0..5, 1);
        assert_eq!((one.most(), &one.stopped), (5, &None), "the first one");
        let kept = next(one.clone(), 5..5, 1);
        assert_eq!(kept.most(), 5, "nothing since, and nothing was closed");
        assert_eq!(next(one.clone(), 5..10, 1).most(), 10, "nothing since");
        let two = next(one.clone(), 5..10, 2);
        assert_eq!(two.most(), 0, "two of ten are more than a tenth");
        assert!(two.stops_now(NOW + 60) && !two.stops_now(NOW + 61));
        let many = next(begun(), 0..20, 1);
        assert_eq!(next(many.clone(), 20..25, 2).most(), 5, "two of twenty-five are not");
        let three = next(next(many, 20..60, 2), 60..60, 3);
        assert_eq!(three.most(), 0, "the third one");
        let stays = next(three, 60..60, 0);
        assert_eq!((stays.most(), stays.stops_now(NOW + 61)), (0, false));
        let resumed = next(stays.resumed(NOW), 60..60, 3);
        assert_eq!((resumed.most(), &resumed.stopped), (5, &None));
    }

    #[test]
    fn a_snooze_and_a_later_occurrence_count_and_a_month_forgets() {
        let ramp = Ramp::begin(None, &Ledgered::default(), NOW).end([key(0)], NOW);
        let mut later = ledger(0, 1);
        later.entries.get_mut(&key(0)).unwrap().last_seen = NOW + 10;
        assert_eq!(Ramp::begin(Some(ramp.clone()), &later, NOW + 60).most(), 5);
        let forgotten = Ramp::begin(Some(ramp), &ledger(1, 1), NOW + FORGOTTEN);
        assert_eq!((forgotten.most(), forgotten.closed.len()), (10, 0));
    }
}
