//! A function with the SDK clients of Portcullis that answers "ok" at once.

use std::hint::black_box;

use aws_config::{BehaviorVersion, ConfigLoader};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config =
        ConfigLoader::default().behavior_version(BehaviorVersion::v2026_01_12()).load().await;
    let clients = (
        aws_sdk_ec2::Client::new(&config),
        aws_sdk_elasticache::Client::new(&config),
        aws_sdk_sns::Client::new(&config),
    );
    let service = service_fn(|_: LambdaEvent<Value>| async { Ok::<_, Error>("ok") });
    let ended = lambda_runtime::run(service).await;
    black_box(clients);
    ended
}
