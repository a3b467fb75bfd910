//! The Lambda side: settings and clients once, then one event after the other.

use anyhow::{Context, Result, anyhow, bail};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use portcullis_engine::event::{Event, Parsed, parse};
use portcullis_engine::settings::Settings;
use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;

use crate::clients::Shell;
use crate::handle::Ended;

/// Serves events until Lambda ends the process. `handler` is [`crate::ingress`] or
/// [`crate::cache`]; each function is given one, so that its role needs only its own rights.
///
/// # Errors
///
/// If a setting is missing or wrong, which Lambda reports as a failed start.
pub async fn run<H>(handler: H) -> Result<()>
where
    H: AsyncFn(&Shell, &Event) -> Result<Ended>,
{
    log_json_lines();
    let settings = Settings::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let shell = Shell::new(settings).await;
    tracing::info!(mode = shell.settings.mode.as_str(), "ready");
    let service = service_fn(|invoked: LambdaEvent<Value>| {
        let (shell, handler) = (&shell, &handler);
        async move {
            let arn = invoked.context.invoked_function_arn.as_str();
            let ended = serve(shell, handler, &invoked.payload, arn).await;
            // Handled here: logged once, whole, and given back so that Lambda retries and keeps it.
            ended.map_err(|error| {
                let message = format!("{error:#}");
                tracing::error!("{message}");
                Diagnostic {
                    error_type: "Portcullis.NotDealtWith".to_owned(),
                    error_message: message,
                }
            })
        }
    });
    lambda_runtime::run(service).await.map_err(|error| anyhow!("the Lambda runtime ended: {error}"))
}

/// Deals with one event. What it answers is for whoever invokes the function by hand.
async fn serve<H>(shell: &Shell, handler: &H, event: &Value, function_arn: &str) -> Result<String>
where
    H: AsyncFn(&Shell, &Event) -> Result<Ended>,
{
    let event = match parse(event, &shell.settings.own_role_arns) {
        Parsed::Event(event) => event,
        Parsed::Ignored(why) => {
            tracing::info!("ignored: {why}");
            return Ok(format!("ignored: {why}"));
        }
        Parsed::Malformed(what) => return Err(what.into()),
    };
    guard(&event, function_arn)?;
    let context = || format!("event {} ({} at {})", event.id, event.name, event.time);
    let Ended(text) = handler(shell, &event).await.with_context(context)?;
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
fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

fn log_json_lines() {
    // Lambda's own setting of the level.
    let level = variable("AWS_LAMBDA_LOG_LEVEL").and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .init();
}

#[cfg(test)]
mod tests;
