//! What is read of the ledger, by key: what a group has had before costs nothing, and what is read is bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use portcullis_engine::ledger::{Entry, Key, Memory, RuleTags, Wanted, opens};

use super::item::{self, Attributes, SNOOZE, failed, memory, text};

/// `BatchGetItem` takes so many keys (API reference).
const BATCH: usize = 100;

/// An `IN` takes so many operands (developer guide, "Condition and filter expressions").
const OPERANDS: usize = 100;

/// What one event may read. A function has 256 MB, and an item as Rust holds it takes several times its bytes.
const ROOM: usize = 8 * 1024 * 1024;

/// So many pages of a query, of 1 MB each before it is filtered (API reference, Query).
const PAGES: usize = 8;

/// Calls side by side: a batch may answer with 16 MB.
const ABREAST: usize = 8;

/// What is left of what an event may read.
struct Room(AtomicUsize);

impl Room {
    fn take(&self, items: &[Attributes]) -> Result<()> {
        let bytes = items.iter().flatten().map(|(name, value)| name.len() + size(value)).sum();
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        ensure!(
            before.saturating_add(bytes) <= ROOM,
            "the ledger holds more than {} MB about this event",
            ROOM / 1024 / 1024
        );
        Ok(())
    }
}

fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => list.iter().map(size).sum(),
        AttributeValue::M(map) => map.iter().map(|(name, value)| name.len() + size(value)).sum(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            texts.iter().map(String::len).sum()
        }
        _ => 1,
    }
}

/// Who reads the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a str,
}

