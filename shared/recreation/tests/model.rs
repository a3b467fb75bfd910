//! Every member of ElastiCache's service model that a plan is about is decided on: a new one fails
//! here until somebody says what becomes of it. `model/generate` writes the list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_recreation::describe::{CACHE_CLUSTER_UNUSED, REPLICATION_GROUP_UNUSED};
use portcullis_recreation::document;
use portcullis_recreation::json::json;
use portcullis_recreation::plan::{Answer, Choices, plan};
use portcullis_recreation::recover::recover;
use portcullis_recreation::request::{CLUSTER_NEVER, GROUP_NEVER, Request};
use serde_json::Value;

type Names = BTreeSet<String>;

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The members of each shape.
fn model() -> BTreeMap<String, Names> {
    let mut shapes: BTreeMap<String, Names> = BTreeMap::new();
    let mut shape = String::new();
    for line in file("model/elasticache.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            shape = name.trim_end_matches(']').to_owned();
        } else if !line.is_empty() {
            shapes.entry(shape.clone()).or_default().insert(line.to_owned());
        }
    }
    shapes
}

fn names(pairs: &[(&str, &str)]) -> Names {
    pairs.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn request(example: &str) -> Request {
    let facts = document::read(&file(&format!("examples/{example}.json")), None).unwrap();
    recover(&facts).request
}

fn every_input_is_decided(
    operation: &str,
    request: &Request,
    never: &[(&str, &str)],
    count: usize,
) {
    let sent: Names = request.inputs().into_iter().map(|(name, _)| name.to_owned()).collect();
    let never = names(never);
    assert!(sent.is_disjoint(&never), "sent and never sent");
    assert_eq!(sent.union(&never).cloned().collect::<Names>(), model()[operation]);
    assert_eq!(request.inputs().len() + never.len(), count);
}

#[test]
fn every_input_of_create_replication_group_is_carried_or_never_sent_for_a_reason() {
    for example in ["valkey-with-replicas", "valkey-three-shards"] {
        every_input_is_decided("CreateReplicationGroupMessage", &request(example), GROUP_NEVER, 40);
    }
}

#[test]
fn every_input_of_create_cache_cluster_is_carried_or_never_sent_for_a_reason() {
    for example in ["memcached-several-nodes", "redis-single-node"] {
        every_input_is_decided("CreateCacheClusterMessage", &request(example), CLUSTER_NEVER, 30);
    }
}

#[test]
fn every_input_is_shown_in_the_plan() {
    for (example, operation) in [
        ("valkey-three-shards", "CreateReplicationGroupMessage"),
        ("redis-single-node", "CreateCacheClusterMessage"),
    ] {
        let facts = document::read(&file(&format!("examples/{example}.json")), None).unwrap();
        let Answer::Plan(plan) = plan(&facts, &Choices::default()) else { panic!("{example}") };
        let shown: Names = plan.inputs.iter().map(|input| input.name.to_owned()).collect();
        assert_eq!(shown, model()[operation]);
    }
}

/// A member is read if a document in which it is nonsense is none.
fn is_read(document: &dyn Fn(Value) -> Value) -> bool {
    let text = document(serde_json::json!(12345.5)).to_string();
    let problems = document::read(&text, None).unwrap_err().to_string();
    problems.contains("not as AWS writes it")
}

fn every_member_is_decided(
    shape: &str,
    unused: &[(&str, &str)],
    within: &dyn Fn(&str, Value) -> Value,
) {
    let unused = names(unused);
    let members = &model()[shape];
    assert!(unused.is_subset(members), "{shape}: {unused:?}");
    for member in members {
        let read = is_read(&|nonsense| within(member, nonsense));
        assert_eq!(read, !unused.contains(member), "{shape}.{member}: read is {read}");
    }
}

#[test]
fn every_member_of_the_describe_outputs_is_read_or_no_input_for_a_reason() {
    let group = |member: &str, value| serde_json::json!({"ReplicationGroups": [{member: value}]});
    every_member_is_decided("ReplicationGroup", REPLICATION_GROUP_UNUSED, &group);
    let cluster = |member: &str, value| serde_json::json!({"CacheClusters": [{member: value}]});
    every_member_is_decided("CacheCluster", CACHE_CLUSTER_UNUSED, &cluster);
}

#[test]
fn every_member_that_the_documentation_names_is_read() {
    let docs = file("../../docs/moving-a-cache.md");
    let table = docs
        .split("## What else the document may hold")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let rows: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(rows.len(), 13);
    for member in rows {
        assert!(is_read(&|nonsense| serde_json::json!({member: nonsense})), "{member}");
    }
}

#[test]
fn every_member_of_what_they_hold_is_read_or_no_input_for_a_reason() {
    let shard = |member: &str, value| serde_json::json!({"ReplicationGroups": [{"NodeGroups": [{member: value}]}]});
    every_member_is_decided("NodeGroup", &[], &shard);
    let member = |member: &str, value| serde_json::json!({"ReplicationGroups": [{"NodeGroups": [{"NodeGroupMembers": [{member: value}]}]}]});
    let node_id = ("CacheNodeId", "the number of the node in its member cluster: always 0001");
    every_member_is_decided("NodeGroupMember", &[node_id], &member);
    let node = |member: &str, value| serde_json::json!({"CacheClusters": [{"CacheNodes": [{member: value}]}]});
    let unused = [
        ("CacheNodeStatus", "the cluster's status says whether it is available"),
        ("CacheNodeCreateTime", "a date of the old node"),
        ("ParameterGroupStatus", "the cluster's ParameterApplyStatus says it"),
        ("SourceCacheNodeId", "of a replica in another cluster, which is a member of a group"),
    ];
    every_member_is_decided("CacheNode", &unused, &node);
}

#[test]
fn every_member_of_a_shard_and_a_log_is_sent_or_never_for_a_reason() {
    let facts = document::read(&file("examples/valkey-three-shards.json"), None).unwrap();
    let document: Value = serde_json::from_str(&json(&plan(&facts, &Choices::default()))).unwrap();
    let shard = &document["create"]["parameters"]["NodeGroupConfiguration"][0];
    let mut sent: Names = shard.as_object().unwrap().keys().cloned().collect();
    // A cache on an Outpost is refused.
    sent.extend(["PrimaryOutpostArn".to_owned(), "ReplicaOutpostArns".to_owned()]);
    assert_eq!(sent, model()["NodeGroupConfiguration"]);
    let facts = document::read(&file("examples/valkey-with-replicas.json"), None).unwrap();
    let document: Value = serde_json::from_str(&json(&plan(&facts, &Choices::default()))).unwrap();
    let log = &document["create"]["parameters"]["LogDeliveryConfigurations"][0];
    let sent: Names = log.as_object().unwrap().keys().cloned().collect();
    assert_eq!(sent, model()["LogDeliveryConfigurationRequest"]);
}
