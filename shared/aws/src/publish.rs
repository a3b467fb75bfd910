//! Telling: one SNS message, and one more for a chat.

use anyhow::{Context, Result};
use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use portcullis_engine::alert::{Alert, by_protocol};

use crate::clients::Shell;
use crate::error::why;
use crate::metrics;

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
    request(sns, topic)
        .subject(&message.subject)
        .message(&message.body)
        .message_structure("json")
        .send()
        .await
        .with_context(|| format!("publishing the alert `{}` to {topic}", message.subject))?;
    Ok(())
}

/// Publishes the document to the chat topic, if there is one. `of` is the id of what it tells of.
///
/// It is the whole body, without a structure: that is what Amazon Q Developer is given in all examples of its
/// guide ("Custom notifications"). What SNS does not take is counted and logged, and that is all: the mail says the
/// same and more, and to fail the event would send the mail again for the sake of the chat.
pub(crate) async fn chat(shell: &Shell, of: &str, document: &str) {
    let Some(topic) = &shell.settings.chat_topic_arn else { return };
    let sent = request(&shell.chat, topic).message(document).send().await;
    if let Err(error) = sent {
        metrics::print([metrics::chat_failed(of)], shell.metrics);
        let error = why("Publish", &error);
        tracing::warn!(of, chat = document, "the chat was not told through {topic}: {error}");
    }
}

fn request(sns: &Client, topic: &str) -> PublishFluentBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one place that publishes")]
    let request = sns.publish();
    request.topic_arn(topic)
}
