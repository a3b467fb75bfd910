//! The table of [`super`].

use super::Remembered;
use crate::ledger::State;
use crate::severity::Rating;
use crate::time::DAY;

/// What a run saw of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// It is at fault. `snooze_over`: it was snoozed, and is not any more.
    Fault {
        /// How bad it is.
        rating: Rating,
        /// When a snooze of its rule ended that nothing else looks at; in seconds since 1970.
        snooze_ended: Option<i64>,
    },
    /// An exception suppresses it.
    Suppressed,
    /// Somebody snoozed its rule.
    Snoozed,
    /// Its subject was read, and it is not at fault.
    Gone,
    /// Nobody knows: something that decides was not read.
    Unread,
}

/// What follows for one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nobody was told of it before.
    New,
    /// It was closed, resolved or suppressed, and is there again.
    Recurred,
    /// It is worse than it was told to be.
    Risen,
    /// A snooze is over, and nothing else tells so.
    SnoozeOver,
    /// It was told, and is gone.
    Resolved,
    /// It was told, and an exception suppresses it now.
    Suppressed,
    /// It is as it was told. The ledger keeps it for longer.
    Seen,
    /// It is as it was told.
    Known,
    /// It is snoozed.
    Snoozed,
    /// It was told, and what decides about it was not read.
    Unknown,
    /// Another invocation deals with it, or did a moment ago: the next run looks again.
    Busy,
}

/// For so long a finding is left to whoever wrote it last, in seconds: EC2 may show a rule for a while that is revoked, and
/// the run may have read it before.
const MOMENT: i64 = 300;

/// So often the ledger is told that a finding is still there, in seconds: it forgets what nobody wrote for 400 days.
const SEEN: i64 = 30 * DAY;

/// What follows; `None` if there is nothing to say or to count. `now` is in seconds since 1970.
pub fn change(before: Option<&Remembered>, sight: Observed, now: i64) -> Option<Change> {
    let fault = matches!(sight, Observed::Fault { .. });
    let Some(before) = before else { return fault.then_some(Change::New) };
    if before.leased_until.is_some_and(|until| until > now)
        || now.saturating_sub(before.written) < MOMENT
    {
        return (fault || before.state == State::Open).then_some(Change::Busy);
    }
    match (before.state, sight) {
        (State::Open, Observed::Fault { rating, snooze_ended }) => {
            let Some(told) = &before.told else { return Some(Change::New) };
            Some(if told.severity.is_some_and(|before| before < rating.at_least) {
                Change::Risen
            } else if snooze_ended.is_some_and(|ended| told.at < ended) {
                Change::SnoozeOver
            } else if now.saturating_sub(before.last_seen) >= SEEN {
                Change::Seen
            } else {
                Change::Known
            })
        }
        (State::Open, Observed::Suppressed) => Some(Change::Suppressed),
        (State::Open, Observed::Snoozed) => Some(Change::Snoozed),
        (State::Open, Observed::Gone) => Some(Change::Resolved),
        (State::Open, Observed::Unread) => Some(Change::Unknown),
        (State::Closed | State::Resolved | State::Suppressed, Observed::Fault { .. }) => {
            Some(Change::Recurred)
        }
        (State::Closed | State::Resolved | State::Suppressed, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Key;
    use crate::severity::Severity;
    use crate::sweep::remembered::LastReport;

    const NOW: i64 = 1_795_255_200;
    const LONG_AGO: i64 = NOW - DAY;

    fn word(change: Option<Change>) -> &'static str {
        match change {
            None => "-",
            Some(Change::New) => "new",
            Some(Change::Recurred) => "recurred",
            Some(Change::Risen) => "risen",
            Some(Change::SnoozeOver) => "snooze over",
            Some(Change::Resolved) => "resolved",
            Some(Change::Suppressed) => "suppressed",
            Some(Change::Seen) => "seen",
            Some(Change::Known) => "known",
            Some(Change::Snoozed) => "snoozed",
            Some(Change::Unknown) => "unknown",
            Some(Change::Busy) => "busy",
        }
    }

    fn open() -> Remembered {
        let text = str::to_owned;
        Remembered {
            key: Key { subject: text("sg-01"), finding: text("open-ingress#tcp#22#22#::/0") },
            state: State::Open,
            told: Some(LastReport { at: LONG_AGO, severity: Some(Severity::High) }),
            last_seen: LONG_AGO,
            written: LONG_AGO,
            leased_until: None,
            version: 3,
        }
    }

    /// Each row of the documentation, and each state and lease that it stands for.
    #[test]
    fn the_table_of_the_documentation_is_what_the_code_does() {
        let rating = Rating { severity: Severity::High, at_least: Severity::High };
        let sights = |snooze_ended| {
            [
                Observed::Fault { rating, snooze_ended },
                Observed::Suppressed,
                Observed::Snoozed,
                Observed::Gone,
                Observed::Unread,
            ]
        };
        let of = |before: Option<Remembered>, snooze_ended| {
            sights(snooze_ended).map(|sight| word(change(before.as_ref(), sight, NOW)))
        };
        let told = |severity| Some(LastReport { at: LONG_AGO, severity: Some(severity) });
        let ended = [State::Closed, State::Resolved, State::Suppressed];
        let rows: Vec<(&str, Vec<[&str; 5]>)> = vec![
            ("nothing", vec![of(None, None), of(None, Some(NOW - 1))]),
            (
                "open, and nobody was told",
                vec![of(Some(Remembered { told: None, ..open() }), None)],
            ),
            (
                "open, told as severe",
                vec![
                    of(Some(open()), None),
                    of(Some(open()), Some(LONG_AGO - 1)),
                    of(Some(Remembered { told: told(Severity::Critical), ..open() }), None),
                    of(Some(Remembered { leased_until: Some(NOW), ..open() }), None),
                ],
            ),
            (
                "open, told as less severe",
                vec![of(Some(Remembered { told: told(Severity::Medium), ..open() }), None)],
            ),
            (
                "open, and told before a snooze that is over",
                vec![of(Some(open()), Some(LONG_AGO + 1))],
            ),
            (
                "open, and not seen for a month",
                vec![of(Some(Remembered { last_seen: NOW - SEEN, ..open() }), None)],
            ),
            (
                "closed, resolved or suppressed",
                ended.map(|state| of(Some(Remembered { state, ..open() }), None)).to_vec(),
            ),
            (
                "leased, or written a moment ago",
                vec![
                    of(Some(Remembered { leased_until: Some(NOW + 1), ..open() }), None),
                    of(Some(Remembered { written: NOW - MOMENT + 1, ..open() }), None),
                ],
            ),
        ];
        let documentation = include_str!("../sweep.rs");
        for (says, all) in rows {
            for found in all {
                let row = format!("//! | {says} | {} |\n", found.join(" | "));
                assert!(documentation.contains(&row), "write into sweep.rs:\n{row}");
            }
        }
    }

    /// A severity that is only high because something was not read has not risen, and what was closed just now is no
    /// recurrence.
    #[test]
    fn what_is_not_known_has_not_risen() {
        let rating = Rating { severity: Severity::Critical, at_least: Severity::High };
        let fault = Observed::Fault { rating, snooze_ended: None };
        assert_eq!(change(Some(&open()), fault, NOW), Some(Change::Known));
        let closed = Remembered { state: State::Closed, written: NOW - 10, ..open() };
        assert_eq!(change(Some(&closed), fault, NOW), Some(Change::Busy));
        assert_eq!(change(Some(&closed), Observed::Gone, NOW), None);
    }
}
