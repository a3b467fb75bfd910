//! Where each kind of cache shows its port.

use aws_sdk_elasticache::types::{CacheNode, NodeGroup};

use super::*;

async fn ports_of_group(change: impl FnOnce(&mut ReplicationGroup)) -> Vec<u16> {
    looked(&with_group(group_but(change)), CacheKind::ReplicationGroup, "c").await.ports
}

async fn ports_of_cluster(change: impl FnOnce(&mut CacheCluster)) -> Vec<u16> {
    let account = with_security_groups();
    account.now().clusters = vec![cluster_but("m", change)];
    looked(&account, CacheKind::CacheCluster, "m").await.ports
}

fn nodes(ports: &[i32]) -> Option<Vec<CacheNode>> {
    let node = |port: &i32| CacheNode::builder().endpoint(endpoint(*port)).build();
    Some(ports.iter().map(node).collect())
}

fn node_group(primary: Option<i32>, reader: Option<i32>) -> NodeGroup {
    NodeGroup::builder()
        .set_primary_endpoint(primary.map(endpoint))
        .set_reader_endpoint(reader.map(endpoint))
        .build()
}

#[tokio::test(start_paused = true)]
async fn in_cluster_mode_the_port_is_the_configuration_endpoint_s() {
    let shards = vec![node_group(None, None), node_group(None, None)];
    let ports = ports_of_group(|group| {
        group.configuration_endpoint = Some(endpoint(7001));
        group.cluster_enabled = Some(true);
        group.node_groups = Some(shards);
    });
    assert_eq!(ports.await, [7001]);
}

#[tokio::test(start_paused = true)]
async fn without_cluster_mode_the_port_is_the_primary_endpoint_s() {
    let ports = ports_of_group(|group| {
        group.node_groups = Some(vec![node_group(Some(7002), Some(7002))]);
    });
    assert_eq!(ports.await, [7002]);
}

#[tokio::test(start_paused = true)]
async fn a_group_without_a_primary_shows_its_reader_s_port() {
    let ports = ports_of_group(|group| {
        group.node_groups = Some(vec![node_group(None, Some(7003))]);
    });
    assert_eq!(ports.await, [7003]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_shows_no_endpoint_has_the_port_of_its_member() {
    let account = with_group(group_but(|_| {}));
    account.now().clusters[0].cache_nodes = nodes(&[7004]);
    assert_eq!(looked(&account, CacheKind::ReplicationGroup, "c").await.ports, [7004]);
}

#[tokio::test(start_paused = true)]
async fn memcached_shows_its_port_at_the_configuration_endpoint() {
    let ports = ports_of_cluster(|cluster| {
        cluster.configuration_endpoint = Some(endpoint(11211));
        cluster.cache_nodes = nodes(&[11211, 11211]);
    });
    assert_eq!(ports.await, [11211]);
}

/// Which ElastiCache shows only to those who ask for nodes.
#[tokio::test(start_paused = true)]
async fn a_single_node_shows_its_port_at_the_node() {
    let ports = ports_of_cluster(|cluster| cluster.cache_nodes = nodes(&[7005]));
    assert_eq!(ports.await, [7005]);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_being_made_has_no_port_yet_and_is_there_all_the_same() {
    let creating = "creating".to_owned();
    let account = with_security_groups();
    account.now().clusters = vec![cluster_but("m", |cluster| {
        cluster.cache_cluster_status = Some(creating.clone());
        cluster.cache_nodes = Some(vec![CacheNode::builder().build()]);
    })];
    let facts = looked(&account, CacheKind::CacheCluster, "m").await;
    assert_eq!((facts.ports, facts.status), (Vec::new(), creating.clone()));
    let account = with_group(group_but(|group| group.status = Some(creating.clone())));
    let facts = looked(&account, CacheKind::ReplicationGroup, "c").await;
    assert_eq!((facts.ports, facts.status), (Vec::new(), creating));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_with_port_zero_is_no_port() {
    let ports = ports_of_cluster(|cluster| cluster.configuration_endpoint = Some(endpoint(0)));
    assert!(ports.await.is_empty());
}
