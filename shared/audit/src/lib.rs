//! The report of an audit: one document, `portcullis.audit.v1`, and what is made from it.
//!
//! Every format is made from the document alone, so a report that was kept can be printed in another format later, and
//! several can be merged. Nothing here reads AWS or decides.

#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

mod controls;
mod csv;
mod document;
mod gather;
mod html;
mod ocsf;
mod table;
#[cfg(test)]
mod tests;

pub use controls::{Control, controls};
pub use csv::csv;
pub use document::{
    Document, Finding, Owner, SCHEMA, Scope, Server, Subject, Summary, Suppressed, Unknown,
    UnusedGroup,
};
pub use gather::{Gathered, unknown};
pub use html::page as html;
pub use ocsf::ocsf;
pub use table::table;
