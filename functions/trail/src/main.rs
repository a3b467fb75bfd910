//! The function that checks that Portcullis sees, is heard and is on: that a trail logs what the others are to see, that
//! somebody is subscribed to the alerts, that the event rules are enabled, and that no call was missed. It makes up for revisits that nothing will
//! invoke, too. It does so whenever it is invoked, whatever with: a schedule and a deployment say no more than when.

mod check;
mod coverage;
mod ears;
mod missed;
mod read;
mod revisits;
mod switches;
#[cfg(test)]
mod tests;
mod verdict;

use lambda_runtime::LambdaEvent;
use portcullis_aws::{Ledger, Patience, answer, config, log_json_lines, now, sns, variable};
use portcullis_engine::arn::Arn;
use serde_json::Value;

use check::{Watched, check};
use ears::Topic;
use revisits::{Place, Revisits};
use switches::Switches;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    log_json_lines();
    let config = config(Patience::Prompt).await;
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let list = |name: &str| -> Vec<String> {
        set(name).unwrap_or_default().split(',').map(str::to_owned).collect()
    };
    let topics = [
        (set("PORTCULLIS_ALERT_TOPIC_ARN"), set("PORTCULLIS_ALERT_EMAIL")),
        (set("PORTCULLIS_CHAT_TOPIC_ARN"), None),
    ];
    let account = set("PORTCULLIS_ACCOUNT");
    let topics = topics.into_iter().filter_map(|(arn, email)| {
        let arn = arn?;
        let foreign = Arn::parse(&arn).ok().map(|arn| arn.account.to_owned()) != account;
        Some(Topic { sns: sns(&config, &arn), foreign, email, arn })
    });
    let watched = Watched {
        cloudtrail: aws_sdk_cloudtrail::Client::new(&config),
        topics: topics.collect(),
        switches: Switches {
            events: aws_sdk_eventbridge::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            rules: list("PORTCULLIS_RULES"),
            functions: ["PORTCULLIS_INGRESS_FUNCTION_ARN", "PORTCULLIS_CACHE_FUNCTION_ARN"]
                .into_iter()
                .filter_map(set)
                .collect(),
            mode: set("PORTCULLIS_STACK_MODE").unwrap_or_default(),
        },
    };
    let place = Place::read().inspect_err(|error| tracing::warn!("no revisits: {error:#}")).ok();
    let revisits = place.map(|place| {
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&config), &place.table);
        Revisits::new(ledger, aws_sdk_scheduler::Client::new(&config), place)
    });
    answer(async |_: LambdaEvent<Value>| {
        let mut missed = None;
        if let Some(revisits) = &revisits {
            revisits.make_up(now()).await;
            missed = missed::look(&revisits.ledger, now()).await;
        }
        check(&watched, missed, now()).await
    })
    .await
}
