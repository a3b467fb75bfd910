//! Which faults are suppressed: policies in Cedar, read, checked and asked.
//!
//! [`Policies::read`] takes a directory of `*.cedar` files, and is the only I/O here. [`Policies::parse`] checks what is in
//! them, against the schema that is compiled in. The engine asks them as its [`Exceptions`].
//!
//! INVARIANT: what cannot be read, checked or evaluated tolerates nothing.
//!
//! [`Exceptions`]: portcullis_engine::exceptions::Exceptions

#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod annotations;
mod ask;
mod context;
mod draw;
mod ends;
mod looks;
mod policies;
mod problem;
mod read;
mod report;
mod request;
#[cfg(test)]
mod tests;
mod unreadable;

pub use draw::draw;
pub use ends::End;
pub use policies::Policies;
pub use problem::{Problem, Problems};
pub use read::schema_differs;
pub use report::{Tone, report};
pub use unreadable::Unreadable;

/// What a policy can ask about: the schema that every policy is checked against.
pub const SCHEMA: &str = include_str!("../../../infra/exceptions/portcullis.cedarschema");
