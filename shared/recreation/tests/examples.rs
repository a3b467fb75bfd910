//! Every file in `examples/`, and what is answered to it, as text and as JSON.
//!
//! Adding a case is adding a file: `INSTA_UPDATE=always cargo test -p portcullis-recreation` writes the
//! snapshots. Read them as if the cache were yours.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use portcullis_recreation::json::json;
use portcullis_recreation::plan::{Answer, Choices, plan};
use portcullis_recreation::text::{plain, text};
use portcullis_testkit::schema;
use serde_json::Value;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf";

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(examples()).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".json").unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn facts(name: &str) -> Facts {
    let text = std::fs::read_to_string(examples().join(format!("{name}.json"))).unwrap();
    document::read(&text, None).unwrap_or_else(|problems| panic!("{name}: {problems}"))
}

fn snapshots(name: &str, answer: &Answer) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("examples/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!(format!("{name}.text"), text(answer, &plain));
        insta::assert_snapshot!(format!("{name}.json"), json(answer));
    });
}

#[test]
fn every_example_is_answered_as_its_snapshot_says() {
    for name in names() {
        snapshots(&name, &plan(&facts(&name), &Choices::default()));
    }
}

#[test]
fn every_answer_is_as_the_schema_says() {
    let mut outcomes = BTreeSet::new();
    for name in names() {
        let answer: Value =
            serde_json::from_str(&json(&plan(&facts(&name), &Choices::default()))).unwrap();
        schema::holds("plan", &answer);
        outcomes.insert(answer["outcome"].to_string());
    }
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_token_that_is_in_a_secret_is_carried_by_its_arn() {
    let choices = Choices { auth_token_secret: Some(SECRET.to_owned()), ..Choices::default() };
    snapshots("redis-auth-token.with-secret", &plan(&facts("redis-auth-token"), &choices));
}

#[test]
fn a_port_that_is_asked_for_is_taken() {
    let choices = Choices { port: Some(7001), ..Choices::default() };
    let Answer::Plan(plan) = plan(&facts("redis-single-node"), &choices) else { panic!() };
    assert_eq!((plan.create.port, plan.create.id.as_str()), (7001, "legacy-jobs-7001"));
}
