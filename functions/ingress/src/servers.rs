//! Asking the Memcached servers of an instance: an execution of the stack's workflow, which has the rights on Systems
//! Manager. This function has none.

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use portcullis_aws::error::{code, why};
use portcullis_aws::now;
use portcullis_engine::servers::{Server, asked, execution};

const BETWEEN: Duration = Duration::from_millis(500);

/// Asks, and waits for the answer. With `people`, the workflow asks them whether what it found may be hardened. Whoever asks within two minutes waits for the same execution.
pub(crate) async fn ask(
    sfn: Client,
    machine: String,
    instance: String,
    people: bool,
) -> Result<Vec<Server>, String> {
    let name = execution(&instance, now());
    let arn = format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1));
    #[expect(clippy::disallowed_methods, reason = "the one place that asks servers")]
    let request = sfn.start_execution().state_machine_arn(machine).name(name);
    let started =
        request.input(format!(r#"{{"instance":"{instance}","ask":{people}}}"#)).send().await;
    if let Err(error) = started
        && code(&error) != Some("ExecutionAlreadyExists")
    {
        return Err(why("StartExecution", &error));
    }
    loop {
        tokio::time::sleep(BETWEEN).await;
        let found = sfn.describe_execution().execution_arn(&arn).send().await;
        let found = found.map_err(|error| why("DescribeExecution", &error))?;
        match found.status() {
            ExecutionStatus::Running => {}
            ExecutionStatus::Succeeded => return asked(found.output().unwrap_or_default()),
            ended => return Err(format!("the workflow is {ended}")),
        }
    }
}
