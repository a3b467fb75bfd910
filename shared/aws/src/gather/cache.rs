//! A cache: its settings, its endpoints, and the rules of its security groups.

use anyhow::{Context, Result};
use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{
    CacheCluster, ConnectionType, Endpoint, ReplicationGroup, ServerlessCache,
    TransitEncryptionMode,
};
use portcullis_engine::case::CacheShown;
use portcullis_engine::facts::{
    CacheFacts, CacheGroups, CacheKind, CacheNetwork, Connection, Engine, EngineVersion,
    PendingChange, Subnets,
};

use crate::error::code;

/// A cache; `None` if it is not shown.
pub(super) async fn cache(
    elasticache: &Client,
    kind: CacheKind,
    id: &str,
) -> Result<Option<CacheShown>> {
    Ok(match kind {
        CacheKind::ReplicationGroup => replication_group(elasticache, id).await?,
        CacheKind::CacheCluster => cluster(elasticache, id).await?.as_ref().map(of_cluster),
        CacheKind::ServerlessCache => serverless(elasticache, id).await?,
    })
}

fn shown(mut facts: CacheFacts, groups: Vec<String>) -> CacheShown {
    if facts.kind != CacheKind::ServerlessCache && facts.network.subnet_group.is_none() {
        let why = "ElastiCache does not show its subnet group (yet)";
        facts.network.subnets = Subnets::Unknown(why.to_owned());
    }
    CacheShown { facts, groups }
}

fn facts(
    kind: CacheKind,
    id: &str,
    arn: Option<&str>,
    engine: Option<&str>,
    status: Option<&str>,
) -> CacheFacts {
    CacheFacts {
        kind,
        id: id.to_owned(),
        arn: arn.map(str::to_owned),
        engine: engine.map(Engine::parse),
        version: None,
        status: status.unwrap_or("unknown").to_owned(),
        member_of: None,
        ports: Vec::new(),
        transit_encryption: None,
        plaintext_too: false,
        authentication: None,
        pending: PendingChange::default(),
        members: Vec::new(),
        groups: CacheGroups::Unknown(
            "ElastiCache does not show its security groups (yet)".to_owned(),
        ),
        network: CacheNetwork::default(),
    }
}

async fn replication_group(elasticache: &Client, id: &str) -> Result<Option<CacheShown>> {
    let answer =
        match elasticache.describe_replication_groups().replication_group_id(id).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("ReplicationGroupNotFoundFault") => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("reading replication group {id}"));
            }
        };
    let Some(group) = answer.replication_groups().first() else { return Ok(None) };
    // Version, security groups and subnets are shown by members only.
    let member = match group.member_clusters().first() {
        Some(member) => cluster(elasticache, member).await?,
        None => None,
    };
    Ok(Some(of_group(group, member.as_ref())))
}

/// A replication group as ElastiCache shows it and one of its members.
pub fn of_group(group: &ReplicationGroup, member: Option<&CacheCluster>) -> CacheShown {
    let id = group.replication_group_id().unwrap_or_default();
    let (arn, engine, status) = (group.arn(), group.engine(), group.status());
    let mut facts = facts(CacheKind::ReplicationGroup, id, arn, engine, status);
    facts.ports = group_ports(group);
    facts.transit_encryption = group.transit_encryption_enabled();
    facts.authentication =
        authenticates(group.auth_token_enabled(), !group.user_group_ids().is_empty());
    facts.plaintext_too = is_preferred(group.transit_encryption_mode());
    facts.pending = pending_of_group(group);
    facts.members = group.member_clusters().to_vec();
    let Some(member) = member else { return shown(facts, Vec::new()) };
    if facts.ports.is_empty() {
        facts.ports = cluster_ports(member);
    }
    facts.engine = facts.engine.or_else(|| member.engine().map(Engine::parse));
    facts.version = member.engine_version().map(EngineVersion::new);
    facts.network.subnet_group = member.cache_subnet_group_name().map(str::to_owned);
    shown(facts, security_groups(member))
}

fn pending_of_group(group: &ReplicationGroup) -> PendingChange {
    let Some(values) = group.pending_modified_values() else { return PendingChange::default() };
    let users_after = values.user_groups().map(|change| {
        let goes = |id: &String| change.user_group_ids_to_remove().contains(id);
        !change.user_group_ids_to_add().is_empty() || !group.user_group_ids().iter().all(goes)
    });
    PendingChange::new(
        values.transit_encryption_enabled(),
        values.auth_token_status().is_some(),
        users_after,
        group.auth_token_enabled(),
    )
}

