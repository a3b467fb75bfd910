//! What an invocation of a function that guards the account is about: its event is read, counted, and given to the
//! function's own handler.

use std::fmt;

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use lambda_runtime::LambdaEvent;
use portcullis_engine::arn::Arn;
use portcullis_engine::case::Summary;
use portcullis_engine::event::{Event, Parsed, RevisitRef, is_redelivered, is_replay, parse};
use portcullis_engine::settings::{Mode, Settings};
use serde_json::Value;

use crate::environment::variable;
use crate::log::log_json_lines;
use crate::metrics::HealthProblem;
use crate::runtime::{answer, failure};
use crate::shell::Shell;
use crate::{exceptions, metrics};

/// One invocation of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// What it is about.
    pub about: About,
    /// Its id: Lambda's retries of an event have the same.
    pub id: String,
    /// The ARN under which the function was invoked; empty where a local emulator gives none.
    pub function_arn: String,
}

/// What an invocation is about.
#[derive(Debug, Clone)]
pub enum About {
    /// An API call.
    Event(Box<Event>),
    /// An API call that an archive delivered once more.
    Replay(Box<Event>),
    /// An API call that the sweep delivers, because nothing else did.
    Redelivered(Box<Event>),
    /// A call that is looked at again.
    Revisit(RevisitRef),
}

impl About {
    /// Whether it is about a security group; else about a cache.
    pub(crate) fn is_of_group(&self) -> bool {
        match self {
            Self::Event(event) | Self::Replay(event) | Self::Redelivered(event) => {
                event.is_of_group()
            }
            Self::Revisit(revisit) => revisit.is_of_group(),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => {
                write!(f, "event {} ({} at {})", event.id, event.call(), event.time)
            }
            Self::Replay(event) => {
                write!(f, "replayed event {} ({} at {})", event.id, event.call(), event.time)
            }
            Self::Redelivered(event) => {
                write!(
                    f,
                    "event {} ({} at {}), found by the sweep",
                    event.id,
                    event.call(),
                    event.time
                )
            }
            Self::Revisit(RevisitRef { subject, event, due }) => {
                write!(f, "the revisit of {subject} for event {event}, due {due}")
            }
        }
    }
}

/// Serves events until Lambda ends the process. `handler` is [`crate::ingress`] or
/// [`crate::cache`]; each function is given one, so that its role needs only its own rights.
///
/// # Errors
///
/// If a setting is missing or wrong, which Lambda reports as a failed start.
pub async fn run<H>(handler: H) -> Result<()>
where
    H: AsyncFn(&Shell, &Invocation) -> Result<Summary>,
{
    log_json_lines();
    let settings = Settings::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let exceptions = exceptions::read(settings.exceptions_dir.clone());
    let shell = Shell { exceptions, ..Shell::new(settings).await };
    tracing::info!(mode = shell.settings.mode.as_str(), "ready");
    let is_off = is_in_another_mode(shell.settings.mode, variable(STACK_MODE).as_deref());
    answer(async |invoked: LambdaEvent<Value>| {
        if is_off {
            metrics::count_trouble(HealthProblem::Off, true);
            tracing::warn!("this function is in another mode than the stack: make pause or make resume sets both");
        }
        let ended = serve(&shell, &handler, &invoked).await;
        ended.map_err(|error| failure("EventNotProcessed", format!("{error:#}")))
    })
    .await
}

/// The mode of the stack, `enforce` or `observe`. `make pause` sets the functions' own mode first and then this one, with
/// the stack; whoever sets only the functions' is found out at the next event.
const STACK_MODE: &str = "PORTCULLIS_STACK_MODE";

/// Whether the function is in another mode than the stack, if that is told.
fn is_in_another_mode(mode: Mode, stack: Option<&str>) -> bool {
    stack.is_some_and(|stack| !stack.is_empty() && stack != mode.as_str())
}

/// Deals with one event. What it answers is for whoever invokes the function by hand.
async fn serve<H>(shell: &Shell, handler: &H, invoked: &LambdaEvent<Value>) -> Result<String>
where
    H: AsyncFn(&Shell, &Invocation) -> Result<Summary>,
{
    let LambdaEvent { payload, context } = invoked;
    let parsed = parse(payload, &shell.settings.own_role_arns);
    if !matches!(parsed, Parsed::Revisit(_)) {
        metrics::print([metrics::arrived(payload)], shell.metrics);
    }
    let events = match parsed {
        Parsed::Event(event) => vec![*event],
        Parsed::Several(events) => events,
        Parsed::Revisit(revisit) => {
            return one(shell, handler, About::Revisit(revisit), context).await;
        }
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
    let is_replay = is_replay(payload);
    if is_replay {
        metrics::print([metrics::replayed(payload)], shell.metrics);
    }
    let mut abouts = Vec::new();
    for event in events {
        guard(&event, &context.invoked_function_arn)?;
        let event = Box::new(event);
        abouts.push(match (is_replay, is_redelivered(payload)) {
            (true, _) => About::Replay(event),
            (false, true) => About::Redelivered(event),
            (false, false) => About::Event(event),
        });
    }
    let ended = join_all(abouts.into_iter().map(|about| one(shell, handler, about, context))).await;
    let (mut texts, mut failed) = (Vec::new(), Vec::new());
    for ended in ended {
        match ended {
            Ok(text) => texts.push(text),
            Err(error) => failed.push(error),
        }
    }
    match failed.pop() {
        None => Ok(texts.join("\n")),
        Some(error) if failed.is_empty() => Err(error),
        Some(error) => {
            let others: Vec<String> = failed.iter().map(|error| format!("{error:#}")).collect();
            Err(error.context(others.join("; ")))
        }
    }
}

/// Deals with one of the things that an invocation is about.
async fn one<H>(
    shell: &Shell,
    handler: &H,
    about: About,
    context: &lambda_runtime::Context,
) -> Result<String>
where
    H: AsyncFn(&Shell, &Invocation) -> Result<Summary>,
{
    let (id, function_arn) = (context.request_id.clone(), context.invoked_function_arn.clone());
    let invocation = Invocation { about, id, function_arn };
    let about = || invocation.about.to_string();
    let Summary(text) = handler(shell, &invocation).await.with_context(about)?;
    match &invocation.about {
        About::Event(event) | About::Replay(event) | About::Redelivered(event) => {
            tracing::info!(event = event.id, name = event.call(), "{text}");
        }
        About::Revisit(revisit) => tracing::info!(revisit = revisit.event, "{text}"),
    }
    Ok(text)
}

/// The clients look at the function's own account and Region. Looking there for what an event of
/// another one names would find nothing, and take that for "gone".
fn guard(event: &Event, function_arn: &str) -> Result<()> {
    // A local emulator may give no ARN at all.
    if let Ok(Arn { region, account, .. }) = Arn::parse(function_arn)
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

#[cfg(test)]
mod tests;
