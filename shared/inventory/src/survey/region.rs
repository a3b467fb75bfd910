//! A Region, and how it is called.

use std::cell::RefCell;
use std::collections::BTreeSet;

use portcullis_engine::case::PolicyContext;
use portcullis_engine::ledger::Memory;
use portcullis_engine::scan::{Counts, Place};
use portcullis_engine::sweep::Observations;

use super::calls::Calls;
use super::store::Store;
use super::told::{Item, Unused};

/// Batches that are read at once.
pub(super) const SIDE_BY_SIDE: usize = 6;

/// What is looked at, and how.
#[derive(Debug, Clone)]
pub struct Survey<'a> {
    /// Where and when.
    pub place: Place,
    /// The settings and the exceptions.
    pub policy: PolicyContext<'a>,
    /// Calls to EC2 in a second at the most; to ElastiCache half of that.
    pub calls_per_second: f64,
    /// Whether groups that nothing carries are looked for: their interfaces take calls of their own.
    pub unused: bool,
    /// Only these are decided about: groups by their ids, caches as `replication-group/orders`. Without it, all.
    pub only: Option<BTreeSet<String>>,
}

/// A Region while it is read.
pub(super) struct Region<'a> {
    pub(super) survey: &'a Survey<'a>,
    pub(super) calls: Calls,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) elasticache: aws_sdk_elasticache::Client,
    pub(super) store: Store,
    pub(super) counts: RefCell<Counts>,
    pub(super) looked: RefCell<Observations>,
    pub(super) unused: RefCell<Vec<Unused>>,
    /// What the ledger has of snoozes.
    pub(super) snoozes: RefCell<Memory>,
    pub(super) tell: &'a dyn Fn(Item),
}
