//! One event, from look to tell.

use std::slice;

use anyhow::{Context, Result, bail};
use portcullis_engine::action::Outcome;
use portcullis_engine::alert::{Alert, Outcomes};
use portcullis_engine::decide::{self, Decision};
use portcullis_engine::event::{CacheLead, Event, GroupRef, Lead, naming};
use portcullis_engine::facts::{CacheFacts, CacheGroups};
use serde_json::Value;

use crate::act::act;
use crate::again::{self, Unsent};
use crate::clients::Shell;
use crate::publish::{Message, publish};
use crate::{gather, metrics};

/// How an event ended, in one text: for the log, and for whoever invoked the function by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended(pub String);

/// Deals with an event about a security group. It names its rules, so the payload is not needed.
///
/// # Errors
///
/// If the group could not be read, a revoke failed, or nobody took the alert: the event is
/// then tried again, and kept in the failure queue in the end. Dealing with it twice is safe.
pub async fn ingress(shell: &Shell, event: &Event, _: &Value) -> Result<Ended> {
    let Lead::Group(lead) = &event.lead else {
        bail!("{} is not about a security group: it belongs to the function `cache`", event.name);
    };
    let Some(mut facts) = gather::group(&shell.ec2, lead).await? else {
        let (GroupRef::Id(name) | GroupRef::Name(name)) = &lead.group;
        return Ok(Ended(format!("gone security-group {}", name.escape_default())));
    };
    let judge = shell.judge();
    let mut decision = decide::group(event, lead, &facts, &judge);
    if !decision.is_clean() {
        gather::reach(&shell.ec2, slice::from_mut(&mut facts)).await;
        decision = decide::group(event, lead, &facts, &judge);
    }
    finish(shell, event, &decision).await
}

/// Deals with an event about a cache, read from `payload`.
///
/// INVARIANT: a rule is revoked for a cache only by an event that names it, so that the next try can tell
/// of it. An event that does not is handed over with the names. If Lambda does not take it, the rule is
/// closed at once: closing waits for nothing.
///
/// A move is started by the same event that tells of it: by the second, if rules are closed too. It needs no
/// name in the event, for it has one of its own, by which the next try finds it again.
///
/// # Errors
///
/// As [`ingress`].
pub async fn cache(shell: &Shell, event: &Event, payload: &Value) -> Result<Ended> {
    let Lead::Cache(lead) = &event.lead else {
        bail!("{} is not about a cache: it belongs to the function `ingress`", event.name);
    };
    let Some(mut facts) = gather::cache(&shell.ec2, &shell.elasticache, lead).await? else {
        return Ok(Ended(format!("gone cache {}", lead.id)));
    };
    look_again(shell, lead, &mut facts).await?;
    let judge = shell.judge();
    let mut decision = decide::cache(event, lead, &facts, &judge);
    if let CacheGroups::Read(groups) = &mut facts.groups
        && !decision.is_clean()
    {
        gather::reach(&shell.ec2, groups).await;
        decision = decide::cache(event, lead, &facts, &judge);
    }
    let actions = decision.actions();
    if lead.named.is_empty() && actions.iter().any(|action| action.revokes().is_some()) {
        let named = naming(payload, &actions);
        match again::hand_over(&shell.lambda, shell.function.as_deref(), &named).await {
            Ok(()) => return Ok(Ended(format!("{decision}\nhanded over, to be closed by name"))),
            Err(error) => tracing::warn!(event = event.id, "closing at once: {error:#}"),
        }
    }
    finish(shell, event, &decision).await
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
async fn finish(shell: &Shell, event: &Event, decision: &Decision) -> Result<Ended> {
    let ended = Ended(decision.to_string());
    if decision.is_clean() {
        return seen(decision).map(|()| ended);
    }
    let outcomes = act(shell, &decision.actions()).await;
    metrics::print(metrics::acted(event, decision, &outcomes), shell.metrics);
    let alert = Alert::compose(event, decision, &outcomes);
    let told = tell(shell, event, &alert, closed(&outcomes)).await;
    tracing::info!(event = event.id, subject = decision.subject.id, outcomes = %words(&outcomes), "{}", alert.subject);
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
    if !failed.is_empty() {
        bail!("{}", failed.join("; "));
    }
    seen(decision)?;
    Ok(Ended(format!("{}\n{}", ended.0, words(&outcomes)).trim_end().to_owned()))
}

/// Publishes the alert. What SNS does not take of a rule that is gone, when the next try of the event
/// would find nothing to tell, goes to the function itself.
async fn tell(shell: &Shell, event: &Event, alert: &Alert, closed: bool) -> Result<()> {
    let message = Message::of(alert);
    let Err(refused) = publish(&shell.sns, &shell.settings.alert_topic_arn, &message).await else {
        return Ok(());
    };
    metrics::print([metrics::alert_failed(&event.id)], shell.metrics);
    // The log keeps what the topic did not take.
    tracing::error!(event = event.id, alert = alert.document, "the alert did not go out");
    if !closed {
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

/// Publishes an alert that was handed over. Nothing is looked at, and nothing is done.
///
/// # Errors
///
/// If SNS does not take it this time either: Lambda tries again, and keeps it in the end.
pub(crate) async fn tell_again(shell: &Shell, unsent: &Unsent) -> Result<Ended> {
    let Unsent { event, message } = unsent;
    let told = publish(&shell.sns, &shell.settings.alert_topic_arn, message).await;
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
