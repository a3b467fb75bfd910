//! The function for cache events.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    portcullis_aws::run(portcullis_aws::cache).await
}
