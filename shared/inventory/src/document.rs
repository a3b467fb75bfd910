//! Looking at one cache, with everything around it that a plan is made from, as one JSON document in the
//! AWS CLI's own shapes: what [`portcullis_plan::document::read`] reads. So it can be stored, printed,
//! and planned from again.
//!
//! INVARIANT: only calls that read. Describe never shows an AUTH token, so none is in the document.

mod around;
mod caches;
mod network;
mod replacements;
mod shapes;
mod usage;
mod which;

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use futures_util::future::{try_join3, try_join4};
use serde_json::{Map, Value, json};

use crate::clients;
use crate::error::{DENIED, Failed, code};
use caches::Listed;
pub use usage::usage;
use which::Wanted;

/// The clients that look at a cache, all of one account and Region.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each client is of the service that it is named for")]
pub struct Clients {
    pub ec2: aws_sdk_ec2::Client,
    pub elasticache: aws_sdk_elasticache::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub scaling: aws_sdk_applicationautoscaling::Client,
}

impl Clients {
    /// Makes them.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: clients::ec2(config),
            elasticache: clients::elasticache(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            scaling: aws_sdk_applicationautoscaling::Client::new(config),
        }
    }

    fn region(&self) -> &str {
        self.elasticache.config().region().map_or("", AsRef::as_ref)
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no such cache, neither a group nor a cluster.
    #[error("there is no cache `{}` in {region}{}", .cache.escape_default(), of_account(.account.as_deref()))]
    NotFound {
        /// The id or the ARN that was looked for.
        cache: String,
        /// Where.
        region: String,
        /// The account, if anything in it shows which it is.
        account: Option<String>,
    },
    /// It is a serverless cache.
    #[error("`{0}` is a serverless cache: it has no port setting, so it cannot move")]
    Serverless(String),
    /// The ARN is of another Region.
    #[error("the cache is in {}, and {looked} is looked at", .of.escape_default())]
    OtherRegion {
        /// That of the ARN.
        of: String,
        /// That of the clients.
        looked: String,
    },
    /// The ARN is of another account.
    #[error("the cache is of account {}, and the credentials are of account {looked}", .of.escape_default())]
    OtherAccount {
        /// That of the ARN.
        of: String,
        /// That of the clients.
        looked: String,
    },
    /// The ARN is of something else.
    #[error("`{}` is not the ARN of a replication group or a cache cluster", .0.escape_default())]
    NotACache(String),
    /// It could not be looked at.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

fn of_account(account: Option<&str>) -> String {
    account.map(|account| format!(" of account {account}")).unwrap_or_default()
}

/// Everything that a plan for the cache with this id or ARN needs. A member of a replication group leads
/// to its group: `Cache` in the document is the ARN of what moves.
///
/// What only tells more, and may not be read, is left out: the plan then says that it is not known.
///
/// # Errors
///
/// If there is no such cache, or it is serverless, or a call failed that the plan cannot do without:
/// the error names it.
pub async fn document(clients: &Clients, cache: &str) -> Result<Value, LookError> {
    let region = clients.region();
    let wanted = Wanted::parse(cache, region)?;
    let listed = Listed::read(&clients.elasticache).await?;
    wanted.is_of(listed.account())?;
    let Some(chosen) = listed.find(&wanted.id) else {
        if wanted.is_serverless(&clients.elasticache).await? {
            return Err(LookError::Serverless(wanted.id));
        }
        let account = listed.account().map(str::to_owned);
        return Err(LookError::NotFound {
            cache: cache.to_owned(),
            region: region.to_owned(),
            account,
        });
    };
    let mut document = listed.document(&chosen);
    document.insert("Cache".to_owned(), json!(chosen.arn().unwrap_or(chosen.id())));
    let (own, network, around, replacements) = try_join4(
        own(clients, &chosen),
        network::network(&clients.ec2, chosen.security_groups()),
        around::around(clients, &chosen),
        replacements::replacements(&clients.elasticache, &listed, &chosen),
    )
    .await?;
    for part in [own, network, around, replacements] {
        document.extend(part);
    }
    Ok(shapes::without_nulls(Value::Object(document)))
}

/// What ElastiCache shows of the cache beside its Describe.
async fn own(clients: &Clients, chosen: &caches::Chosen<'_>) -> Result<Part, LookError> {
    let elasticache = &clients.elasticache;
    let (tags, subnet_group, snapshots) = try_join3(
        caches::tags(elasticache, chosen.arn(), chosen.status()),
        subnet_group(clients, chosen),
        caches::snapshots(elasticache, chosen),
    )
    .await?;
    let mut part = subnet_group;
    part.extend([("TagList".to_owned(), json!(tags)), ("Snapshots".to_owned(), json!(snapshots))]);
    Ok(part)
}

/// The subnet group, and how many addresses are free in its subnets.
async fn subnet_group(clients: &Clients, chosen: &caches::Chosen<'_>) -> Result<Part, LookError> {
    let Some(name) = chosen.subnet_group() else { return Ok(Part::new()) };
    let group = caches::subnet_group(&clients.elasticache, name).await?;
    let ids = group.iter().flat_map(|group| group.subnets());
    let ids = ids.filter_map(|subnet| subnet.subnet_identifier.clone()).collect();
    let subnets = network::subnets(&clients.ec2, ids).await?;
    let groups: Vec<Value> = group.iter().map(shapes::subnet_group).collect();
    Ok([("CacheSubnetGroups".to_owned(), json!(groups)), ("Subnets".to_owned(), json!(subnets))]
        .into_iter()
        .collect())
}

/// A part of the document: lists by their names.
type Part = Map<String, Value>;

/// An answer that the plan cannot do without.
fn needed<T, E, R>(call: &str, answer: Result<T, SdkError<E, R>>) -> Result<T, LookError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug,
{
    answer.map_err(|error| LookError::Other(Failed::of(call, &error).into()))
}

/// An answer that only tells more: without the right to it, there is none.
fn optional<T, E, R>(call: &str, answer: Result<T, SdkError<E, R>>) -> Result<Option<T>, LookError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error).is_some_and(|code| DENIED.contains(&code)) => {
            left_out(&Failed::of(call, &error));
            Ok(None)
        }
        error @ Err(_) => needed(call, error).map(Some),
    }
}

/// A part of the document that could not be read, and that the plan can do without.
fn left_out(failed: &Failed) {
    tracing::warn!(error = failed as &dyn std::error::Error, "left out of the document");
}

#[cfg(test)]
mod tests;
