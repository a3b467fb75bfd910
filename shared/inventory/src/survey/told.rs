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

/// A security group that no interface carries, no rule of another group names and no cache has. A launch template may
/// name it all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// `sg-…`
    pub id: String,
    /// Its name, which users control.
    pub name: String,
    /// Its VPC.
    pub vpc: Option<String>,
}
