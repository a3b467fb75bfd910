//! The shell around the engine: it looks, acts and tells, and chooses nothing.
//!
//! INVARIANT: `act` is the only module that changes the account; `publish` sends the alert.

#[cfg(all(feature = "test-util", not(debug_assertions)))]
compile_error!(
    "`test-util` is for tests and for builds of the dev profile: a release is built without it"
);

mod act;
mod arrange;
mod clients;
mod dispatch;
mod drive;
mod environment;
pub mod error;
mod exceptions;
mod gather;
mod ledger;
mod log;
mod metrics;
mod notify;
mod publish;
mod runtime;
mod schedule;
#[cfg(test)]
mod scripted;
mod shell;
mod whole;

pub use act::permission::permission;
pub use act::revoke::revoke;
pub use arrange::unqualified;
pub use clients::{Patience, config, ec2, elasticache, sns};
pub use dispatch::{About, Invocation, run};
pub use drive::{Ask, cache, closing, ingress};
pub use environment::{now, variable};
pub use exceptions::read as read_exceptions;
pub use gather::{Reads, around, described_entries, described_rules, rules, shown};
pub use ledger::{Ledger, RETENTION};
pub use log::log_json_lines;
pub use metrics::{
    HealthProblem, count_found, count_sweep, count_trouble, count_unchecked_link,
    count_unscheduled_revisit, to_stdout,
};
pub use publish::{Message, Notifier, publish};
pub use runtime::{answer, failure};
pub use schedule::schedule;
pub use shell::Shell;
