//! What an event means, what is public, and what to do about it.
//!
//! Everything here is pure: no I/O, clock, environment, SDK or async. JSON comes in through
//! [`event::parse`], live state comes in as [`facts`], [`decide`] turns both into a
//! [`decide::Decision`], [`case`] says which step comes next, and [`report`] has what there is to tell.
//!
//! INVARIANT: whatever chooses is in this crate; the shell looks, acts and tells without choosing.

#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

pub mod action;
pub mod arn;
pub mod case;
pub mod checks;
pub mod decide;
pub mod document;
pub mod event;
pub mod exceptions;
pub mod facts;
pub mod finding;
#[cfg(test)]
extern crate self as portcullis_engine;
#[cfg(test)]
mod fixtures;
pub mod ledger;
pub mod limits;
pub mod net;
pub mod owner;
pub mod reach;
pub mod report;
pub mod resolution;
pub mod scan;
pub mod servers;
pub mod settings;
pub mod severity;
pub mod sweep;
pub mod text;
pub mod time;
