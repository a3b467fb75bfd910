//! A new cache is held against its plan: every setting of every example, changed one at a time in what
//! AWS shows of the clone.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis_recreation::compare::verify_clone;
use portcullis_recreation::document;
use portcullis_recreation::plan::{Answer, Choices, Plan, plan};
use serde_json::{Value, json};

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf";

/// The examples that move as they are, and the one that needs its secret.
const MOVING: [&str; 9] = [
    "memcached-several-nodes",
    "memcached-single-node",
    "redis-auth-token",
    "redis-single-node",
    "redis-with-snapshots",
    "valkey-resharded",
    "valkey-three-shards",
    "valkey-user-groups",
    "valkey-with-replicas",
];

/// Where a change is not found, and why that is no setting of the cache.
const MAY_CHANGE: &[(&str, &str)] = &[
    ("CreateTime", "a date"),
    ("LastModifiedDate", "a date"),
    ("Address", "AWS gives it"),
    ("ClientDownloadLandingPage", "a link"),
    ("CacheNodeIdsToReboot/0", "a state: a new cache starts with all parameters"),
    ("CacheNodeId", "a number that AWS gives"),
    ("CacheNodeStatus", "a state: the cluster's own is compared"),
    ("ParameterGroupStatus", "a state: the name of the group is compared"),
    ("ParameterApplyStatus", "a state: a new cache starts with all parameters"),
    ("LogDeliveryConfigurations/0/Status", "a state; a broken delivery is found"),
    ("ReplicationGroupLogDeliveryEnabled", "the group's deliveries are compared"),
    ("CurrentRole", "the zones are compared, the primary's first"),
    ("CacheClusters/*/ARN", "of a member: the group's is compared"),
    ("CacheClusters/*/SnapshotRetentionLimit", "of a member: the group's is compared"),
    ("CacheClusters/*/SnapshotWindow", "of a member: the group's is compared"),
    ("AtRestEncryptionEnabled", "StorageEncryptionType says what is in effect"),
    ("NodeGroupId", "without cluster mode there is one shard"),
];

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn planned(name: &str) -> Plan {
    let choices = Choices {
        auth_token_secret: (name == "redis-auth-token").then(|| SECRET.to_owned()),
        ..Choices::default()
    };
    match plan(&document::read(&example(name).to_string(), None).unwrap(), &choices) {
        Answer::Plan(plan) => *plan,
        Answer::Refused(refusal) => panic!("{name}: {:?}", refusal.reasons),
    }
}

/// What AWS shows of the cache that the plan makes: the example under its new name, on its new port.
fn clone_of(name: &str, plan: &Plan) -> Value {
    let mut document = example(name);
    rename(&mut document, &plan.now.id, &plan.create.id, plan.create.port);
    document["Cache"] = json!(plan.create.id);
    document["TagList"] =
        plan.create.tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect();
    // Other caches of the example are no part of it.
    let own = |cluster: &Value| {
        let id = cluster["CacheClusterId"].as_str().unwrap();
        id == plan.create.id || cluster["ReplicationGroupId"] == json!(plan.create.id)
    };
    document["CacheClusters"].as_array_mut().unwrap().retain(own);
    if let Some(logs) = document.pointer_mut("/ReplicationGroups/0/LogDeliveryConfigurations") {
        let works = |log: &Value| log["Status"] == "active";
        logs.as_array_mut().unwrap().retain(works);
    }
    document
}

fn rename(value: &mut Value, old: &str, new: &str, port: u16) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Number(_) if name == "Port" => *value = json!(port),
                    Value::String(text) if text == old && name != "Description" => {
                        new.clone_into(text)
                    }
                    Value::String(text) if name == "ARN" => *text = text.replace(old, new),
                    Value::String(text) if text.starts_with(&format!("{old}-0")) => {
                        *text = text.replacen(old, new, 1);
                    }
                    Value::Array(items) if name == "MemberClusters" => {
                        for item in items {
                            *item = json!(item.as_str().unwrap().replacen(old, new, 1));
                        }
                    }
                    other => rename(other, old, new, port),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, old, new, port)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What differs, one line each; that it cannot be read at all is a difference too.
fn found(plan: &Plan, document: &Value) -> Vec<String> {
    match document::read(&document.to_string(), None) {
        Ok(facts) => verify_clone(plan, &facts).iter().map(ToString::to_string).collect(),
        Err(problems) => vec![problems.to_string()],
    }
}

/// The paths of every value that is no list and no object.
fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                leaves(value, &format!("{path}/{name}"), into);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                leaves(value, &format!("{path}/{at}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            into.push(path.to_owned());
        }
    }
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) if text == "enabled" => json!("disabled"),
        Value::String(text) if text == "disabled" => json!("enabled"),
        Value::String(text) if text == "active" => json!("inactive"),
        Value::String(text) if text == "inactive" => json!("active"),
        // Of a version the patch level is AWS's.
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            json!(format!("1{text}"))
        }
        Value::String(text) => json!(format!("{text}x")),
        other => panic!("{other}"),
    }
}

