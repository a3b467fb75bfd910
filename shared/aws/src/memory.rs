//! What is remembered of an event's findings, between looking and acting: read beside the look, and written
//! once before anything is done.
//!
//! INVARIANT: without its table Portcullis closes and tells all the same, and says that it remembers nothing.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Error, Result};
use aws_sdk_sns::primitives::{DateTime, DateTimeFormat};
use futures_util::future::{OptionFuture, join};
use portcullis_engine::action::Action;
use portcullis_engine::alert::Outcomes;
use portcullis_engine::decide::Decision;
use portcullis_engine::event::Event;
use portcullis_engine::ledger::{
    Again, Held, Key, Limits, Looked, Memory, Remarks, Remembered, Turn, cap, remember, settled,
};

use crate::clients::Shell;
use crate::ledger::{Counted, Written};

/// How long an invocation holds what it deals with, in seconds: the function's time-out, and some for the clocks.
const HOLD: i64 = 130;

/// How long to wait for another invocation that deals with a finding, or wrote one meanwhile, before each new
/// look. Most are done in some seconds; what takes longer is tried again as an event.
const WAIT: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
];

/// What is remembered, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    pub(crate) memory: Memory,
    /// Why nothing could be read.
    pub(crate) lost: Option<String>,
}

/// What is remembered of these subjects.
pub(crate) async fn recall(shell: &Shell, subjects: &[&str]) -> Recalled {
    match shell.ledger.of(subjects).await {
        Ok(memory) => Recalled { memory, lost: None },
        Err(error) => Recalled { memory: Memory::default(), lost: Some(lost(&error)) },
    }
}

fn lost(error: &Error) -> String {
    tracing::warn!("going on without memory: {error:#}");
    format!("{error:#}")
}

/// Looks, decides and takes until nobody else deals with the same; the last time, `true`, with what can be taken.
pub(crate) async fn until_taken<R>(once: impl AsyncFn(bool) -> Result<Option<R>>) -> Result<R> {
    for pause in WAIT {
        if let Some(done) = once(false).await? {
            return Ok(done);
        }
        tokio::time::sleep(pause).await;
    }
    once(true).await?.context("the last time is the last")
}

/// How an invocation deals with the findings of an event.
#[derive(Debug)]
pub(crate) struct Dealing<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) event: &'a Event,
    /// What was read in full.
    pub(crate) looked: &'a Looked,
    /// What memory is asked for again by.
    pub(crate) subjects: Vec<&'a str>,
    /// The id of the invocation. Lambda's retries of an event have the same.
    pub(crate) invocation: &'a str,
    /// What was counted of this minute, once.
    pub(crate) counted: &'a Cell<Option<Counted>>,
}

/// What an invocation deals with.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) remembered: Remembered,
    /// Why nothing is remembered.
    pub(crate) lost: Option<String>,
    /// What was counted of this minute, this event included.
    pub(crate) counted: Option<Counted>,
}

