//! Events of the project as one history, with the exceptions as they are shipped: the report that people see.

use std::fs;
use std::path::Path;

use portcullis_engine::case::PolicyContext;
use portcullis_engine::settings::Mode;
use portcullis_exceptions::Policies;
use portcullis_replay::compare::compare;
use portcullis_replay::csv::csv;
use portcullis_replay::files::{listed, read};
use portcullis_replay::html::page;
use portcullis_replay::input::Problem;
use portcullis_replay::json;
use portcullis_replay::replay::{Facts, Options, Outcome, replay};
use portcullis_replay::shown::Shown;
use portcullis_replay::summary::Summary;
use portcullis_replay::text::text;
use portcullis_testkit::{example, hostile, schema};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Some of each kind; all of them would change with every event that is added.
const EVENTS: [&str; 16] = [
    "authorize-all-traffic-to-the-world",
    "authorize-block-that-completes-a-union",
    "authorize-by-group-name-old-response",
    "authorize-failed",
    "authorize-four-quarters",
    "authorize-https-to-the-world",
    "authorize-in-a-protected-group",
    "authorize-redis-to-the-world",
    "authorize-without-a-group",
    "create-redis-without-security",
    "create-serverless-cache-public",
    "create-valkey-open-on-custom-port",
    "malformed-empty-detail",
    "modify-private-to-public",
    "modify-to-a-wide-prefix-list",
    "unwatched-api-call",
];

/// A directory with these events.
fn events() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in EVENTS {
        let name = format!("{name}.json");
        fs::copy(root().join("events").join(&name), dir.path().join(&name)).unwrap();
    }
    dir
}

/// As the command line shows it.
fn shown<'a>(facts: &'a Facts, outcome: &'a Outcome) -> Shown<'a> {
    Shown {
        mode: "enforce",
        delay: 20,
        exceptions: "infra/exceptions".to_owned(),
        is_live: false,
        summary: Summary::new(facts, outcome),
        facts,
        outcome,
        compared: None,
    }
}

#[test]
fn events_of_the_project_as_a_history() {
    let settings = example::settings(Mode::Enforce);
    let policies = ["infra/exceptions", "infra/exceptions/strict"]
        .map(|dir| Policies::read(&root().join(dir)).unwrap());
    let contexts =
        policies.iter().map(|exceptions| PolicyContext { settings: &settings, exceptions });
    let dir = events();
    let (files, inputs) = listed(&[dir.path().to_owned()]);
    let (mut records, mut inputs) = read(&files, inputs, &|_| {}).unwrap();
    let options = Options { from: i64::MIN, to: i64::MAX, delay: 20, stack: "portcullis" };
    let contexts: Vec<_> = contexts.collect();
    let (mut facts, outcomes) = replay(records.by_ref(), &contexts, &options).unwrap();
    for problem in &mut inputs.problems {
        problem.name = problem.name.rsplit('/').next().unwrap().to_owned();
    }
    (facts.inputs, facts.duplicates) = (inputs, records.duplicates);
    let shown = Shown {
        compared: Some(("infra/exceptions/strict".to_owned(), compare(&outcomes[0], &outcomes[1]))),
        ..shown(&facts, &outcomes[0])
    };
    insta::assert_snapshot!("text", text(&shown, &str::to_owned));
    insta::assert_snapshot!("csv", csv(&shown).replace("\r\n", "\n"));
    let page = page(&shown);
    assert!(page.contains("<svg") && !page.contains("<script"), "{page}");
    // Two of each are enough to see the shape.
    let written = json::text(&shown);
    let mut document: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written, format!("{document:#}\n"), "as a value would be written");
    schema::holds("replay", &document);
    document["findings"].as_array_mut().unwrap().truncate(2);
    document["compared"]["changes"].as_array_mut().unwrap().truncate(1);
    insta::assert_snapshot!("json", format!("{document:#}"));
}

/// Callers, groups and files are named by others.
#[test]
fn no_format_shows_the_words_of_others_as_they_are() {
    let settings = example::settings(Mode::Enforce);
    let exceptions = Policies::read(&root().join("infra/exceptions")).unwrap();
    let contexts = [PolicyContext { settings: &settings, exceptions: &exceptions }];
    let event =
        fs::read_to_string(root().join("events/authorize-redis-to-the-world.json")).unwrap();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    for (at, words) in hostile::texts().into_iter().enumerate() {
        let mut record = event["detail"].clone();
        let arn = format!("arn:aws:sts::111122223333:assumed-role/deploy/{words}");
        record["userIdentity"]["arn"] = arn.into();
        record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
            format!("arn:aws:iam::111122223333:role/{words}").into();
        record["responseElements"]["securityGroupRuleSet"]["items"][0]["cidrIpv4"] =
            words.clone().into();
        let mut runs = portcullis_replay::sorted::Runs::default();
        let mut input = portcullis_replay::input::Input::default();
        input.read(
            record.to_string().as_bytes(),
            &mut portcullis_replay::split::Splitter::default(),
            &mut |record| runs.add(record).unwrap(),
        );
        let records = portcullis_replay::sorted::Merged::new([runs]).unwrap();
        let options = Options { from: i64::MIN, to: i64::MAX, delay: 20, stack: "portcullis" };
        let (mut facts, outcomes) = replay(records, &contexts, &options).unwrap();
        assert_eq!(outcomes[0].findings.len(), 1, "{words:?}");
        let (name, what) = (words.clone(), words.clone());
        facts.inputs.problems.push(Problem { name, what, after: None, more: 0 });
        let shown = Shown {
            mode: "enforce",
            delay: 20,
            exceptions: words.clone(),
            is_live: false,
            summary: Summary::new(&facts, &outcomes[0]),
            facts: &facts,
            outcome: &outcomes[0],
            compared: Some((words.clone(), Vec::new())),
        };
        let csv = csv(&shown).replace("\r\n", "\n");
        for (surface, written) in
            [("text", text(&shown, &str::to_owned)), ("CSV", csv), ("HTML", page(&shown))]
        {
            hostile::shows_all(&format!("{surface} {at}"), &written);
            assert!(!written.contains("</code><script>") || surface != "HTML", "{written}");
        }
    }
}

