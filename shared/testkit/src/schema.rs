//! Holds what is sent to machines to the schemas in `docs`.

use std::path::PathBuf;

use serde_json::Value;

/// Panics where `value` is not as `docs/<name>.schema.json` has it.
#[track_caller]
pub fn holds(name: &str, value: &Value) {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let text = std::fs::read_to_string(docs.join(format!("{name}.schema.json"))).unwrap();
    let schema = jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap();
    let problems: Vec<String> = schema
        .iter_errors(value)
        .map(|problem| format!("{}: {problem}", problem.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{name}: {}\n{value:#}", problems.join("\n"));
}
