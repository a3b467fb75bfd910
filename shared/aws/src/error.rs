//! What an AWS call answered, in words that fit into a log line and an alert.

use std::error::Error;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

/// The service's error code, where it answered at all.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// `call: Code: message`, or why no answer came.
///
/// INVARIANT: no part of an answer is in it that is not a code or a message: what could not be read may
/// hold a secret.
pub fn why<E, R>(call: &str, error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error().map(|error| (error.code(), error.message())) {
        Some((Some(code), Some(message))) => format!("{call}: {code}: {message}"),
        Some((Some(code), None)) => format!("{call}: {code}"),
        Some((None, _)) | None => format!("{call}: {}", chain(error)),
    }
}

/// An error with its causes, as each tells of itself.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
