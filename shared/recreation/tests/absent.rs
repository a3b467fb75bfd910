//! Absent is unknown, never off: each member of each document is taken out in turn. Then there is no plan, or
//! the very same one, because the member provably does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_recreation::compare::differences;
use portcullis_recreation::document;
use portcullis_recreation::plan::{Answer, Choices, Plan, plan};
use serde_json::Value;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf";

/// Members whose absence says something, and why that is no guess.
const SAYS_NOTHING_IS_THERE: &[(&str, &str)] = &[
    (
        "NotificationConfiguration",
        "AWS leaves it out where there is no topic, and every AWS CLI of this API prints it",
    ),
    (
        "SnapshottingClusterId",
        "AWS leaves it out where there are no daily snapshots, and every AWS CLI of this API prints it",
    ),
    ("PrefixLists", "a rule whose list is not known is not opened, and the plan says so"),
    ("PrefixLists/*/PrefixListId", "the same"),
    ("PrefixLists/*/Entries", "the same"),
    ("PrefixLists/*/Entries/*/Cidr", "the same"),
    (
        "ReplicationGroups/*/Engine",
        "the members show it, and were it not the group's, that is refused",
    ),
    ("NextToken", "without it, the document says that it is whole"),
];

/// Members without which the request says outright what is the only choice with them: the same resource.
const SAID_OUTRIGHT: &[&str] = &[
    "CacheSubnetGroups",
    "CacheSubnetGroups/*/CacheSubnetGroupName",
    "CacheSubnetGroups/*/SupportedNetworkTypes",
];

/// The examples, and what people have.
fn documents() -> BTreeMap<String, Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs = [here.join("examples"), here.join("tests/field")];
    let files = dirs
        .iter()
        .flat_map(|dir| std::fs::read_dir(dir).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    files.map(read).collect()
}

/// The plan, with a secret for a token where there is one; `None` where it is refused or no input.
fn planned(document: &Value) -> Option<Plan> {
    let facts = document::read(&document.to_string(), None).ok()?;
    let secret = Choices { auth_token_secret: Some(SECRET.to_owned()), ..Choices::default() };
    [Choices::default(), secret].iter().find_map(|choices| match plan(&facts, choices) {
        Answer::Plan(plan) => Some(*plan),
        Answer::Refused(_) => None,
    })
}

