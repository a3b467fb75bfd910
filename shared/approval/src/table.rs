//! The table of moves: one item for each re-creation and hardening, and one that says which of a subject is under way.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use portcullis_aws::error::Failed;
use serde::Deserialize;
use serde_dynamo::{from_item, from_items, to_attribute_value, to_item};

use crate::record::{About, Item, Question, Record};

/// How long a record is kept after it was last planned: long enough to be asked about.
const RETENTION: i64 = 400 * 24 * 3600;

/// The table of moves.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// Whether a cache is this move's to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// It is.
    Ours,
    /// Another move of the cache began and did not end: its id, and its execution's ARN.
    Lease {
        /// The other move's id.
        by: String,
        /// The ARN of its execution.
        execution: String,
    },
}

/// A move in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// The id of the move.
    pub id: String,
    /// The ARN of the cache; empty for the hardening of a server, whose id names the instance.
    #[serde(default)]
    pub cache: String,
    /// The last step that was begun.
    pub stage: String,
    /// Whether the cache is to be moved.
    #[serde(rename = "move")]
    pub about_recreation: Option<Question>,
    /// Whether the old cache is to be deleted.
    #[serde(rename = "deletion")]
    pub about_deletion: Option<Question>,
    /// Whether a server is to be hardened.
    #[serde(rename = "hardening")]
    pub about_hardening: Option<Question>,
}

type Attributes = HashMap<String, AttributeValue>;

impl Table {
    /// The table of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// A move; `None` if there is none of this id.
    ///
    /// # Errors
    ///
    /// If the table or the record cannot be read.
    pub async fn read(&self, id: &str) -> Result<Option<Record>> {
        let read = self.client.get_item().table_name(&self.name).consistent_read(true);
        let answer = read
            .key("id", text(id))
            .send()
            .await
            .map_err(failed("GetItem"))
            .with_context(|| format!("reading re-creation {id} in {}", self.name))?;
        let unreadable =
            || format!("the record of re-creation {id} in {} cannot be read", self.name);
        let Some(item) = answer.item else { return Ok(None) };
        let item: Item = from_item(item).with_context(unreadable)?;
        item.unpack().map(Some).with_context(unreadable)
    }

    /// Every move of the table, in no order. A table of moves is small.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn list(&self) -> Result<Vec<Summary>> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("attribute_exists(stage)")
            .projection_expression("id, cache, stage, #move, deletion, hardening")
            .expression_attribute_names("#move", "move");
        let items = scan
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed("Scan"))
            .with_context(|| format!("listing the re-creations in {}", self.name))?;
        from_items(items).with_context(|| format!("a record in {} cannot be read", self.name))
    }

    /// Writes what was planned. Questions of an earlier plan are gone with it.
    ///
    /// # Errors
    ///
    /// If the table does not take it, as where it is larger than an item may be.
    pub async fn put(&self, record: &Record, now: i64) -> Result<()> {
        let item = to_item(Item::pack(record, now.saturating_add(RETENTION))?)?;
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
        let put = self.client.put_item();
        put.table_name(&self.name)
            .set_item(Some(item))
            .send()
            .await
            .map_err(failed("PutItem"))
            .with_context(|| format!("writing re-creation {} to {}", record.id, self.name))?;
        Ok(())
    }

    /// Says which step a move is at.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn stage(&self, id: &str, stage: &str) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
        let update = self.client.update_item();
        update
            .table_name(&self.name)
            .key("id", text(id))
            .update_expression("SET stage = :stage")
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":stage", text(stage))
            .send()
            .await
            .map_err(failed("UpdateItem"))
            .with_context(|| format!("writing that re-creation {id} is at `{stage}`"))?;
        Ok(())
    }

    /// Asks: from now on, the question can be answered. `false` if it is answered already: it then stays
    /// as it is.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn ask(&self, id: &str, about: About, question: &Question) -> Result<bool> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
        let update = self.client.update_item();
        let asked = update
            .table_name(&self.name)
            .key("id", text(id))
            .update_expression("SET #question = :question")
            .condition_expression(
                "attribute_exists(id) AND attribute_not_exists(#question.#answer)",
            )
            .expression_attribute_names("#question", about.as_str())
            .expression_attribute_names("#answer", "answer")
            .expression_attribute_values(":question", to_attribute_value(question)?)
            .send()
            .await;
        match asked {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed("UpdateItem")(error))
                .with_context(|| format!("writing the request of re-creation {id}")),
        }
    }

    /// Forgets a question and its answer: it will be asked anew.
    ///
    /// # Errors
    ///
    /// If the table does not take it.
    pub async fn forget(&self, id: &str, about: About) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
        let update = self.client.update_item();
        update
            .table_name(&self.name)
            .key("id", text(id))
            .update_expression("REMOVE #question")
            .expression_attribute_names("#question", about.as_str())
            .send()
            .await
            .map_err(failed("UpdateItem"))
            .with_context(|| format!("removing the request of re-creation {id}"))?;
        Ok(())
    }

    /// Takes the cache for a move, from nobody or from the move `from`, which must have ended.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn lock(
        &self,
        cache: &str,
        id: &str,
        execution: &str,
        from: Option<&str>,
        now: i64,
    ) -> Result<Lock> {
        let key = lock_id(cache);
        let item = Attributes::from([
            ("id".to_owned(), text(&key)),
            ("by".to_owned(), text(id)),
            ("execution".to_owned(), text(execution)),
            ("expires".to_owned(), AttributeValue::N(now.saturating_add(RETENTION).to_string())),
        ]);
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
        let put = self.client.put_item();
        let answer = put
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(id) OR #by = :id OR #by = :from")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":id", text(id))
            .expression_attribute_values(":from", text(from.unwrap_or(id)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let refused = match answer {
            Ok(_) => return Ok(Lock::Ours),
            Err(error) => error,
        };
        let held = refused.as_service_error().and_then(|error| match error {
            aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => {
                failed.item()
            }
            _ => None,
        });
        let part = |name: &str| held.and_then(|item| item.get(name)?.as_s().ok()).cloned();
        match (part("by"), part("execution")) {
            (Some(by), Some(execution)) => Ok(Lock::Lease { by, execution }),
            _ => Err(failed("PutItem")(refused))
                .with_context(|| format!("reserving {cache} for re-creation {id}")),
        }
    }

    /// Lets the cache go, if it is this move's.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn unlock(&self, cache: &str, id: &str) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
        let delete = self.client.delete_item();
        let answer = delete
            .table_name(&self.name)
            .key("id", text(&lock_id(cache)))
            .condition_expression("attribute_not_exists(id) OR #by = :id")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":id", text(id))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed("DeleteItem")(error))
                .with_context(|| format!("releasing {cache} of re-creation {id}")),
        }
    }
}

fn lock_id(cache: &str) -> String {
    format!("lock#{cache}")
}

/// The error of a call, as one that a program can tell apart.
pub(crate) fn failed<E, R>(call: &str) -> impl FnOnce(SdkError<E, R>) -> Failed
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    move |error| Failed::of(call, &error)
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
