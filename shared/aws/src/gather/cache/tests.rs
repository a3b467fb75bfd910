mod ports;

use aws_sdk_elasticache::types::SecurityGroupMembership;

use portcullis_engine::event::CacheLead;
use portcullis_engine::facts::CacheGroups;

use super::*;
use crate::scripted::{Account, rule};

/// What the request said: Valkey, and `sg-asked`.
fn lead(kind: CacheKind, id: &str) -> CacheLead {
    CacheLead {
        kind,
        id: id.to_owned(),
        engine: Some("valkey".to_owned()),
        port: None,
        inherits: None,
        security_groups: vec!["sg-asked".to_owned()],
        tags: Vec::new(),
        altered: None,
    }
}

async fn looked(account: &Account, kind: CacheKind, id: &str) -> CacheFacts {
    let found = account.cache(&lead(kind, id)).await;
    found.expect("the cache can be read").expect("the cache is there")
}

fn endpoint(port: i32) -> Endpoint {
    Endpoint::builder().address("cache.invalid").port(port).build()
}

/// A cluster that carries `sg-1`, with one thing changed.
fn cluster_but(id: &str, change: impl FnOnce(&mut CacheCluster)) -> CacheCluster {
    let group = SecurityGroupMembership::builder().security_group_id("sg-1").status("active");
    let mut cluster = CacheCluster::builder()
        .cache_cluster_id(id)
        .cache_cluster_status("available")
        .engine("valkey")
        .security_groups(group.build())
        .build();
    change(&mut cluster);
    cluster
}

/// A replication group with the member `c-001`, with one thing changed.
fn group_but(change: impl FnOnce(&mut ReplicationGroup)) -> ReplicationGroup {
    let mut group = ReplicationGroup::builder()
        .replication_group_id("c")
        .status("available")
        .member_clusters("c-001")
        .build();
    change(&mut group);
    group
}

fn serverless_but(change: impl FnOnce(&mut ServerlessCache)) -> ServerlessCache {
    let mut cache = ServerlessCache::builder()
        .serverless_cache_name("c")
        .engine("valkey")
        .security_group_ids("sg-1")
        .build();
    change(&mut cache);
    cache
}

/// An account with this group, its member, and two security groups.
fn with_group(group: ReplicationGroup) -> Account {
    let account = with_security_groups();
    account.now().replication_groups = vec![group];
    account.now().clusters = vec![cluster_but("c-001", |member| {
        member.replication_group_id = Some("c".to_owned());
        member.cache_subnet_group_name = Some("private".to_owned());
        member.engine_version = Some("8.0.1".to_owned());
    })];
    account
}

fn with_security_groups() -> Account {
    let account = Account::new().with("sg-1", [rule("sgr-1", "0.0.0.0/0")]);
    account.with("sg-asked", [rule("sgr-2", "10.0.0.0/8")])
}

