//! The shell around the engine: it looks, acts and tells, and chooses nothing.
//!
//! INVARIANT: `act` is the only module that changes the account; `publish` sends the alert.

#[cfg(all(feature = "test-util", not(debug_assertions)))]
compile_error!(
    "`test-util` is for tests and for builds of the dev profile: a release is built without it"
);

mod act;
mod clients;
mod digest;
mod drive;
pub mod error;
mod exceptions;
mod gather;
mod ledger;
mod log;
mod metrics;
mod publish;
mod run;
#[cfg(test)]
mod scripted;
mod whole;

pub use act::revoke::revoke;
pub use clients::{Patience, Shell, config, ec2, elasticache, sns};
pub use digest::enqueue;
pub use drive::{cache, ingress};
pub use gather::{around, described_entries, described_rules, rules};
pub use ledger::{KEPT, Ledger};
pub use log::log_json_lines;
pub use metrics::count_unchecked_link;
pub use publish::{Message, publish};
pub use run::{answer, failure, now, run, run_digest, variable};
