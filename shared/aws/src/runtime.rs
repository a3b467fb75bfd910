//! The loop of the Lambda runtime.

use anyhow::{Result, anyhow};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;

/// Answers one invocation after the other.
///
/// # Errors
///
/// If the Lambda runtime ends.
pub async fn answer<F, R>(each: F) -> Result<()>
where
    F: AsyncFn(LambdaEvent<Value>) -> Result<R, Diagnostic>,
    R: Serialize,
{
    // Boxed: the compiler gives up on the layout of futures that are nested as deep as this.
    let service = service_fn(|invoked| Box::pin(each(invoked)));
    lambda_runtime::run(service).await.map_err(|error| anyhow!("the Lambda runtime ended: {error}"))
}

/// Handled here: logged once, whole, and given back so that Lambda counts it, retries, and keeps
/// the event in the end.
pub fn failure(kind: &str, message: String) -> Diagnostic {
    tracing::error!("{message}");
    Diagnostic { error_type: format!("Portcullis.{kind}"), error_message: message }
}
