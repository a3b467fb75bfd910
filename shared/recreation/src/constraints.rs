//! What AWS refuses, as one table: each constraint of CreateReplicationGroup and CreateCacheCluster that a
//! request recovered from a cache could run into, with who says so. The planner applies all of it before
//! anything is planned, so that nothing is half made when AWS says no.
//!
//! Adding a row is a row here and a request that breaks it in `tests/constraints.rs`; the tests also hold
//! the quotes against the service model, and `docs/moving-a-cache.md` against the rows.

mod encryption;
mod names;
mod places;
mod row;
mod shape;
mod versions;
mod windows;

use crate::reason::Reason;
use crate::request::Request;

pub use row::{Constraint, Source};

/// Every constraint.
pub fn all() -> impl Iterator<Item = &'static Constraint> {
    [versions::ROWS, encryption::ROWS, shape::ROWS, places::ROWS, windows::ROWS, names::ROWS]
        .into_iter()
        .flatten()
}

/// The constraints that a request breaks, but for those that are about an input that is not known.
pub fn broken(request: &Request, unknown: &[&str]) -> Vec<(&'static Constraint, String)> {
    let known = |row: &&Constraint| !row.inputs.iter().any(|input| unknown.contains(input));
    all().filter(known).filter_map(|row| Some((row, (row.check)(request)?))).collect()
}

/// The same as reasons to refuse.
pub(crate) fn reasons(request: &Request, unknown: &[&str]) -> Vec<Reason> {
    let reason = |(row, why): (&'static Constraint, String)| {
        let about = row.inputs.first().copied().unwrap_or_default();
        Reason::new(about, format!("{why}, and AWS refuses {}", row.refuses), row.remedy)
    };
    broken(request, unknown).into_iter().map(reason).collect()
}
