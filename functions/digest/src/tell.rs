//! Alerts that are told together: the functions that found too many put them into a queue, and here they come out of it.
//!
//! SQS keeps a row until it was told: what SNS refuses is tried again, and what is no row ends in the queue for
//! what failed. A batch is one message, whatever minutes it is of: it is what came within the batching window, and
//! to hold rows back until their minute is over would need a memory of its own. A batch of one is told as a
//! digest too: the queue has rows, not mails, because 246 KB of mail each would make batches of twenty.

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use portcullis_alerts::digest::{Digest, Row};
use portcullis_aws::{Message, Notifier};
use serde_json::Value;

/// Tells what a batch of the queue holds, in one message. The answer names the records that are no rows, as Lambda
/// asks for it (developer guide, "Implementing partial batch responses"): these come again, and end in the
/// dead-letter queue.
///
/// # Errors
///
/// If it is no batch, or if SNS does not take the message: then all records come again.
pub(crate) async fn tell(notifier: &Notifier, batch: Value) -> Result<SqsBatchResponse> {
    let batch: SqsEvent = serde_json::from_value(batch).context("it is not a batch of a queue")?;
    let mut rows = Vec::new();
    let mut answer = SqsBatchResponse::default();
    for record in batch.records {
        match Row::read(record.body.as_deref().unwrap_or_default()) {
            Ok(row) => rows.push(row),
            Err(error) => {
                let id = record.message_id.context("a record of the batch has no `messageId`")?;
                tracing::error!(message = id, "{error}");
                notifier.count_malformed();
                answer.add_failure(id);
            }
        }
    }
    let told = rows.len();
    if let Some(digest) = Digest::compose(rows) {
        send(notifier, &digest).await?;
        tracing::info!(rows = told, "{}", digest.subject);
    }
    Ok(answer)
}

async fn send(notifier: &Notifier, digest: &Digest) -> Result<()> {
    let message = Message { subject: digest.subject.clone(), body: digest.message() };
    let told = notifier.send("digest", &message, &digest.chat).await;
    if told.is_err() {
        // The log keeps what the topic did not take.
        tracing::error!(digest = digest.document, "the digest could not be sent");
    }
    told
}
