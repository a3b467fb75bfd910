//! The steps of a move of a cache to a custom port, which the workflow in `infra/recreate.asl.json`
//! calls one by one. `docs/moving-a-cache.md` tells the story.
//!
//! INVARIANT: a step can be run again at any time. It looks at what is there first, and what it finds of
//! its own it does not make twice.
//!
//! INVARIANT: what people agreed to is done, or nothing: every step makes the plan again from the record,
//! and it must be the same plan.

mod account;
mod error;
mod requests;
mod settings;
mod shell;
mod steps;
mod tell;
mod tokens;

use anyhow::Result;
use lambda_runtime::LambdaEvent;
use portcullis_aws::{answer, failure, log_json_lines, variable};
use serde_json::Value;

use crate::error::kind;
use crate::settings::Settings;
use crate::shell::Shell;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    log_json_lines();
    let settings = Settings::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let shell = Shell::new(settings).await;
    answer(async |invoked: LambdaEvent<Value>| {
        let ended = steps::step(&shell, invoked.payload).await;
        ended.map_err(|error| failure(kind(&error), format!("{error:#}")))
    })
    .await
}
