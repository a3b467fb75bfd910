//! The answers of the calls: those that the document needs, and those that only tell more.

use std::fmt::Debug;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use portcullis_aws::error::{DENIED, Failed, code};
use serde_json::{Map, Value};

use crate::error::LookError;

/// A part of the document: lists by their names.
pub(crate) type Part = Map<String, Value>;

/// An answer that the plan cannot do without.
pub(crate) fn needed<T, E, R>(call: &str, answer: Result<T, SdkError<E, R>>) -> Result<T, LookError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug,
{
    answer.map_err(|error| LookError::Other(Failed::of(call, &error).into()))
}

/// An answer that only tells more: without the right to it, there is none.
pub(crate) fn optional<T, E, R>(
    call: &str,
    answer: Result<T, SdkError<E, R>>,
) -> Result<Option<T>, LookError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error).is_some_and(|code| DENIED.contains(&code)) => {
            left_out(&Failed::of(call, &error));
            Ok(None)
        }
        error @ Err(_) => needed(call, error).map(Some),
    }
}

/// A part of the document that could not be read, and that the plan can do without.
pub(crate) fn left_out(failed: &Failed) {
    tracing::warn!(error = failed as &dyn std::error::Error, "left out of the document");
}
