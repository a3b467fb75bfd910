//! The records of revisits that nothing settled yet, out of all that is in the table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::types::AttributeValue;
use portcullis_engine::ledger::{REVISITS, Revisit};

use super::item::{self, Attributes};

/// The items of so many pages.
pub(super) async fn items(
    client: &Client,
    table: &str,
    pages: usize,
) -> Result<Vec<Attributes>, SdkError<ScanError>> {
    let scan = client
        .scan()
        .table_name(table)
        .filter_expression("begins_with(#subject, :revisits) AND #settled = :no")
        .expression_attribute_names("#subject", "subject")
        .expression_attribute_names("#settled", "settled")
        .expression_attribute_values(":revisits", AttributeValue::S(REVISITS.to_owned()))
        .expression_attribute_values(":no", AttributeValue::Bool(false));
    let mut found = scan.into_paginator().send();
    let mut items = Vec::new();
    for _ in 0..pages {
        let Some(page) = found.next().await else { break };
        items.extend(page?.items.unwrap_or_default());
    }
    Ok(items)
}

/// Whether it is the record of a revisit, settled or not.
pub(super) fn is_of(item: &Attributes) -> bool {
    let subject = item.get("subject").and_then(|subject| subject.as_s().ok());
    subject.is_some_and(|subject| subject.starts_with(REVISITS))
}

/// Those that can be read, and are not settled.
pub(super) fn read(items: impl IntoIterator<Item = Attributes>, table: &str) -> Vec<Revisit> {
    let records = items.into_iter().filter_map(|item| {
        let read = item::read::<Revisit>(&item, table);
        read.inspect_err(|error| tracing::error!("{error:#}")).ok()
    });
    records.filter(|revisit| !revisit.settled).collect()
}
