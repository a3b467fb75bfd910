//! Going on with what an earlier run of the same move made, and the tags that owners speak by.

use std::path::Path;

use portcullis_engine::facts::{Source, Tag};
use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use portcullis_recreation::plan::{Answer, Choices, Plan, is_fingerprint, plan};
use portcullis_recreation::reason::Reason;
use portcullis_recreation::request::Token;
use serde_json::{Value, json};

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf";

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn facts(document: &Value) -> Facts {
    document::read(&document.to_string(), None).unwrap()
}

fn planned(document: &Value, choices: &Choices) -> Plan {
    match plan(&facts(document), choices) {
        Answer::Plan(plan) => *plan,
        Answer::Refused(refusal) => panic!("{:?}", refusal.reasons),
    }
}

fn refused(document: &Value, choices: &Choices) -> Vec<Reason> {
    match plan(&facts(document), choices) {
        Answer::Refused(refusal) => refusal.reasons,
        Answer::Plan(plan) => panic!("a plan for {}", plan.create.id),
    }
}

fn on(port: u16) -> Choices {
    Choices { port: Some(port), ..Choices::default() }
}

/// A document with a new cache in it, as an earlier run with these choices leaves it behind.
fn begun(name: &str, choices: &Choices) -> (Value, Plan) {
    let mut document = example(name);
    let first = planned(&document, choices);
    let tags: Vec<Value> =
        first.create.tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect();
    document["Replacements"] = json!([
        {"Id": first.create.id, "Port": first.create.port, "Status": "available", "TagList": tags}
    ]);
    // The new cache is in the lists of all caches, too.
    let mut member = document["CacheClusters"][0].clone();
    member["CacheClusterId"] = json!(format!("{}-001", first.create.id));
    member["ReplicationGroupId"] = json!(first.create.id);
    member.as_object_mut().unwrap().remove("ConfigurationEndpoint");
    member["CacheNodes"] = json!([{"Endpoint": {"Address": "x", "Port": first.create.port}}]);
    document["Cache"] = json!(first.cache.id);
    document["CacheClusters"].as_array_mut().unwrap().push(member);
    (document, first)
}

const EACH: [&str; 3] = ["valkey-with-replicas", "valkey-three-shards", "memcached-several-nodes"];

#[test]
fn an_earlier_run_is_gone_on_with_on_its_own_port() {
    for name in EACH {
        let (document, first) = begun(name, &on(17_321));
        for choices in [Choices::default(), on(17_321)] {
            let again = planned(&document, &choices);
            assert_eq!(again.create, first.create, "{name}");
            assert!(again.cautions[0].starts_with(&first.create.id), "{}", again.cautions[0]);
            let empty = again.cautions[0].contains("began empty");
            assert_eq!(empty, name.starts_with("memcached"), "{}", again.cautions[0]);
        }
    }
}

#[test]
fn without_its_tag_a_cache_of_that_name_is_somebody_elses() {
    for name in EACH {
        let (mut document, first) = begun(name, &on(17_321));
        let stranger = |document: &Value| {
            let reasons = refused(document, &on(17_321));
            let [only] = reasons.as_slice() else { panic!("{reasons:?}") };
            assert!(only.why.contains(&first.create.id), "{}", only.why);
            only.field.clone()
        };
        document["Replacements"][0]["TagList"] = json!([]);
        assert_eq!(stranger(&document), "Port", "{name}: it is behind the same group");
        document["Replacements"][0]["TagList"] = json!([
            {"Key": "portcullis:moved-from", "Value": "arn:aws:elasticache:eu-west-1:111122223333:cluster:other"}
        ]);
        assert_eq!(stranger(&document), "Port", "{name}");
        let last = document["CacheClusters"].as_array_mut().unwrap().last_mut().unwrap();
        last["SecurityGroups"] = json!([]);
        assert_eq!(stranger(&document), "Id", "{name}");
    }
}

#[test]
fn while_it_is_made_its_port_is_known_by_its_name() {
    let (mut document, first) = begun("valkey-with-replicas", &on(17_321));
    document["Replacements"][0]["Status"] = json!("creating");
    document["Replacements"][0].as_object_mut().unwrap().remove("Port");
    assert_eq!(planned(&document, &Choices::default()).create, first.create);
}

