//! One event, from look to tell.

use std::cell::Cell;
use std::slice;

use anyhow::{Context, Result, bail};
use futures_util::future::join;
use portcullis_engine::action::Outcome;
use portcullis_engine::alert::{Alert, Outcomes};
use portcullis_engine::decide::{self, Decision};
use portcullis_engine::digest::Row;
use portcullis_engine::event::{CacheLead, Event, GroupLead, GroupRef, Lead, naming};
use portcullis_engine::facts::{CacheFacts, CacheGroups};
use portcullis_engine::ledger::{Looked, named, subjects};
use serde_json::Value;

use crate::act::act;
use crate::again::{self, Unsent};
use crate::clients::Shell;
use crate::ledger::Counted;
use crate::memory::{Dealing, Recalled, Taken, recall, until_taken};
use crate::publish::{Message, publish};
use crate::{digest, gather, metrics};

/// How an event ended, in one text: for the log, and for whoever invoked the function by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended(pub String);

/// One invocation of a function.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Its id. Lambda's retries of an event have the same.
    pub id: &'a str,
    /// What it was invoked with.
    pub payload: &'a Value,
}

/// Deals with an event about a security group.
///
/// # Errors
///
/// If the group could not be read, a revoke failed, nobody took the alert, or another invocation went on
/// dealing with the same: the event is then tried again, and kept in the failure queue in the end. Dealing with it
/// twice is safe.
pub async fn ingress(shell: &Shell, event: &Event, invocation: Invocation<'_>) -> Result<Ended> {
    let Lead::Group(lead) = &event.lead else {
        bail!("{} is not about a security group: it belongs to the function `cache`", event.name);
    };
    let counted = Cell::new(None);
    until_taken(async |last| {
        let turn = Turn { shell, event, invocation, counted: &counted, last };
        group(turn, lead).await
    })
    .await
}

/// One try to deal with an event: see [`until_taken`].
#[derive(Clone, Copy)]
struct Turn<'a> {
    shell: &'a Shell,
    event: &'a Event,
    invocation: Invocation<'a>,
    counted: &'a Cell<Option<Counted>>,
    last: bool,
}

async fn group(turn: Turn<'_>, lead: &GroupLead) -> Result<Option<Ended>> {
    let Turn { shell, event, .. } = turn;
    let remembered = async {
        match &lead.group {
            GroupRef::Id(id) => Some(recall(shell, &[id]).await),
            GroupRef::Name(_) => None,
        }
    };
    let (facts, recalled) = join(gather::group(&shell.ec2, lead), remembered).await;
    let Some(mut facts) = facts? else {
        let (GroupRef::Id(name) | GroupRef::Name(name)) = &lead.group;
        return Ok(Some(Ended(format!("gone security-group {}", name.escape_default()))));
    };
    let recalled = match recalled {
        Some(recalled) => recalled,
        None => recall(shell, &[&facts.id]).await,
    };
    let judge = shell.judge();
    let mut decision = decide::group(event, lead, &facts, &judge);
    if !decision.is_clean() {
        gather::reach(&shell.ec2, slice::from_mut(&mut facts)).await;
        decision = decide::group(event, lead, &facts, &judge);
    }
    finish(turn, &Looked::at_group(&facts), vec![&facts.id], decision, recalled).await
}

/// Deals with an event about a cache.
///
/// INVARIANT: a rule is revoked for a cache only where the next try can tell of it: by the ledger, or by an event that
/// names it. If the ledger is away, an event that does not is handed over with the names. If Lambda does not take it, the
/// rule is closed at once: closing waits for nothing.
///
/// A move is started by the same event that tells of it: by the second, if rules are closed too. It needs no
/// name in the event, for it has one of its own, by which the next try finds it again.
///
/// # Errors
///
/// As [`ingress`].
pub async fn cache(shell: &Shell, event: &Event, invocation: Invocation<'_>) -> Result<Ended> {
    let Lead::Cache(lead) = &event.lead else {
        bail!("{} is not about a cache: it belongs to the function `ingress`", event.name);
    };
    let counted = Cell::new(None);
    until_taken(async |last| {
        let turn = Turn { shell, event, invocation, counted: &counted, last };
        of_cache(turn, lead).await
    })
    .await
}

