//! What is in the code is in the documentation, the schema and the README, and the other way round.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis_engine::checks::Check;
use portcullis_engine::event::EventName;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

fn checks() -> BTreeSet<String> {
    Check::ALL.iter().map(|check| check.as_str().to_owned()).collect()
}

fn strings(value: &serde_json::Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_check_has_its_section_and_every_section_its_check() {
    let docs = read("docs/checks.md");
    let sections = docs.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'));
    assert_eq!(sections.map(str::to_owned).collect::<BTreeSet<_>>(), checks());
}

#[test]
fn the_readme_lists_every_check() {
    let readme = read("README.md");
    for check in checks() {
        let row = format!("| [`{check}`](docs/checks.md#{check})");
        assert!(readme.contains(&row), "no row for {check}");
    }
}

#[test]
fn the_schema_knows_every_check_and_event() {
    let schema: serde_json::Value = serde_json::from_str(&read("docs/alert.schema.json")).unwrap();
    let check = &schema["$defs"]["finding"]["properties"]["check"]["enum"];
    assert_eq!(strings(check), checks());
    let names = EventName::ALL.iter().map(|name| name.as_str().to_owned()).collect();
    let event = &schema["properties"]["event"]["properties"]["name"]["enum"];
    assert_eq!(strings(event), names);
}

#[test]
fn every_invariant_names_tests_and_files_that_exist() {
    let text = read("ARCHITECTURE.md");
    for path in text.split('`').filter(|word| word.contains('/') && !word.contains(['*', ' ', '{']))
    {
        let path = path.trim_end_matches('/');
        let found = ["", "shared/engine/src/"].iter().any(|base| {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(base).join(path).exists()
        });
        assert!(found, "ARCHITECTURE.md names {path}, which is not there");
    }
    let tests =
        ["laws.rs", "alert.rs"].map(|file| read(&format!("shared/engine/tests/{file}"))).concat()
            + &read("shared/engine/src/alert/command.rs");
    for name in text.split('`').filter(|word| word.matches('_').count() > 3 && !word.contains('/'))
    {
        assert!(
            tests.contains(&format!("fn {name}(")),
            "ARCHITECTURE.md names {name}, which is no test"
        );
    }
}
