//! Whether a cache is what was asked for, input by input: what verifies a new cache before anybody
//! is told to use it.

mod clone;

use std::fmt;

use crate::request::{Request, Token, Value};

pub use clone::verify_clone;

/// A setting that is not as it was asked for, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name in the API.
    pub setting: String,
    /// What was asked for.
    pub asked: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: planned {}, found {}", self.setting, self.asked, self.found)
    }
}

/// What may differ between a request and the cache that it made, and why. Everything else must not.
pub const MAY_DIFFER: &[(&str, &str)] = &[("SnapshotName", "a cache does not show its snapshot")];

/// What may differ between a cache and its replacement, and why.
pub const RECREATED: &[(&str, &str)] = &[
    ("ReplicationGroupId", "both exist for a while"),
    ("CacheClusterId", "both exist for a while"),
    ("Port", "the purpose of the re-creation"),
];

/// Compares the request that made a cache with the one recovered from its Describe outputs.
pub fn verify(asked: &Request, found: &Request) -> Vec<Difference> {
    differences(asked, found, MAY_DIFFER)
}

/// Compares two requests, but for the inputs that may differ.
pub fn differences(
    asked: &Request,
    found: &Request,
    may_differ: &[(&str, &str)],
) -> Vec<Difference> {
    let (asked, found) = (asked.inputs(), found.inputs());
    let unset = || Value::Unset;
    let look = |inputs: &[(&'static str, Value)], name: &str| {
        inputs
            .iter()
            .find(|(known, _)| *known == name)
            .map_or_else(unset, |(_, value)| value.clone())
    };
    let mut names: Vec<&'static str> = asked.iter().map(|(name, _)| *name).collect();
    names.extend(
        found
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !names.contains(name))
            .collect::<Vec<_>>(),
    );
    names
        .into_iter()
        .filter(|name| !may_differ.iter().any(|(may, _)| may == name))
        .map(|name| (name, look(&asked, name), look(&found, name)))
        .map(|(name, asked, found)| {
            let found = undivided(&asked, found);
            (name, asked, found)
        })
        .filter(|(_, asked, found)| shown(asked) != shown(found))
        .map(|(name, asked, found)| Difference {
            setting: name.to_owned(),
            asked: asked.lines().join(", "),
            found: found.lines().join(", "),
        })
        .collect()
}

/// The shards that were found, without their slots where AWS was left to divide these.
fn undivided(asked: &Value, found: Value) -> Value {
    match (asked, found) {
        (Value::Shards(asked), Value::Shards(mut found))
            if asked.iter().all(|shard| shard.slots.is_none()) =>
        {
            found.iter_mut().for_each(|shard| shard.slots = None);
            Value::Shards(found)
        }
        (_, found) => found,
    }
}

/// A value as far as Describe shows it: of the AUTH token only whether there is one, and no marker
/// tags, which are recovered from no cache.
fn shown(value: &Value) -> Value {
    match value {
        Value::Token(Token::Secret(_) | Token::Hidden) => Value::Token(Token::Hidden),
        Value::Tags(tags) => {
            let mut tags = tags.clone();
            tags.retain(|tag| !crate::marks::is_mark(&tag.key));
            if tags.is_empty() { Value::Unset } else { Value::Tags(tags) }
        }
        other @ (Value::Unset
        | Value::Text(_)
        | Value::Number(_)
        | Value::Flag(_)
        | Value::List(_)
        | Value::Shards(_)
        | Value::Logs(_)
        | Value::Token(Token::None)) => other.clone(),
    }
}
