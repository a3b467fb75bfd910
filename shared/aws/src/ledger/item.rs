//! The items of the ledger, as the table holds them. What a later version wrote beside is not minded.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use portcullis_engine::ledger::{Key, Memory, REVISITS};
use portcullis_engine::sweep::PARTITION;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::{from_item, to_item};

use crate::error::Failed;

/// The sort keys of snoozes begin so, and those of findings with the id of a check.
pub(super) const SNOOZE: &str = "exempt#";

/// The partitions of the tags of rules begin so.
const TAGS: &str = "tags/";

/// The partition key of the counts of minutes.
pub(super) const MINUTE: &str = "minute";

/// An item, by the names of its attributes.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// Something with the time, in seconds since 1970, after which DynamoDB deletes it.
#[derive(Serialize)]
struct Expiring<'a, T> {
    #[serde(flatten)]
    of: &'a T,
    expires: i64,
}

pub(super) fn write<T: Serialize>(of: &T, expires: i64) -> Result<Attributes> {
    to_item(Expiring { of, expires }).context("it cannot be written as an item")
}

pub(super) fn read<T: DeserializeOwned>(item: &Attributes, table: &str) -> Result<T> {
    from_item(item.clone()).with_context(|| {
        let part = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => format!("`{}`", text.escape_default()),
            _ => "without a text".to_owned(),
        };
        format!(
            "table {table}: an item cannot be read (subject {}, finding {})",
            part("subject"),
            part("finding")
        )
    })
}

/// The key of an item.
pub(super) fn key(item: &Attributes) -> Option<Key> {
    let part = |name: &str| item.get(name)?.as_s().ok().cloned();
    Some(Key { subject: part("subject")?, finding: part("finding")? })
}

/// Whether an item is this one, word for word.
pub(super) fn is<T: DeserializeOwned + PartialEq>(item: &Attributes, one: &T) -> bool {
    from_item(item.clone()).is_ok_and(|there: T| there == *one)
}

/// What items say of findings and snoozes. Counts, tags, revisits and what the sweep remembers of itself are none of it.
pub(super) fn memory(items: impl IntoIterator<Item = Attributes>, table: &str) -> Result<Memory> {
    let mut memory = Memory::default();
    for item in items {
        let key: Key = read(&item, table)?;
        if key.subject == MINUTE
            || key.subject.starts_with(TAGS)
            || key.subject.starts_with(REVISITS)
            || key.subject == PARTITION
        {
            continue;
        }
        let unreadable = if key.finding.starts_with(SNOOZE) {
            let snooze = read(&item, table);
            snooze.map(|snooze| drop(memory.snoozes.insert(key.clone(), snooze))).err()
        } else {
            let entry = read(&item, table);
            entry.map(|entry| drop(memory.entries.insert(key.clone(), entry))).err()
        };
        if let Some(error) = unreadable {
            tracing::warn!("{error:#}");
            memory.unreadable.insert(key, format!("{error:#}"));
        }
    }
    Ok(memory)
}

/// Why a call failed, and what it was for.
pub(super) fn failed<E, R>(
    table: &str,
    doing: &str,
    call: &str,
    error: &SdkError<E, R>,
) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    anyhow::Error::new(Failed::of(call, error)).context(format!("{doing} in table {table}"))
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
