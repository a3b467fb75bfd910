//! What a lease depends on, and what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Key, Lease, LiveState, RuleTags};
use crate::event::Event;

/// The circumstances of a lease.
#[derive(Debug, Clone, Copy)]
pub struct LeaseContext<'a> {
    /// The event.
    pub event: &'a Event,
    /// What was read completely: what it does not show is gone.
    pub looked: &'a LiveState,
    /// The findings that are open as far as the ledger says. They inform only: what is missing is not reported as resolved.
    pub still_open: &'a [Entry],
    /// The lease that this invocation takes: its id, and the latest time at which it may still run.
    pub lease: &'a Lease,
    /// Seconds since 1970.
    pub now: i64,
}

/// The leases of one invocation, and what the ledger knows of its findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leased {
    /// To be written before anything is done, each on condition of its version. If another invocation wrote in
    /// between, read and decide again.
    pub entries: Vec<Entry>,
    /// To be written before them: the tags of rules that have many.
    pub tags: Vec<RuleTags>,
    /// Findings that were reported and are gone now: to be reported as resolved. They are among the entries.
    pub resolved: Vec<Entry>,
    /// The recurrences among the findings.
    pub recurrences: BTreeMap<Key, Recurrence>,
    /// The findings that were reported before exactly as they are now: they are neither written nor reported.
    pub(super) silent: BTreeSet<Key>,
    /// The id of the event whose occurrence is leased, by finding.
    pub(super) taken: BTreeMap<Key, String>,
    /// The id of this invocation.
    pub(super) by: String,
}

/// How often a finding recurred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// How often.
    pub times: u64,
    /// The time of its first occurrence, ISO 8601.
    pub first: String,
    /// The time of the occurrence before this one.
    pub last: String,
}
