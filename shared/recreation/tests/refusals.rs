//! What is refused: a cache that moves, then one break at a time.

use std::path::Path;

use portcullis_recreation::document;
use portcullis_recreation::plan::{Answer, Choices, Refusal, plan};
use serde_json::{Value, json};

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn answer(document: &Value, choices: &Choices) -> Answer {
    plan(&document::read(&document.to_string(), None).unwrap(), choices)
}

fn refused(document: &Value, choices: &Choices) -> Refusal {
    match answer(document, choices) {
        Answer::Refused(refusal) => *refusal,
        Answer::Plan(_) => panic!("there is a plan"),
    }
}

/// Breaks a part of an example, and says which fields the reasons are about.
fn broken(name: &str, at: &str, value: Value) -> Vec<String> {
    let mut document = example(name);
    assert!(
        matches!(answer(&document, &Choices::default()), Answer::Plan(_)),
        "{name} moves as it is"
    );
    let (parent, member) = at.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{at}"));
    match parent {
        Value::Object(members) if value.is_null() => drop(members.remove(member).unwrap()),
        Value::Object(members) => drop(members.insert(member.to_owned(), value)),
        Value::Array(items) => items[member.parse::<usize>().unwrap()] = value,
        _ => panic!("{at}"),
    }
    let refusal = refused(&document, &Choices::default());
    for reason in &refusal.reasons {
        assert!(!reason.why.is_empty() && !reason.remedy.is_empty(), "{reason:?}");
    }
    refusal.reasons.into_iter().map(|reason| reason.field).collect()
}

#[test]
fn a_group_is_refused_for_each_thing_that_cannot_be_carried() {
    let cases = [
        ("/ReplicationGroups/0/Status", json!("modifying"), "Status"),
        ("/ReplicationGroups/0/Status", json!("create-failed"), "Status"),
        (
            "/ReplicationGroups/0/PendingModifiedValues",
            json!({"AuthTokenStatus": "ROTATING"}),
            "PendingModifiedValues",
        ),
        (
            "/ReplicationGroups/0/PendingModifiedValues",
            json!({"SomethingNew": {"x": 1}}),
            "PendingModifiedValues",
        ),
        (
            "/CacheClusters/1/PendingModifiedValues",
            json!({"EngineVersion": "8.1"}),
            "PendingModifiedValues",
        ),
        (
            "/CacheClusters/1/CacheClusterStatus",
            json!("rebooting cluster nodes"),
            "CacheClusterStatus",
        ),
        (
            "/ReplicationGroups/0/GlobalReplicationGroupInfo",
            json!({"GlobalReplicationGroupId": "g"}),
            "GlobalReplicationGroupId",
        ),
        (
            "/ReplicationGroups/0/GlobalReplicationGroupInfo",
            json!({"GlobalReplicationGroupMemberRole": "SECONDARY"}),
            "GlobalReplicationGroupId",
        ),
        ("/ReplicationGroups/0/AuthTokenEnabled", json!(true), "AuthToken"),
        ("/ReplicationGroups/0/ClusterMode", json!("compatible"), "ClusterMode"),
        ("/ReplicationGroups/0/CacheNodeType", json!("cache.r3.large"), "CacheNodeType"),
        ("/ReplicationGroups/0/CacheNodeType", json!("cache.t1.micro"), "CacheNodeType"),
        ("/ReplicationGroups/0/CacheNodeType", json!("cache.r6gd.xlarge"), "DataTieringEnabled"),
        ("/ReplicationGroups/0/DataTiering", json!("enabled"), "DataTieringEnabled"),
        (
            "/ReplicationGroups/0/MemberClustersOutpostArns",
            json!(["arn:aws:outposts:x"]),
            "PreferredOutpostArn",
        ),
        (
            "/CacheClusters/0/PreferredOutpostArn",
            json!("arn:aws:outposts:x"),
            "PreferredOutpostArn",
        ),
        (
            "/CacheClusters/0/CacheSecurityGroups",
            json!([{"CacheSecurityGroupName": "default"}]),
            "CacheSecurityGroupNames",
        ),
        ("/CacheClusters/0/SecurityGroups/0/Status", json!("adding"), "SecurityGroupIds"),
        ("/ReplicationGroups/0/NodeGroups/0/Status", json!("modifying"), "NodeGroups.Status"),
        ("/ReplicationGroups/0/StorageEncryptionType", json!("sse-kms"), "KmsKeyId"),
        ("/ReplicationGroups/0/NetworkType", json!("ipv6"), "NetworkType"),
        ("/ReplicationGroups/0/Engine", json!("keydb"), "Engine"),
        (
            "/CacheEngineVersions",
            json!([{"Engine": "valkey", "EngineVersion": "8.1"}]),
            "EngineVersion",
        ),
        ("/Limits/NodesInUse", json!(298), "NumCacheNodes"),
        ("/Limits/NodesInUse", json!(u64::MAX), "NumCacheNodes"),
        ("/Limits/MostNodeHoursADay", json!(71), "CacheNodeType"),
        ("/Subnets/0/AvailableIpAddressCount", json!(0), "CacheSubnetGroupName"),
        ("/CacheSubnetGroups/0/Subnets", json!([]), "PreferredAvailabilityZone"),
        (
            "/MadeBy",
            json!("APN/1.0 HashiCorp/1.0 Terraform/1.9.5 terraform-provider-aws/6.2.0"),
            "Owner",
        ),
        ("/TagList/0/Key", json!("aws:cloudformation:stack-name"), "Owner"),
        ("/TagList/0", json!({"Key": "ManagedBy", "Value": "Terraform"}), "Owner"),
        ("/TagList/0", json!({"Key": "Pulumi", "Value": "true"}), "Owner"),
        ("/TagList/0", json!({"Key": "acme:managed-by", "Value": "Pulumi Cloud"}), "Owner"),
        ("/TagList/0", json!({"Key": "sst:app", "Value": "shop"}), "Owner"),
        ("/TagList/0", json!({"Key": "CDK", "Value": "true"}), "Owner"),
        ("/SecurityGroupRules", json!(null), "SecurityGroupIds"),
        ("/SecurityGroupRules", json!([]), "SecurityGroupIds"),
    ];
    for (at, value, field) in cases {
        let fields = broken("valkey-with-replicas", at, value.clone());
        assert!(fields.iter().any(|found| found == field), "{at} = {value}: {fields:?}");
    }
}

