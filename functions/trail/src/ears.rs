//! Whether anybody hears what Portcullis says: the subscriptions of its topics.

use aws_sdk_sns::Client;
use futures_util::future::join_all;
use portcullis_aws::error::{code, why};

use crate::verdict::Verdict;

/// A topic, and who must hear it.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) arn: String,
    /// Its own Region's.
    pub(crate) sns: Client,
    /// Of another account: then its subscriptions may be nobody's business here.
    pub(crate) foreign: bool,
    /// The address that the stack subscribes, if it does.
    pub(crate) email: Option<String>,
}

/// Whether each topic has a confirmed subscription, and that of the stack's own address is there.
pub(crate) async fn look(topics: &[Topic]) -> Verdict {
    Verdict::of(join_all(topics.iter().map(hears)).await)
}

async fn hears(topic: &Topic) -> Verdict {
    let Topic { arn, sns, foreign, email } = topic;
    let request = sns.list_subscriptions_by_topic().topic_arn(arn);
    let pages = request.into_paginator().items().send();
    let found = match pages.collect::<Result<Vec<_>, _>>().await {
        Ok(found) => found,
        Err(error) => {
            let why = why("ListSubscriptionsByTopic", &error);
            return match code(&error) {
                Some("NotFound" | "NotFoundException") => {
                    Verdict::Wrong(format!("Portcullis is mute: the topic {arn} is gone"))
                }
                Some("AuthorizationError" | "AuthorizationErrorException") if *foreign => {
                    Verdict::Right(format!("{arn}, taken on trust: {why}"))
                }
                _ => Verdict::Unknown(why),
            };
        }
    };
    // One that waits for its confirmation has a word there, and no ARN (API reference, Subscribe).
    let confirmed: Vec<_> = found
        .iter()
        .filter(|found| found.subscription_arn().is_some_and(|arn| arn.starts_with("arn:")))
        .collect();
    let missing = email
        .as_ref()
        .filter(|email| !confirmed.iter().any(|found| found.endpoint() == Some(email.as_str())));
    let subscribe = "subscribe it, and confirm what SNS sends there (docs/operations.md, Mute)";
    match (confirmed.len(), missing) {
        (0, _) => Verdict::Wrong(format!(
            "Portcullis is mute: no confirmed subscription hears the topic {arn}: {subscribe}"
        )),
        (_, Some(email)) => Verdict::Wrong(format!(
            "Portcullis is mute: `{}`, the stack's AlertEmail, is not subscribed to the topic {arn}, or did not \
             confirm: {subscribe}",
            email.escape_default()
        )),
        (1, None) => Verdict::Right(format!("1 subscription hears {arn}")),
        (many, None) => Verdict::Right(format!("{many} subscriptions hear {arn}")),
    }
}
