//! Documents in which users wrote something else.

use serde_json::Value;

/// Overwrites these members wherever they are strings.
pub(crate) fn replace(value: &mut Value, members: &[&str], text: &str) {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match value {
                    Value::String(old) if members.contains(&name.as_str()) => text.clone_into(old),
                    other => replace(other, members, text),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|value| replace(value, members, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