#[test]
fn what_cannot_be_gone_on_with_is_refused_with_what_to_do() {
    let (document, first) = begun("valkey-with-replicas", &on(17_321));
    for (status, remedy) in [
        ("create-failed", "delete it"),
        ("restore-failed", "delete it"),
        ("incompatible-network", "delete it"),
        ("", "delete it"),
        ("deleting", "wait"),
        ("deleted", "wait"),
    ] {
        let mut document = document.clone();
        document["Replacements"][0]["Status"] = json!(status);
        let reasons = refused(&document, &Choices::default());
        assert_eq!(reasons[0].field, "Replacements", "{status}");
        assert!(reasons[0].remedy.starts_with(remedy), "{status}: {}", reasons[0].remedy);
    }
    let reasons = refused(&document, &on(20_777));
    assert_eq!((reasons.len(), reasons[0].field.as_str()), (1, "Replacements"));
    assert!(reasons[0].why.contains("17321") && reasons[0].why.contains("20777"));
    assert!(reasons[0].remedy.ends_with(&format!(
        "`aws elasticache delete-replication-group --region eu-west-1 --replication-group-id {}`",
        first.create.id
    )));
    let mut renamed = document.clone();
    renamed["Replacements"][0]["Id"] = json!("orders-by-hand");
    assert_eq!(refused(&renamed, &Choices::default())[0].field, "Replacements");
    let mut two = document.clone();
    let mut other = two["Replacements"][0].clone();
    (other["Id"], other["Port"]) = (json!("orders-20777"), json!(20_777));
    two["Replacements"].as_array_mut().unwrap().push(other);
    let why = &refused(&two, &Choices::default())[0].why;
    assert!(why.contains("orders-17321 and orders-20777"), "{why}");
}

#[test]
fn one_that_clients_were_told_of_says_so() {
    let (mut document, _) = begun("valkey-with-replicas", &on(17_321));
    let tags = document["Replacements"][0]["TagList"].as_array_mut().unwrap();
    tags.push(json!({"Key": "portcullis:handed-over", "Value": "yes"}));
    assert!(facts(&document).ours[0].handed_over);
    let again = planned(&document, &Choices::default());
    assert!(again.cautions[0].contains("Its cutover has begun"), "{}", again.cautions[0]);
}

#[test]
fn its_nodes_are_not_counted_twice() {
    let (mut document, _) = begun("valkey-with-replicas", &on(17_321));
    document["Limits"]["NodesInUse"] = document["Limits"]["NodesPerRegion"].clone();
    document["Subnets"][0]["AvailableIpAddressCount"] = json!(0);
    planned(&document, &Choices::default());
    document["Replacements"] = json!([]);
    let fields: Vec<String> =
        refused(&document, &on(20_777)).into_iter().map(|reason| reason.field).collect();
    assert_eq!(fields, ["NumCacheNodes", "CacheSubnetGroupName"]);
}

/// Rules as an earlier run adds them.
fn opened(first: &Plan) -> Vec<Value> {
    let rules = first.ingress.open.iter().enumerate().map(|(at, rule)| {
        let mut wire = json!({
            "SecurityGroupRuleId": format!("sgr-0bbbbbbbbbbbbbb{at:02}"), "GroupId": rule.group,
            "IsEgress": false, "IpProtocol": "tcp", "FromPort": rule.port, "ToPort": rule.port,
            "Description": rule.description,
            "Tags": first.markers.iter().map(|t| json!({"Key": t.key, "Value": t.value})).collect::<Vec<_>>(),
        });
        match &rule.source {
            Source::Ipv4(net) => wire["CidrIpv4"] = json!(net.to_string()),
            Source::Ipv6(net) => wire["CidrIpv6"] = json!(net.to_string()),
            Source::PrefixList(id) => wire["PrefixListId"] = json!(id),
            Source::Group(id) => {
                wire["ReferencedGroupInfo"] = json!({"GroupId": id, "UserId": rule.source_owner.as_deref().unwrap_or("111122223333")});
            }
            Source::Unreadable(what) => panic!("{what}"),
        }
        wire
    });
    rules.collect()
}

