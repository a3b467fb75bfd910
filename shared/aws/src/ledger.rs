//! The table of what is remembered of findings: one item a finding, one a rule that is left alone, one for the tags of a
//! rule that has many, one a minute that counts, and one an event that is looked at again. What follows from it is
//! [`portcullis_engine::ledger`]'s to say.
//!
//! An item that cannot be read costs that item, and is named: it is never "nothing remembered".

mod due;
mod item;
mod read;
mod sweep;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure as OnRefusal};
use futures_util::{StreamExt, TryStreamExt, stream};
use portcullis_engine::case::{Counted, Written};
use portcullis_engine::ledger::{Entry, Key, Memory, Revisit, RuleTags, Snooze, Wanted};
use portcullis_engine::sweep::{Ledgered, Ramp, Run};
use serde::Serialize;
use serde::de::DeserializeOwned;

use item::{MINUTE, failed, memory, number, text};
use read::Reader;

/// How long a finding is remembered after it last came, in seconds: a year and a month, so that what is
/// reviewed once a year is still there. A rule that comes back later than that is news again.
pub const RETENTION: i64 = 400 * 24 * 3600;

/// How long a minute's counts are kept, in seconds: nobody asks for them a minute later, and a day
/// leaves time to look at a bad one.
const COUNTS_KEPT: i64 = 24 * 3600;

/// Bounds for one call, because memory must not hold up closing. DynamoDB answers in some 5 milliseconds,
/// and the first time, with a connection to make, in some 50: what takes 0.8 seconds is lost. One more
/// try, soon, for what is throttled or hit a host that went; after that, events go on without memory.
const OPERATION: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_millis(800);
const CONNECT: Duration = Duration::from_millis(500);
const ATTEMPTS: u32 = 2;
const BACKOFF: Duration = Duration::from_millis(100);

/// Calls side by side. Each has a connection of its own, which an event of 1,000 findings must not open
/// all at once.
const ABREAST: usize = 32;

/// The table.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
}

impl Ledger {
    /// The table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The same for a function that closes ports: it is not waited for.
    pub(crate) fn hasty(config: &SdkConfig, table: &str) -> Self {
        Self::new(Client::from_conf(hasty(Builder::from(config)).build()), table)
    }

    /// What is remembered of what an event needs, as it is now.
    ///
    /// # Errors
    ///
    /// If the table does not answer, or holds more of it than a function has memory for.
    pub async fn read(&self, wanted: &Wanted) -> Result<Memory> {
        self.reader().read(wanted).await
    }

