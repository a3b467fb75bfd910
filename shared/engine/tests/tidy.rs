//! What is in the code is in the documentation, the schema and the README, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
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

/// The modules of the engine that a module uses, but for its tests.
fn uses(module: &str) -> BTreeSet<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = std::fs::read_to_string(src.join(format!("{module}.rs"))).unwrap();
    let below = src.join(module);
    if below.is_dir() {
        shipped(&below, &mut text);
    }
    let mut uses = BTreeSet::new();
    for file in text.split(FILE) {
        let code = file.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let name = |rest: &str| {
            rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().map(str::to_owned)
        };
        for line in lines {
            uses.extend(line.split("crate::").skip(1).filter_map(name));
        }
    }
    uses.remove(module);
    uses
}

/// Between the files of a module.
const FILE: &str = "\n//file\n";

/// The text of every file below a directory that is no test.
fn shipped(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_test {
            shipped(&path, text);
        } else if !is_test && path.extension().is_some_and(|end| end == "rs") {
            text.push_str(FILE);
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Whoever reads a module needs only those that it builds on.
#[test]
fn no_modules_of_the_engine_use_each_other_in_a_circle() {
    let lib = read("shared/engine/src/lib.rs");
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut left: BTreeMap<&str, BTreeSet<String>> =
        modules.map(|module| (module, uses(module))).collect();
    assert!(left.len() > 15, "{left:?}");
    while let Some(free) = left
        .iter()
        .find(|(_, uses)| uses.iter().all(|used| !left.contains_key(used.as_str())))
        .map(|(module, _)| *module)
    {
        left.remove(free);
    }
    assert!(left.is_empty(), "these use each other in a circle: {left:#?}");
}
