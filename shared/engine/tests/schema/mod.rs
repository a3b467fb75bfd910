//! Holds a value to the part of JSON Schema that the files in `docs` use.

use serde_json::Value;

/// Panics where `value` is not as `docs/<name>.schema.json` has it.
pub(crate) fn holds(name: &str, value: &Value) {
    let path = format!("{}/../../docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let root: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    fits(&root, &root, value, "the document");
}

fn fits(root: &Value, schema: &Value, value: &Value, at: &str) {
    for keyword in schema.as_object().into_iter().flatten().map(|(keyword, _)| keyword.as_str()) {
        assert!(KNOWN.contains(&keyword), "{at}: {keyword} is not held");
    }
    if let Some(other) = schema["$ref"].as_str() {
        let other = root.pointer(other.trim_start_matches('#')).unwrap();
        fits(root, other, value, at);
    }
    if let Some(only) = schema.get("const") {
        assert_eq!(value, only, "{at}");
    }
    if let Some(all) = schema["enum"].as_array() {
        assert!(all.contains(value), "{at} is {value}");
    }
    kind(schema, value, at);
    sizes(schema, value, at);
    for (item_at, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(items) = schema.get("items") {
            fits(root, items, item, &format!("{at}[{item_at}]"));
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter(|_| value.is_object()) {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at} has no {name}");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(schema), _) => fits(root, schema, member, &at),
            (None, Some(Value::Bool(false))) => panic!("{at} is not described"),
            (None, Some(schema)) => fits(root, schema, member, &at),
            (None, None) => {}
        }
    }
}

/// What is held or says nothing of a value. `pattern` is held by `e2e/tests/test_alerts.py`.
const KNOWN: [&str; 19] = [
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "const",
    "enum",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "pattern",
];

fn kind(schema: &Value, value: &Value, at: &str) {
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match &schema["type"] {
        Value::Null => {}
        Value::Array(kinds) => assert!(kinds.iter().any(|kind| kind == is), "{at} is {value}"),
        one => assert_eq!(one, is, "{at} is {value}"),
    }
}

fn sizes(schema: &Value, value: &Value, at: &str) {
    let size = match value {
        Value::String(text) => Some(("Length", text.chars().count() as u64)),
        Value::Array(items) => Some(("Items", items.len() as u64)),
        _ => None,
    };
    if let Some((what, size)) = size {
        let least = schema[format!("min{what}")].as_u64().unwrap_or(0);
        let most = schema[format!("max{what}")].as_u64().unwrap_or(u64::MAX);
        assert!((least..=most).contains(&size), "{at} has {size}, not {least} to {most}");
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_u64(), value.as_u64()) {
        assert!(number >= least, "{at} is {number}");
    }
}
