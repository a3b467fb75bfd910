//! What a run of the sweep saw, compared with what the ledger has: what is told, and what is written.
//!
//! A run looks at everything without a call ([`Cause::Sweep`](crate::case::Cause)). What it saw of each finding
//! ([`Observed`]) and what the ledger has of it ([`Remembered`]) make the [`Change`]:
//!
//! | the ledger has | at fault | suppressed | snoozed | gone | not read |
//! |---|---|---|---|---|---|
//! | nothing | new | - | - | - | - |
//! | open, and nobody was told | new | suppressed | snoozed | resolved | unknown |
//! | open, told as severe | known | suppressed | snoozed | resolved | unknown |
//! | open, told as less severe | risen | suppressed | snoozed | resolved | unknown |
//! | open, and told before a snooze that is over | snooze over | suppressed | snoozed | resolved | unknown |
//! | open, and not seen for a month | seen | suppressed | snoozed | resolved | unknown |
//! | closed, resolved or suppressed | recurred | - | - | - | - |
//! | leased, or written a moment ago | busy | busy | busy | busy | busy |
//!
//! What a revisit looks at within the hour is busy too: that reports it.
//!
//! What is new waits for a follow-up ([`Follow`]), and with it all that the run has to tell: it is one message.
//! What was reported long enough ago is closed with `Sweep=enforce`: which, and how many, is in [`older`] and [`Ramp`].
//!
//! INVARIANT: what was not read is never resolved.

mod change;
mod follow;
mod found;
mod late;
mod looked;
mod older;
mod ramp;
mod remembered;
mod run;
mod taken;

pub use change::{Change, Observed, change};
pub use follow::{Follow, Split};
pub use found::Found;
pub use late::LateRevisit;
pub use looked::{Comparison, Observations, compare};
pub use older::{Closing, Enforce, Older, Stays, closed_after, enforce, older};
pub use ramp::Ramp;
pub use remembered::{Ledgered, Remembered};
pub use run::{PARTITION, Run, RunStart};
pub use taken::{Taken, wanted};

/// A revisit that was due for so long, in seconds, has no schedule any more: the run invokes the function.
const OVERDUE: i64 = 15 * crate::time::MINUTE;

#[cfg(test)]
mod tests;
