//! One call to AWS: its turn, its retries, and what is noted of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use portcullis_aws::error::{Cause, DENIED, Failed};
use portcullis_engine::scan::{self, NotRead, right};
use tokio::time::sleep;

use super::rate::Rate;

/// The first try and seven more.
const ATTEMPTS: u32 = 8;

/// Of what nobody answers: an endpoint that is not there does not come.
const UNANSWERED: u32 = 3;

/// An answer may take this long: the largest pages have a megabyte.
const ATTEMPT: Duration = Duration::from_secs(30);

/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_secs(10);

/// After so many refusals by a policy of the organization, the Region is given up.
const REFUSALS: usize = 2;

/// Bursts: EC2's buckets have 100 tokens; those of ElastiCache are not published.
const BURST: (u32, u32) = (50, 10);

/// How a Region is called.
#[derive(Debug)]
pub(super) struct Calls {
    ec2: Rate,
    elasticache: Rate,
    made: Cell<usize>,
    throttled: Cell<usize>,
    not_read: RefCell<BTreeMap<String, NotRead>>,
    refused: Cell<usize>,
}

/// Whose rate a call counts against.
#[derive(Debug, Clone, Copy)]
pub(super) enum Service {
    Ec2,
    ElastiCache,
}

impl Calls {
    pub(super) fn new(per_second: f64) -> Self {
        Self {
            ec2: Rate::new(per_second, BURST.0),
            elasticache: Rate::new(per_second / 2.0, BURST.1),
            made: Cell::new(0),
            throttled: Cell::new(0),
            not_read: RefCell::default(),
            refused: Cell::new(0),
        }
    }

    /// Calls until there is an answer. What is refused is noted.
    pub(super) async fn call<T, E, R, F>(
        &self,
        service: Service,
        name: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, String>
    where
        F: Future<Output = Result<T, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: Debug,
    {
        let mut attempt = 0;
        loop {
            if self.refused.get() >= REFUSALS {
                return Err("the Region was given up".to_owned());
            }
            let rate = match service {
                Service::Ec2 => &self.ec2,
                Service::ElastiCache => &self.elasticache,
            };
            rate.turn().await;
            self.made.set(self.made.get() + 1);
            attempt += 1;
            let failed = match tokio::time::timeout(ATTEMPT, send()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Failed::of(name, &error),
                Err(_) => {
                    let cause = Cause::TimedOut(vec!["no answer in 30 seconds".to_owned()]);
                    Failed { call: name.to_owned(), cause }
                }
            };
            let kind = Kind::of(&failed);
            if kind == Kind::Throttled {
                self.throttled.set(self.throttled.get() + 1);
                rate.slow_down();
            }
            if attempt >= kind.attempts() {
                self.note(name, &failed);
                return Err(failed.to_string());
            }
            sleep(pause(attempt)).await;
        }
    }

    fn note(&self, call: &str, failed: &Failed) {
        let code = failed.code().unwrap_or_default();
        let is_denied = DENIED.contains(&code);
        let error = failed.to_string();
        if is_denied && error.contains("explicit deny") {
            self.refused.set(self.refused.get() + 1);
        }
        let mut not_read = self.not_read.borrow_mut();
        let first = not_read.entry(call.to_owned()).or_insert_with(|| NotRead {
            call: call.to_owned(),
            error,
            right: is_denied.then(|| right(call)),
            count: 0,
        });
        first.count += 1;
    }

    /// Something that is not decided, for another reason than a call.
    pub(super) fn undecided(&self, why: String) {
        self.left_out("Decide", why);
    }

    /// A call that is not made, or what stands for one, and why.
    pub(super) fn left_out(&self, call: &str, why: String) {
        let mut not_read = self.not_read.borrow_mut();
        let entry = NotRead { call: call.to_owned(), error: why, right: None, count: 0 };
        not_read.entry(call.to_owned()).or_insert(entry).count += 1;
    }

    /// What could not be read. A Region from which a policy of the organization keeps the caller is one line.
    pub(super) fn not_read(&self) -> Vec<NotRead> {
        let not_read = self.not_read.borrow();
        if self.refused.get() < REFUSALS {
            return not_read.values().cloned().collect();
        }
        let error = not_read.values().find(|one| one.error.contains("explicit deny"));
        let error = error.map(|one| one.error.clone()).unwrap_or_default();
        vec![NotRead { call: "Region".to_owned(), error, right: None, count: self.made.get() }]
    }

    pub(super) fn counted(&self) -> scan::Calls {
        scan::Calls { made: self.made.get(), throttled: self.throttled.get() }
    }
}

/// What a failure means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Throttled,
    Passing,
    Unanswered,
    Final,
}

