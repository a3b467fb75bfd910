//! ElastiCache: clusters, replication groups and serverless caches, by name.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::config::retry::RetryConfig;
use aws_sdk_elasticache::operation::describe_cache_clusters::{
    DescribeCacheClustersInput, DescribeCacheClustersOutput,
};
use aws_sdk_elasticache::operation::describe_cache_subnet_groups::{
    DescribeCacheSubnetGroupsInput, DescribeCacheSubnetGroupsOutput,
};
use aws_sdk_elasticache::operation::describe_replication_groups::{
    DescribeReplicationGroupsInput, DescribeReplicationGroupsOutput,
};
use aws_sdk_elasticache::operation::describe_serverless_caches::{
    DescribeServerlessCachesInput, DescribeServerlessCachesOutput,
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::{Account, State};

impl Account {
    pub(crate) fn elasticache(&self) -> Client {
        let script = [
            self.on(
                "DescribeCacheClusters",
                mock!(Client::describe_cache_clusters),
                |input| vec![input.cache_cluster_id.clone()],
                clusters,
            ),
            self.on(
                "DescribeReplicationGroups",
                mock!(Client::describe_replication_groups),
                |input| vec![input.replication_group_id.clone()],
                groups,
            ),
            self.on(
                "DescribeServerlessCaches",
                mock!(Client::describe_serverless_caches),
                |input| vec![input.serverless_cache_name.clone()],
                serverless,
            ),
            self.on(
                "DescribeCacheSubnetGroups",
                mock!(Client::describe_cache_subnet_groups),
                |input| vec![input.cache_subnet_group_name.clone()],
                subnet_groups,
            ),
        ];
        mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, &script, |config| config
            .retry_config(RetryConfig::disabled()))
    }
}

/// Nodes are shown to those only who ask for them (API reference, `ShowCacheNodeInfo`).
fn clusters(
    state: &mut State,
    input: &DescribeCacheClustersInput,
) -> Result<DescribeCacheClustersOutput, &'static str> {
    let id = input.cache_cluster_id().expect("one cluster is asked for");
    let shown = state.looked(id);
    let mut found = state
        .clusters
        .iter()
        .find(|cluster| cluster.cache_cluster_id() == Some(id))
        .filter(|_| shown)
        .ok_or("CacheClusterNotFound")?
        .clone();
    if input.show_cache_node_info() != Some(true) {
        found.cache_nodes = None;
    }
    Ok(DescribeCacheClustersOutput::builder().cache_clusters(found).build())
}

fn groups(
    state: &mut State,
    input: &DescribeReplicationGroupsInput,
) -> Result<DescribeReplicationGroupsOutput, &'static str> {
    let id = input.replication_group_id().expect("one group is asked for");
    let shown = state.looked(id);
    let mut found = state.replication_groups.iter();
    let found = found
        .find(|group| group.replication_group_id() == Some(id))
        .filter(|_| shown)
        .ok_or("ReplicationGroupNotFoundFault")?
        .clone();
    Ok(DescribeReplicationGroupsOutput::builder().replication_groups(found).build())
}

fn serverless(
    state: &mut State,
    input: &DescribeServerlessCachesInput,
) -> Result<DescribeServerlessCachesOutput, &'static str> {
    let name = input.serverless_cache_name().expect("one cache is asked for");
    let shown = state.looked(name);
    let mut found = state.serverless.iter();
    let found = found
        .find(|cache| cache.serverless_cache_name() == Some(name))
        .filter(|_| shown)
        .ok_or("ServerlessCacheNotFoundFault")?
        .clone();
    Ok(DescribeServerlessCachesOutput::builder().serverless_caches(found).build())
}

fn subnet_groups(
    state: &mut State,
    input: &DescribeCacheSubnetGroupsInput,
) -> Result<DescribeCacheSubnetGroupsOutput, &'static str> {
    let name = input.cache_subnet_group_name().expect("one group is asked for");
    let mut found = state.subnet_groups.iter();
    let found = found
        .find(|group| group.cache_subnet_group_name() == Some(name))
        .ok_or("CacheSubnetGroupNotFoundFault")?
        .clone();
    Ok(DescribeCacheSubnetGroupsOutput::builder().cache_subnet_groups(found).build())
}
