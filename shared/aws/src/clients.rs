//! The SDK clients: what they share, and how long they wait.

use std::sync::LazyLock;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use portcullis_engine::arn::Arn;

use crate::whole::RejectTruncated;

/// A client that is made when it is first asked for: not every function or event needs it.
pub(crate) type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// How long a function waits for AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Somebody waits, or something is open. An event is dealt with in at most a dozen calls one after the other, and
    /// all of them end well before the function's time-out of 120 seconds. An attempt that takes 3 seconds is lost,
    /// not slow: these calls answer in some 100 milliseconds.
    Prompt,
    /// A move of a cache has hours, and its calls ask for more: the metrics of hundreds of nodes, a hundred clusters
    /// with their nodes, the interfaces of all groups.
    Long,
}

const CONNECT: Duration = Duration::from_secs(1);

/// The first try and three more, with exponential back-off and jitter, on throttling too.
const ATTEMPTS: u32 = 4;

impl Patience {
    /// Of one attempt, and of a call with its retries.
    fn bounds(self) -> (Duration, Duration) {
        let (attempt, call) = match self {
            Self::Prompt => (3, 10),
            Self::Long => (15, 45),
        };
        (Duration::from_secs(attempt), Duration::from_secs(call))
    }

    fn timeouts(self) -> TimeoutConfig {
        let (attempt, call) = self.bounds();
        TimeoutConfig::builder()
            .operation_timeout(call)
            .operation_attempt_timeout(attempt)
            .connect_timeout(CONNECT)
            .build()
    }
}

/// For what only informs, with bounds of its own: an answer that takes a second is not waited for, and one more try, at
/// once, is for what hit a host that went. A 503 is over before the proof of a revoke is.
pub(crate) fn informing(config: &SdkConfig) -> aws_sdk_ec2::Client {
    let second = Duration::from_secs(1);
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(2 * second)
        .operation_attempt_timeout(second)
        .connect_timeout(CONNECT);
    let soon = Duration::from_millis(25);
    let retries = RetryConfig::standard()
        .with_max_attempts(2)
        .with_initial_backoff(soon)
        .with_max_backoff(soon);
    let config = config.to_builder().timeout_config(timeouts.build()).retry_config(retries);
    ec2(&config.build())
}

/// The client of EC2: an answer that was cut off is an error, never a shorter list.
pub fn ec2(config: &SdkConfig) -> aws_sdk_ec2::Client {
    let config = aws_sdk_ec2::config::Builder::from(config).interceptor(RejectTruncated);
    aws_sdk_ec2::Client::from_conf(config.build())
}

/// The client of ElastiCache, as [`ec2`].
pub fn elasticache(config: &SdkConfig) -> aws_sdk_elasticache::Client {
    let config = aws_sdk_elasticache::config::Builder::from(config).interceptor(RejectTruncated);
    aws_sdk_elasticache::Client::from_conf(config.build())
}

/// A topic is published to in its own Region: a central one may be in another.
pub fn sns(config: &SdkConfig, topic: &str) -> aws_sdk_sns::Client {
    let region = Arn::region_of(topic).map(|region| Region::new(region.to_owned()));
    let config = aws_sdk_sns::config::Builder::from(config).region(region);
    aws_sdk_sns::Client::from_conf(config.build())
}

/// What all clients share. Endpoint, Region and credentials are the SDK's own settings.
pub async fn config(patience: Patience) -> SdkConfig {
    ConfigLoader::default()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .timeout_config(patience.timeouts())
        .retry_config(retries())
        .load()
        .await
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_cloudwatch::config::Builder;
    use aws_sdk_cloudwatch::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
    use aws_sdk_cloudwatch::{Client, Config};
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Spends this time on every attempt, and counts them.
    #[derive(Debug, Clone)]
    struct Slow(Duration, Arc<AtomicUsize>);

    impl ResolveEndpoint for Slow {
        fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
            self.1.fetch_add(1, Ordering::Relaxed);
            EndpointFuture::new(async {
                sleep(self.0).await;
                Ok(Endpoint::builder().url("https://monitoring.invalid").build())
            })
        }
    }

    impl Slow {
        fn taking(seconds: u64) -> Self {
            Self(Duration::from_secs(seconds), Arc::default())
        }

        fn bounds(&self, config: Builder, patience: Patience) -> Builder {
            let config = config.timeout_config(patience.timeouts()).retry_config(retries());
            config.endpoint_resolver(self.clone())
        }

        /// Whether there is an answer, how many seconds that took, and the attempts.
        async fn asked(&self, client: Client) -> (bool, u64, usize) {
            let start = Instant::now();
            let answered = client.get_metric_data().send().await.is_ok();
            (answered, start.elapsed().as_secs(), self.1.load(Ordering::Relaxed))
        }
    }

    async fn answered(patience: Patience, seconds: u64) -> (bool, u64, usize) {
        let slow = Slow::taking(seconds);
        let answer =
            mock!(Client::get_metric_data).then_output(|| GetMetricDataOutput::builder().build());
        slow.asked(mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, &[answer], |config| {
            slow.bounds(config, patience)
        }))
        .await
    }

    async fn given_up(patience: Patience, seconds: u64) -> (bool, u64, usize) {
        let slow = Slow::taking(seconds);
        let config = slow.bounds(Config::builder().with_test_defaults_v2(), patience);
        slow.asked(Client::from_conf(config.build())).await
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_function_of_moves_waits_for_slow_answers() {
        assert_eq!(answered(Patience::Prompt, 2).await, (true, 2, 1));
        assert_eq!(answered(Patience::Long, 14).await, (true, 14, 1));
        let (answered, took, attempts) = given_up(Patience::Prompt, 4).await;
        assert!(!answered && (9..=10).contains(&took) && attempts >= 3, "{took} s, {attempts}");
        let (answered, took, attempts) = given_up(Patience::Long, 16).await;
        assert!(!answered && (44..=45).contains(&took) && attempts == 3, "{took} s, {attempts}");
    }

    #[test]
    fn a_topic_of_another_region_is_published_to_there() {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .build();
        for region in ["eu-west-1", "us-gov-west-1"] {
            let topic = format!("arn:aws:sns:{region}:111122223333:alerts");
            let sns = sns(&config, &topic);
            assert_eq!(sns.config().region().map(AsRef::as_ref), Some(region));
        }
    }
}
