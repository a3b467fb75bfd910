//! The function behind the approval page: settings and clients once, then one request after the other.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use aws_config::BehaviorVersion;
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};
use portcullis_approval::Table;
use portcullis_approve::{Desk, handle};
use tracing_subscriber::filter::LevelFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().json().with_max_level(LevelFilter::INFO).with_target(false).init();
    let desk = desk().await.inspect_err(|error| tracing::error!("{error:#}"))?;
    let service = service_fn(|request: Request| {
        let desk = &desk;
        Box::pin(async move {
            let from = source(&request).unwrap_or("unknown");
            Ok::<_, Error>(handle(desk, &request, from, now()).await)
        })
    });
    lambda_http::run(service).await.map_err(|error| anyhow!("the Lambda runtime ended: {error}"))
}

async fn desk() -> Result<Desk> {
    let (table, key) = (variable("PORTCULLIS_MOVES_TABLE")?, variable("PORTCULLIS_LINK_KEY_ARN")?);
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    Ok(Desk {
        table: Table::new(dynamodb, table),
        kms: aws_sdk_kms::Client::new(&config),
        sfn: aws_sdk_sfn::Client::new(&config),
        key,
    })
}

fn variable(name: &str) -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "this function's settings are read here alone")]
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.with_context(|| format!("{name} is not set"))
}

/// Where the request came from, as Lambda saw it: no header says it.
fn source(request: &Request) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref(),
        _ => None,
    }
}

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a link holds until a time of day")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}
