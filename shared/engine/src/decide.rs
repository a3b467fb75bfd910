//! Facts and the ledger become a decision. Pure and total: there is no decision that cannot be made.
//!
//! INVARIANT: everything that chooses is here or called from here. `observe` mode turns
//! `Remedy::Do` into `Remedy::Withheld` in `settle`, and nothing after it asks for the mode.

mod cache;
mod decision;
mod gone;
mod group;
mod judge;
mod remember;
mod settle;
mod start_move;

pub use cache::cache;
pub use decision::Decision;
pub use group::{group, older};
pub use judge::Judge;

#[cfg(test)]
mod tests;
