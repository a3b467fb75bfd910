//! The document of one cache.

use futures_util::future::{try_join3, try_join4};
use portcullis_recreation::document::without_nulls;
use serde_json::{Value, json};

use crate::answer::Part;
use crate::caches::{self, Listed};
use crate::clients::Clients;
use crate::error::LookError;
use crate::which::Wanted;
use crate::{around, earlier, network, shapes};

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
    let (own, network, around, earlier) = try_join4(
        own(clients, &chosen),
        network::network(&clients.ec2, chosen.security_groups()),
        around::around(clients, &chosen),
        earlier::earlier(&clients.elasticache, &listed, &chosen),
    )
    .await?;
    for part in [own, network, around, earlier] {
        document.extend(part);
    }
    Ok(without_nulls(Value::Object(document)))
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
    let ids = group
        .iter()
        .flat_map(|group| group.subnets())
        .filter_map(|subnet| subnet.subnet_identifier.clone())
        .collect();
    let subnets = network::subnets(&clients.ec2, ids).await?;
    let groups: Vec<Value> = group.iter().map(shapes::subnet_group).collect();
    Ok([("CacheSubnetGroups".to_owned(), json!(groups)), ("Subnets".to_owned(), json!(subnets))]
        .into_iter()
        .collect())
}
