//! What people and their tools are told: an alert for one event, a digest of many, and the steps that a person takes.
//!
//! Everything here is pure text, written from a [`Report`](portcullis_engine::report::Report): what was decided, and how
//! it ended. Nothing here decides, and the engine knows nothing of it.

#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

pub mod alert;
pub mod audited;
mod by_rule;
mod chat;
pub mod command;
pub mod digest;
mod document;
mod footer;
mod grants;
pub mod guidance;
mod lists;
mod mail;
mod memory;
pub mod message;
mod next;
mod notification;
mod open;
mod outcome;
mod owner;
mod servers;
pub mod sweep;
mod tolerance;
