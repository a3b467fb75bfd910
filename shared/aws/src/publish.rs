//! Telling: one SNS message.

use anyhow::{Context, Result};
use aws_sdk_sns::Client;
use portcullis_engine::alert::Alert;

/// What SNS is to publish: mail for people, JSON for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// `Subject`
    pub(crate) subject: String,
    /// `Message`, for `MessageStructure=json`.
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn of(alert: &Alert) -> Self {
        Self { subject: alert.subject.clone(), body: alert.message() }
    }
}

/// Publishes the message.
pub(crate) async fn publish(sns: &Client, topic: &str, message: &Message) -> Result<()> {
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
