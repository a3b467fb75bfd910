//! What a function is told by its surroundings: variables, and the time.

use std::time::{SystemTime, UNIX_EPOCH};

/// The one place that reads the environment. Endpoints, Region and credentials are the SDK's.
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

/// Seconds since 1970: questions and links end in time, and use is asked for up to now. A clock before 1970
/// is no clock: then everything has ended.
pub fn now() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock, but for metrics"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}
