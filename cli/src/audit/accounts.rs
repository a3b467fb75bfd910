//! Whom an audit is about: accounts and their Regions.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_organizations::types::{AccountState, AccountStatus};
use aws_sdk_sts::config::{ProvideCredentials, SharedCredentialsProvider};
use portcullis_audit::{Unknown, unknown};
use portcullis_aws::error::{DENIED, Failed};
use portcullis_engine::arn::Arn;
use portcullis_engine::scan::{NotRead, right};

use super::arguments::Arguments;
use crate::account;
use crate::advice::advice;
use crate::common::Common;

/// How a session is named, so that CloudTrail shows whose it was.
const SESSION: &str = "portcullis-audit";

/// An account, and how far it can be looked at.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: String,
    /// Its name in the organization, if that was asked.
    pub(super) name: Option<String>,
    /// `None` if its role could not be assumed.
    pub(super) config: Option<SdkConfig>,
    /// That of the configuration first.
    pub(super) regions: Vec<String>,
    pub(super) unknown: Option<Unknown>,
}

/// The caller, and the accounts in the order in which they were given. An account whose role cannot be assumed is
/// unknown, and not the end.
pub(super) async fn of(arguments: &Arguments, common: &Common) -> Result<(String, Vec<Account>)> {
    for id in &arguments.accounts {
        if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            let id = id.escape_default();
            let help = "give account ids of 12 digits, separated by commas";
            return Err(advice(format!("`{id}` is not the id of an account"), help));
        }
    }
    for region in &arguments.regions {
        if !account::is_region(region) {
            let region = region.escape_default();
            let help = "give Regions as AWS writes them, such as eu-west-1, separated by commas";
            return Err(advice(format!("`{region}` is not a Region"), help));
        }
    }
    let config = account::config(common, None).await?;
    let caller = account::caller(&config).await?;
    let arn = Arn::parse(&caller).ok().context("GetCallerIdentity: no ARN in the answer")?;
    let known: Vec<(String, Option<String>)> = if arguments.organization {
        of_organization(&config).await?
    } else if arguments.accounts.is_empty() {
        vec![(arn.account.to_owned(), None)]
    } else {
        arguments.accounts.iter().map(|id| (id.clone(), None)).collect()
    };
    let mut accounts = Vec::new();
    for (id, name) in known {
        let role = arguments.role_name.as_ref().filter(|_| id != arn.account);
        let role = role.map(|name| {
            let (account, resource) = (id.as_str(), format!("role/{name}"));
            let resource = resource.as_str();
            Arn { service: "iam", region: "", account, resource, ..arn }.to_string()
        });
        let account = match role {
            None => with_regions(id, config.clone(), arguments).await,
            Some(role) => match assume(&config, &role, arguments.external_id.as_deref()).await {
                Ok(assumed) => with_regions(id, assumed, arguments).await,
                Err(error) => {
                    let right = Some(right("AssumeRole"));
                    let not_read = not_read("AssumeRole", error, right);
                    let unknown = Some(unknown(&id, None, &not_read));
                    Account { id, name: None, config: None, regions: Vec::new(), unknown }
                }
            },
        };
        accounts.push(Account { name, ..account });
    }
    Ok((caller, accounts))
}

/// With the credentials of a role, which are renewed when they end: an hour is the most where roles are chained.
async fn assume(
    config: &SdkConfig,
    role: &str,
    external_id: Option<&str>,
) -> Result<SdkConfig, String> {
    let mut provider = AssumeRoleProvider::builder(role).session_name(SESSION).configure(config);
    if let Some(id) = external_id {
        provider = provider.external_id(id);
    }
    let provider = provider.build().await;
    provider.provide_credentials().await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{role} cannot be assumed: {error}{}", cause.unwrap_or_default())
    })?;
    let provider = SharedCredentialsProvider::new(provider);
    Ok(config.to_builder().credentials_provider(provider).build())
}

async fn with_regions(id: String, config: SdkConfig, arguments: &Arguments) -> Account {
    let own = account::region(&config).to_owned();
    let (mut regions, mut refused) = (arguments.regions.clone(), None);
    if regions.is_empty() {
        match enabled(&config).await {
            Ok(found) => regions = found,
            Err(failed) => {
                let is_denied = failed.code().is_some_and(|code| DENIED.contains(&code));
                let right = is_denied.then(|| right("DescribeRegions"));
                let not_read = not_read("DescribeRegions", failed.to_string(), right);
                (regions, refused) = (vec![own.clone()], Some(unknown(&id, None, &not_read)));
            }
        }
    }
    regions.sort();
    regions.dedup();
    regions.sort_by_key(|region| *region != own);
    Account { id, name: None, config: Some(config), regions, unknown: refused }
}

/// The accounts that are active, each with its name.
async fn of_organization(config: &SdkConfig) -> Result<Vec<(String, Option<String>)>> {
    let organizations = aws_sdk_organizations::Client::new(config);
    let mut pages = organizations.list_accounts().into_paginator().send();
    let mut accounts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            let failed = Failed::of("ListAccounts", &error);
            advice(
                format!("the accounts of the organization cannot be listed: {failed}"),
                "use credentials of the management account or of a delegated administrator with \
                 organizations:ListAccounts, or name the accounts with --accounts",
            )
        })?;
        for account in page.accounts.unwrap_or_default() {
            let is_active = account.state == Some(AccountState::Active)
                || account.status == Some(AccountStatus::Active);
            if let Some(id) = account.id.filter(|_| is_active) {
                accounts.push((id, account.name));
            }
        }
    }
    accounts.sort();
    Ok(accounts)
}

async fn enabled(config: &SdkConfig) -> Result<Vec<String>, Failed> {
    let ec2 = aws_sdk_ec2::Client::new(config);
    let answer = ec2.describe_regions().send().await;
    let answer = answer.map_err(|error| Failed::of("DescribeRegions", &error))?;
    let regions = answer.regions.unwrap_or_default().into_iter();
    Ok(regions.filter_map(|region| region.region_name).collect())
}

fn not_read(call: &str, error: String, right: Option<String>) -> NotRead {
    NotRead { call: call.to_owned(), error, right, count: 1 }
}
