//! One event, from look to tell.

use std::cell::Cell;
use std::slice;

use anyhow::{Result, bail};
use futures_util::future::join;
use portcullis_engine::action::Outcome;
use portcullis_engine::alert::{Alert, Outcomes};
use portcullis_engine::decide::{self, Decision};
use portcullis_engine::digest::Row;
use portcullis_engine::event::{CacheLead, Event, GroupLead, GroupRef, Lead};
use portcullis_engine::facts::{CacheFacts, CacheGroups};
use portcullis_engine::ledger::{Looked, completed, named, subjects};

use crate::act::act;
use crate::clients::Shell;
use crate::ledger::Counted;
use crate::memory::{Dealing, Recalled, Taken, recall, until_taken};
use crate::publish::Message;
use crate::{digest, gather, metrics};

/// How an event ended, in one text: for the log, and for whoever invoked the function by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended(pub String);

/// Deals with an event about a security group. `invocation` is the id that Lambda gave it, the same in its retries.
///
/// # Errors
///
/// If the group could not be read, a revoke failed, SNS did not take the alert, or another invocation went on
/// dealing with the same: the event is then tried again, and kept in the failure queue in the end. Dealing with it
/// twice is safe.
pub async fn ingress(shell: &Shell, event: &Event, invocation: &str) -> Result<Ended> {
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
    invocation: &'a str,
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
    let lead = completed(lead, &recalled.memory, &event.id);
    let judge = shell.judge();
    let mut decision = decide::group(event, &lead, &facts, &judge);
    if !decision.is_clean() {
        gather::reach(&shell.ec2, slice::from_mut(&mut facts)).await;
        decision = decide::group(event, &lead, &facts, &judge);
    }
    finish(turn, &Looked::at_group(&facts), vec![&facts.id], decision, recalled).await
}

/// Deals with an event about a cache. It names no rules: what an earlier attempt went to close for it, the ledger
/// tells. A move needs no ledger, for it has a name of its own, by which the next attempt finds it again.
///
/// # Errors
///
/// As [`ingress`].
pub async fn cache(shell: &Shell, event: &Event, invocation: &str) -> Result<Ended> {
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
    let Turn { shell, event, .. } = turn;
    let Some(mut facts) = gather::cache(&shell.ec2, &shell.elasticache, lead).await? else {
        return Ok(Some(Ended(format!("gone cache {}", lead.id))));
    };
    let subjects = subjects(&facts);
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let recalled = recall(shell, &subjects).await;
    let unreported = named(&recalled.memory, &event.id);
    look_again(shell, &unreported, &mut facts).await?;
    let judge = shell.judge();
    let mut decision = decide::cache(event, lead, &facts, &unreported, &judge);
    if let CacheGroups::Read(groups) = &mut facts.groups
        && !decision.is_clean()
    {
        gather::reach(&shell.ec2, groups).await;
        decision = decide::cache(event, lead, &facts, &unreported, &judge);
    }
    finish(turn, &Looked::at_cache(&facts), subjects, decision, recalled).await
}

/// An unreported rule that is not shown may be gone, or EC2 late: as [`gather::group`] does for what an event
/// touched, its group is read again for a while.
async fn look_again(shell: &Shell, unreported: &[GroupLead], facts: &mut CacheFacts) -> Result<()> {
    let CacheGroups::Read(groups) = &mut facts.groups else { return Ok(()) };
    for group in groups {
        if let Some(lead) = unreported.iter().find(|lead| lead.group.is(&group.id))
            && !lead.touched.resolve(&group.rules, &group.egress).is_settled()
            && let Some(read) = gather::group(&shell.ec2, lead).await?
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
    let dealing = Dealing { shell, event, looked, subjects, invocation, counted };
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

/// Sends the news. What SNS does not take is an error, and the next attempt at the event tells it: the ledger knows
/// that it was not reported.
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
    let Err(refused) = shell.notifier.send(&event.id, &message, &alert.chat).await else {
        return Ok(());
    };
    // The log keeps what the topic did not take.
    tracing::error!(event = event.id, alert = alert.document, "the alert did not go out");
    // What was not remembered, the next attempt could not tell: the queue keeps it until SNS takes it.
    if taken.lost.is_some() && put_into_digest(shell, event, news, outcomes).await {
        tracing::warn!(event = event.id, "it will go out with the digest: {refused:#}");
        return Ok(());
    }
    Err(refused)
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
