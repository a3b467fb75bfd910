//! The function for security-group events.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    portcullis_aws::run(portcullis_aws::ingress).await
}
