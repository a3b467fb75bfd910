//! The decision about one event, from facts and the ledger. Pure and total: any facts give a decision.
//!
//! The reasons not to remediate are applied in this order, and the first that applies is reported: the policies
//! cannot be asked, the address space of the VPC is not known, the group is protected, it is not known which rules were touched, another account owns the group,
//! observe mode, flapping, a limit. What somebody chose for this very group comes before what holds for all groups.
//!
//! INVARIANT: everything that chooses is here or called from here. `observe` mode turns `Remedy::Do` into
//! `Remedy::NotRemediated` in `settle`, and nothing after it asks for the mode.

mod attached;
mod cache;
mod context;
mod decision;
mod gone;
mod grants;
mod group;
mod list;
mod remember;
mod settle;
mod space;
mod start_recreation;
mod unnamed;

pub use cache::cache;
pub use context::DecisionContext;
pub use decision::Decision;
pub use grants::grant;
pub use group::{group, older};
pub use list::{added, list};
pub use unnamed::unnamed;

#[cfg(test)]
mod tests;
