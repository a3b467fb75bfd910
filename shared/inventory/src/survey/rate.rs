//! How often AWS is called. EC2's buckets are per account, Region and call: 100 tokens and 20 a second for reads that
//! filter or page (EC2 API reference, "Request throttling"). Half of that stays for the functions that close rules.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// For how long a throttled answer halves the rate.
const SLOWER: Duration = Duration::from_secs(30);

/// A bucket of tokens: so many calls in a second, and a burst.
#[derive(Debug)]
pub(crate) struct Rate {
    interval: Duration,
    burst: u32,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// When the bucket is full again.
    full: Instant,
    slower_until: Instant,
}

impl Rate {
    /// A full bucket.
    pub(crate) fn new(per_second: f64, burst: u32) -> Self {
        let now = Instant::now();
        let interval = Duration::from_secs_f64(1.0 / per_second.max(0.01));
        Self { interval, burst, state: RefCell::new(State { full: now, slower_until: now }) }
    }

    /// Waits for a token, and takes it.
    pub(crate) async fn turn(&self) {
        let wait = self.take();
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    fn take(&self) -> Duration {
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        let interval = self.interval * if state.slower_until > now { 2 } else { 1 };
        let full = state.full.max(now);
        state.full = full + interval;
        (full + interval).saturating_duration_since(now + self.interval * self.burst)
    }

    /// AWS throttled a call: half as many from now on, and no burst is left.
    pub(crate) fn slow_down(&self) {
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        state.slower_until = now + SLOWER;
        state.full = state.full.max(now + self.interval * self.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(rate: &Rate, calls: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            rate.turn().await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_there_are_so_many_calls_in_a_second_and_no_more() {
        let rate = Rate::new(10.0, 50);
        assert_eq!(taken(&rate, 50).await, Duration::ZERO);
        assert_eq!(taken(&rate, 100).await.as_secs(), 10);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(taken(&rate, 60).await.as_secs(), 1, "the bucket does not overflow");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_answer_halves_the_rate_for_a_while() {
        let rate = Rate::new(10.0, 50);
        rate.slow_down();
        assert_eq!(taken(&rate, 100).await.as_secs(), 20);
        sleep(SLOWER).await;
        rate.take();
        assert_eq!(taken(&rate, 49).await, Duration::ZERO);
        assert_eq!(taken(&rate, 100).await.as_secs(), 10);
    }
}
