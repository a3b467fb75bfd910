//! Whether anybody still uses the old cache.

use anyhow::Result;
use portcullis_approval::Record;
use portcullis_inventory as inventory;
use portcullis_recreation::idle::{Idle, idle};
use portcullis_recreation::mail;

use super::{State, Step};
use crate::account;

/// Nobody may have used it for so long, in minutes.
const QUIET: u32 = 60;

/// How long the workflow watches, in days: 672 looks, one in 30 minutes.
const WATCHED: u32 = 14;

/// Whether the old cache is in use.
pub(super) enum InUse {
    /// It is, or that cannot be told: what was seen.
    Yes(String),
    /// It is not: what was seen.
    No(String),
    /// It is not there any more.
    Gone,
}

impl Step<'_> {
    pub(super) async fn watch(&self) -> Result<State> {
        let (record, _) = self.begin("watch").await?;
        match self.in_use(&record).await? {
            InUse::No(_) => Ok(State::Idle),
            InUse::Gone => Ok(State::Gone),
            InUse::Yes(why) => {
                tracing::info!(r#move = self.of.id, "still in use: {why}");
                Ok(State::Used)
            }
        }
    }

    pub(super) async fn in_use(&self, record: &Record) -> Result<InUse> {
        if account::cache(&self.shell.look.elasticache, &self.old).await?.is_none() {
            return Ok(InUse::Gone);
        }
        let used = inventory::usage(&self.shell.look.cloudwatch, &record.facts()?, QUIET).await?;
        Ok(match idle(&used) {
            Idle::Quiet { seen } => InUse::No(seen),
            Idle::Busy { why } | Idle::Unknown { why } => InUse::Yes(why),
        })
    }

    /// It is used for too long to go on watching.
    pub(super) async fn still_used(&self) -> Result<State> {
        let (record, plan) = self.record().await?;
        let why = match self.in_use(&record).await? {
            InUse::Yes(why) | InUse::No(why) => why,
            InUse::Gone => "the cache does not exist any more".to_owned(),
        };
        self.tell(mail::still_used(&plan, &self.context(), &why, WATCHED)).await?;
        self.end("still used").await?;
        Ok(State::Done)
    }
}