#[test]
fn rules_of_an_earlier_run_are_not_opened_twice_and_lead_to_no_others() {
    for name in EACH {
        let (mut document, first) = begun(name, &on(17_321));
        assert!(!first.ingress.open.is_empty());
        document["SecurityGroupRules"].as_array_mut().unwrap().extend(opened(&first));
        let again = planned(&document, &Choices::default());
        assert_eq!(again.ingress.open, [], "{name}");
        assert_eq!(again.ingress.opened, first.ingress.open, "{name}");
        assert_eq!(again.fingerprint, first.fingerprint, "{name}: it does the same");
        assert_eq!(again.ingress.left, first.ingress.left, "{name}");
        assert_eq!(again.ingress.close, first.ingress.close, "{name}");
        // Somebody widens one of them, and its source to all private addresses.
        let rules = document["SecurityGroupRules"].as_array_mut().unwrap();
        let ours = rules.last_mut().unwrap();
        (ours["FromPort"], ours["ToPort"], ours["CidrIpv4"]) =
            (json!(1024), json!(30_000), json!("10.0.0.0/8"));
        ours.as_object_mut().unwrap().remove("ReferencedGroupInfo");
        let again = planned(&document, &Choices::default());
        let wide = |source: &Source| source.to_string() == "10.0.0.0/8";
        assert!(!again.ingress.open.iter().any(|rule| wide(&rule.source)), "{name}");
        assert!(!again.ingress.close.iter().any(|rule| wide(&rule.rule.source)), "{name}");
    }
}

#[test]
fn rules_that_another_move_added_are_like_any_other() {
    let mut document = example("valkey-with-replicas");
    let before = planned(&document, &on(17_321));
    for rule in document["SecurityGroupRules"].as_array_mut().unwrap() {
        rule["Tags"] = json!([{"Key": "portcullis:moved-from", "Value": "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:first"}]);
    }
    assert_eq!(planned(&document, &on(17_321)).ingress.open, before.ingress.open);
}

#[test]
fn the_secret_of_the_token_may_be_named_by_a_tag() {
    let mut document = example("redis-auth-token");
    let tags = document["TagList"].as_array_mut().unwrap();
    tags.push(json!({"Key": "portcullis:auth-token-secret", "Value": SECRET}));
    let plan = planned(&document, &Choices::default());
    assert_eq!(plan.create.auth_token, Token::Secret(SECRET.to_owned()));
    let tag = Tag { key: "portcullis:auth-token-secret".to_owned(), value: SECRET.to_owned() };
    assert!(plan.create.tags.contains(&tag), "the next move needs it too");
    let other = format!("{SECRET}2");
    let by_hand = Choices { auth_token_secret: Some(other.clone()), ..Choices::default() };
    assert_eq!(planned(&document, &by_hand).create.auth_token, Token::Secret(other));
    let mut without = example("valkey-with-replicas");
    without["TagList"].as_array_mut().unwrap().push(json!({"Key": tag.key, "Value": tag.value}));
    assert_eq!(planned(&without, &Choices::default()).create.auth_token, Token::None);
    let mut odd = example("redis-auth-token");
    odd["TagList"] =
        json!([{"Key": "portcullis:auth-token-secret", "Value": "sixteen-letters-and-more!"}]);
    let reasons = refused(&odd, &Choices::default());
    assert!(reasons[0].field == "AuthToken" && !format!("{reasons:?}").contains("sixteen"));
}

#[test]
fn marks_of_a_move_are_dropped_and_what_owners_say_is_carried_over() {
    let mut document = example("valkey-with-replicas");
    let marks = ["moved-from", "plan", "move", "handed-over", "Deletion-Approved"];
    let tags = document["TagList"].as_array_mut().unwrap();
    tags.extend(marks.map(|mark| json!({"Key": format!("portcullis:{mark}"), "Value": "of-old"})));
    tags.push(json!({"Key": "portcullis:note", "Value": "an owner's"}));
    let plan = planned(&document, &Choices::default());
    let keys: Vec<&str> = plan.create.tags.iter().map(|tag| tag.key.as_str()).collect();
    assert!(plan.create.tags.iter().all(|tag| tag.value != "of-old"), "{keys:?}");
    assert!(keys.contains(&"portcullis:note"), "{keys:?}");
}

