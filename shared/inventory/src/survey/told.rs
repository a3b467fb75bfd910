//! What a survey tells: what it found, how far it is, and what it looked at.

use portcullis_engine::report::Report;

/// What a survey tells while it goes on.
#[derive(Debug)]
pub enum Item {
    /// A group or a cache with findings, or with suppressed ones.
    Report(Box<Report>),
    /// How far it is.
    Progress(Progress),
}

/// How far a survey is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Batches that are done.
    pub done: usize,
    /// Batches that there are; 0 until the groups are listed.
    pub of: usize,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Security groups.
    pub groups: usize,
    /// Those of them that could be at fault.
    pub suspects: usize,
    /// Ingress rules of these.
    pub rules: usize,
    /// Prefix lists.
    pub prefix_lists: usize,
    /// Caches: clusters, replication groups and serverless caches, members not counted.
    pub caches: usize,
    /// Calls.
    pub calls: usize,
    /// Calls that AWS throttled.
    pub throttled: usize,
}
