//! The SDK clients of a function, made once, before the first event.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use portcullis_engine::settings::Settings;

/// Everything that a function needs to look, act and tell.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Its settings.
    pub settings: Settings,
    /// EC2, in the function's own Region.
    pub ec2: aws_sdk_ec2::Client,
    /// ElastiCache, in the function's own Region.
    pub elasticache: aws_sdk_elasticache::Client,
    /// SNS, in the function's own Region.
    pub sns: aws_sdk_sns::Client,
}

/// Bounds for one call with its retries: an event is dealt with in at most a dozen calls one
/// after the other, and all of them end well before the function's time-out of 120 seconds. An
/// attempt that takes 3 seconds is lost, not slow: these calls answer in some 100 milliseconds.
const OPERATION: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(1);

/// The first try and three more, with exponential back-off and jitter, on throttling too.
const ATTEMPTS: u32 = 4;

impl Shell {
    /// Makes the clients that every event needs.
    pub async fn new(settings: Settings) -> Self {
        let config = config().await;
        Self {
            settings,
            ec2: aws_sdk_ec2::Client::new(&config),
            elasticache: aws_sdk_elasticache::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
        }
    }
}

/// What all clients share. Endpoint, Region and credentials are the SDK's own settings.
pub(crate) async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION)
        .operation_attempt_timeout(ATTEMPT)
        .connect_timeout(CONNECT);
    ConfigLoader::default()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .load()
        .await
}
