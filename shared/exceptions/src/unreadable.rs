//! What stands in for policies that could not be read.

use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions};

/// Tolerates nothing, and says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    why: String,
}

impl Unreadable {
    /// Because of this.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl Exceptions for Unreadable {
    fn ask(&self, _asked: &ExceptionQuery<'_>) -> Answer {
        Answer::Unreadable(self.why.clone())
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        None
    }
}
