//! The function behind the approval page: settings and clients once, then one request after the other.

use anyhow::{Context, Result, anyhow};
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};
use portcullis_approval::Table;
use portcullis_approve::{Desk, handle};
use portcullis_aws::{Patience, config, log_json_lines, now, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    log_json_lines();
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
    let (table, key) = (needed("PORTCULLIS_MOVES_TABLE")?, needed("PORTCULLIS_LINK_KEY_ARN")?);
    let config = config(Patience::Prompt).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    Ok(Desk {
        table: Table::new(dynamodb, table),
        kms: aws_sdk_kms::Client::new(&config),
        sfn: aws_sdk_sfn::Client::new(&config),
        key,
    })
}

fn needed(name: &str) -> Result<String> {
    variable(name).filter(|value| !value.is_empty()).with_context(|| format!("{name} is not set"))
}

/// Where the request came from, as Lambda saw it: no header says it.
fn source(request: &Request) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref(),
        _ => None,
    }
}