async fn of_cache(turn: Turn<'_>, lead: &CacheLead) -> Result<Option<Ended>> {
    let Turn { shell, event, invocation, .. } = turn;
    let Some(mut facts) = gather::cache(&shell.ec2, &shell.elasticache, lead).await? else {
        return Ok(Some(Ended(format!("gone cache {}", lead.id))));
    };
    let subjects = subjects(&facts);
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let recalled = recall(shell, &subjects).await;
    let mut lead = lead.clone();
    lead.named.extend(named(&recalled.memory, &event.id));
    look_again(shell, &lead, &mut facts).await?;
    let judge = shell.judge();
    let mut decision = decide::cache(event, &lead, &facts, &judge);
    if let CacheGroups::Read(groups) = &mut facts.groups
        && !decision.is_clean()
    {
        gather::reach(&shell.ec2, groups).await;
        decision = decide::cache(event, &lead, &facts, &judge);
    }
    let actions = decision.actions();
    if recalled.lost.is_some()
        && lead.named.is_empty()
        && actions.iter().any(|action| action.revokes().is_some())
    {
        let named = naming(invocation.payload, &actions);
        match again::hand_over(&shell.lambda, shell.function.as_deref(), &named).await {
            Ok(()) => {
                let text = format!("{decision}\nhanded over, to be closed by name");
                return Ok(Some(Ended(text)));
            }
            Err(error) => tracing::warn!(event = event.id, "closing at once: {error:#}"),
        }
    }
    finish(turn, &Looked::at_cache(&facts), subjects, decision, recalled).await
}

/// A named rule that is not shown may be gone, or EC2 late: as [`gather::group`] does for what an event
/// touched, its group is read again for a while.
async fn look_again(shell: &Shell, lead: &CacheLead, facts: &mut CacheFacts) -> Result<()> {
    let CacheGroups::Read(groups) = &mut facts.groups else { return Ok(()) };
    for group in groups {
        if let Some(named) = lead.named.iter().find(|named| named.group.is(&group.id))
            && !named.touched.resolve(&group.rules, &group.egress).is_settled()
            && let Some(read) = gather::group(&shell.ec2, named).await?
        {
            *group = read;
        }
    }
    Ok(())
}

/// Acts and tells. An alert that fails does not keep a rule open, nor the other way round.
async fn finish(
    turn: Turn<'_>,
    looked: &Looked,
    subjects: Vec<&str>,
    mut decision: Decision,
    recalled: Recalled,
) -> Result<Option<Ended>> {
    let Turn { shell, event, invocation, counted, last } = turn;
    let dealing = Dealing { shell, event, looked, subjects, invocation: invocation.id, counted };
    let Some(taken) = dealing.take(&mut decision, &recalled, last).await else {
        return Ok(None);
    };
    let ended = Ended(decision.to_string());
    let outcomes = act(shell, &decision.actions()).await;
    if !decision.is_clean() {
        metrics::print(metrics::acted(event, &decision, &outcomes), shell.metrics);
    }
    let news = taken.news(shell, &decision, &outcomes);
    let told = match news.is_silent() {
        true => Ok(()),
        false => tell(shell, event, &news, &outcomes, &taken).await,
    };
    dealing.record(&taken, &decision, &outcomes, told.is_ok()).await;
    let mut failed: Vec<String> = outcomes
        .iter()
        .filter_map(|(id, outcome)| match outcome {
            Outcome::Failed(why) => Some(format!("{id}: {why}")),
            Outcome::Done(_)
            | Outcome::AlreadyGone
            | Outcome::Started(_)
            | Outcome::AlreadyStarted(_) => None,
        })
        .collect();
    failed.extend(told.err().map(|error| format!("{error:#}")));
    let busy = taken.remembered.busy.iter();
    failed.extend(busy.map(|id| format!("{id} is dealt with by another invocation")));
    if !failed.is_empty() {
        bail!("{}", failed.join("; "));
    }
    seen(&decision)?;
    Ok(Some(Ended(format!("{}\n{}", ended.0, words(&outcomes)).trim_end().to_owned())))
}

