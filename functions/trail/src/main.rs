//! The function that checks that a trail logs what the others are to see. It does so whenever it is invoked, whatever
//! with: a schedule and a deployment say no more than when.

mod check;
mod coverage;
mod read;
#[cfg(test)]
mod tests;

use lambda_runtime::LambdaEvent;
use portcullis_aws::{Patience, answer, config, log_json_lines};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    log_json_lines();
    let cloudtrail = aws_sdk_cloudtrail::Client::new(&config(Patience::Prompt).await);
    answer(async |_: LambdaEvent<Value>| check::check(&cloudtrail).await).await
}
