//! How many links are checked: each is a call to KMS, whose quota is that of the whole account.

use std::sync::{Mutex, PoisonError};

/// Links that one environment checks in a second. Lambda runs 1,000 environments at once unless somebody asked for
/// more (Lambda developer guide, "Quotas"); then a flood makes 5,000 calls a second. The quota that VerifyMac
/// shares with all operations on symmetric keys (KMS developer guide, "Request quotas") is 10,000 a second in the Regions
/// that have least (AWS General Reference, "KMS endpoints and quotas": "Each of the other supported Regions"): half of it
/// is left to others, and the stack's `ReservedConcurrency` leaves more.
pub const CHECKS_PER_SECOND: u32 = 5;

/// Counts the checks of the second that runs.
#[derive(Debug, Default)]
pub struct Limit(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    second: i64,
    checks: u32,
}

impl Limit {
    /// Whether one more link may be checked now, in seconds since 1970; it counts as checked then.
    pub(crate) fn admits(&self, now: i64) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.second != now {
            *counted = Counted { second: now, checks: 0 };
        }
        counted.checks = counted.checks.saturating_add(1);
        counted.checks <= CHECKS_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_checks_even_if_the_clock_is_set_back() {
        let limit = Limit::default();
        for now in [7, 8, 9, 3, 4] {
            let admitted = (0..100).filter(|_| limit.admits(now)).count();
            assert_eq!(admitted, 5, "{now}");
        }
    }
}