    /// What is open of these groups, as far as one page of each shows. It may be some seconds old.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn open_of(&self, groups: &[String]) -> Result<Vec<Entry>> {
        self.reader().open_of(groups).await
    }

    /// The tags of a rule of which they are an item of their own; `None` if that is gone.
    ///
    /// # Errors
    ///
    /// If the table does not answer, or the item cannot be read.
    pub async fn tags(&self, group: &str, rule: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.reader().tags(group, rule).await
    }

    fn reader(&self) -> Reader<'_> {
        Reader { client: &self.client, table: &self.table }
    }

    /// Everything that is remembered.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn list(&self) -> Result<Memory> {
        Ok(self.list_all().await?.0)
    }

    /// The same, and the revisits that are not settled. One whose record cannot be read is left out, and in the log.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub async fn list_all(&self) -> Result<(Memory, Vec<Revisit>)> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let items: Result<Vec<_>, _> = scan.into_paginator().items().send().collect().await;
        let items = items.map_err(|error| failed(&self.table, "listing", "Scan", &error))?;
        let revisits =
            due::read(items.iter().filter(|item| due::is_of(item)).cloned(), &self.table);
        Ok((memory(items, &self.table)?, revisits))
    }

    /// Writes entries, each unless somebody else wrote it since it was read.
    ///
    /// # Errors
    ///
    /// If the table does not take one. Others may be in it by then.
    pub async fn write(&self, entries: &[Entry], now: i64) -> Result<Written> {
        let writes = stream::iter(entries).map(|entry| self.put(entry, now));
        let lost: Vec<Option<Key>> = writes.buffered(ABREAST).try_collect().await?;
        let lost: Vec<Key> = lost.into_iter().flatten().collect();
        Ok(if lost.is_empty() { Written::All } else { Written::Conflict(lost) })
    }

    /// The same, for whoever goes on without: then it says why the table was not there.
    pub(crate) async fn written(&self, entries: &[Entry], now: i64) -> Written {
        self.write(entries, now).await.unwrap_or_else(|error| {
            tracing::warn!("the ledger is unavailable: {error:#}");
            Written::Unavailable(format!("{error:#}"))
        })
    }

    /// The same with the tags of rules that have many, which come first.
    pub(crate) async fn leased(&self, tags: &[RuleTags], entries: &[Entry], now: i64) -> Written {
        let writes = stream::iter(tags).map(|tags| self.put_tags(tags, now));
        match writes.buffer_unordered(ABREAST).try_collect::<()>().await {
            Ok(()) => self.written(entries, now).await,
            Err(error) => {
                tracing::warn!("the ledger is unavailable: {error:#}");
                Written::Unavailable(format!("{error:#}"))
            }
        }
    }

    /// Counts what is about to be done in a minute, as `2026-11-21T16:40`, and says what that comes to.
    /// An answer that was lost on its way may have it counted twice: then a limit is met sooner.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn count(
        &self,
        minute: &str,
        actions: usize,
        alerts: usize,
        now: i64,
    ) -> Result<Counted> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the ledger")]
        let update = self.client.update_item();
        let answer = update
            .table_name(&self.table)
            .key("subject", text(MINUTE))
            .key("finding", text(minute))
            .update_expression("ADD #actions :actions, #alerts :alerts SET #expires = :expires")
            .expression_attribute_names("#actions", "actions")
            .expression_attribute_names("#alerts", "alerts")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":actions", number(actions))
            .expression_attribute_values(":alerts", number(alerts))
            .expression_attribute_values(":expires", number(now.saturating_add(COUNTS_KEPT)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| failed(&self.table, "counting", "UpdateItem", &error))?;
        let counts = answer.attributes.unwrap_or_default();
        let count = |name: &str| {
            let count = counts.get(name).and_then(|count| count.as_n().ok()?.parse().ok());
            count.with_context(|| format!("table {}: no count of {name} came back", self.table))
        };
        Ok(Counted { remediations: count("actions")?, alerts: count("alerts")? })
    }

    /// Has a rule left alone. It takes the place of an earlier snooze of the rule; its item is
    /// deleted some time after `expires`, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn write_snooze(&self, snooze: &Snooze, expires: i64) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the ledger")]
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(snooze, expires)?));
        let answer = put.send().await;
        answer.map_err(|error| failed(&self.table, "writing a snooze", "PutItem", &error))?;
        Ok(())
    }

    /// The record of a revisit, read as it is now; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the table does not answer, or the record cannot be read.
    pub async fn revisit(&self, subject: &str, event: &str) -> Result<Option<Revisit>> {
        self.item(&Revisit::key_of(subject, event), &format!("reading the revisit of {subject}"))
            .await
    }

    /// One item, read as it is now; `None` if there is none.
    async fn item<T: DeserializeOwned>(&self, key: &Key, doing: &str) -> Result<Option<T>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#subject = :subject AND #finding = :finding")
            .expression_attribute_names("#subject", "subject")
            .expression_attribute_names("#finding", "finding")
            .expression_attribute_values(":subject", text(&key.subject))
            .expression_attribute_values(":finding", text(&key.finding));
        let found = query.send().await;
        let found = found.map_err(|error| failed(&self.table, doing, "Query", &error))?;
        let item = found.items.unwrap_or_default().into_iter().next();
        item.map(|item| item::read(&item, &self.table)).transpose()
    }

    /// Writes the record of a revisit, unless somebody else wrote it since it was read: then `false`.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn write_revisit(&self, revisit: &Revisit, now: i64) -> Result<bool> {
        let doing = format!("writing the revisit of {}", revisit.subject);
        self.put_version(revisit, revisit.version, revisit.expires(now), &doing).await
    }

    /// The records of revisits that are not settled, as far as so many pages of the table show them. A record that
    /// cannot be read is left out, and in the log.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn revisits(&self, pages: usize) -> Result<Vec<Revisit>> {
        let items = due::items(&self.client, &self.table, pages).await;
        let items = items.map_err(|error| failed(&self.table, "listing", "Scan", &error))?;
        Ok(due::read(items, &self.table))
    }

    /// All that is remembered, as far as a run of the sweep compares it.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn remembered(&self) -> Result<Ledgered> {
        sweep::remembered(&self.client, &self.table).await
    }

    /// What the last run of the sweep left; `None` before the first.
    ///
    /// # Errors
    ///
    /// If the table does not answer, or the item cannot be read.
    pub async fn run(&self) -> Result<Option<Run>> {
        self.item(&Run::key(), "reading the last run").await
    }

    /// Writes what a run leaves, unless another one wrote since it was read: then `false`.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn write_run(&self, run: &Run, now: i64) -> Result<bool> {
        self.put_version(run, run.version, Run::expires(now), "noting the run of the sweep").await
    }

    /// How far the ramp of the sweep is; `None` before the first run that may close.
    ///
    /// # Errors
    ///
    /// If the table does not answer, or the item cannot be read.
    pub async fn ramp(&self) -> Result<Option<Ramp>> {
        self.item(&Ramp::key(), "reading the ramp of the sweep").await
    }

    /// Writes it, unless another one wrote since it was read: then `false`.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn write_ramp(&self, ramp: &Ramp, now: i64) -> Result<bool> {
        let doing = "noting the ramp of the sweep";
        self.put_version(ramp, ramp.version, Ramp::expires(now), doing).await
    }

    async fn put_tags(&self, tags: &RuleTags, now: i64) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the ledger")]
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(tags, now.saturating_add(RETENTION))?));
        put.send()
            .await
            .map_err(|error| failed(&self.table, "remembering tags", "PutItem", &error))?;
        Ok(())
    }

    /// Writes an entry; its key, if somebody else wrote it since it was read.
    async fn put(&self, entry: &Entry, now: i64) -> Result<Option<Key>> {
        let (expires, doing) = (now.saturating_add(RETENTION), format!("remembering {}", entry.id));
        let written = self.put_version(entry, entry.version, expires, &doing).await?;
        Ok((!written).then(|| entry.key.clone()))
    }

    /// Writes an item in this version, unless somebody else wrote it since it was read: then `false`. One that is there
    /// word for word is written: nothing has changed, or the answer to an earlier attempt was lost on its way.
    async fn put_version<T>(&self, one: &T, version: u64, expires: i64, doing: &str) -> Result<bool>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the ledger")]
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(one, expires)?))
            .expression_attribute_names("#version", "version")
            .return_values_on_condition_check_failure(OnRefusal::AllOld);
        let put = match version.saturating_sub(1) {
            0 => put.condition_expression("attribute_not_exists(#version)"),
            before => put
                .condition_expression("#version = :before")
                .expression_attribute_values(":before", number(before)),
        };
        let Err(error) = put.send().await else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                Ok(refused.item().is_some_and(|there| item::is(there, one)))
            }
            _ => Err(failed(&self.table, doing, "PutItem", &error)),
        }
    }
}

/// With the bounds of a function that closes ports.
pub(crate) fn hasty(config: Builder) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION)
        .operation_attempt_timeout(ATTEMPT)
        .connect_timeout(CONNECT);
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF);
    config.timeout_config(timeouts.build()).retry_config(retries)
}

#[cfg(test)]
mod tests;