/// Sends the news. What SNS does not take of a rule that is gone, when the next try of the event
/// would find nothing to tell, goes to the function itself.
async fn tell(
    shell: &Shell,
    event: &Event,
    news: &Decision,
    outcomes: &Outcomes,
    taken: &Taken,
) -> Result<()> {
    let alert = Alert::compose(event, news, outcomes);
    tracing::info!(event = event.id, subject = news.subject.id, outcomes = %words(outcomes), "{}", alert.subject);
    if taken.is_storm(shell) && put_into_digest(shell, event, news, outcomes).await {
        return Ok(());
    }
    let message = Message::of(&alert);
    let published = shell.notifier.send(&event.id, &message, &alert.chat).await;
    let Err(refused) = published else { return Ok(()) };
    // The log keeps what the topic did not take.
    tracing::error!(event = event.id, alert = alert.document, "the alert did not go out");
    if !closed(outcomes) {
        return Err(refused);
    }
    let unsent = Unsent { event: event.id.clone(), message };
    match again::hand_over(&shell.lambda, shell.function.as_deref(), &unsent.payload()).await {
        Ok(()) => {
            tracing::warn!(event = event.id, "it was handed over, to be sent again: {refused:#}");
            Ok(())
        }
        Err(error) => Err(refused.context(format!("{error:#}"))),
    }
}

/// Whether the news will be told with others, in one message.
async fn put_into_digest(
    shell: &Shell,
    event: &Event,
    news: &Decision,
    outcomes: &Outcomes,
) -> bool {
    let Some(queue) = &shell.settings.digest_queue_url else { return false };
    let row = Row::of(event, news, outcomes);
    let put = digest::enqueue(&shell.sqs, queue, &row).await;
    put.inspect_err(|error| tracing::warn!(event = event.id, "told by itself: {error:#}")).is_ok()
}

/// Publishes an alert that was handed over. Nothing is looked at, and nothing is done.
///
/// # Errors
///
/// If SNS does not take it this time either: Lambda tries again, and keeps it in the end.
pub(crate) async fn tell_again(shell: &Shell, unsent: &Unsent) -> Result<Ended> {
    let Unsent { event, message } = unsent;
    let told = publish(&shell.notifier.sns, &shell.settings.topics.alert, message).await;
    if told.is_err() {
        metrics::print([metrics::alert_failed(event)], shell.metrics);
    }
    told.with_context(|| format!("the alert of event {event} did not go out again"))?;
    Ok(Ended(format!("sent the alert of event {event}: {}", message.subject)))
}

/// Whether a rule is gone by now: perhaps by a revoke of ours whose answer was lost. A move that was started
/// does not count: the next try of the event finds it, and tells.
fn closed(outcomes: &Outcomes) -> bool {
    outcomes.values().any(|outcome| matches!(outcome, Outcome::Done(_) | Outcome::AlreadyGone))
}

/// An edit that EC2 does not show after all the looking may still appear: the event is tried again.
fn seen(decision: &Decision) -> Result<()> {
    match decision.unseen.as_slice() {
        [] => Ok(()),
        unseen => bail!("EC2 does not show what the event edited: {}", unseen.join(", ")),
    }
}

fn words(outcomes: &Outcomes) -> String {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Done(_) => "revoked, seen gone".to_owned(),
        Outcome::AlreadyGone => "already gone".to_owned(),
        Outcome::Started(execution) => format!("started {execution}"),
        Outcome::AlreadyStarted(execution) => format!("already started {execution}"),
        Outcome::Failed(why) => format!("failed, {why}"),
    };
    outcomes
        .iter()
        .map(|(id, outcome)| format!("{id}: {}", word(outcome)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests;
