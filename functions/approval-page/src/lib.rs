//! The page on which a person agrees to a move, or does not, behind a Lambda function URL.
//!
//! A mail holds a signed link. GET shows what is asked, POST answers it. What is shown comes from the
//! record of the move, and an answer goes there: the page keeps nothing.
//!
//! INVARIANT: GET and HEAD change nothing, because mail scanners open every link.
//!
//! INVARIANT: nothing of a move is read before the signature of the link was checked, and no more than
//! [`CHECKS_PER_SECOND`] are checked.

mod admit;
mod handle;
mod headers;
mod limit;
pub mod page;
mod reply;

pub use handle::{Approvals, handle};
pub use limit::{CHECKS_PER_SECOND, Limit};
