//! Caches that an earlier run of a move of this very cache made.

use aws_sdk_elasticache::Client;
use futures_util::future::try_join_all;
use portcullis_recreation::recover::recover;
use portcullis_recreation::replacement;
use portcullis_recreation::{document, marks};
use serde_json::{Value, json};

use crate::answer::Part;
use crate::caches::{Chosen, Listed, tags};
use crate::error::LookError;

/// A cache with the id that the planner gives to a replacement.
struct Candidate<'a> {
    id: &'a str,
    arn: Option<&'a str>,
    status: Option<&'a str>,
    port: Option<u16>,
}

/// The candidates whose tags say that they are made of this cache. Only those are asked for tags: to
/// read the tags of every cache of the Region would be a call for each.
pub(crate) async fn earlier(
    elasticache: &Client,
    listed: &Listed,
    chosen: &Chosen<'_>,
) -> Result<Part, LookError> {
    let port = planned_from(listed, chosen);
    let others = candidates(listed, chosen).into_iter().filter(|other| {
        let of_id = other.id.rsplit_once('-').and_then(|(_, port)| port.parse().ok());
        let planned = |to| replacement::id(chosen.id(), Some(port), to) == other.id;
        other.port.or(of_id).is_some_and(planned)
    });
    let found: Value = try_join_all(others.map(|other| async move {
        let tags = tags(elasticache, other.arn, other.status).await?.unwrap_or_default();
        let own = tags.iter().any(|tag| {
            tag["Key"].as_str().is_some_and(|key| key.eq_ignore_ascii_case(marks::RECREATED_FROM))
                && tag["Value"].as_str() == chosen.arn()
        });
        Ok::<_, LookError>(own.then(
            || json!({"Id": other.id, "Port": other.port, "Status": other.status, "TagList": tags}),
        ))
    }))
    .await?
    .into_iter()
    .flatten()
    .collect();
    Ok([("Replacements".to_owned(), found)].into_iter().collect())
}

/// The port that the planner takes the cache to listen on; 0 if none is shown.
fn planned_from(listed: &Listed, chosen: &Chosen<'_>) -> u16 {
    let lists = Value::Object(listed.document(chosen)).to_string();
    document::read(&lists, Some(chosen.id())).map_or(0, |facts| recover(&facts).request.port)
}

/// Every other cache: a group with the port of its members, or a cluster of its own.
fn candidates<'a>(listed: &'a Listed, chosen: &Chosen<'_>) -> Vec<Candidate<'a>> {
    let groups = listed.groups.iter().map(|group| Candidate {
        id: group.replication_group_id().unwrap_or_default(),
        arn: group.arn(),
        status: group.status(),
        port: listed.clusters.iter().filter(|c| crate::caches::is_member(c, group)).find_map(port),
    });
    let lone = listed.clusters.iter().filter(|cluster| cluster.replication_group_id().is_none());
    let clusters = lone.map(|cluster| Candidate {
        id: cluster.cache_cluster_id().unwrap_or_default(),
        arn: cluster.arn(),
        status: cluster.cache_cluster_status(),
        port: port(cluster),
    });
    groups.chain(clusters).filter(|other| other.id != chosen.id()).collect()
}

/// It is shown once the cache was made.
fn port(cluster: &aws_sdk_elasticache::types::CacheCluster) -> Option<u16> {
    let nodes = cluster.cache_nodes().iter().filter_map(|node| node.endpoint());
    let mut endpoints = cluster.configuration_endpoint().into_iter().chain(nodes);
    endpoints.find_map(|endpoint| u16::try_from(endpoint.port()?).ok())
}
