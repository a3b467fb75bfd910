//! What an AWS call answered, in words that fit into a log line and an alert, and as what a program can tell apart.

use std::error::Error;
use std::fmt;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

/// The codes that say "you may not": those of most services, of the ones that speak JSON, and of EC2.
pub const DENIED: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// A call that AWS did not answer with what was asked for. It reads as `call: Code: message`, or why no
/// answer came.
///
/// INVARIANT: no part of an answer is in it that is not a code or a message: what could not be read may
/// hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The name of the call.
    pub call: String,
    /// What came instead.
    pub cause: Cause,
}

/// What came instead of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// An error of the service.
    Answered {
        /// Its code.
        code: String,
        /// What the service says of it.
        message: Option<String>,
    },
    /// Nothing, for nobody was reached: every error on the way, the first of them last.
    Unreached(Vec<String>),
    /// Nothing in time.
    TimedOut(Vec<String>),
    /// Something that is neither an answer nor an error of the service; or no request could be made.
    Odd(Vec<String>),
}

impl Failed {
    /// The error of a call.
    pub fn of<E, R>(call: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: fmt::Debug,
    {
        let service = error.as_service_error();
        let cause = match (service.and_then(ProvideErrorMetadata::code), error) {
            (Some(code), _) => Cause::Answered {
                code: code.to_owned(),
                message: service.and_then(ProvideErrorMetadata::message).map(str::to_owned),
            },
            (None, SdkError::DispatchFailure(_)) => Cause::Unreached(chain(error)),
            (None, SdkError::TimeoutError(_)) => Cause::TimedOut(chain(error)),
            (None, _) => Cause::Odd(chain(error)),
        };
        Self { call: call.to_owned(), cause }
    }

    /// The service's error code, where it answered at all.
    pub fn code(&self) -> Option<&str> {
        match &self.cause {
            Cause::Answered { code, .. } => Some(code),
            Cause::Unreached(_) | Cause::TimedOut(_) | Cause::Odd(_) => None,
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.call)?;
        match &self.cause {
            Cause::Answered { code, message: Some(message) } => write!(f, "{code}: {message}"),
            Cause::Answered { code, message: None } => f.write_str(code),
            Cause::Unreached(errors) | Cause::TimedOut(errors) | Cause::Odd(errors) => {
                f.write_str(&errors.join(": "))
            }
        }
    }
}

impl Error for Failed {}

/// The service's error code, where it answered at all.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// The error of a call, as text.
pub fn why<E, R>(call: &str, error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug,
{
    Failed::of(call, error).to_string()
}

/// An error and its causes, as each tells of itself.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}
