//! The function that looks at all that is there, without a call, and keeps the ledger true: what no event told is told, what
//! is gone is resolved, and what is due is done. With `Sweep=enforce` it closes older faults. It does so whenever it is invoked: whatever
//! with, unless it is for the follow-up of a run.

mod follow;
mod lookup;
mod remediate;
mod revisits;
mod run;
mod told;

use anyhow::Context;
use lambda_runtime::LambdaEvent;
use portcullis_aws::{
    Ledger, Notifier, Patience, answer, config, failure, log_json_lines, now, read_exceptions,
    variable,
};
use portcullis_engine::settings::Settings;
use portcullis_engine::sweep::{Follow, enforce};
use serde_json::Value;

use revisits::Revisits;
use run::{Asked, Sweep};

/// A setting that is missing or wrong is a failed start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    log_json_lines();
    let settings = Settings::read(variable).inspect_err(|error| tracing::error!("{error}"))?;
    let config = config(Patience::Long).await;
    let set = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.with_context(|| format!("{name} is not set"))
    };
    let says = |name: &str| variable(name).unwrap_or_default();
    let enforce = enforce(&says("PORTCULLIS_SWEEP"), &says("PORTCULLIS_SWEEP_NOTICE_HOURS"))
        .map_err(anyhow::Error::msg)?;
    let sweep = Sweep {
        enforce,
        account: set("PORTCULLIS_ACCOUNT")?,
        region: config.region().map(ToString::to_string).context("no Region is set")?,
        exceptions: read_exceptions(settings.exceptions_dir.clone()),
        ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&config), &settings.ledger_table),
        notifier: Notifier::new(settings.topics.clone(), &config),
        revisits: Revisits {
            lambda: aws_sdk_lambda::Client::new(&config),
            ingress: set("PORTCULLIS_INGRESS_FUNCTION_ARN")?,
            cache: set("PORTCULLIS_CACHE_FUNCTION_ARN")?,
        },
        cloudtrail: aws_sdk_cloudtrail::Client::new(&config),
        scheduler: aws_sdk_scheduler::Client::new(&config),
        settings,
        config,
    };
    answer(async |invoked: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = invoked;
        let asked = Asked {
            by: context.request_id,
            arn: context.invoked_function_arn,
            follows_up: Follow::is_asked(&payload),
            now: now(),
        };
        let swept = sweep.run(&asked).await;
        swept.map_err(|error| failure("NotSwept", format!("{error:#}")))
    })
    .await
}
