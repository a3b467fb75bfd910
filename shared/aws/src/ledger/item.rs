//! An item of the ledger, as the table holds it. What a later version wrote beside is not minded.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::{from_item, to_item};

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

/// Whether an item is this one, word for word.
pub(super) fn is<T: DeserializeOwned + PartialEq>(item: &Attributes, one: &T) -> bool {
    from_item(item.clone()).is_ok_and(|there: T| there == *one)
}
