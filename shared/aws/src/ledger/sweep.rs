//! What the sweep reads and writes: the whole table, reduced page by page, and the item that its runs leave for each other.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use portcullis_engine::sweep::{Ledgered, Run};

use super::due;
use super::item::{self, failed, memory, text};

/// A page has a megabyte, and only one is held at a time.
pub(super) async fn remembered(client: &Client, table: &str) -> Result<Ledgered> {
    let scan = client.scan().table_name(table).consistent_read(true);
    let mut pages = scan.into_paginator().send();
    let mut all = Ledgered::default();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed(table, "listing", "Scan", &error))?;
        let items = page.items.unwrap_or_default();
        let revisits = due::read(items.iter().filter(|item| due::is_of(item)).cloned(), table);
        all.add(&memory(items, table)?, revisits);
    }
    Ok(all)
}

/// What the last run left; `None` before the first.
pub(super) async fn run(client: &Client, table: &str) -> Result<Option<Run>> {
    let key = Run::key();
    let query = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("#subject = :subject AND #finding = :finding")
        .expression_attribute_names("#subject", "subject")
        .expression_attribute_names("#finding", "finding")
        .expression_attribute_values(":subject", text(&key.subject))
        .expression_attribute_values(":finding", text(&key.finding));
    let found = query.send().await;
    let found = found.map_err(|error| failed(table, "reading the last run", "Query", &error))?;
    let item = found.items.unwrap_or_default().into_iter().next();
    item.map(|item| item::read(&item, table)).transpose()
}
