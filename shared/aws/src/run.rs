//! The Lambda side: settings and clients once, then one event after the other.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use portcullis_engine::case::Summary;
use portcullis_engine::event::{Event, Parsed, parse};
use portcullis_engine::settings::{Settings, Topics};
use serde::Serialize;
use serde_json::Value;

use crate::clients::{Patience, Shell, config};
use crate::log::log_json_lines;
use crate::publish::Notifier;
use crate::{digest, exceptions, metrics};

/// Serves events until Lambda ends the process. `handler` is [`crate::ingress`] or
/// [`crate::cache`]; each function is given one, so that its role needs only its own rights.
///
/// # Errors
///
/// If a setting is missing or wrong, which Lambda reports as a failed start.
pub async fn run<H>(handler: H) -> Result<()>
where
    H: AsyncFn(&Shell, &Event, &str) -> Result<Summary>,
{
    log_json_lines();
    let settings = Settings::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let exceptions = exceptions::read(settings.exceptions_dir.clone());
    let shell = Shell { exceptions, ..Shell::new(settings).await };
    tracing::info!(mode = shell.settings.mode.as_str(), "ready");
    answer(async |invoked: LambdaEvent<Value>| {
        let ended = serve(&shell, &handler, &invoked).await;
        ended.map_err(|error| failure("EventNotProcessed", format!("{error:#}")))
    })
    .await
}

/// Serves the batches of the digest queue.
///
/// # Errors
///
/// As [`run`].
pub async fn run_digest() -> Result<()> {
    log_json_lines();
    let topics = Topics::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let notifier = Notifier::new(topics, &config(Patience::Prompt).await);
    answer(async |invoked: LambdaEvent<Value>| {
        let told = digest::tell(&notifier, &invoked.payload).await;
        told.map_err(|error| failure("DigestNotSent", format!("{error:#}")))
    })
    .await
}

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

/// Deals with one event. What it answers is for whoever invokes the function by hand.
async fn serve<H>(shell: &Shell, handler: &H, invoked: &LambdaEvent<Value>) -> Result<String>
where
    H: AsyncFn(&Shell, &Event, &str) -> Result<Summary>,
{
    let LambdaEvent { payload, context } = invoked;
    metrics::print([metrics::arrived(payload)], shell.metrics);
    let event = match parse(payload, &shell.settings.own_role_arns) {
        Parsed::Event(event) => event,
        Parsed::Ignored(why) => {
            metrics::print([metrics::ignored(payload, &why)], shell.metrics);
            tracing::info!("ignored: {why}");
            return Ok(format!("ignored: {why}"));
        }
        Parsed::Malformed(what) => {
            metrics::print([metrics::malformed(payload)], shell.metrics);
            return Err(what.into());
        }
    };
    guard(&event, &context.invoked_function_arn)?;
    let about = || format!("event {} ({} at {})", event.id, event.name, event.time);
    let Summary(text) = handler(shell, &event, &context.request_id).await.with_context(about)?;
    tracing::info!(event = event.id, name = event.name.as_str(), "{text}");
    Ok(text)
}

/// The clients look at the function's own account and Region. Looking there for what an event of
/// another one names would find nothing, and take that for "gone".
fn guard(event: &Event, function_arn: &str) -> Result<()> {
    let mut parts = function_arn.split(':').skip(3);
    // A local emulator may give no ARN at all.
    if let (Some(region), Some(account)) = (parts.next(), parts.next())
        && (region, account) != (event.region.as_str(), event.account.as_str())
    {
        bail!(
            "event {} is of account {} in {}, but this function guards account {account} in {region}: deploy Portcullis there",
            event.id,
            event.account,
            event.region
        );
    }
    Ok(())
}

/// The one place that reads the environment. Endpoints, Region and credentials are the SDK's.
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

/// Seconds since 1970: questions and links end in time, and use is asked for up to now. A clock before 1970
/// is no clock: then everything has ended.
pub fn now() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock, but for metrics"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
