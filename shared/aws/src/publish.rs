//! Telling: one SNS message.

use anyhow::{Context, Result};
use aws_sdk_sns::Client;
use portcullis_engine::alert::{Alert, by_protocol};

/// What SNS is to publish: mail for people, JSON for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `Subject`
    pub subject: String,
    /// `Message`, for `MessageStructure=json`.
    pub body: String,
}

impl Message {
    pub(crate) fn of(alert: &Alert) -> Self {
        Self { subject: alert.subject.clone(), body: alert.message() }
    }

    /// A message with a mail and a document.
    pub fn new(subject: &str, mail: &str, document: &str) -> Self {
        Self { subject: subject.to_owned(), body: by_protocol(mail, document) }
    }
}

/// Publishes the message.
///
/// # Errors
///
/// If SNS does not take it.
pub async fn publish(sns: &Client, topic: &str, message: &Message) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the one place that publishes")]
    let request = sns.publish();
    request
        .topic_arn(topic)
        .subject(&message.subject)
        .message(&message.body)
        .message_structure("json")
        .send()
        .await
        .with_context(|| format!("publishing the alert `{}` to {topic}", message.subject))?;
    Ok(())
}
