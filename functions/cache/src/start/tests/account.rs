//! Step Functions: one state machine, and the executions that were started.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::operation::start_execution::{StartExecutionInput, StartExecutionOutput};
use aws_sdk_sfn::primitives::DateTime;
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};

/// What was started, how often that was asked for, and what is refused.
#[derive(Clone, Default)]
pub(crate) struct Account(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) asked: usize,
    pub(crate) executions: Vec<Execution>,
    refusal: Option<&'static str>,
}

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
    /// The state as it is now.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// From now on, nothing is started, with this code.
    pub(crate) fn fail(&self, code: &'static str) {
        self.now().refusal = Some(code);
    }

    pub(crate) fn sfn(&self) -> Client {
        let account = self.clone();
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is started")]
        let start = mock!(Client::start_execution).then_compute_response(move |input| {
            let state = &mut *account.now();
            state.asked += 1;
            match state.refusal.map_or_else(|| start(state, input), Err) {
                Ok(answer) => MockResponse::Output(answer),
                Err(code) => {
                    let body = format!(r#"{{"__type":"{code}","message":"as scripted"}}"#);
                    MockResponse::Http(HttpResponse::new(400.try_into().unwrap(), body.into()))
                }
            }
        });
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
