//! What is in the code is in the documentation, the schema and the README, and the other way round.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_engine::event::EventName;
use portcullis_engine::finding::Check;
use portcullis_engine::resolution::Resolution;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
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
    let ends = Resolution::ALL
        .into_iter()
        .filter(|end| *end != Resolution::Resolved)
        .map(|end| end.as_str().to_owned())
        .collect::<BTreeSet<_>>();
    assert_eq!(known, ends);
}

#[test]
fn every_invariant_names_tests_and_files_that_exist() {
    let text = read("ARCHITECTURE.md");
    for path in text.split('`').filter(|word| word.contains('/') && !word.contains(['*', ' ', '{']))
    {
        let path = path.trim_end_matches('/');
        let found =
            ["", "shared/engine/src/"].iter().any(|base| root().join(base).join(path).exists());
        assert!(found, "ARCHITECTURE.md names {path}, which is not there");
    }
    let mut tests = String::new();
    for dir in ["shared", "functions"] {
        collect(&root().join(dir), &mut tests);
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
        collect(&root().join(dir), &mut code);
    }
    let traps = read("docs/traps.md");
    for row in traps.lines().filter(|line| line.starts_with("| ")) {
        let held = row.rsplit('|').nth(1).unwrap();
        for name in held.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')) {
            let found = if name.contains('-') {
                root().join(format!("events/{name}.json")).exists()
            } else {
                code.contains(&format!(" {name}("))
            };
            assert!(found, "docs/traps.md names {name}, which is not there");
        }
    }
}

/// The text of every Rust and Python file below a directory.
fn collect(dir: &Path, text: &mut String) {
    each_source(dir, &mut |_, source| text.push_str(source));
}

fn each_source(dir: &Path, visit: &mut dyn FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_source(&path, visit);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "py") {
            visit(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The lines of what is shipped, but for one file, for which `is` holds.
fn lines_but_in(but: &str, is: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for dir in ["cli/src", "functions", "shared"] {
        each_source(&root().join(dir), &mut |path, source| {
            let tests = path
                .iter()
                .any(|part| ["tests", "tests.rs", "testkit"].contains(&part.to_str().unwrap()));
            if path.ends_with(but) || tests || path.extension().is_none_or(|end| end != "rs") {
                return;
            }
            let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let lines =
                code.lines().filter(|line| !line.trim_start().starts_with("//") && is(line));
            found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
        });
    }
    found
}

/// Whoever takes an ARN apart by hand forgets that a resource may have colons, or that a text may be no ARN.
#[test]
fn only_one_module_takes_arns_apart() {
    const BY_HAND: [&str; 7] = [
        "split(':')",
        "splitn(6",
        "splitn(7",
        "rsplit(':')",
        "(\":role/",
        "(\":assumed-role/",
        "\"arn:{",
    ];
    let by_hand = lines_but_in("shared/engine/src/arn.rs", |line| {
        BY_HAND.iter().any(|way| line.contains(way))
    });
    assert!(by_hand.is_empty(), "use `portcullis_engine::arn::Arn`: {by_hand:#?}");
}

/// A second list would lack what the first one has.
#[test]
fn only_one_module_lists_the_characters_that_hide_text() {
    const SOME: [&str; 6] = ["0x202", "0x0020", "u{202", "u{200", "u{206", "is_control()"];
    let listed = lines_but_in("shared/engine/src/text/hidden.rs", |line| {
        SOME.iter().any(|code| line.to_ascii_lowercase().contains(code))
    });
    assert!(listed.is_empty(), "use `portcullis_engine::text::hides`: {listed:#?}");
}
