//! The function that tells in one message what came at once.

mod tell;
#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use portcullis_aws::{Notifier, Patience, answer, config, failure, log_json_lines, variable};
use portcullis_engine::settings::Topics;
use serde_json::Value;

/// Serves the batches of the digest queue. A setting that is missing or wrong is a failed start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    log_json_lines();
    let topics = Topics::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let notifier = Notifier::new(topics, &config(Patience::Prompt).await);
    answer(async |invoked: LambdaEvent<Value>| {
        let told = tell::tell(&notifier, invoked.payload).await;
        told.map_err(|error| failure("DigestNotSent", format!("{error:#}")))
    })
    .await
}
