//! How a cache moves to a custom port, as a plan.
//!
//! The port of a cache cannot be changed (ModifyReplicationGroup and ModifyCacheCluster have no
//! `Port`), so a new cache is made and the clients move. Everything here is pure: what Describe shows
//! comes in as [`facts`], perhaps from a [`document`], [`plan::plan`] answers with a [`plan::Plan`] or
//! with every reason against one, and [`text`] and [`json`] say it to people and machines.
//!
//! INVARIANT: every input of CreateReplicationGroup and CreateCacheCluster is carried over, left out
//! for a reason that the plan shows, or a reason to refuse. Nothing is guessed.
//!
//! INVARIANT: no AUTH token can be in anything here: no type holds one.

#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

pub mod around;
pub mod compare;
pub mod constraints;
pub mod cost;
pub mod describe;
pub mod document;
pub mod endpoints;
pub mod facts;
pub mod form;
pub mod idle;
pub mod ingress;
pub mod json;
mod losses;
pub mod mail;
pub mod marks;
pub mod owner;
pub mod patch;
pub mod plan;
pub mod reason;
pub mod recover;
pub mod refuse;
mod region;
pub mod replacement;
pub mod request;
mod secret;
pub mod steps;
pub mod text;
pub mod versions;