impl Reader<'_> {
    /// See [`super::Ledger::read`].
    pub(super) async fn read(&self, wanted: &Wanted) -> Result<Memory> {
        let room = &Room(AtomicUsize::new(0));
        let keys: Vec<&Key> = wanted.keys.iter().collect();
        let mut calls: Vec<BoxFuture<'_, Result<Vec<Attributes>>>> = Vec::new();
        for keys in keys.chunks(BATCH) {
            let keys: Vec<Key> = keys.iter().copied().cloned().collect();
            calls.push(self.batch(keys, room).boxed());
        }
        for group in &wanted.snoozes {
            calls.push(self.pages(group, self.beginning(group, SNOOZE), room).boxed());
        }
        for (cache, groups) in &wanted.opening {
            for group in groups {
                let query = self.beginning(group, "open-cache#");
                let of_cache = |items: Result<Vec<Attributes>>| of_cache(items, cache);
                calls.push(self.pages(group, query, room).map(of_cache).boxed());
            }
        }
        for (group, time) in &wanted.since {
            calls.push(self.first_pages(group, self.newer(group, time), room).boxed());
        }
        for (group, rules) in &wanted.rules {
            let rules: Vec<&String> = rules.iter().collect();
            for rules in rules.chunks(OPERANDS) {
                for check in ["open-ingress#", "memcached-udp#"] {
                    let query = recording(self.beginning(group, check), rules);
                    calls.push(self.pages(group, query, room).boxed());
                }
            }
        }
        let calls = stream::iter(calls).buffer_unordered(ABREAST);
        let found: Vec<Vec<Attributes>> = calls.try_collect().await?;
        memory(found.into_iter().flatten(), self.table)
    }

    /// See [`super::Ledger::open_of`].
    pub(super) async fn open_of(&self, groups: &[String]) -> Result<Vec<Entry>> {
        let mut pages: Vec<BoxFuture<'_, Result<Vec<Attributes>>>> = Vec::new();
        for group in groups {
            pages.push(self.page_of_open(group).boxed());
        }
        let pages = stream::iter(pages).buffer_unordered(ABREAST);
        let found: Vec<Vec<Attributes>> = pages.try_collect().await?;
        Ok(memory(found.into_iter().flatten(), self.table)?.entries.into_values().collect())
    }

    async fn page_of_open(&self, group: &str) -> Result<Vec<Attributes>> {
        let query = self.query(group, false).filter_expression("#state = :open");
        let query = query.expression_attribute_names("#state", "state");
        let page = query.expression_attribute_values(":open", text("open")).send().await;
        let page = page.map_err(|error| {
            failed(self.table, &format!("reading what is open of {group}"), "Query", &error)
        })?;
        Ok(page.items.unwrap_or_default())
    }

    /// See [`super::Ledger::tags`].
    pub(super) async fn tags(
        &self,
        group: &str,
        rule: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let key = Key { subject: RuleTags::subject(group), finding: rule.to_owned() };
        let items = self.batch(vec![key], &Room(AtomicUsize::new(0))).await?;
        let tags = items.first().map(|item| item::read::<RuleTags>(item, self.table));
        Ok(tags.transpose()?.map(|tags| tags.tags))
    }

    fn query(&self, subject: &str, consistent: bool) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(self.table)
            .consistent_read(consistent)
            .key_condition_expression("#subject = :subject")
            .expression_attribute_names("#subject", "subject")
            .expression_attribute_values(":subject", text(subject))
    }

    /// Of a snooze nothing has a time of this name.
    fn newer(&self, group: &str, time: &str) -> QueryFluentBuilder {
        self.query(group, true)
            .filter_expression("#seen >= :time")
            .expression_attribute_names("#seen", "lastSeen")
            .expression_attribute_values(":time", text(time))
    }

    fn beginning(&self, subject: &str, prefix: &str) -> QueryFluentBuilder {
        self.query(subject, true)
            .key_condition_expression("#subject = :subject AND begins_with(#finding, :prefix)")
            .expression_attribute_names("#finding", "finding")
            .expression_attribute_values(":prefix", text(prefix))
    }

    /// All of its pages.
    async fn pages(
        &self,
        subject: &str,
        query: QueryFluentBuilder,
        room: &Room,
    ) -> Result<Vec<Attributes>> {
        let (items, next) = self.some_pages(subject, query, room).await?;
        ensure!(
            next.is_none(),
            "the ledger of {subject} in table {} has more than {PAGES} pages",
            self.table
        );
        Ok(items)
    }

    /// As many of its pages as may be read: what a group has had before keeps no event of it from being processed.
    async fn first_pages(
        &self,
        subject: &str,
        query: QueryFluentBuilder,
        room: &Room,
    ) -> Result<Vec<Attributes>> {
        let (items, next) = self.some_pages(subject, query, room).await?;
        if next.is_some() {
            tracing::warn!("of the ledger of {subject} only {PAGES} pages were read");
        }
        Ok(items)
    }

    async fn some_pages(
        &self,
        subject: &str,
        query: QueryFluentBuilder,
        room: &Room,
    ) -> Result<(Vec<Attributes>, Option<Attributes>)> {
        let (mut items, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = query.clone().set_exclusive_start_key(next).send().await;
            let page = page.map_err(|error| {
                failed(self.table, &format!("reading the ledger of {subject}"), "Query", &error)
            })?;
            room.take(page.items())?;
            items.extend(page.items.unwrap_or_default());
            next = page.last_evaluated_key;
            if next.is_none() {
                break;
            }
        }
        Ok((items, next))
    }

    /// At most 100 items by their keys. What DynamoDB left out is asked for once more.
    async fn batch(&self, keys: Vec<Key>, room: &Room) -> Result<Vec<Attributes>> {
        let key = |Key { subject, finding }: &Key| {
            let key = [("subject", text(subject)), ("finding", text(finding))];
            key.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        };
        let keys: Vec<Attributes> = keys.iter().map(key).collect();
        let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys));
        let wanted = wanted.build().context("keys of the ledger")?;
        let mut left = Some(HashMap::from([(self.table.to_owned(), wanted)]));
        let mut items = Vec::new();
        for _ in 0..2 {
            let request = self.client.batch_get_item().set_request_items(left.take());
            let answer = request.send().await.map_err(|error| {
                failed(self.table, "reading findings of the ledger", "BatchGetItem", &error)
            })?;
            for found in answer.responses.unwrap_or_default().into_values() {
                room.take(&found)?;
                items.extend(found);
            }
            left = answer.unprocessed_keys.filter(|left| !left.is_empty());
            if left.is_none() {
                return Ok(items);
            }
        }
        anyhow::bail!("table {} answered only for some of the findings, twice", self.table)
    }
}

/// The findings that record one of these rules.
fn recording(query: QueryFluentBuilder, rules: &[&String]) -> QueryFluentBuilder {
    let names: Vec<String> = (0..rules.len()).map(|at| format!(":rule{at}")).collect();
    let query = query
        .filter_expression(format!("#rule.#rule IN ({})", names.join(", ")))
        .expression_attribute_names("#rule", "rule");
    names
        .into_iter()
        .zip(rules)
        .fold(query, |query, (name, rule)| query.expression_attribute_values(name, text(rule)))
}

/// No filter of DynamoDB looks at a key (developer guide, "Filter expressions for the Query operation").
fn of_cache(items: Result<Vec<Attributes>>, cache: &str) -> Result<Vec<Attributes>> {
    let mut items = items?;
    items.retain(|found| item::key(found).is_some_and(|key| opens(&key, cache)));
    Ok(items)
}
