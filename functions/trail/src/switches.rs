//! Whether events arrive: the rules that bring them.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::RuleState;
use futures_util::future::join_all;
use portcullis_aws::error::{code, why};

use crate::verdict::Verdict;

/// What must be on.
#[derive(Debug, Clone)]
pub(crate) struct Switches {
    pub(crate) events: Client,
    /// The names of the event rules.
    pub(crate) rules: Vec<String>,
}

/// Whether every rule is there and enabled.
pub(crate) async fn look(switches: &Switches) -> Verdict {
    Verdict::of(join_all(switches.rules.iter().map(|name| rule(&switches.events, name))).await)
}

async fn rule(events: &Client, name: &str) -> Verdict {
    match events.describe_rule().name(name).send().await {
        Ok(found) => match found.state {
            Some(RuleState::Enabled | RuleState::EnabledWithAllCloudtrailManagementEvents) => {
                Verdict::Right(format!("the rule {name} is enabled"))
            }
            _ => Verdict::Wrong(format!(
                "Portcullis is off: the event rule {name} is disabled: enable it (aws events enable-rule --name \
                 {name})"
            )),
        },
        Err(error) if code(&error) == Some("ResourceNotFoundException") => {
            Verdict::Wrong(format!("Portcullis is off: the event rule {name} is gone: make deploy"))
        }
        Err(error) => Verdict::Unknown(why("DescribeRule", &error)),
    }
}
