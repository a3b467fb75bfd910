//! An audit that ends before everything was read: by Ctrl-C, or by its time-out. What is there is printed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use portcullis_engine::scan::NotRead;
use signal_hook::consts::SIGINT;
use signal_hook::flag::{register, register_conditional_shutdown};
use tokio::time::{Instant, sleep};

/// The status of a program that SIGINT ended, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Interrupted,
    TimedOut,
}

impl Stop {
    /// What the report says of a Region that was not read to its end.
    pub(super) fn not_read(self) -> NotRead {
        NotRead { call: "Audit".to_owned(), error: self.to_string(), right: None, count: 1 }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "it was interrupted",
            Self::TimedOut => "the time of --timeout was over",
        })
    }
}

/// How often it is looked whether somebody interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// From now on waits for Ctrl-C, or for the time-out. A second Ctrl-C ends the program at once.
///
/// # Errors
///
/// If the system takes no handler for SIGINT.
pub(super) fn stopped(timeout: Option<Duration>) -> Result<impl Future<Output = Stop>> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(&is_interrupted))?;
    register(SIGINT, Arc::clone(&is_interrupted))?;
    let start = Instant::now();
    Ok(async move {
        loop {
            sleep(LOOK).await;
            if is_interrupted.load(Ordering::Relaxed) {
                return Stop::Interrupted;
            }
            if timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
                return Stop::TimedOut;
            }
        }
    })
}
