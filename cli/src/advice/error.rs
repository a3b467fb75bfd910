//! An error with what to do about it.

use std::fmt;

use crate::paint::harmless;

/// An error with what to do about it. Commands and options that belong to it follow, a line each.
#[derive(Debug)]
pub(crate) struct Advice {
    pub(super) what: String,
    pub(super) todo: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Advice {}

/// Text that AWS or a program wrote, on one line.
pub(super) fn line(text: &str) -> String {
    harmless(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
