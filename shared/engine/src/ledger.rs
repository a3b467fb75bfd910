//! The ledger: what is known of each finding between invocations. It makes that an occurrence is reported once, that
//! a recurrence is counted, that a snoozed finding is left as it is, and that a flapping one is no longer revoked.
//!
//! Pure: `shared/aws/src/ledger.rs` reads and writes the table.
//!
//! Each event that reports a finding is one occurrence of it, and is reported once. EventBridge and Lambda deliver an
//! event at least once, late, and to two invocations at the same time, and an invocation may die anywhere. So an
//! invocation first writes a lease of the occurrence ([`lease`]), then remediates and reports, and then writes how
//! the occurrence ended ([`Leased::settle`]). Each write is conditional on the version that was read. Whoever loses
//! reads again and starts over.
//!
//! # The states of a finding
//!
//! One entry is one finding. Its state changes with its newest occurrence only ([`State`]; a test compares this
//! table):
//!
//! | what happens | open | closed | resolved | suppressed |
//! |---|---|---|---|---|
//! | an event reports it again | open | open | open | open |
//! | a lease: the rule or the setting is there | open | closed | open | open |
//! | a lease: the rule is gone, and a revoke was begun | closed | closed | resolved | closed |
//! | a lease: the rule is gone, and no revoke was begun | resolved | closed | resolved | resolved |
//! | this invocation removed it | closed | closed | closed | closed |
//! | this invocation ends, and it is still there | open | open | open | open |
//! | reported as resolved, and a revoke was begun | closed | closed | closed | closed |
//! | reported as resolved, and no revoke was begun | resolved | resolved | resolved | resolved |
//! | the sweep reports that an exception suppresses it now | suppressed | closed | resolved | suppressed |
//!
//! An occurrence of a finding that was closed is a recurrence. From `ComebacksPerHour` of them within an hour, by a
//! machine, the finding is flapping, until an hour without one is over. A snooze is an item of its own ([`Snooze`]): it changes no state, it makes the finding
//! suppressed.
//!
//! # The states of an occurrence
//!
//! | outcome | lease | report | what it means, and what the next invocation does |
//! |---|---|---|---|
//! | about to be revoked | runs | none | another invocation processes it: wait, or fail and be retried |
//! | about to be revoked | has run out | none | that invocation died: take the lease, and report what it did |
//! | how it ended | none | none | it is remediated and nobody was notified: report it |
//! | how it ended | none | same | nothing is new: be silent |
//! | how it ended | none | another, or less severe | report it again |

mod entry;
mod flapping;
mod key;
mod lease;
mod leased;
mod live_state;
mod memory;
mod named;
mod occurrence;
mod reported;
mod resolved;
mod revisit;
mod settle;
mod snooze;
mod state;
mod swept;
mod undo;
mod wanted;

pub use entry::{
    Entry, GrantRecord, Lease, ListRecord, OCCURRENCES, Occurrence, ReportedAs, RuleRecord,
    RuleTags, has_large_tags,
};
pub use key::{Key, shape};
pub use lease::{Histories, History, lease};
pub use leased::{LeaseContext, Leased, Recurrence};
pub use live_state::LiveState;
pub use memory::Memory;
pub use named::{completed, named};
pub use resolved::Open;
pub use revisit::{REVISITS, Revisit, Schedule, Why, due};
pub use settle::{LeasedFinding, Rewrite};
pub use snooze::{SNOOZE, Snooze};
pub use state::State;
pub use undo::{GrantsNow, Undo, grants_now, undo};
pub use wanted::{Wanted, opens};

#[cfg(test)]
mod tests;
