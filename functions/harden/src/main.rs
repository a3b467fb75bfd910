//! Asks people whether a Memcached server is to be hardened, and tells how that ended. The workflow in
//! `infra/harden-ask.asl.json` calls the steps and has the rights on Systems Manager; this function has none.
//!
//! INVARIANT: what people agreed to is what is sent: the parameters come from the record, and nothing else does.

mod mail;
mod settings;
mod steps;

use anyhow::Result;
use lambda_runtime::LambdaEvent;
use portcullis_aws::{answer, failure, log_json_lines, variable};
use serde_json::Value;

use crate::settings::{Settings, Shell};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    log_json_lines();
    let settings = Settings::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let shell = Shell::new(settings).await;
    answer(async |invoked: LambdaEvent<Value>| {
        let ended = steps::step(&shell, invoked.payload).await;
        ended.map_err(|error| failure("Again", format!("{error:#}")))
    })
    .await
}
