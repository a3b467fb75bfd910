//! Step Functions: one state machine, and the executions that were started.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::operation::start_execution::{StartExecutionInput, StartExecutionOutput};
use aws_sdk_sfn::primitives::DateTime;
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::{Account, State};

/// The state machine that moves caches.
pub(crate) const MACHINE: &str =
    "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate";

/// An execution: its name is taken for 90 days after it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution {
    pub(crate) name: String,
    pub(crate) input: String,
    pub(crate) running: bool,
}

impl Account {
    pub(crate) fn sfn(&self) -> Client {
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is started")]
        let start = self.on(
            "StartExecution",
            mock!(Client::start_execution),
            |input| vec![input.state_machine_arn.clone()],
            start,
        );
        mock_client!(aws_sdk_sfn, RuleMode::MatchAny, &[start], |config| config
            .retry_config(RetryConfig::disabled()))
    }

    /// Every execution ends.
    pub(crate) fn end_executions(&self) {
        self.now().executions.iter_mut().for_each(|execution| execution.running = false);
    }
}

/// The same name and input while it runs is the same execution; else the name is taken (API reference,
/// StartExecution).
fn start(
    state: &mut State,
    input: &StartExecutionInput,
) -> Result<StartExecutionOutput, &'static str> {
    if input.state_machine_arn() != Some(MACHINE) {
        return Err("StateMachineDoesNotExist");
    }
    let name = input.name().expect("an execution has a name").to_owned();
    let asked = Execution {
        name: name.clone(),
        input: input.input().expect("an execution has an input").to_owned(),
        running: true,
    };
    match state.executions.iter().find(|execution| execution.name == name) {
        Some(same) if *same == asked => {}
        Some(_) => return Err("ExecutionAlreadyExists"),
        None => state.executions.push(asked),
    }
    let machine = MACHINE.replace(":stateMachine:", ":execution:");
    let answer = StartExecutionOutput::builder().execution_arn(format!("{machine}:{name}"));
    Ok(answer.start_date(DateTime::from_secs(0)).build().expect("it is whole"))
}
