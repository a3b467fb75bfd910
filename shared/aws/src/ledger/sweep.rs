//! What the sweep reads: the whole table, reduced page by page.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use portcullis_engine::sweep::Ledgered;

use super::due;
use super::item::{failed, memory};

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
