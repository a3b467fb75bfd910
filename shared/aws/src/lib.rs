//! The shell around the engine: it looks, acts and tells, and chooses nothing.
//!
//! INVARIANT: `act` is the only module that changes the account; `publish` sends the alert.

mod act;
mod clients;
mod error;
mod gather;
mod handle;
mod publish;
mod run;
#[cfg(test)]
mod scripted;
mod trail;

pub use clients::Shell;
pub use handle::{Ended, cache, ingress};
pub use run::{run, run_trail};
