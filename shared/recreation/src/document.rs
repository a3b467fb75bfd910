//! Facts from one JSON document that holds what the AWS CLI prints: the lists of
//! `describe-replication-groups`, `describe-cache-clusters --show-cache-node-info`,
//! `list-tags-for-resource`, `describe-cache-subnet-groups`, `describe-snapshots` and
//! `describe-security-group-rules`, and of whatever else was asked, in one object or one object after the
//! other.
//!
//! INVARIANT: no text of the document is in an error but names of members and ids that are ids, so
//! that nothing secret that somebody left in a file comes out of it.

mod around;
mod choose;
mod gather;
mod ids;
mod place;
mod rules;
mod stream;
mod unreadable;
mod wire;

use serde_json::{Map, Value};

use crate::facts::Facts;
use choose::choose;
use ids::odd_ids;
use wire::Document;

pub use unreadable::Unreadable;

/// Reads a document as people hand it over: in UTF-8, or in UTF-16 with a byte order mark.
pub fn read_bytes(bytes: &[u8], cache: Option<&str>) -> Result<Facts, Unreadable> {
    read(&stream::text(bytes)?, cache)
}

/// Reads a document. `cache` is the id or the ARN of the cache to plan for, needed where the document
/// holds several and its own `Cache` names none.
pub fn read(text: &str, cache: Option<&str>) -> Result<Facts, Unreadable> {
    let document = document(stream::whole(text)?)?.without_repetitions();
    let cut = cut_off(&document);
    if !cut.is_empty() {
        return Err(Unreadable {
            problems: cut,
            remedy: "print it whole, without --max-items, --max-results, --max-records, --page-size and --no-paginate"
                .to_owned(),
        });
    }
    let named = document.cache.clone();
    let chosen = choose(&document, cache.or(named.as_deref()))?;
    // What is listed without the name of a cache is of the one that the document itself names.
    let meant =
        named.is_none_or(|named| choose(&document, Some(&named)).is_ok_and(|n| n == chosen));
    let document = document.within(chosen.arn());
    let facts = document.facts(chosen, meant);
    let mut problems = odd_ids(&facts);
    problems.extend(document.cut_rules(&facts));
    if problems.is_empty() { Ok(facts) } else { Err(Unreadable::odd(problems)) }
}

/// The lists that go on where the document ends: what follows may be a member, a rule or another cache.
fn cut_off(document: &Document) -> Vec<String> {
    let said = [("NextToken", &document.next_token), ("Marker", &document.marker)]
        .into_iter()
        .filter(|(_, token)| token.as_ref().is_some_and(|token| !token.is_empty()));
    said.map(|(name, _)| {
        format!("`{name}`: a list is cut off, and what follows is not in the document")
    })
    .collect()
}

/// The document, list by list, so that an error names the item that it is about.
fn document(members: Map<String, Value>) -> Result<Document, Unreadable> {
    let members: Map<String, Value> = members
        .into_iter()
        .filter(|(_, member)| !member.is_null())
        .map(|(name, member)| (name, without_nulls(member)))
        .collect();
    let mut problems = Vec::new();
    for (name, member) in &members {
        let alone = |value: &Value| {
            let alone = Value::Object([(name.clone(), value.clone())].into_iter().collect());
            serde_json::from_value::<Document>(alone).err()
        };
        let Some(items) = member.as_array() else {
            problems.extend(alone(member).map(|e| format!("{name}: {}", expected(&e))));
            continue;
        };
        for (at, item) in items.iter().enumerate() {
            let wrong = alone(&Value::Array(vec![item.clone()]));
            problems.extend(wrong.map(|e| format!("{name}[{at}]: {}", expected(&e))));
        }
    }
    if !problems.is_empty() {
        return Err(Unreadable::odd(problems));
    }
    serde_json::from_value(Value::Object(members)).map_err(|e| Unreadable::odd(vec![expected(&e)]))
}

/// What serde expected, without the value that it got: that may be anything.
fn expected(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if let Some(member) = text.strip_prefix("missing field `").and_then(|t| t.split('`').next()) {
        return format!("not in the document: {member}");
    }
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    format!("not as AWS writes it, expected {}", expected.unwrap_or("something else"))
}

/// Drops every member that is null, which in AWS's documents says the same as none.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The facts of an example.
    pub(crate) fn facts(name: &str) -> Facts {
        let path = format!("{}/examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        read(&std::fs::read_to_string(path).unwrap(), None).unwrap()
    }

    fn problem(text: &str, cache: Option<&str>) -> String {
        read(text, cache).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_input_is_said_plainly() {
        insta::assert_snapshot!(problem(r#"{"ServerlessCaches": [{}]}"#, None), @"only serverless caches in the document: they have no port setting, so they cannot be re-created on another port");
        let tagged = r#"{"Cache": "a", "CacheClusters": [{"CacheClusterId": "a"}, {"CacheClusterId": "b"}], "TagList": []}"#;
        assert!(read(tagged, None).unwrap().tags.is_some());
        assert!(read(tagged, Some("b")).unwrap().tags.is_none(), "the tags are of a");
    }

    #[test]
    fn every_item_that_is_wrong_is_named_and_its_value_is_not() {
        let text = r#"{"CacheClusters": [{"CacheClusterId": "a"}, {"NumCacheNodes": "hunter2-hunter2"}],
            "TagList": "hunter2-hunter2", "ReplicationGroups": [{"Status": {"x": "hunter2-hunter2"}}]}"#;
        let problem = problem(text, None);
        insta::assert_snapshot!(problem, @r"
        CacheClusters[1]: not as AWS writes it, expected i64
        TagList: not as AWS writes it, expected a sequence
        ReplicationGroups[0]: not as AWS writes it, expected a string
        ");
    }

    #[test]
    fn what_is_no_id_cannot_get_into_a_command() {
        for id in ["a;rm -rf /", "a b", "", "a$(x)", "a'b", "ä"] {
            let text = serde_json::json!({"CacheClusters": [{"CacheClusterId": id}]}).to_string();
            assert_eq!(
                problem(&text, None).lines().next(),
                Some("the id of the cache: not an id"),
                "{id}"
            );
        }
    }
}
