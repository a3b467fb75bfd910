//! The clients of the services that show a cache and what is around it.

use aws_config::SdkConfig;
use portcullis_aws::{ec2, elasticache};

/// The clients that look at a cache, all of one account and Region.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each client is of the service that it is named for")]
pub struct Clients {
    pub ec2: aws_sdk_ec2::Client,
    pub elasticache: aws_sdk_elasticache::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub scaling: aws_sdk_applicationautoscaling::Client,
}

impl Clients {
    /// Makes them.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: ec2(config),
            elasticache: elasticache(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            scaling: aws_sdk_applicationautoscaling::Client::new(config),
        }
    }

    pub(crate) fn region(&self) -> &str {
        self.elasticache.config().region().map_or("", AsRef::as_ref)
    }
}
