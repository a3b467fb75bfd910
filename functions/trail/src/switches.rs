//! Whether events arrive and are acted on: the rules that bring them, and the functions that take them.

use aws_sdk_eventbridge::Client as Events;
use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_lambda::Client as Lambda;
use futures_util::future::{join_all, join3};
use portcullis_aws::error::{code, why};
use portcullis_engine::arn::Arn;

use crate::verdict::Verdict;

/// What must be on.
#[derive(Debug, Clone)]
pub(crate) struct Switches {
    pub(crate) events: Events,
    pub(crate) lambda: Lambda,
    /// The names of the event rules.
    pub(crate) rules: Vec<String>,
    /// The ARNs of the functions that act on events.
    pub(crate) functions: Vec<String>,
    /// The mode of the stack, `enforce` or `observe`.
    pub(crate) mode: String,
}

/// Whether every rule is there and enabled, and every function may run, in the mode of the stack.
pub(crate) async fn look(switches: &Switches) -> Verdict {
    let Switches { events, lambda, rules, functions, mode } = switches;
    let rules = join_all(rules.iter().map(|name| rule(events, name)));
    let runs = join_all(functions.iter().map(|arn| runs(lambda, arn)));
    let modes = join_all(functions.iter().map(|arn| mode_of(lambda, arn, mode)));
    let (rules, runs, modes) = join3(rules, runs, modes).await;
    Verdict::of(rules.into_iter().chain(runs).chain(modes))
}

async fn rule(events: &Events, name: &str) -> Verdict {
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

/// Whether Lambda runs a function. With a reserved concurrency of 0 it runs none, and keeps events for six hours (developer
/// guide, "Configuring reserved concurrency").
async fn runs(lambda: &Lambda, arn: &str) -> Verdict {
    let name = Arn::name_of(arn);
    match lambda.get_function_concurrency().function_name(arn).send().await {
        Ok(found) if found.reserved_concurrent_executions == Some(0) => Verdict::Wrong(format!(
            "Portcullis is off: the function {name} may not run, its reserved concurrency is 0: make deploy, or remove it \
             (aws lambda delete-function-concurrency --function-name {name})"
        )),
        Ok(_) => Verdict::Right(format!("the function {name} may run")),
        Err(error) => missing(&error, name)
            .unwrap_or_else(|| Verdict::Unknown(why("GetFunctionConcurrency", &error))),
    }
}

/// Whether a function is in the mode of the stack. Whoever pauses a stack changes both (`make pause`).
async fn mode_of(lambda: &Lambda, arn: &str, stack: &str) -> Verdict {
    let name = Arn::name_of(arn);
    let found = match lambda.get_function_configuration().function_name(arn).send().await {
        Ok(found) => found.environment,
        Err(error) => {
            return missing(&error, name)
                .unwrap_or_else(|| Verdict::Unknown(why("GetFunctionConfiguration", &error)));
        }
    };
    // Without the right on its key the answer has an error in place of the variables.
    let Some(variables) = found.as_ref().and_then(|environment| environment.variables()) else {
        return Verdict::Unknown(format!("the settings of the function {name} cannot be read"));
    };
    match variables.get("PORTCULLIS_MODE") {
        Some(mode) if mode == stack => Verdict::Right(format!("it is in mode {stack}")),
        mode => Verdict::Wrong(format!(
            "Portcullis is off: the function {name} is in mode {}, the stack is in mode {stack}: make resume, or make pause",
            mode.map_or_else(|| "none".to_owned(), |mode| format!("`{}`", mode.escape_default()))
        )),
    }
}

fn missing<E>(error: &aws_sdk_lambda::error::SdkError<E>, name: &str) -> Option<Verdict>
where
    E: aws_sdk_lambda::error::ProvideErrorMetadata,
{
    (code(error) == Some("ResourceNotFoundException")).then(|| {
        Verdict::Wrong(format!("Portcullis is off: the function {name} is gone: make deploy"))
    })
}