#[test]
fn what_describe_does_not_show_is_not_left_to_a_default() {
    for (at, member) in [
        ("/TagList", "Tags"),
        ("/ReplicationGroups/0/ARN", "ARN"),
        ("/CacheClusters/0/EngineVersion", "EngineVersion"),
        ("/CacheClusters/0/CacheParameterGroup", "CacheParameterGroup"),
        ("/CacheClusters/0/CacheSubnetGroupName", "CacheSubnetGroupName"),
        ("/CacheClusters/0/SecurityGroups", "SecurityGroups"),
        ("/ReplicationGroups/0/AtRestEncryptionEnabled", "AtRestEncryptionEnabled"),
        ("/ReplicationGroups/0/AutomaticFailover", "AutomaticFailover"),
        ("/ReplicationGroups/0/MultiAZ", "MultiAZ"),
        ("/ReplicationGroups/0/UserGroupIds", "UserGroupIds"),
        ("/ReplicationGroups/0/ClusterMode", "ClusterMode"),
        ("/ReplicationGroups/0/NodeGroups", "NodeGroups"),
    ] {
        let fields = broken("valkey-with-replicas", at, json!(null));
        let named = fields.iter().flat_map(|fields| fields.split(", "));
        assert!(named.clone().any(|found| found == member), "{at}: {fields:?}");
    }
    let fields =
        broken("valkey-three-shards", "/ReplicationGroups/0/NodeGroups/1/Slots", json!(null));
    assert_eq!(fields, ["Slots"]);
}

#[test]
fn members_must_all_be_there_and_agree() {
    let mut document = example("valkey-with-replicas");
    document["CacheClusters"].as_array_mut().unwrap().pop();
    let fields: Vec<_> = refused(&document, &Choices::default()).reasons;
    assert_eq!(fields.len(), 1, "{fields:?}");
    assert!(fields[0].why.ends_with("orders-003"), "{}", fields[0].why);
    let fields = broken("valkey-with-replicas", "/CacheClusters/2/EngineVersion", json!("8.1.0"));
    assert_eq!(fields, ["EngineVersion"]);
}

