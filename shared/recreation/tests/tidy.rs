//! What is said in other languages is what the planner does.

use std::path::Path;

use portcullis_recreation::replacement::{PORTS, is_port};
use serde_json::json;

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The template's parameter CachePort, as a pattern and in words. The CDK construct reads it from there.
fn parameter() -> String {
    let template = file("infra/template.yaml");
    let parameter = template.split("\n  CachePort:\n").nth(1).unwrap().to_owned();
    parameter.lines().take_while(|line| line.starts_with("    ")).collect::<Vec<_>>().join("\n")
}

fn value(name: &str) -> String {
    let parameter = parameter();
    let line = parameter.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {parameter}")).to_owned()
}

#[test]
fn the_template_takes_the_ports_that_elasticache_takes() {
    let pattern = json!({"type": "string", "pattern": value("AllowedPattern")});
    let pattern = jsonschema::validator_for(&pattern).unwrap();
    assert!(pattern.is_valid(&json!("")), "nothing: one is chosen");
    for number in 0..=99_999_u32 {
        let port = u16::try_from(number).is_ok_and(is_port);
        assert_eq!(pattern.is_valid(&json!(number.to_string())), port, "{number}");
    }
    for odd in ["01150", "1150 ", "-1150", "x", "115000"] {
        assert!(!pattern.is_valid(&json!(odd)), "{odd}");
    }
}

#[test]
fn the_words_on_the_port_are_the_same_everywhere() {
    let [low, high] = PORTS;
    assert_eq!(high.start() - low.end(), 2, "one port is left out");
    let words = format!("from {} to {} but {}", low.start(), high.end(), low.end() + 1);
    assert!(value("ConstraintDescription").contains(&words), "{words}");
    for path in ["infra/cdk/lib/props.ts", "infra/cdk/README.md"] {
        assert!(file(path).contains(&words), "{path}: {words}");
    }
    let ranges = format!("{} to {} and {} to {}", low.start(), low.end(), high.start(), high.end());
    assert!(file("docs/moving-a-cache.md").contains(&ranges), "{ranges}");
}
