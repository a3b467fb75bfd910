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
use portcullis_replay::json::document;
use portcullis_replay::replay::{Options, replay};
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
    for (name, _) in &mut inputs.problems {
        *name = name.rsplit('/').next().unwrap().to_owned();
    }
    (facts.inputs, facts.duplicates) = (inputs, records.duplicates);
    let shown = Shown {
        mode: "enforce",
        delay: 20,
        exceptions: "infra/exceptions".to_owned(),
        summary: Summary::new(&facts, &outcomes[0]),
        facts: &facts,
        outcome: &outcomes[0],
        compared: Some(("infra/exceptions/strict".to_owned(), compare(&outcomes[0], &outcomes[1]))),
    };
    insta::assert_snapshot!("text", text(&shown, &str::to_owned));
    insta::assert_snapshot!("csv", csv(&shown).replace("\r\n", "\n"));
    let page = page(&shown);
    assert!(page.contains("<svg") && !page.contains("<script"), "{page}");
    // Two of each are enough to see the shape.
    let mut document = document(&shown);
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
        facts.inputs.problems.push((words.clone(), words.clone()));
        let shown = Shown {
            mode: "enforce",
            delay: 20,
            exceptions: words.clone(),
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
