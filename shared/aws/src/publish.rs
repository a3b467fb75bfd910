//! Telling: one SNS message.

use anyhow::{Context, Result};
use aws_sdk_sns::Client;
use portcullis_engine::alert::Alert;

/// Publishes the alert: mail for people, JSON for machines.
pub(crate) async fn publish(sns: &Client, topic: &str, alert: &Alert) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the one place that publishes")]
    let request = sns.publish();
    request
        .topic_arn(topic)
        .subject(&alert.subject)
        .message(alert.message())
        .message_structure("json")
        .send()
        .await
        .with_context(|| format!("publishing the alert `{}` to {topic}", alert.subject))?;
    Ok(())
}
