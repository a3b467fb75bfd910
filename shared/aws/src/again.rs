//! What must not depend on this invocation goes to the function itself, as an event: Lambda's retries
//! and the failure queue hold for it as for any other.
//!
//! That is an alert that SNS did not take, of something that was done: nobody would hear of it, for the
//! next try of the event finds nothing to do. And it is the event of a cache before anything is done, with
//! the rules that are to be closed: so the next try knows what to tell, if this function is killed.

use anyhow::{Context, Result, bail};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::{Value, json};

use crate::publish::Message;

const SOURCE: &str = "portcullis";
const DETAIL_TYPE: &str = "Alert not sent";

/// What an asynchronous invocation may hold. It is 1 MB since October 2025, and was 256 KB; and what
/// fails is kept in SQS with the error beside it.
const MOST: usize = 240 * 1024;

/// An alert on its way, of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsent {
    /// The id of the event that it is about.
    pub(crate) event: String,
    /// What SNS is to publish.
    pub(crate) message: Message,
}

impl Unsent {
    /// Reads what [`Unsent::payload`] wrote; `None` if the payload is something else.
    pub(crate) fn read(payload: &Value) -> Option<Result<Self>> {
        let is =
            |member: &str, value: &str| payload.get(member).and_then(Value::as_str) == Some(value);
        (is("source", SOURCE) && is("detail-type", DETAIL_TYPE)).then(|| Self::members(payload))
    }

    fn members(payload: &Value) -> Result<Self> {
        let text = |member: &'static str| {
            let text = payload.get("detail").and_then(|detail| detail.get(member)?.as_str());
            text.filter(|text| !text.is_empty())
                .map(str::to_owned)
                .with_context(|| format!("malformed event: `detail.{member}` is not a text"))
        };
        let message = Message { subject: text("subject")?, body: text("message")? };
        Ok(Self { event: text("event")?, message })
    }

    pub(crate) fn payload(&self) -> Value {
        let Message { subject, body } = &self.message;
        json!({
            "source": SOURCE,
            "detail-type": DETAIL_TYPE,
            "detail": { "event": self.event, "subject": subject, "message": body },
        })
    }
}

/// Hands an event to the function itself. `function` is its name, if Lambda told it.
///
/// # Errors
///
/// If Lambda did not take it, or would not: it is too long.
pub(crate) async fn hand_over(
    lambda: &Client,
    function: Option<&str>,
    payload: &Value,
) -> Result<()> {
    let function = function.context("the function does not know its own name")?;
    let payload = payload.to_string();
    if payload.len() > MOST {
        bail!("it has {} bytes, and at most {MOST} can be handed over", payload.len());
    }
    #[expect(clippy::disallowed_methods, reason = "the one place that invokes")]
    let request = lambda.invoke();
    request
        .function_name(function)
        .invocation_type(InvocationType::Event)
        .payload(Blob::new(payload))
        .send()
        .await
        .with_context(|| format!("handing over to {function}"))?;
    Ok(())
}

#[cfg(test)]
mod tests;