/// In cluster mode the configuration endpoint, else the primary endpoints. Absent while creating.
fn group_ports(group: &ReplicationGroup) -> Vec<u16> {
    let nodes = group.node_groups().iter();
    let primary = nodes.filter_map(|node| node.primary_endpoint().or(node.reader_endpoint()));
    ports(group.configuration_endpoint().into_iter().chain(primary))
}

async fn cluster(elasticache: &Client, id: &str) -> Result<Option<CacheCluster>> {
    let request =
        elasticache.describe_cache_clusters().cache_cluster_id(id).show_cache_node_info(true);
    match request.send().await {
        Ok(answer) => Ok(answer.cache_clusters.unwrap_or_default().into_iter().next()),
        Err(error) if code(&error) == Some("CacheClusterNotFound") => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading cache cluster {id}")),
    }
}

/// A cluster as ElastiCache shows it with its nodes.
pub fn of_cluster(cluster: &CacheCluster) -> CacheShown {
    let id = cluster.cache_cluster_id().unwrap_or_default();
    let (arn, engine, status) = (cluster.arn(), cluster.engine(), cluster.cache_cluster_status());
    let mut facts = facts(CacheKind::CacheCluster, id, arn, engine, status);
    facts.member_of = cluster.replication_group_id().map(str::to_owned);
    facts.ports = cluster_ports(cluster);
    facts.transit_encryption = cluster.transit_encryption_enabled();
    facts.authentication = authenticates(cluster.auth_token_enabled(), false);
    facts.version = cluster.engine_version().map(EngineVersion::new);
    facts.plaintext_too = is_preferred(cluster.transit_encryption_mode());
    if let Some(values) = cluster.pending_modified_values() {
        let sets_token = values.auth_token_status().is_some();
        let transit = values.transit_encryption_enabled();
        facts.pending = PendingChange::new(transit, sets_token, None, None);
    }
    facts.network.subnet_group = cluster.cache_subnet_group_name().map(str::to_owned);
    shown(facts, security_groups(cluster))
}

/// Memcached has a configuration endpoint; a node of Redis or Valkey only its own.
fn cluster_ports(cluster: &CacheCluster) -> Vec<u16> {
    let nodes = cluster.cache_nodes().iter().filter_map(|node| node.endpoint());
    ports(cluster.configuration_endpoint().into_iter().chain(nodes))
}

fn security_groups(cluster: &CacheCluster) -> Vec<String> {
    cluster
        .security_groups()
        .iter()
        .filter_map(|group| group.security_group_id().map(str::to_owned))
        .collect()
}

async fn serverless(elasticache: &Client, name: &str) -> Result<Option<CacheShown>> {
    let answer =
        match elasticache.describe_serverless_caches().serverless_cache_name(name).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("ServerlessCacheNotFoundFault") => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("reading serverless cache {name}"));
            }
        };
    Ok(answer.serverless_caches().first().map(of_serverless))
}

/// A serverless cache as ElastiCache shows it.
pub fn of_serverless(cache: &ServerlessCache) -> CacheShown {
    let name = cache.serverless_cache_name().unwrap_or_default();
    let mut facts =
        facts(CacheKind::ServerlessCache, name, cache.arn(), cache.engine(), cache.status());
    facts.ports = ports(cache.endpoint().into_iter().chain(cache.reader_endpoint()));
    facts.transit_encryption = Some(true);
    facts.authentication = Some(cache.user_group_id().is_some());
    facts.network.connection = match cache.connection_type() {
        // What was made before there was a choice lies in a VPC (API reference, ServerlessCache).
        None | Some(ConnectionType::Vpc) => Connection::Vpc,
        Some(ConnectionType::Public) => Connection::Public,
        Some(other) => {
            let other = other.as_str().escape_default();
            Connection::Unknown(format!("its connection type is `{other}`"))
        }
    };
    // A public endpoint lies in no VPC and has no group; IAM authentication is required there.
    if facts.network.connection == Connection::Public {
        facts.groups = CacheGroups::Read(Vec::new());
        facts.authentication = Some(true);
    }
    shown(facts, cache.security_group_ids().to_vec())
}

fn is_preferred(mode: Option<&TransitEncryptionMode>) -> bool {
    mode == Some(&TransitEncryptionMode::Preferred)
}

fn authenticates(auth_token: Option<bool>, user_groups: bool) -> Option<bool> {
    if user_groups { Some(true) } else { auth_token }
}

fn ports<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<u16> {
    let mut ports: Vec<u16> = endpoints
        .filter_map(|endpoint| u16::try_from(endpoint.port()?).ok())
        .filter(|port| *port != 0)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests;