impl Kind {
    fn of(failed: &Failed) -> Self {
        match &failed.cause {
            Cause::Answered { code, .. } => match code.as_str() {
                "RequestLimitExceeded"
                | "RequestThrottled"
                | "Throttling"
                | "ThrottlingException"
                | "TooManyRequestsException" => Self::Throttled,
                "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable" => {
                    Self::Passing
                }
                _ => Self::Final,
            },
            Cause::Unreached(_) | Cause::TimedOut(_) | Cause::Odd(_) => Self::Unanswered,
        }
    }

    fn attempts(self) -> u32 {
        match self {
            Self::Throttled | Self::Passing => ATTEMPTS,
            Self::Unanswered => UNANSWERED,
            Self::Final => 1,
        }
    }
}

/// With full jitter, so that what was throttled together does not come together again.
fn pause(attempt: u32) -> Duration {
    let most = Duration::from_millis(100).saturating_mul(1 << attempt.min(10)).min(PAUSE);
    let draw = RandomState::new().hash_one(attempt) % 1000;
    most.mul_f64(f64::from(u32::try_from(draw).unwrap_or(0)) / 1000.0)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::error::ErrorMetadata;
    use aws_sdk_ec2::operation::describe_vpcs::DescribeVpcsError;
    use tokio::time::Instant;

    use super::*;

    type Answer = Result<u32, SdkError<DescribeVpcsError, ()>>;

    fn error(code: &str, message: &str) -> Answer {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        Err(SdkError::service_error(DescribeVpcsError::generic(error), ()))
    }

    /// What comes of a call that fails so often before it is answered, and the tries.
    async fn called(calls: &Calls, failures: usize, code: &str, message: &str) -> (bool, usize) {
        let tries = Cell::new(0);
        let send = || {
            tries.set(tries.get() + 1);
            let fails = tries.get() <= failures;
            let (code, message) = (code.to_owned(), message.to_owned());
            async move { if fails { error(&code, &message) } else { Ok(1) } }
        };
        let answer = calls.call(Service::Ec2, "DescribeVpcs", send).await;
        (answer.is_ok(), tries.get())
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_is_tried_again_slows_the_others_and_loses_nothing() {
        let calls = Calls::new(10.0);
        assert_eq!(called(&calls, 7, "RequestLimitExceeded", "later").await, (true, 8));
        assert_eq!(calls.counted(), scan::Calls { made: 8, throttled: 7 });
        assert_eq!(calls.not_read(), []);
        assert_eq!(called(&calls, 8, "RequestLimitExceeded", "later").await, (false, 8));
        assert_eq!(calls.not_read()[0].right, None, "it is no missing right");
        // The answer just now was throttled: half as many calls as before, and no burst.
        let start = Instant::now();
        for _ in 0..20 {
            called(&calls, 0, "", "").await;
        }
        assert_eq!(start.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_call_is_not_tried_again_and_names_the_right() {
        let calls = Calls::new(10.0);
        for _ in 0..3 {
            assert_eq!(called(&calls, 1, "UnauthorizedOperation", "not you").await, (false, 1));
        }
        let error = "DescribeVpcs: UnauthorizedOperation: not you".to_owned();
        let right = Some("ec2:DescribeVpcs".to_owned());
        let call = "DescribeVpcs".to_owned();
        assert_eq!(calls.not_read(), [NotRead { call, error, right, count: 3 }]);
    }

    #[test]
    fn what_is_left_out_is_counted_and_asks_for_no_right() {
        let calls = Calls::new(10.0);
        for _ in 0..3 {
            calls.left_out("ListTagsForResource", "of 200 caches".to_owned());
        }
        let (call, error) = ("ListTagsForResource".to_owned(), "of 200 caches".to_owned());
        assert_eq!(calls.not_read(), [NotRead { call, error, right: None, count: 3 }]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_that_the_organization_closes_is_one_line() {
        let calls = Calls::new(10.0);
        let why = "with an explicit deny in a service control policy";
        assert_eq!(called(&calls, 1, "UnauthorizedOperation", why).await, (false, 1));
        assert_eq!(called(&calls, 1, "UnauthorizedOperation", why).await, (false, 1));
        assert_eq!(called(&calls, 0, "", "").await, (false, 0), "it is given up");
        let not_read = calls.not_read();
        assert_eq!(not_read.len(), 1);
        assert_eq!(not_read[0].call, "Region");
        assert!(not_read[0].error.contains(why), "{not_read:?}");
    }
}