/// Ids of the groups that were read, with the ids of their rules.
fn groups(facts: &CacheFacts) -> Vec<(&str, Vec<&str>)> {
    let CacheGroups::Read(groups) = &facts.groups else { panic!("{:?}", facts.groups) };
    groups
        .iter()
        .map(|group| (&*group.id, group.rules.iter().map(|rule| &*rule.id).collect()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_member_shows_what_only_members_show() {
    let account = with_group(group_but(|_| {}));
    let facts = looked(&account, CacheKind::ReplicationGroup, "c").await;
    assert_eq!(groups(&facts), [("sg-1", vec!["sgr-1"])]);
    assert_eq!(facts.engine, Some(Engine::Valkey), "an older group does not show its engine");
    assert_eq!(facts.network.subnet_group.as_deref(), Some("private"));
    assert_eq!(facts.version, Some(EngineVersion::new("8.0.1")));
    assert_eq!(facts.member_of, None, "the group is no member of itself");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_not_there_yet_leaves_the_groups_of_the_request() {
    let account = with_group(group_but(|group| group.engine = Some("redis".to_owned())));
    account.now().clusters.clear();
    let facts = looked(&account, CacheKind::ReplicationGroup, "c").await;
    assert_eq!(groups(&facts), [("sg-asked", vec!["sgr-2"])]);
    assert_eq!(facts.engine, Some(Engine::Redis));
    assert_eq!(facts.version, None, "only members show it");
}

#[tokio::test(start_paused = true)]
async fn encryption_that_is_only_preferred_is_told_apart() {
    for (mode, expected) in [("preferred", true), ("required", false)] {
        let mode = TransitEncryptionMode::from(mode);
        let account = with_group(group_but(|group| {
            group.transit_encryption_enabled = Some(true);
            group.transit_encryption_mode = Some(mode.clone());
        }));
        let facts = looked(&account, CacheKind::ReplicationGroup, "c").await;
        assert_eq!(facts.transit_encryption, Some(true));
        assert_eq!(facts.plaintext_too, expected, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_by_itself_shows_its_version() {
    let account = with_security_groups();
    account.now().clusters =
        vec![cluster_but("c", |c| c.engine_version = Some("1.6.22".to_owned()))];
    let facts = looked(&account, CacheKind::CacheCluster, "c").await;
    assert_eq!(facts.version, Some(EngineVersion::new("1.6.22")));
    assert!(!facts.plaintext_too);
}

#[tokio::test(start_paused = true)]
async fn groups_that_nothing_names_are_unknown_not_none() {
    let account = with_group(group_but(|group| group.member_clusters = None));
    let lead = CacheLead { security_groups: Vec::new(), ..lead(CacheKind::ReplicationGroup, "c") };
    let found = account.cache(&lead).await.unwrap();
    assert!(matches!(found.expect("it is there").groups, CacheGroups::Unknown(_)));
}

#[tokio::test(start_paused = true)]
async fn security_groups_that_cannot_be_read_are_an_error() {
    let account = with_group(group_but(|_| {}));
    account.fail("DescribeSecurityGroupRules", "sg-1", "UnauthorizedOperation");
    let lead = lead(CacheKind::ReplicationGroup, "c");
    let error = account.cache(&lead).await.unwrap_err();
    assert!(error.contains("sg-1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_a_member_is_left_to_its_group() {
    let account = with_group(group_but(|_| {}));
    let facts = looked(&account, CacheKind::CacheCluster, "c-001").await;
    assert_eq!(facts.member_of.as_deref(), Some("c"));
    assert_eq!(account.calls(), ["DescribeCacheClusters", "BatchGetItem"], "nothing more is asked");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_not_shown_right_after_its_making_is_looked_for_again() {
    let account = with_group(group_but(|_| {}));
    account.now().clusters.push(cluster_but("m", |_| {}));
    account.now().serverless = vec![serverless_but(|_| {})];
    for (kind, id, call) in [
        (CacheKind::ReplicationGroup, "c", "DescribeReplicationGroups"),
        (CacheKind::CacheCluster, "m", "DescribeCacheClusters"),
        (CacheKind::ServerlessCache, "c", "DescribeServerlessCaches"),
    ] {
        account.now().calls.clear();
        account.now().late.insert(id.to_owned(), 3);
        assert_eq!(looked(&account, kind, id).await.id, id);
        assert!(account.count(call) >= 4, "{:?}", account.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_never_shown_is_gone_after_five_looks() {
    for (kind, call) in [
        (CacheKind::ReplicationGroup, "DescribeReplicationGroups"),
        (CacheKind::CacheCluster, "DescribeCacheClusters"),
        (CacheKind::ServerlessCache, "DescribeServerlessCaches"),
    ] {
        let account = Account::new();
        let found = account.cache(&lead(kind, "c")).await;
        assert_eq!(found.unwrap(), None);
        assert_eq!(account.calls()[..5], [call; 5]);
        assert_eq!(account.count(call), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_cannot_be_read_is_an_error_not_a_gone_cache() {
    for (kind, call) in [
        (CacheKind::ReplicationGroup, "DescribeReplicationGroups"),
        (CacheKind::CacheCluster, "DescribeCacheClusters"),
        (CacheKind::ServerlessCache, "DescribeServerlessCaches"),
    ] {
        let account = Account::new();
        account.fail(call, "c", "AccessDenied");
        let found = account.cache(&lead(kind, "c")).await;
        let error = found.unwrap_err();
        assert!(error.contains("reading") && error.contains(" c"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_serverless_cache_in_a_vpc_has_its_groups() {
    let account = with_security_groups();
    account.now().serverless = vec![serverless_but(|cache| {
        cache.endpoint = Some(endpoint(6379));
        cache.reader_endpoint = Some(endpoint(6380));
    })];
    let facts = looked(&account, CacheKind::ServerlessCache, "c").await;
    assert_eq!(groups(&facts), [("sg-1", vec!["sgr-1"])]);
    assert_eq!(facts.ports, [6379, 6380]);
    assert_eq!((facts.transit_encryption, facts.authentication), (Some(true), Some(false)));
}

#[tokio::test(start_paused = true)]
async fn a_public_serverless_cache_has_no_group_and_asks_who_comes() {
    let account = with_security_groups();
    account.now().serverless = vec![serverless_but(|cache| {
        cache.connection_type = Some("public".into());
        cache.security_group_ids = None;
    })];
    let lead = CacheLead { security_groups: Vec::new(), ..lead(CacheKind::ServerlessCache, "c") };
    let found = account.cache(&lead).await.unwrap();
    let facts = found.expect("it is there");
    assert_eq!(facts.groups, CacheGroups::Read(Vec::new()));
    assert_eq!((facts.transit_encryption, facts.authentication), (Some(true), Some(true)));
}

#[tokio::test(start_paused = true)]
async fn a_user_group_is_authentication_too() {
    let asked = |token: Option<bool>, users: Option<&str>| {
        group_but(|group| {
            group.auth_token_enabled = token;
            group.user_group_ids = users.map(|id| vec![id.to_owned()]);
            group.transit_encryption_enabled = Some(true);
        })
    };
    for (token, users, expected) in [
        (Some(false), None, Some(false)),
        (Some(true), None, Some(true)),
        (Some(false), Some("people"), Some(true)),
        (None, None, None),
    ] {
        let account = with_group(asked(token, users));
        let facts = looked(&account, CacheKind::ReplicationGroup, "c").await;
        assert_eq!((facts.transit_encryption, facts.authentication), (Some(true), expected));
    }
}
