//! A live cache as facts: the cache and everything around it that a plan is made from, as one JSON document in
//! the AWS CLI's own shapes, which is what [`portcullis_recreation::document::read`] reads. So it can be stored,
//! printed, and planned from again.
//!
//! INVARIANT: only calls that read. Describe never shows an AUTH token, so none is in the document.

mod answer;
mod around;
mod caches;
mod clients;
mod document;
mod earlier;
mod error;
mod network;
mod shapes;
pub mod survey;
#[cfg(test)]
mod tests;
mod usage;
mod which;

pub use clients::Clients;
pub use document::document;
pub use error::LookError;
pub use usage::usage;