#[test]
fn a_protected_cache_is_left_alone() {
    for (key, value) in [("portcullis:protect", "no"), ("Portcullis:Protect", "")] {
        let mut document = example("valkey-with-replicas");
        document["TagList"].as_array_mut().unwrap().push(json!({"Key": key, "Value": value}));
        let reasons = refused(&document, &Choices::default());
        assert_eq!((reasons.len(), reasons[0].field.as_str()), (1, "Tags"));
        assert!(reasons[0].remedy.starts_with("remove the tag"));
    }
}

/// Changes one part of a document, and says whether the plan would do something else.
fn differs(name: &str, at: &str, value: Value) -> bool {
    let mut document = example(name);
    let before = planned(&document, &on(17_321)).fingerprint;
    *document.pointer_mut(at).unwrap_or_else(|| panic!("{name} has no {at}")) = value;
    before != planned(&document, &on(17_321)).fingerprint
}

#[test]
fn a_fingerprint_is_of_what_the_plan_does_and_of_nothing_else() {
    let group = "valkey-with-replicas";
    for (at, value) in [
        ("/ReplicationGroups/0/Description", json!("other")),
        ("/ReplicationGroups/0/SnapshotRetentionLimit", json!(9)),
        ("/ReplicationGroups/0/SnapshottingClusterId", json!("orders-001")),
        (
            "/ReplicationGroups/0/ARN",
            json!("arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:x"),
        ),
        ("/TagList/0/Value", json!("other")),
        ("/SecurityGroupRules/0/CidrIpv4", json!("10.9.0.0/16")),
        ("/SecurityGroupRules/0/SecurityGroupRuleId", json!("sgr-0ccccccccccccccc1")),
        ("/CacheClusters/0/PreferredMaintenanceWindow", json!("mon:03:00-mon:04:00")),
    ] {
        let mut value = value;
        let mut document = example(group);
        if at.ends_with("MaintenanceWindow") {
            for member in document["CacheClusters"].as_array_mut().unwrap() {
                member["PreferredMaintenanceWindow"] = value.take();
                value = json!("mon:03:00-mon:04:00");
            }
            let before = planned(&example(group), &on(17_321)).fingerprint;
            assert_ne!(planned(&document, &on(17_321)).fingerprint, before);
        } else {
            assert!(differs(group, at, value), "{at}");
        }
    }
    for (at, value) in [
        ("/MetricAlarms", json!([])),
        ("/Limits", json!({})),
        ("/Snapshots", json!([])),
        ("/SecurityGroupRules/0/Description", json!("other words")),
    ] {
        assert!(!differs(group, at, value), "{at}");
    }
    let plan = planned(&example(group), &on(17_321));
    assert!(is_fingerprint(&plan.fingerprint), "{}", plan.fingerprint);
    assert!(plan.markers.iter().any(|tag| tag.value == plan.fingerprint));
    assert_ne!(plan.fingerprint, planned(&example(group), &on(17_322)).fingerprint);
}

#[test]
fn a_protected_group_is_neither_opened_nor_closed() {
    let mut document = example("valkey-with-replicas");
    let before = planned(&document, &on(17_321));
    let group = before.ingress.open[0].group.clone();
    document["SecurityGroups"] =
        json!([{"GroupId": group, "Tags": [{"Key": "Portcullis:Protect", "Value": ""}]}]);
    let reasons = refused(&document, &on(17_321));
    assert_eq!((reasons.len(), reasons[0].field.as_str()), (1, "SecurityGroupIds"));
    assert!(reasons[0].remedy.contains("TCP 17321"), "{}", reasons[0].remedy);
    // Somebody opens the port by hand.
    let by_hand = opened(&before).into_iter().map(|mut rule| {
        rule["Tags"] = json!([]);
        rule
    });
    document["SecurityGroupRules"].as_array_mut().unwrap().extend(by_hand);
    let after = planned(&document, &on(17_321));
    assert!(after.ingress.open.is_empty());
    assert!(after.ingress.close.iter().all(|rule| rule.stays.is_some()));
}
