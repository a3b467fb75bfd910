//! Publishing: one SNS message, and one more for a chat.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use futures_util::future::join;
use portcullis_alerts::alert::Alert;
use portcullis_alerts::message::by_protocol;
use portcullis_engine::settings::Topics;
use serde_json::Value;

use crate::clients::{Lazy, sns};
use crate::error::why;
use crate::metrics;

/// Sends alerts to the topics of the settings.
#[derive(Debug)]
pub struct Notifier {
    /// Where to.
    topics: Topics,
    /// SNS, in the topic's Region.
    sns: Client,
    /// SNS, in the Region of the chat topic.
    chat: Lazy<Client>,
    /// Where the metrics go, line by line.
    metrics: fn(&str),
}

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

impl Notifier {
    /// What sends to these topics, each in its own Region.
    pub fn new(topics: Topics, config: &SdkConfig) -> Self {
        let of_chat = config.clone();
        let chat = topics.chat.clone().unwrap_or_default();
        let alerts = sns(config, &topics.alert);
        Self::with(topics, alerts, move || sns(&of_chat, &chat), metrics::to_stdout)
    }

    /// The same with these clients; that of the chat is made when it is first needed.
    pub fn with(
        topics: Topics,
        sns: Client,
        chat: impl FnOnce() -> Client + Send + 'static,
        metrics: fn(&str),
    ) -> Self {
        Self { topics, sns, chat: Lazy::new(Box::new(chat)), metrics }
    }

    /// Counts what was to be told, and cannot be read.
    pub fn count_malformed(&self) {
        metrics::print([metrics::malformed(&Value::Null)], self.metrics);
    }

    /// Publishes the message and, beside it, the document for the chat: neither waits for the other, as a topic
    /// whose key is broken must not silence both. `of` is the id of what they tell of.
    ///
    /// # Errors
    ///
    /// If SNS does not take the message.
    pub async fn send(&self, of: &str, message: &Message, chat: &str) -> Result<()> {
        let published = publish(&self.sns, &self.topics.alert, message);
        let (published, ()) = join(published, self.send_chat(of, chat)).await;
        if published.is_err() {
            metrics::print([metrics::alert_failed(of)], self.metrics);
        }
        published
    }

    /// The document is the whole body, without a structure: that is what Amazon Q Developer is given in all
    /// examples of its guide ("Custom notifications"). What SNS does not take is counted and logged, and that is
    /// all: the mail says the same and more, and to fail the event would send the mail again for the sake of the
    /// chat.
    async fn send_chat(&self, of: &str, document: &str) {
        let Some(topic) = &self.topics.chat else { return };
        let sent = request(&self.chat, topic).message(document).send().await;
        if let Err(error) = sent {
            metrics::print([metrics::chat_failed(of)], self.metrics);
            let error = why("Publish", &error);
            tracing::warn!(
                of,
                chat = document,
                "the chat topic {topic} refused the message: {error}"
            );
        }
    }
}

fn request(sns: &Client, topic: &str) -> PublishFluentBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one place that publishes")]
    let request = sns.publish();
    request.topic_arn(topic)
}
