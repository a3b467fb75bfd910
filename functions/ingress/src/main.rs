//! The function for security-group events. It alone asks the servers behind a rule.

mod servers;

use std::sync::OnceLock;

use portcullis_aws::{Ask, Invocation, Shell};
use portcullis_engine::settings::Mode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let ask: OnceLock<Option<Ask>> = OnceLock::new();
    portcullis_aws::run(async |shell: &Shell, invocation: &Invocation| {
        let ask = ask.get_or_init(|| asking(shell));
        portcullis_aws::ingress(shell, invocation, ask.as_ref()).await
    })
    .await
}

/// How servers are asked, if the stack asks any.
fn asking(shell: &Shell) -> Option<Ask> {
    let machine = shell.settings.harden_state_machine_arn.clone()?;
    let sfn = aws_sdk_sfn::Client::new(&shell.config);
    // In observe mode nobody is asked to change anything.
    let people = shell.settings.mode == Mode::Enforce;
    Some(Box::new(move |instance| {
        Box::pin(servers::ask(sfn.clone(), machine.clone(), instance, people))
    }))
}
