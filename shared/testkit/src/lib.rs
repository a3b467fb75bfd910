//! What the tests of several crates need. Only dev-dependencies name this crate, and the benchmark.

pub mod driven;
pub mod example;
pub mod hostile;
pub mod http;
pub mod narrow;
mod rule;
#[cfg(feature = "schema")]
pub mod schema;
mod written;

pub use rule::rule;
pub use written::Written;