/// What somebody does to rules of a group, by their ports.
enum Deed {
    Opens(&'static [u16]),
    Revokes(&'static [u16]),
}

/// A history in which not everything is closed at once: more rules than a limit allows, a rule that a machine opens again
/// and again, and what Portcullis itself closed when it was there already, of which somebody opened one again.
fn troubled() -> Vec<serde_json::Value> {
    use Deed::{Opens, Revokes};
    const MANY: [u16; 28] = [
        7000, 7001, 7002, 7003, 7004, 7005, 7006, 7007, 7008, 7009, 7010, 7011, 7012, 7013, 7014,
        7015, 7016, 7017, 7018, 7019, 7020, 7021, 7022, 7023, 7024, 7025, 7026, 7027,
    ];
    let deeds = [
        (60, "sg-many", "migration", Opens(&MANY)),
        (95, "sg-many", "migration", Revokes(&MANY)),
        (1000, "sg-drift", "ci", Opens(&[22])),
        (1300, "sg-drift", "ci", Revokes(&[22])),
        (1400, "sg-drift", "ci", Opens(&[22])),
        (1700, "sg-drift", "ci", Revokes(&[22])),
        (1800, "sg-drift", "ci", Opens(&[22])),
        (2100, "sg-drift", "ci", Revokes(&[22])),
        (2200, "sg-drift", "ci", Opens(&[22])),
        (2500, "sg-drift", "ci", Revokes(&[22])),
        (5000, "sg-undone", "deploy", Opens(&[5432, 3389])),
        (5020, "sg-undone", "portcullis-IngressRole-1A2B", Revokes(&[5432, 3389])),
        (5600, "sg-undone", "deploy", Opens(&[5432])),
        (9900, "sg-undone", "deploy", Opens(&[3389])),
    ];
    let record = |number: usize, at: i64, role: &str, name: &str, request, response| {
        serde_json::json!({"eventVersion": "1.11", "eventName": name, "eventID": format!("e-{number:02}"),
            "eventTime": portcullis_engine::time::iso(1_772_438_400 + at), "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "userAgent": "Terraform/1.13.3",
            "requestParameters": request, "responseElements": response,
            "userIdentity": {"type": "AssumedRole", "accountId": "111122223333",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/run"),
            "sessionContext": {"sessionIssuer": {"arn": format!("arn:aws:iam::111122223333:role/{role}")}}}})
    };
    let mut records = Vec::new();
    for (number, (at, group, role, deed)) in deeds.into_iter().enumerate() {
        let (name, ports) = match deed {
            Opens(ports) => ("AuthorizeSecurityGroupIngress", ports),
            Revokes(ports) => ("RevokeSecurityGroupIngress", ports),
        };
        let permissions: Vec<_> = ports
            .iter()
            .map(|port| {
                serde_json::json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port,
                    "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}})
            })
            .collect();
        let request =
            serde_json::json!({"groupId": group, "ipPermissions": {"items": permissions}});
        records.push(record(number, at, role, name, request, serde_json::json!({"_return": true})));
    }
    for group in ["sg-many", "sg-drift", "sg-undone"] {
        let tags = serde_json::json!({"items": [{"resourceType": "security-group", "tags":
            [{"key": "aws:cloudformation:stack-name", "value": "shop"}]}]});
        let tags = if group == "sg-many" { tags } else { serde_json::Value::Null };
        let request =
            serde_json::json!({"groupName": group, "vpcId": "vpc-1", "tagSpecificationSet": tags});
        let response = serde_json::json!({"groupId": group});
        records.push(record(90, 0, "deploy", "CreateSecurityGroup", request, response));
        records.last_mut().unwrap()["eventID"] = format!("e-{group}").into();
    }
    records
}

#[test]
fn what_is_left_open_and_what_was_undone() {
    let settings = example::settings(Mode::Enforce);
    let exceptions = Policies::read(&root().join("infra/exceptions")).unwrap();
    let contexts = [PolicyContext { settings: &settings, exceptions: &exceptions }];
    let mut runs = portcullis_replay::sorted::Runs::default();
    let bytes = serde_json::to_vec(&troubled()).unwrap();
    portcullis_replay::input::Input::default().read(
        bytes.as_slice(),
        &mut portcullis_replay::split::Splitter::default(),
        &mut |record| runs.add(record).unwrap(),
    );
    let records = portcullis_replay::sorted::Merged::new([runs]).unwrap();
    let options = Options { from: i64::MIN, to: i64::MAX, delay: 20, stack: "portcullis" };
    let (facts, outcomes) = replay(records, &contexts, &options).unwrap();
    let shown = shown(&facts, &outcomes[0]);
    let text = text(&shown, &str::to_owned);
    for expected in [
        "3   not remediated: limit",
        "1   not remediated: flapping",
        "undone: 1 of 2 rules that Portcullis closed",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    insta::assert_snapshot!("troubled", text);
}
