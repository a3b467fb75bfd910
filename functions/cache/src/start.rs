//! Starting the move of a cache: an execution of the state machine, by its name.

use aws_sdk_sfn::Client;
use portcullis_aws::error::{code, why};
use portcullis_engine::action::{Outcome, StartRecreation};

const START: &str = "StartExecution";

/// Starts a move and says what came of it.
///
/// The answer is proof enough: Step Functions gives an execution its ARN when it has taken it, and nothing
/// is changed by then that could be looked at. The SDK may send the call twice: the same name with the same
/// input is the same execution (Step Functions API reference, StartExecution).
pub(crate) async fn start(sfn: &Client, start: &StartRecreation) -> Outcome {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of the functions that starts a re-creation"
    )]
    let request =
        sfn.start_execution().state_machine_arn(&start.machine).name(&start.id).input(&start.input);
    match request.send().await {
        Ok(answer) => Outcome::Started(answer.execution_arn),
        Err(error) => match code(&error) {
            // It has ended, or another version of this function made its input.
            Some("ExecutionAlreadyExists") => Outcome::AlreadyStarted(start.execution()),
            code => Outcome::Failed(format!("{}: {}", advice(code), why(START, &error))),
        },
    }
}

/// What it means that it was not started, and what to do about it.
fn advice(code: Option<&str>) -> &'static str {
    match code {
        Some("StateMachineDoesNotExist" | "StateMachineDeleting") => {
            "not started: the state machine does not exist. Update the stack, with MoveCaches=no if no cache is to be \
             re-created"
        }
        Some("AccessDeniedException") => {
            "not started: one of your policies denies states:StartExecution to the function"
        }
        Some("KmsAccessDeniedException" | "KmsInvalidStateException") => {
            "not started: Step Functions could not use the stack's KMS key. Check its policy and state"
        }
        // It broke, or nothing came back (Step Functions API reference, "Common error types").
        Some("InternalFailure" | "InternalServerError" | "ServiceUnavailable") | None => {
            "it is unknown whether it was started; a retry does not start it twice"
        }
        Some(_) => "not started",
    }
}

#[cfg(test)]
mod tests;
