//! What is tolerated: the policies of the stack, read once at start.

use std::path::Path;

use portcullis_engine::exceptions::Exceptions;
use portcullis_exceptions::{Policies, Unreadable};

/// The policies of a directory. If they cannot be read, or are not in order, nothing is tolerated and nothing done:
/// the functions go on, and only tell.
pub(crate) fn read(dir: Option<&str>) -> Box<dyn Exceptions> {
    let why = match dir.map(|dir| Policies::read(Path::new(dir))) {
        Some(Ok(policies)) => return Box::new(policies),
        Some(Err(problems)) => problems.to_string(),
        None => "PORTCULLIS_EXCEPTIONS_DIR is not set".to_owned(),
    };
    tracing::error!("only telling, for the exceptions cannot be read: {why}");
    Box::new(Unreadable::new(why))
}
