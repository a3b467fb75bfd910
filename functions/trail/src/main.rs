//! The function that checks that a trail logs what the others are to see.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    portcullis_aws::run_trail().await
}
