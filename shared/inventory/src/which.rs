//! Which cache is meant, by its id or its ARN.

use aws_sdk_elasticache::Client;
use portcullis_aws::error::code;
use portcullis_engine::arn::Arn;

use crate::answer::optional;
use crate::error::LookError;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// As ElastiCache keeps ids: in lower case (API reference, CreateReplicationGroup).
    pub(crate) id: String,
    account: Option<String>,
}

impl Wanted {
    /// Reads an id, or an ARN of this Region: `arn:aws:elasticache:REGION:ACCOUNT:replicationgroup:ID`.
    pub(crate) fn parse(cache: &str, region: &str) -> Result<Self, LookError> {
        let Ok(arn) = Arn::parse(cache) else {
            return if cache.starts_with("arn:") {
                Err(not_a_cache(cache))
            } else {
                Ok(Self { id: cache.to_ascii_lowercase(), account: None })
            };
        };
        if let Some(id) = arn.id_of("serverlesscache") {
            return Err(LookError::Serverless(id.to_owned()));
        }
        let id = arn.id_of("replicationgroup").or_else(|| arn.id_of("cluster"));
        let Some(id) = id.filter(|_| arn.service == "elasticache") else {
            return Err(not_a_cache(cache));
        };
        if arn.region != region {
            let of = arn.region.to_owned();
            return Err(LookError::OtherRegion { of, looked: region.to_owned() });
        }
        Ok(Self { id: id.to_ascii_lowercase(), account: Some(arn.account.to_owned()) })
    }

    /// An ARN of another account is an error, if anything shows which account is looked at.
    pub(crate) fn is_of(&self, account: Option<&str>) -> Result<(), LookError> {
        match (self.account.as_deref(), account) {
            (Some(of), Some(account)) if of != account => {
                Err(LookError::OtherAccount { of: of.to_owned(), looked: account.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Whether it is a serverless cache.
    pub(crate) async fn is_serverless(&self, elasticache: &Client) -> Result<bool, LookError> {
        const CALL: &str = "DescribeServerlessCaches";
        let request = elasticache.describe_serverless_caches().serverless_cache_name(&self.id);
        match request.send().await {
            // An id that is none is answered with InvalidParameterValue: there is no such cache either.
            Err(error)
                if matches!(
                    code(&error),
                    Some("ServerlessCacheNotFoundFault" | "InvalidParameterValue")
                ) =>
            {
                Ok(false)
            }
            answer => Ok(optional(CALL, answer)?
                .is_some_and(|answer| !answer.serverless_caches().is_empty())),
        }
    }
}

fn not_a_cache(arn: &str) -> LookError {
    LookError::NotACache(arn.to_owned())
}
