//! What Portcullis would have done with the history of an account: CloudTrail records in the shapes that people have them
//! in, read as a stream, ordered, and decided by the [`Case`](portcullis_engine::case::Case) that the functions drive.
//!
//! What the records do not tell is unknown, and said so. Nothing here calls AWS.

#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod chart;
pub mod compare;
pub mod csv;
pub mod files;
pub mod finding;
pub mod history;
pub mod html;
pub mod input;
pub mod json;
mod kept;
mod ledger;
mod named;
pub mod record;
pub mod replay;
pub mod shown;
pub mod sorted;
pub mod split;
mod store;
pub mod summary;
pub mod text;
pub mod today;
mod world;

pub use history::Place;
pub use named::may_matter;
pub use world::Messages;
