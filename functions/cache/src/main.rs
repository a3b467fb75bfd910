//! The function that watches new caches, and closes what is open to them. It alone starts re-creations.

mod start;

use std::sync::OnceLock;

use portcullis_aws::{Invocation, Shell};
use portcullis_engine::action::StartRecreation;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let sfn = OnceLock::new();
    portcullis_aws::run(async |shell: &Shell, invocation: &Invocation| {
        let start = async |start: &StartRecreation| {
            start::start(sfn.get_or_init(|| aws_sdk_sfn::Client::new(&shell.config)), start).await
        };
        portcullis_aws::cache(shell, invocation, start).await
    })
    .await
}
