//! How far it is: one line that changes, on a terminal. In a pipe it is silent.

use std::io::{IsTerminal as _, Write as _, stderr};

/// The line.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    shows: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { shows: stderr().is_terminal() }
    }

    pub(super) fn say(&self, text: &str) {
        if self.shows {
            let _ = write!(stderr(), "\r{text}\u{1b}[K");
        }
    }

    pub(super) fn done(&self) {
        self.say("");
    }
}
