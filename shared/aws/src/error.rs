//! What an AWS call answered, in words that fit into a log line and an alert.

use aws_sdk_ec2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// The service's error code, where it answered at all.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// `call: Code: message`, or why no answer came.
pub fn why<E, R>(call: &str, error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error().map(|error| (error.code(), error.message())) {
        Some((Some(code), Some(message))) => format!("{call}: {code}: {message}"),
        Some((Some(code), None)) => format!("{call}: {code}"),
        Some((None, _)) | None => format!("{call}: {}", DisplayErrorContext(error)),
    }
}