impl Dealing<'_> {
    /// Takes the findings for this invocation, so that nobody else deals with them, and changes the decision by
    /// what is remembered of them.
    ///
    /// `None` while others deal with any of them, or wrote meanwhile: what was looked at is old then. The last
    /// time, what can be taken is.
    pub(crate) async fn take(
        &self,
        decision: &mut Decision,
        recalled: &Recalled,
        last: bool,
    ) -> Option<Taken> {
        let now = (self.shell.now)();
        let remembered = self.remember(decision, &recalled.memory, now);
        let busy = remembered.busy.clone();
        let without = |lost: String| {
            let mut remembered = Remembered::default();
            remembered.busy = busy;
            Taken { remembered, lost: Some(lost), counted: None }
        };
        if let Some(why) = &recalled.lost {
            return Some(without(why.clone()));
        }
        if !remembered.busy.is_empty() && !last {
            return None;
        }
        if !remembered.writes.is_empty() {
            let count = self.counted.get().is_none().then(|| self.count(decision, now));
            let write = self.shell.ledger.write(&remembered.writes, now);
            let (written, count) = join(write, OptionFuture::from(count)).await;
            self.counted.set(self.counted.get().or(count.flatten()));
            match written {
                Ok(Written::All) => {}
                Ok(Written::Conflict(_)) if !last => return None,
                Ok(Written::Conflict(keys)) => {
                    let ids: Vec<String> = keys.iter().map(Key::id).collect();
                    return Some(without(format!("others went on writing {}", ids.join(", "))));
                }
                Err(error) => return Some(without(lost(&error))),
            }
        }
        let counted = self.counted.get();
        if let Some(counted) = counted {
            let before = counted.actions.saturating_sub(closings(decision));
            cap(decision, before, self.shell.settings.actions_per_minute);
        }
        Some(Taken { remembered, lost: None, counted })
    }

    fn remember(&self, decision: &mut Decision, memory: &Memory, now: i64) -> Remembered {
        let settings = &self.shell.settings;
        let limits = Limits {
            comebacks_per_hour: settings.comebacks_per_hour,
            actions_per_event: settings.actions_per_event,
        };
        let holder = Held { by: self.invocation.to_owned(), until: now.saturating_add(HOLD) };
        let turn =
            Turn { event: self.event, looked: self.looked, limits: &limits, holder: &holder, now };
        remember(decision, memory, &turn)
    }

    /// Counts what is about to be done and told. Limits are not kept while that cannot be counted.
    async fn count(&self, decision: &Decision, now: i64) -> Option<Counted> {
        let minute: String = iso(now).chars().take("2026-11-21T16:40".len()).collect();
        let counted = self.shell.ledger.count(&minute, closings(decision), 1, now).await;
        counted.inspect_err(|error| tracing::warn!("this minute is not counted: {error:#}")).ok()
    }

    /// Writes what came of it. If that is not taken, the next delivery of the event tells once more.
    pub(crate) async fn record(
        &self,
        taken: &Taken,
        decision: &Decision,
        outcomes: &Outcomes,
        told: bool,
    ) {
        let now = (self.shell.now)();
        let told = told.then(|| iso(now));
        let mut entries = settled(&taken.remembered, decision, outcomes, told.as_deref(), None);
        for _ in 0..=WAIT.len() {
            let keys = match self.shell.ledger.write(&entries, now).await {
                Ok(Written::All) => return,
                Ok(Written::Conflict(keys)) => keys,
                Err(error) => {
                    tracing::warn!("what came of it is not remembered: {error:#}");
                    return;
                }
            };
            let Recalled { memory, lost: None } = recall(self.shell, &self.subjects).await else {
                return;
            };
            let again = Again { lost: &keys, memory: &memory };
            let told = told.as_deref();
            entries = settled(&taken.remembered, decision, outcomes, told, Some(again));
        }
        tracing::warn!("what came of it is not remembered: others went on writing");
    }
}

fn closings(decision: &Decision) -> usize {
    decision.actions().into_iter().filter_map(Action::revokes).count()
}

/// A time since 1970 as ISO 8601 in UTC.
fn iso(now: i64) -> String {
    DateTime::from_secs(now).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

impl Taken {
    /// Whether more alerts are told in this minute than people read one by one.
    pub(crate) fn is_storm(&self, shell: &Shell) -> bool {
        self.counted.is_some_and(|counted| counted.alerts > shell.settings.alerts_per_minute)
    }

    /// What is to be told, after acting.
    pub(crate) fn news(&self, shell: &Shell, decision: &Decision, outcomes: &Outcomes) -> Decision {
        let mut news = self.remembered.news(decision, outcomes);
        news.remarks = Remarks {
            table: Some(shell.settings.ledger_table.clone()),
            lost: self.lost.clone(),
            comebacks: self.remembered.comebacks.clone(),
            recovered: self.remembered.recovered.clone(),
        };
        news
    }
}

#[cfg(test)]
mod tests;
