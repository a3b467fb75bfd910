//! Telling what a report says: by a message of its own, or into the queue of the digest, out of which the function
//! `digest` tells many together.

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use portcullis_alerts::alert::Alert;
use portcullis_alerts::digest::Row;
use portcullis_engine::case::Channel;
use portcullis_engine::report::Report;

use crate::publish::Message;
use crate::shell::Shell;

/// Tells what a report says: with others in one message, or by itself. An alert that nobody takes is in the log.
///
/// # Errors
///
/// If SNS does not take it.
pub(crate) async fn notify(shell: &Shell, report: &Report, channel: Channel) -> Result<Channel> {
    let alert = Alert::compose(report);
    let (event, subject) = (&report.event.id, &report.subject().id);
    tracing::info!(event, subject, "{}", alert.subject);
    match channel {
        Channel::Alert => {}
        Channel::Digest => match queue(shell, report).await {
            Ok(()) => return Ok(channel),
            Err(error) => tracing::warn!(
                event,
                "the digest queue refused the alert, so it is sent alone: {error:#}"
            ),
        },
        Channel::Later => {
            queue(shell, report).await?;
            tracing::warn!(event, "the alert will be sent with the digest");
            return Ok(channel);
        }
    }
    let sent = shell.notifier.send(event, &Message::of(&alert), &alert.chat).await;
    sent.inspect_err(|_| {
        tracing::error!(event, alert = alert.document, "the alert could not be sent");
    })?;
    Ok(Channel::Alert)
}

async fn queue(shell: &Shell, report: &Report) -> Result<()> {
    let queue = shell.settings.digest_queue_url.as_ref().context("there is no digest queue")?;
    enqueue(&shell.sqs, queue, &Row::of(report)).await
}

/// Puts a row into the queue.
///
/// # Errors
///
/// If SQS does not take it: then its alert has to go out by itself.
async fn enqueue(sqs: &Client, queue_url: &str, row: &Row) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the one place that queues")]
    let request = sqs.send_message();
    request
        .queue_url(queue_url)
        .message_body(row.json())
        .send()
        .await
        .with_context(|| format!("putting a row of the digest into {queue_url}"))?;
    Ok(())
}
