//! The account that the caller's own credentials and Region lead to.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{ProvideCredentials, SharedCredentialsProvider};
use portcullis_approval::Table;
use portcullis_aws::error::Failed;
use portcullis_aws::{Ledger, variable};
use portcullis_engine::arn::Arn;

use crate::advice::{Place, advice, no_credentials};
use crate::common::Common;

/// A person waits: no call is worth more than this.
const OPERATION: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 4;

/// The caller's configuration, with a Region and credentials: that of `--region`, or of the ARN that was
/// given, or the caller's own.
pub(crate) async fn config(common: &Common, arn: Option<&str>) -> Result<SdkConfig> {
    let timeouts = TimeoutConfig::builder().operation_timeout(OPERATION).connect_timeout(CONNECT);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    let of_arn = arn.and_then(Arn::region_of).filter(|region| is_region(region));
    if let Some(region) = common.region.as_deref().or(of_arn) {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = &common.profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    let place = Place {
        region: region(&config).to_owned(),
        endpoint: config.endpoint_url().map(str::to_owned),
        profile: common.profile.clone().or_else(|| variable("AWS_PROFILE")),
    };
    let place = common.place.get_or_init(|| place);
    if place.region.is_empty() {
        return Err(advice(
            "no Region is set",
            "give one (--region REGION), set AWS_REGION, or set `region` in the profile",
        ));
    }
    if !is_region(&place.region) {
        let region = place.region.escape_default();
        return Err(advice(
            format!("`{region}` is not a Region"),
            "give one as AWS writes it, such as eu-west-1",
        ));
    }
    let found = match &common.profile {
        Some(profile) => of_profile(profile, &config).provide_credentials().await,
        None => {
            let chain = config.credentials_provider().context("no AWS credentials")?;
            chain.provide_credentials().await
        }
    };
    let credentials = found.map_err(|error| no_credentials(&error, place))?;
    // Asked for once: a profile may ask a person for a code.
    let once = SharedCredentialsProvider::new(credentials);
    Ok(config.into_builder().credentials_provider(once).build())
}

/// A profile that is named on the command line comes before the keys of the environment, as in the AWS CLI:
/// whoever names it means the account of the profile.
fn of_profile(profile: &str, config: &SdkConfig) -> ProfileFileCredentialsProvider {
    let region = ProviderConfig::without_region().with_region(config.region().cloned());
    ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&region).build()
}

/// The Region that is called.
pub(crate) fn region(config: &SdkConfig) -> &str {
    config.region().map_or("", AsRef::as_ref)
}

/// A Region is a part of the name of a host.
pub(crate) fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The ARN of the caller.
pub(crate) async fn caller(config: &SdkConfig) -> Result<String> {
    let answer = aws_sdk_sts::Client::new(config)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| Failed::of("GetCallerIdentity", &error))?;
    answer.arn.context("GetCallerIdentity: no ARN in the answer")
}

/// The account of the credentials, 12 digits.
pub(crate) async fn number(config: &SdkConfig) -> Result<String> {
    let caller = caller(config).await?;
    let arn = Arn::parse(&caller).ok().context("GetCallerIdentity: no ARN in the answer")?;
    Ok(arn.account.to_owned())
}

/// The table of the stack's moves.
pub(crate) fn moves(config: &SdkConfig, common: &Common) -> Table {
    Table::new(aws_sdk_dynamodb::Client::new(config), format!("{}-moves", common.stack))
}

/// What the stack remembers of findings. A person waits for it as for any other call.
pub(crate) fn ledger(config: &SdkConfig, common: &Common) -> Ledger {
    Ledger::new(aws_sdk_dynamodb::Client::new(config), format!("{}-ledger", common.stack))
}

/// What an error of the table of moves means, where it means that there is none.
pub(crate) fn no_table(error: anyhow::Error, config: &SdkConfig, common: &Common) -> anyhow::Error {
    missing(error, config, &format!("{}-moves", common.stack), "has MoveCaches=no")
}

/// The same for the ledger.
pub(crate) fn no_ledger(
    error: anyhow::Error,
    config: &SdkConfig,
    common: &Common,
) -> anyhow::Error {
    missing(error, config, &format!("{}-ledger", common.stack), "is of a version without a ledger")
}

fn missing(error: anyhow::Error, config: &SdkConfig, table: &str, stack: &str) -> anyhow::Error {
    let failed = error.chain().find_map(|cause| cause.downcast_ref::<Failed>());
    if failed.and_then(Failed::code) != Some("ResourceNotFoundException") {
        return error;
    }
    advice(
        format!(
            "there is no table {table} in {}: the stack {stack}, or is not there",
            region(config)
        ),
        "give the name of the stack (--stack NAME), its Region (--region) or its account (--profile)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_part_of_a_hosts_name() {
        assert!(is_region("eu-west-1") && is_region("us-gov-east-1"));
        for odd in ["", "eu-west-1.evil.example", "eu/west", "EU-WEST-1", "a b"] {
            assert!(!is_region(odd), "{odd}");
        }
    }
}
