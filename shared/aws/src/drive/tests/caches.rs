//! Events about caches, from look to tell.

use aws_sdk_ec2::types::{Route, RouteTable, RouteTableAssociation};
use aws_sdk_elasticache::types::{
    CacheCluster, CacheSubnetGroup, Endpoint, SecurityGroupMembership, Subnet,
};
use portcullis_engine::event::CacheLead;
use portcullis_engine::facts::CacheKind;

use super::*;
use crate::scripted::interface;

/// The event of a Memcached cluster that was made.
pub(super) fn event_of(id: &str) -> Event {
    event_on(Lead::Cache(CacheLead {
        kind: CacheKind::CacheCluster,
        id: id.to_owned(),
        engine: Some("memcached".to_owned()),
        port: None,
        inherits: None,
        security_groups: Vec::new(),
        tags: Vec::new(),
        altered: None,
    }))
}

/// An account with the Memcached cluster `m` on this port, encrypted, behind `sg-1`.
pub(super) fn with_cache(
    port: i32,
    rules: impl IntoIterator<Item = aws_sdk_ec2::types::SecurityGroupRule>,
) -> Account {
    let group = SecurityGroupMembership::builder().security_group_id(GROUP).build();
    let endpoint = Endpoint::builder().address("m.invalid").port(port).build();
    let cluster = CacheCluster::builder()
        .cache_cluster_id("m")
        .cache_cluster_status("available")
        .engine("memcached")
        .configuration_endpoint(endpoint)
        .transit_encryption_enabled(true)
        .cache_subnet_group_name("caches")
        .security_groups(group);
    let account = Account::new().with(GROUP, rules);
    account.now().clusters = vec![cluster.build()];
    in_private_subnets(&account);
    account
}

/// The subnet group `caches`, of one subnet with the main table of its VPC, which leads nowhere.
fn in_private_subnets(account: &Account) {
    let subnet = Subnet::builder().subnet_identifier("subnet-1").build();
    let group = CacheSubnetGroup::builder().cache_subnet_group_name("caches").vpc_id("vpc-1");
    let main = RouteTableAssociation::builder().main(true).build();
    let table = RouteTable::builder().route_table_id("rtb-1").vpc_id("vpc-1").associations(main);
    let mut state = account.now();
    state.subnet_groups = vec![group.subnets(subnet).build()];
    state.route_tables = vec![table.build()];
}

async fn made(account: &Account) -> Result<Summary> {
    cache(&account.shell(Mode::Enforce), &event_of("m")).await
}

pub(super) fn of_cache(id: &str) -> aws_sdk_ec2::types::NetworkInterface {
    let mut interface = interface(id, GROUP);
    interface.requester_id = Some("amazon-elasticache".to_owned());
    interface
}

#[tokio::test(start_paused = true)]
async fn a_compliant_cache_is_silent_and_nothing_around_it_is_read() {
    let account = with_cache(7001, [rule("sgr-1", WORLD)]);
    let ended = made(&account).await.unwrap();
    assert_eq!(ended, Summary("clean cache-cluster m".to_owned()));
    // The subnets take two calls, beside the rules: a cache is making for minutes, so that the round trip
    // more delays nothing that can be reached.
    let mut calls = account.calls();
    calls.sort_unstable();
    let expected = [
        "BatchGetItem",
        "DescribeCacheClusters",
        "DescribeCacheSubnetGroups",
        "DescribeRouteTables",
        "DescribeSecurityGroupRules",
        "Query",
        "Query",
        "Query",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cache_on_its_default_port_is_told_and_left_to_a_person() {
    let account = with_cache(11211, []);
    made(&account).await.unwrap();
    assert_eq!(ends(&account), ["by-hand"]);
    let (_, _, document) = told(&account);
    assert_eq!(document["findings"][0]["check"], "default-port");
    assert_eq!(document["subject"]["vpc"], "vpc-1");
    assert_eq!(account.count(REVOKE), 0);
}

/// TCP 6379 from everywhere, where the cache listens on 6379.
#[tokio::test(start_paused = true)]
async fn a_rule_that_opens_a_cache_is_closed_where_only_caches_carry_its_group() {
    let account = with_cache(6379, [rule("sgr-1", WORLD), rule("sgr-2", "10.0.0.0/8")]);
    account.now().interfaces = vec![of_cache("eni-1"), of_cache("eni-2")];
    made(&account).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert!(ends(&account).contains(&"done".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_opens_a_cache_stays_where_others_carry_its_group() {
    let account = with_cache(6379, [rule("sgr-1", WORLD)]);
    account.now().interfaces = vec![of_cache("eni-1"), interface("eni-2", GROUP)];
    made(&account).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-1"]);
    assert!(!ends(&account).contains(&"done".to_owned()), "{:?}", ends(&account));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_opens_a_cache_stays_where_it_is_unknown_who_carries_its_group() {
    let account = with_cache(6379, [rule("sgr-1", WORLD)]);
    account.fail("DescribeNetworkInterfaces", GROUP, "UnauthorizedOperation");
    made(&account).await.unwrap();
    assert_eq!(account.count(REVOKE), 0);
    assert_eq!(account.count("Publish"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_not_shown_is_silent_and_looked_at_again() {
    let account = Account::new();
    let Summary(text) = made(&account).await.unwrap();
    assert!(text.starts_with("gone cache m"), "{text}");
    let event = event_of("m");
    let ledger = account.ledger();
    let record = ledger.revisit(&Revisit::subject(&event), &event.id).await.unwrap();
    assert_eq!(record.map(|record| record.why), Some(Why::Pending));
    assert!(is_silent(&account));
}

#[tokio::test(start_paused = true)]
async fn a_member_of_a_replication_group_is_silent() {
    let account = with_cache(11211, []);
    account.now().clusters[0].replication_group_id = Some("g".to_owned());
    made(&account).await.unwrap();
    assert!(is_silent(&account));
}

#[tokio::test(start_paused = true)]
async fn a_cache_in_a_public_subnet_is_told_and_left_to_a_person() {
    let account = with_cache(7001, []);
    let to_all = Route::builder().destination_cidr_block("0.0.0.0/0").gateway_id("igw-1").build();
    account.now().route_tables[0].routes = Some(vec![to_all]);
    made(&account).await.unwrap();
    let (_, mail, document) = told(&account);
    assert_eq!(document["findings"][0]["check"], "public-subnet");
    assert_eq!(ends(&account), ["by-hand"]);
    assert!(mail.contains("subnet-1 sends 0.0.0.0/0 to an internet gateway, by rtb-1"), "{mail}");
}

#[tokio::test(start_paused = true)]
async fn subnets_that_cannot_be_read_are_told_and_keep_no_rule_open() {
    let account = with_cache(6379, [rule("sgr-1", WORLD)]);
    account.now().interfaces = vec![of_cache("eni-1")];
    account.fail("DescribeRouteTables", "vpc-1", "UnauthorizedOperation");
    made(&account).await.unwrap();
    assert!(account.rule_ids(GROUP).is_empty());
    assert!(ends(&account).contains(&"pending".to_owned()), "{:?}", ends(&account));
}