fn may_change(path: &str) -> Option<&'static str> {
    let path: Vec<&str> = path.split('/').collect();
    let path = path
        .iter()
        .enumerate()
        .map(|(at, part)| if at == 2 { "*" } else { part })
        .collect::<Vec<_>>()
        .join("/");
    MAY_CHANGE.iter().map(|(end, _)| *end).find(|end| path.ends_with(end))
}

#[test]
fn a_faithful_clone_differs_in_nothing() {
    for name in MOVING {
        let plan = planned(name);
        assert_eq!(found(&plan, &clone_of(name, &plan)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_setting_that_differs_is_found() {
    let (mut tried, mut excused) = (0, BTreeSet::new());
    for name in MOVING {
        let plan = planned(name);
        let clone = clone_of(name, &plan);
        let mut paths = Vec::new();
        for list in ["ReplicationGroups", "CacheClusters", "TagList"] {
            if let Some(value) = clone.get(list) {
                leaves(value, &format!("/{list}"), &mut paths);
            }
        }
        for path in paths {
            let mut other = clone.clone();
            let value = other.pointer_mut(&path).unwrap();
            *value = changed(value);
            tried += 1;
            if found(&plan, &other).is_empty() {
                let excuse = may_change(&path);
                // The fingerprint may be another's: of the run that this one goes on with.
                let plan_mark = path.starts_with("/TagList")
                    && clone.pointer(&path) == Some(&json!(plan.fingerprint));
                assert!(excuse.is_some() || plan_mark, "{name}: {path} is not looked at");
                excused.extend(excuse);
            }
        }
    }
    assert!(tried > 500, "{tried}");
    let needless: Vec<_> = MAY_CHANGE.iter().filter(|(end, _)| !excused.contains(end)).collect();
    assert!(needless.is_empty(), "{needless:?}");
}

#[test]
fn every_setting_that_is_gone_is_found() {
    for name in MOVING {
        let plan = planned(name);
        let clone = clone_of(name, &plan);
        for tag in 0..clone["TagList"].as_array().unwrap().len() {
            let mut other = clone.clone();
            let gone = other["TagList"].as_array_mut().unwrap().remove(tag);
            let plan_mark = gone["Key"] == "portcullis:plan";
            assert_eq!(found(&plan, &other).is_empty(), plan_mark, "{name}: {gone}");
        }
        for list in ["SecurityGroups", "CacheNodes"] {
            let mut other = clone.clone();
            other["CacheClusters"][0][list] = json!([]);
            assert!(!found(&plan, &other).is_empty(), "{name}: {list}");
        }
    }
}

#[test]
fn a_difference_is_told_in_words() {
    let plan = planned("valkey-with-replicas");
    let mut clone = clone_of("valkey-with-replicas", &plan);
    clone["ReplicationGroups"][0]["SnapshotRetentionLimit"] = json!(0);
    clone["ReplicationGroups"][0]["SnapshottingClusterId"] = json!("orders-other");
    clone["ReplicationGroups"][0]["Status"] = json!("creating");
    insta::assert_snapshot!(found(&plan, &clone).join("\n"));
}

#[test]
fn an_auth_token_that_is_missing_is_found() {
    let plan = planned("redis-auth-token");
    let mut clone = clone_of("redis-auth-token", &plan);
    clone["ReplicationGroups"][0]["AuthTokenEnabled"] = json!(false);
    for member in clone["CacheClusters"].as_array_mut().unwrap() {
        member["AuthTokenEnabled"] = json!(false);
    }
    let found = found(&plan, &clone);
    assert!(found.iter().any(|line| line.starts_with("AuthToken: planned from arn:")), "{found:?}");
}

#[test]
fn a_topic_that_was_silent_must_be_silent_again() {
    let mut document = example("valkey-with-replicas");
    let topic = |status: &str| json!({"TopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "TopicStatus": status});
    let members = document["CacheClusters"].as_array_mut().unwrap();
    members.iter_mut().for_each(|member| member["NotificationConfiguration"] = topic("inactive"));
    let Answer::Plan(plan) =
        plan(&document::read(&document.to_string(), None).unwrap(), &Choices::default())
    else {
        panic!()
    };
    let mut clone = clone_of("valkey-with-replicas", &plan);
    let status = |clone: &mut Value, status: &str| {
        let members = clone["CacheClusters"].as_array_mut().unwrap();
        members.iter_mut().for_each(|member| member["NotificationConfiguration"] = topic(status));
    };
    status(&mut clone, "inactive");
    assert_eq!(found(&plan, &clone), Vec::<String>::new());
    status(&mut clone, "active");
    assert_eq!(found(&plan, &clone).len(), 3);
}
