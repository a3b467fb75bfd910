//! The function that tells in one message what came at once.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    portcullis_aws::run_digest().await
}
