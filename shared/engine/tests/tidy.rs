//! What is in the code is in the documentation, the schema and the README, and the other way round.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis_engine::event::EventName;
use portcullis_engine::finding::Check;
use portcullis_engine::resolution::Resolution;

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
fn the_schema_knows_every_outcome() {
    let schema: serde_json::Value = serde_json::from_str(&read("docs/alert.schema.json")).unwrap();
    let known = strings(&schema["$defs"]["finding"]["properties"]["outcome"]["enum"]);
    // What went after it had been reported has a list of its own.
    let ends = Resolution::ALL.into_iter().filter(|end| *end != Resolution::Resolved);
    let ends = ends.map(|end| end.as_str().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(known, ends);
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
    let mut tests = String::new();
    for dir in ["shared", "functions"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(dir), &mut tests);
    }
    for name in text.split('`').filter(|word| word.matches('_').count() > 3 && !word.contains('/'))
    {
        assert!(
            tests.contains(&format!("fn {name}(")),
            "ARCHITECTURE.md names {name}, which is no test"
        );
    }
}

#[test]
fn every_trap_names_tests_and_events_that_exist() {
    let mut code = String::new();
    for dir in ["shared", "functions", "e2e/tests"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(dir), &mut code);
    }
    let traps = read("docs/traps.md");
    for row in traps.lines().filter(|line| line.starts_with("| ")) {
        let held = row.rsplit('|').nth(1).unwrap();
        for name in held.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')) {
            let found = match name.contains('-') {
                true => Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join(format!("../../events/{name}.json"))
                    .exists(),
                false => code.contains(&format!(" {name}(")),
            };
            assert!(found, "docs/traps.md names {name}, which is not there");
        }
    }
}

/// The text of every Rust and Python file below a directory.
fn collect(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "py") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
