//! Every file in `examples/`, and what is answered to it, as text and as JSON.
//!
//! Adding a case is adding a file: `INSTA_UPDATE=always cargo test -p portcullis-plan` writes the
//! snapshots. Read them as if the cache were yours.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis_plan::document;
use portcullis_plan::facts::Facts;
use portcullis_plan::json::json;
use portcullis_plan::plan::{Answer, Wish, plan};
use portcullis_plan::text::{plain, text};
use serde_json::Value;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf";

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(examples()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.map(|name| name.strip_suffix(".json").unwrap().to_owned()).collect();
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
        snapshots(&name, &plan(&facts(&name), &Wish::default()));
    }
}

/// Holds a value to the part of JSON Schema that `docs/plan.schema.json` uses.
fn fits(schema: &Value, root: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return fits(&root["$defs"][name], root, value, at);
    }
    if let Some(only) = schema.get("const") {
        assert_eq!(value, only, "{at}");
    }
    if let Some(all) = schema["enum"].as_array() {
        assert!(all.contains(value), "{at} is {value}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match &schema["type"] {
        Value::Null => {}
        Value::Array(kinds) => assert!(kinds.iter().any(|k| k == kind), "{at} is {value}"),
        one => assert_eq!(one, kind, "{at} is {value}"),
    }
    for (at_item, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(&schema["items"], root, item, &format!("{at}[{at_item}]"));
    }
    let members = value.as_object().into_iter().flatten();
    for name in schema["required"].as_array().into_iter().flatten().filter(|_| value.is_object()) {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at} has no {name}");
    }
    for (name, member) in members {
        match schema["properties"].get(name) {
            Some(schema) => fits(schema, root, member, &format!("{at}.{name}")),
            None => {
                assert_ne!(schema["additionalProperties"], false, "{at}.{name} is not described")
            }
        }
    }
}

#[test]
fn every_answer_is_as_the_schema_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/plan.schema.json");
    let root: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut outcomes = BTreeSet::new();
    for name in names() {
        let answer: Value =
            serde_json::from_str(&json(&plan(&facts(&name), &Wish::default()))).unwrap();
        let of = if answer["outcome"] == "plan" { "plan" } else { "refusal" };
        fits(&root["$defs"][of], &root, &answer, &name);
        outcomes.insert(of);
    }
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_token_that_is_in_a_secret_is_carried_by_its_arn() {
    let wish = Wish { auth_token_secret: Some(SECRET.to_owned()), ..Wish::default() };
    snapshots("redis-auth-token.with-secret", &plan(&facts("redis-auth-token"), &wish));
}

#[test]
fn a_port_that_is_asked_for_is_taken() {
    let wish = Wish { port: Some(7001), ..Wish::default() };
    let Answer::Plan(plan) = plan(&facts("redis-single-node"), &wish) else { panic!() };
    assert_eq!((plan.create.port, plan.create.id.as_str()), (7001, "legacy-jobs-7001"));
}
