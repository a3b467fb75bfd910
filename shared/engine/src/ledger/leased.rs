//! What a lease depends on, and what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Held, Key, Looked};
use crate::event::Event;

/// What a lease depends on, besides the findings and the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The event that was decided about.
    pub event: &'a Event,
    /// What was read in full, so that what it does not show is gone.
    pub looked: &'a Looked,
    /// This invocation, and until when it may run: nobody else deals with what it leased before that.
    pub holder: &'a Held,
    /// Seconds since 1970.
    pub now: i64,
}

/// What is to be written before anything is done, and what is to be told of what is known already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leased {
    /// To be written before anything is done, each only if nobody wrote it since it was read. If somebody did,
    /// read again, and decide again.
    pub entries: Vec<Entry>,
    /// Findings that were reported, and are gone: good news. They are among the entries.
    pub resolved: Vec<Entry>,
    /// What came back after it had been closed.
    pub recurrences: BTreeMap<Key, Recurrence>,
    /// What was reported before as it is now.
    pub(super) silent: BTreeSet<Key>,
    /// The occurrence that is leased, by the event that brought it.
    pub(super) taken: BTreeMap<Key, String>,
    /// This invocation.
    pub(super) by: String,
}

/// How often a finding came back after it had been closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// How often.
    pub times: u64,
    /// When it came first of all, ISO 8601.
    pub first: String,
    /// When it came the time before this one.
    pub last: String,
}