#[test]
fn a_cluster_is_refused_for_what_cannot_be_carried() {
    for (at, value, field) in [
        (
            "/CacheClusters/0/CacheNodes/0/CustomerOutpostArn",
            json!("arn:aws:outposts:x"),
            "PreferredOutpostArn",
        ),
        ("/CacheClusters/0/CacheNodes/0/Endpoint/Port", json!(0), "Port"),
        ("/CacheClusters/0/EngineVersion", json!("7.2.0"), "EngineVersion"),
    ] {
        assert_eq!(broken("redis-with-snapshots", at, value)[0], field, "{at}");
    }
    let fields = broken(
        "memcached-several-nodes",
        "/CacheClusters/0/CacheNodes/1/CustomerAvailabilityZone",
        json!(null),
    );
    assert_eq!(fields, ["PreferredAvailabilityZones"]);
}

#[test]
fn a_number_of_nodes_that_cannot_be_is_refused() {
    for nodes in [i64::MIN, -1, 0, 1001, i64::MAX] {
        let fields =
            broken("memcached-single-node", "/CacheClusters/0/NumCacheNodes", json!(nodes));
        assert_eq!(fields, ["NumCacheNodes"], "{nodes}");
    }
    let fields = broken("redis-with-snapshots", "/CacheClusters/0/NumCacheNodes", json!(2));
    assert_eq!(fields, ["NumCacheNodes"]);
}

#[test]
fn a_tag_too_many_is_refused_with_the_markers_counted() {
    let tags = |count: usize| -> Value {
        (0..count).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect()
    };
    let mut document = example("redis-with-snapshots");
    document["TagList"] = tags(48);
    assert!(matches!(answer(&document, &Choices::default()), Answer::Plan(_)));
    document["TagList"] = tags(49);
    assert_eq!(refused(&document, &Choices::default()).reasons[0].field, "Tags");
}

#[test]
fn tags_that_are_missing_are_listed_by_a_command() {
    let mut document = example("redis-with-snapshots");
    document.as_object_mut().unwrap().remove("TagList");
    let command = |document: &Value| {
        let reasons = refused(document, &Choices::default()).reasons;
        reasons.into_iter().find(|reason| reason.field == "Tags").unwrap().remedy
    };
    assert_eq!(
        command(&document),
        "list them: `aws elasticache list-tags-for-resource --region eu-west-1 --resource-name \
         arn:aws:elasticache:eu-west-1:111122223333:cluster:search`; or plan the live cache: `portcullis plan ID`"
    );
    document["CacheClusters"][0].as_object_mut().unwrap().remove("ARN");
    assert!(command(&document).contains("list-tags-for-resource --resource-name ARN`;"));
}

#[test]
fn a_port_is_refused_that_is_a_default_the_systems_or_a_neighbours() {
    let document = example("redis-single-node");
    for port in [6379, 6380, 11_211, 26_379, 80, 1149, 8005] {
        let choices = Choices { port: Some(port), ..Choices::default() };
        let reasons = refused(&document, &choices).reasons;
        assert_eq!((reasons.len(), reasons[0].field.as_str()), (1, "Port"), "{port}");
    }
    for port in [1150, 8004, 8006, 65_535] {
        let choices = Choices { port: Some(port), ..Choices::default() };
        assert!(matches!(answer(&document, &choices), Answer::Plan(_)), "{port}");
    }
    // In cluster mode the nodes talk on the port 10,000 above.
    let choices = |port| Choices { port: Some(port), ..Choices::default() };
    let shards = example("valkey-three-shards");
    assert_eq!(refused(&shards, &choices(55_536)).reasons[0].field, "Port");
    assert!(matches!(answer(&shards, &choices(55_535)), Answer::Plan(_)));
    let mut document = document;
    document["CacheClusters"][1]["CacheNodes"][0]["Endpoint"]["Port"] = json!(7001);
    let choices = Choices { port: Some(7001), ..Choices::default() };
    assert!(refused(&document, &choices).reasons[0].why.contains("sessions"));
}