/// The paths of every member of every object.
fn members(value: &Value, path: &str, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                into.push((path.to_owned(), name.clone()));
                members(value, &format!("{path}/{name}"), into);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                members(value, &format!("{path}/{at}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The path with a star for each place in a list.
fn starred(path: &str) -> String {
    let parts =
        path.split('/').skip(1).map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn excuse(path: &str) -> Option<&'static str> {
    let whole = starred(path);
    let fits = |name: &&str| whole == **name || whole.ends_with(&format!("/*/{name}"));
    SAYS_NOTHING_IS_THERE.iter().map(|(name, _)| *name).find(fits)
}

#[test]
fn without_any_one_member_there_is_no_plan_or_the_same() {
    let (mut refused, mut same, mut excused) = (0, 0, BTreeSet::new());
    let mut wrong = Vec::new();
    for (name, document) in documents() {
        let whole = planned(&document);
        let mut all = Vec::new();
        members(&document, "", &mut all);
        for (parent, member) in all {
            let mut part = document.clone();
            let parent_of = part.pointer_mut(&parent).unwrap();
            parent_of.as_object_mut().unwrap().remove(&member);
            let path = format!("{parent}/{member}");
            match (planned(&part), &whole) {
                (None, _) => refused += 1,
                (Some(found), Some(whole)) if found.fingerprint == whole.fingerprint => {
                    assert_eq!(found.create, whole.create);
                    same += 1;
                }
                (Some(found), Some(whole)) if SAID_OUTRIGHT.contains(&starred(&path).as_str()) => {
                    let ipv4 = Some("ipv4".to_owned());
                    assert_eq!(
                        (&found.create.network_type, &found.create.ip_discovery),
                        (&ipv4, &ipv4)
                    );
                    let network = [("NetworkType", ""), ("IpDiscovery", "")];
                    assert_eq!(differences(&whole.create, &found.create, &network), vec![]);
                    same += 1;
                }
                (Some(_), _) => match excuse(&path) {
                    Some(name) => drop(excused.insert(name)),
                    None => wrong.push(format!("{name}: {path}")),
                },
            }
        }
    }
    assert!(wrong.is_empty(), "{} others:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 1000 && same > 1000, "{refused} refused, {same} the same");
    let needless: Vec<_> =
        SAYS_NOTHING_IS_THERE.iter().filter(|(name, _)| !excused.contains(name)).collect();
    assert!(needless.is_empty(), "{needless:?}");
}

/// What an older AWS CLI does not print, and a cache for which it matters.
#[test]
fn what_an_older_cli_does_not_print_is_named() {
    for (name, members) in [
        (
            "valkey-with-replicas",
            [
                "MultiAZ",
                "UserGroupIds",
                "TransitEncryptionMode",
                "AtRestEncryptionEnabled",
                "TransitEncryptionEnabled",
                "AuthTokenEnabled",
                "ClusterMode",
                "LogDeliveryConfigurations",
                "AutoMinorVersionUpgrade",
                "Description",
                "GlobalReplicationGroupInfo",
            ]
            .as_slice(),
        ),
        ("valkey-three-shards", &["EffectiveDurability", "ClusterMode", "MultiAZ"]),
        ("redis-with-snapshots", &["TransitEncryptionEnabled", "AtRestEncryptionEnabled"]),
        ("memcached-several-nodes", &["TransitEncryptionEnabled", "AutoMinorVersionUpgrade"]),
    ] {
        for member in members {
            let mut document = documents().remove(name).unwrap();
            without(&mut document, member);
            let facts = document::read(&document.to_string(), None).unwrap();
            let Answer::Refused(refusal) = plan(&facts, &Choices::default()) else {
                panic!("{name} is planned without {member}")
            };
            let first = &refusal.reasons[0];
            assert!(first.field.split(", ").any(|field| field == *member), "{member}: {first:?}");
            assert!(first.why.starts_with("not in the document: "), "{first:?}");
            for words in ["AWS CLI 2.x", "plan the live cache"] {
                assert!(first.remedy.contains(words), "{first:?}");
            }
        }
    }
}

/// Takes a member out of every object.
fn without(value: &mut Value, member: &str) {
    match value {
        Value::Object(members) => {
            members.remove(member);
            members.values_mut().for_each(|value| without(value, member));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| without(value, member)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The network matters as soon as the subnets could give another.
#[test]
fn the_network_is_needed_where_the_subnets_have_more_than_one() {
    for member in ["NetworkType", "IpDiscovery"] {
        let mut document = documents().remove("valkey-with-replicas").unwrap();
        document["CacheSubnetGroups"][0]["SupportedNetworkTypes"] =
            serde_json::json!(["ipv4", "dual_stack"]);
        for at in 0..3 {
            document["CacheClusters"][at]["NetworkType"] = serde_json::json!("dual_stack");
        }
        document["ReplicationGroups"][0]["NetworkType"] = serde_json::json!("dual_stack");
        let plan = planned(&document).unwrap();
        assert_eq!(plan.create.network_type.as_deref(), Some("dual_stack"));
        assert_eq!(plan.create.ip_discovery.as_deref(), Some("ipv4"));
        without(&mut document, member);
        assert_eq!(planned(&document), None, "{member}");
    }
}

#[test]
fn a_list_that_is_cut_off_is_no_input() {
    for member in ["NextToken", "Marker"] {
        let mut document = documents().remove("valkey-with-replicas").unwrap();
        document[member] = serde_json::json!("eyJ");
        let problem = document::read(&document.to_string(), None).unwrap_err().to_string();
        assert!(problem.starts_with(&format!("`{member}`: a list is cut off")), "{problem}");
        assert!(!problem.contains("eyJ"));
        document[member] = serde_json::json!("");
        assert!(planned(&document).is_some(), "an empty one is the end");
    }
}

#[test]
fn a_group_whose_rules_are_not_there_is_unknown() {
    let mut document = documents().remove("valkey-with-replicas").unwrap();
    let group = document["CacheClusters"][0]["SecurityGroups"][0]["SecurityGroupId"].clone();
    document["SecurityGroupRules"] = serde_json::json!([]);
    assert_eq!(planned(&document), None);
    // Known to have none, and known to have some that are not here.
    document["SecurityGroups"] = serde_json::json!([{"GroupId": group, "Tags": []}]);
    assert!(planned(&document).is_some());
    document["SecurityGroups"][0]["IpPermissions"] = serde_json::json!([{"IpProtocol": "tcp"}]);
    assert_eq!(planned(&document), None);
}

#[test]
fn what_is_in_the_document_twice_is_there_once() {
    let document = documents().remove("valkey-with-replicas").unwrap();
    let once = planned(&document).unwrap();
    let mut twice = document.clone();
    for list in ["ReplicationGroups", "CacheClusters", "SecurityGroupRules"] {
        let items = twice[list].as_array_mut().unwrap();
        let again = items.clone();
        items.extend(again);
    }
    assert_eq!(planned(&twice).unwrap().fingerprint, once.fingerprint);
    twice["ReplicationGroups"][1]["Status"] = serde_json::json!("modifying");
    let problem = document::read(&twice.to_string(), None).unwrap_err().to_string();
    assert!(problem.contains("several times, and they differ"), "{problem}");
}
