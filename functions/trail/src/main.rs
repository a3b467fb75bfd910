//! The function that checks that a trail logs what the others are to see, and makes up for revisits that nothing will
//! invoke. It does so whenever it is invoked, whatever with: a schedule and a deployment say no more than when.

mod check;
mod coverage;
mod read;
mod revisits;
#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use portcullis_aws::{Ledger, Patience, answer, config, log_json_lines, now};
use serde_json::Value;

use revisits::{Place, Revisits};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    log_json_lines();
    let config = config(Patience::Prompt).await;
    let cloudtrail = aws_sdk_cloudtrail::Client::new(&config);
    let place = Place::read().inspect_err(|error| tracing::warn!("no revisits: {error:#}")).ok();
    let revisits = place.map(|place| {
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&config), &place.table);
        Revisits::new(ledger, aws_sdk_scheduler::Client::new(&config), place)
    });
    answer(async |_: LambdaEvent<Value>| {
        if let Some(revisits) = &revisits {
            revisits.make_up(now()).await;
        }
        check::check(&cloudtrail).await
    })
    .await
}