#[test]
fn a_replacement_that_is_there_already_is_not_planned_again() {
    let mut document = example("redis-with-snapshots");
    document["Cache"] = json!("search");
    let mut other = document["CacheClusters"][0].clone();
    other["CacheClusterId"] = json!("search-7001-001");
    other["ReplicationGroupId"] = json!("search-7001");
    document["CacheClusters"].as_array_mut().unwrap().push(other);
    let choices = |port| Choices { port: Some(port), ..Choices::default() };
    assert_eq!(refused(&document, &choices(7001)).reasons[0].field, "Id");
    assert!(matches!(answer(&document, &choices(7002)), Answer::Plan(_)));
}

#[test]
fn a_cache_on_a_custom_port_moves_only_if_asked_to() {
    let mut document = example("redis-with-snapshots");
    document["CacheClusters"][0]["CacheNodes"][0]["Endpoint"]["Port"] = json!(17_321);
    assert_eq!(refused(&document, &Choices::default()).reasons[0].field, "Port");
    let choices = Choices { port: Some(20_777), ..Choices::default() };
    let Answer::Plan(plan) = answer(&document, &choices) else { panic!("no plan") };
    assert_eq!(plan.create.id, "search-20777");
}

#[test]
fn a_secret_must_be_one_and_be_needed() {
    let choices =
        |secret: &str| Choices { auth_token_secret: Some(secret.to_owned()), ..Choices::default() };
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-b";
    let token = "sixteen-letters-and-more!";
    let refusal = refused(&example("redis-auth-token"), &choices(token));
    assert!(!format!("{refusal:?}").contains("sixteen"), "{refusal:?}");
    for odd in [
        "",
        "arn:aws:s3:::x",
        "arn:aws:secretsmanager:eu-west-1:1:secret:a",
        &format!("{arn} $(x)"),
        &arn.replace("eu-west-1", "$(x)"),
        &arn.replace("arn:aws", "arn:aws;x"),
    ] {
        assert_eq!(refused(&example("redis-auth-token"), &choices(odd)).reasons.len(), 1, "{odd}");
    }
    assert!(matches!(answer(&example("redis-auth-token"), &choices(arn)), Answer::Plan(_)));
    assert_eq!(
        refused(&example("redis-with-snapshots"), &choices(arn)).reasons[0].field,
        "AuthToken"
    );
}

#[test]
fn an_owner_gets_a_patch_if_all_else_is_known() {
    let patched = |name| refused(&example(name), &Choices::default()).patch.is_some();
    assert!(patched("valkey-of-a-stack") && patched("memcached-of-terraform"));
    assert!(!patched("redis-many-reasons") && !patched("redis-global-datastore"));
    let mut document = example("redis-auth-token");
    document["TagList"] = json!([{"Key": "aws:cloudformation:stack-name", "Value": "shop"}]);
    assert!(
        refused(&document, &Choices::default()).patch.is_some(),
        "the template holds the token"
    );
    document["ReplicationGroups"][0]["Status"] = json!("modifying");
    assert!(refused(&document, &Choices::default()).patch.is_none(), "nothing to copy yet");
    document["ReplicationGroups"][0]["Status"] = json!("available");
    document["TagList"] = json!([{"Key": "managed-by", "Value": "pulumi"}]);
    assert!(refused(&document, &Choices::default()).patch.is_none(), "not in its language");
}

#[test]
fn the_user_agent_tells_of_an_owner_where_no_tag_does() {
    let made_by = |agent: &str| {
        let mut document = example("redis-with-snapshots");
        document["MadeBy"] = json!(agent);
        document
    };
    for (agent, why, patched) in [
        ("cloudformation.amazonaws.com", "the CloudFormation stack that is not named", true),
        (
            "APN/1.0 HashiCorp/1.0 Terraform/1.9.5",
            "the user agent of the call that created it",
            true,
        ),
        ("Pulumi/3.0 terraform-provider-aws/6.2.0", "Pulumi owns the cache", false),
    ] {
        let refusal = refused(&made_by(agent), &Choices::default());
        assert_eq!((refusal.reasons.len(), refusal.patch.is_some()), (1, patched), "{agent}");
        assert!(refusal.reasons[0].why.contains(why), "{}", refusal.reasons[0].why);
    }
    for agent in ["aws-cli/2.17.0", "backup.amazonaws.com", "Mozilla/5.0"] {
        let answer = answer(&made_by(agent), &Choices::default());
        assert!(matches!(answer, Answer::Plan(_)), "{agent}");
    }
}
