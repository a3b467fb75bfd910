//! Errors: those that a second try may mend, and those that it cannot.

use std::fmt;

use anyhow::Error;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use portcullis_aws::error::{code, why};

/// An error that stays, however often the step is tried: the workflow does not try again.
#[derive(Debug)]
pub(crate) struct Final(String);

impl fmt::Display for Final {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Final {}

/// An error that stays.
pub(crate) fn lasting(text: impl Into<String>) -> Error {
    Error::new(Final(text.into()))
}

/// The kind of an error, as the workflow sees it after `Portcullis.`.
pub(crate) fn kind(error: &Error) -> &'static str {
    match error.downcast_ref::<Final>() {
        Some(_) => "Final",
        None => "Again",
    }
}

/// What AWS says of load, of things that are busy, and of itself. Everything else that it says of a request,
/// it says again (ElastiCache and EC2 API references, "Errors" of each call).
const PASSING: [&str; 18] = [
    "APICallRateForCustomerExceeded",
    "InsufficientCacheClusterCapacity",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InvalidCacheClusterState",
    "InvalidReplicationGroupState",
    "InvalidSnapshotState",
    "InvalidUserGroupState",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "Unavailable",
    "RequestTimeout",
];

/// An error of a call.
pub(crate) fn of<E, R>(call: &str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    let text = why(call, error);
    match code(error) {
        Some(code) if !PASSING.contains(&code) => lasting(text),
        Some(_) | None => Error::msg(text),
    }
}

/// An error of a call that is worth another try even if the role may not: AWS does not say how soon IAM
/// knows of a tag.
pub(crate) fn again<E, R>(call: &str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    match code(error) {
        Some("AccessDenied" | "AccessDeniedException") => Error::msg(why(call, error)),
        Some(_) | None => of(call, error),
    }
}
