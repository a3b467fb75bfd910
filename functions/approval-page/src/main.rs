//! The function behind the approval page: settings and clients once, then one request after the other.

use anyhow::{Context, Result, anyhow};
use aws_sdk_kms::config::retry::RetryConfig;
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};
use portcullis_approval::Table;
use portcullis_approval_page::{Approvals, Limit, handle};
use portcullis_aws::{Patience, config, count_unchecked_link, log_json_lines, now, variable};

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

async fn desk() -> Result<Approvals> {
    let (table, key) = (needed("PORTCULLIS_MOVES_TABLE")?, needed("PORTCULLIS_LINK_KEY_ARN")?);
    let config = config(Patience::Prompt).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    Ok(Approvals {
        table: Table::new(dynamodb, table),
        // A check that failed is not repeated: that would be a call more than the limit counts.
        kms: aws_sdk_kms::Client::from_conf(
            aws_sdk_kms::config::Builder::from(&config)
                .retry_config(RetryConfig::disabled())
                .build(),
        ),
        sfn: aws_sdk_sfn::Client::new(&config),
        key,
        limit: Limit::default(),
        not_checked: count_unchecked_link,
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
