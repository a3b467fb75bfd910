//! What `--compare` says of each exception of the cookbook, on a history in which it matters: the table of docs/replay.md.

use std::collections::BTreeMap;

use portcullis_engine::case::PolicyContext;
use portcullis_engine::settings::Mode;
use portcullis_exceptions::Policies;
use portcullis_replay::compare::compare;
use portcullis_replay::input::Input;
use portcullis_replay::replay::{Options, replay};
use portcullis_replay::sorted::{Merged, Runs};
use portcullis_replay::split::Splitter;
use portcullis_testkit::example;
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../../docs/replay.md");
const EXCEPTIONS: &str = include_str!("../../../docs/exceptions.md");
const GROUP: &str = "sg-0a1b2c3d4e5f60718";

/// The policies of the cookbook, by id.
fn recipes() -> BTreeMap<&'static str, &'static str> {
    let book = EXCEPTIONS.split("## Cookbook").nth(1).unwrap();
    let blocks = book.split("```cedar\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let id = |text: &'static str| text.split("@id(\"").nth(1).unwrap().split('"').next().unwrap();
    blocks.map(|text| (id(text), text)).collect()
}

fn record(name: &str, request: &Value, response: &Value) -> Value {
    json!({"eventVersion": "1.11", "eventName": name, "eventTime": "2026-03-02T08:00:00Z",
        "eventID": format!("e-{name}"), "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "requestParameters": request,
        "responseElements": response, "userIdentity": {"type": "AssumedRole",
        "accountId": "111122223333", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/alice",
        "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/deploy"}}}})
}

/// Somebody opens a port in the group.
fn opens(port: u16, source: &str) -> Value {
    let source = if source.starts_with("pl-") {
        json!({"prefixListIds": {"items": [{"prefixListId": source}]}})
    } else {
        json!({"ipRanges": {"items": [{"cidrIp": source}]}})
    };
    let mut permission = json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port});
    permission.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    let request = json!({"groupId": GROUP, "ipPermissions": {"items": [permission]}});
    record("AuthorizeSecurityGroupIngress", &request, &json!({"_return": true}))
}

fn made(key: &str, value: &str) -> Value {
    let tags = json!({"items": [{"resourceType": "security-group", "tags": [{"key": key, "value": value}]}]});
    let request = json!({"groupName": "web", "vpcId": "vpc-1", "tagSpecificationSet": tags});
    record("CreateSecurityGroup", &request, &json!({"groupId": GROUP}))
}

fn by_role(mut record: Value, role: &str) -> Value {
    let identity = &mut record["userIdentity"];
    identity["arn"] = json!(format!("arn:aws:sts::111122223333:assumed-role/{role}/alice"));
    identity["sessionContext"]["sessionIssuer"]["arn"] =
        json!(format!("arn:aws:iam::111122223333:role/{role}"));
    record
}

/// A history for each exception.
fn histories() -> BTreeMap<&'static str, Vec<Value>> {
    const ALL: &str = "0.0.0.0/0";
    let mut person = opens(22, ALL);
    person["userIdentity"]["sessionContext"]["sourceIdentity"] = json!("carol");
    let mut sandbox = opens(22, ALL);
    sandbox["recipientAccountId"] = json!("444455556666");
    let mut agreed = opens(22, ALL);
    agreed["requestParameters"]["tagSpecificationSet"] = json!({"items": [
        {"resourceType": "security-group-rule", "tags": [{"key": "change", "value": "CHG-4711"}]}]});
    let cache = |tags: &Value| {
        let request = json!({"replicationGroupId": "orders", "engine": "valkey", "tags": tags,
            "transitEncryptionEnabled": true, "authToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
            "securityGroupIds": [GROUP]});
        vec![record("CreateReplicationGroup", &request, &json!({}))]
    };
    let appliance = json!([{"key": "appliance", "value": "acme"}]);
    BTreeMap::from([
        ("web-tier", vec![made("exposure", "web"), opens(8443, ALL)]),
        ("bastion-office", vec![opens(22, "52.94.76.0/24")]),
        ("cloudflare", vec![opens(443, "pl-0123456789abcdef0")]),
        ("load-balancers", vec![opens(8443, ALL)]),
        ("break-glass", vec![by_role(opens(22, ALL), "break-glass")]),
        ("network-engineers", vec![person]),
        ("sandbox", vec![sandbox]),
        (
            "eks-load-balancers",
            vec![
                made("elbv2.k8s.aws/cluster", "shop"),
                by_role(opens(8443, ALL), "shop-load-balancer-controller"),
            ],
        ),
        ("vendor-range", vec![opens(8883, "20.0.0.0/7")]),
        ("agreed-rules", vec![agreed]),
        ("vendor-cache-port", cache(&json!([]))),
        ("vendor-caches", cache(&appliance)),
    ])
}

/// What changes when the exception is added to none.
fn changes(policy: &str, history: &[Value]) -> Vec<String> {
    let settings = example::settings(Mode::Enforce);
    let parse = |files: Vec<(String, String)>| Policies::parse(files).unwrap();
    let (none, with) = (parse(Vec::new()), parse(vec![("it.cedar".to_owned(), policy.to_owned())]));
    let contexts = [
        PolicyContext { settings: &settings, exceptions: &none },
        PolicyContext { settings: &settings, exceptions: &with },
    ];
    let mut runs = Runs::default();
    let bytes = serde_json::to_vec(history).unwrap();
    Input::default()
        .read(bytes.as_slice(), &mut Splitter::default(), &mut |record| runs.add(record).unwrap());
    let options = Options { from: i64::MIN, to: i64::MAX, delay: 20, stack: "portcullis" };
    let (_, outcomes) = replay(Merged::new([runs]).unwrap(), &contexts, &options).unwrap();
    compare(&outcomes[0], &outcomes[1]).iter().map(|change| change.words()).collect()
}

#[test]
fn the_table_of_the_document_is_what_a_replay_says() {
    let histories = histories();
    let recipes = recipes();
    assert_eq!(histories.keys().collect::<Vec<_>>(), recipes.keys().collect::<Vec<_>>());
    let rows: Vec<(String, String)> = histories
        .iter()
        .map(|(id, history)| {
            let mut changes = changes(recipes[id], history);
            changes.dedup();
            if changes.is_empty() {
                changes.push("nothing".to_owned());
            }
            ((*id).to_owned(), changes.join("; ").replace(" -> ", " → "))
        })
        .collect();
    for (id, words) in &rows {
        let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{id}` |")));
        assert!(row.is_some_and(|row| row.ends_with(&format!("| {words} |"))), "{rows:#?}");
    }
}
