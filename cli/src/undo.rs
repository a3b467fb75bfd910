//! `portcullis undo`: puts a rule back that was closed, and has it left alone for a while.
//!
//! INVARIANT: the snooze is written before the rule is opened, or it would be closed again at once.

mod again;
mod group;

use std::time::Duration;

use anyhow::{Context, Error, Result};
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use portcullis_alerts::command;
use portcullis_aws::{Ledger, RETENTION, now};
use portcullis_engine::facts::IngressRule;
use portcullis_engine::ledger::{Entry, RuleRecord, Snooze, Undo, grants_now, shape, undo};

use crate::advice::{advice, parts};
use crate::common::{Common, Exit, tell};
use crate::findings::{find, snooze};
use crate::moment::{iso, seconds, shown};
use crate::paint::harmless;
use crate::{account, paint};

/// Restore a rule that was revoked, and snooze it for a while
///
/// First writes a snooze of this one rule to the ledger, with your name and your reason, so that it is
/// not revoked again at once; then opens the rule as it was, with its description and its tags; then
/// reads the group and prints its rules. What known networks got in its place is removed, unless somebody edited it
/// since. Everything is done with your own rights.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The finding, by its id: the alert has it, and `portcullis findings --all` lists them
    #[arg(value_name = "ID")]
    id: String,
    /// The reason, for people who see that the rule is open
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "end",
        value_parser = NonEmptyStringValueParser::new()
    )]
    reason: Option<String>,
    /// How long the rule is snoozed, such as 30m, 24h or 7d: from a minute to 30 days
    #[arg(long = "for", value_name = "TIME", default_value = "24h", value_parser = duration)]
    lasts: Duration,
    /// End the snooze of the rule now. The rule itself is not changed
    #[arg(long, conflicts_with = "lasts")]
    end: bool,
}

const HELP: &str = "\
You can run it again: an existing rule is not opened twice, and a snooze is made longer, never shorter; --end ends \
it. If a rule has to stay open for longer than 30 days, write an exception: a Cedar policy with a reason and an \
expiry, which somebody reviews.

When the snooze ends, Portcullis looks at the rule again by itself, and revokes it. After --end it does so within a \
quarter of an hour.

Exit status:
  0  the rule exists and is snoozed; with --end: it is no longer snoozed
  1  nothing to undo (it was not revoked and is not there, or its group is gone), or nothing to end
  2  it failed, and the message says what was done";

/// Shorter, and the event of the undoing itself may come after the end of it.
const SHORTEST: Duration = Duration::from_secs(60);
/// Longer, and nobody remembers: what stays open for months belongs where it is reviewed.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "give a number with a unit, such as 30m, 24h or 7d".to_owned())?;
    if duration < SHORTEST {
        return Err("at least a minute (1m): the event of the restored rule must arrive before the snooze ends"
            .to_owned());
    }
    if duration > LONGEST {
        return Err("at most 30 days (30d): for longer, write an exception, a Cedar policy with a reason and an expiry \
                    in infra/exceptions"
            .to_owned());
    }
    Ok(duration)
}

/// What was found out before anything is changed.
struct Found<'a> {
    arguments: &'a Arguments,
    common: &'a Common,
    config: &'a SdkConfig,
    ledger: Ledger,
    ec2: Client,
    entry: &'a Entry,
    /// The ingress rules of the group; `None` if it is gone, or the finding is about none.
    live: Option<Vec<IngressRule>>,
    /// The snooze of the rule, if one runs.
    running: Option<&'a Snooze>,
    /// When this was asked for, in seconds since 1970.
    asked_at: i64,
}

/// Puts a rule back, or ends its snooze.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let config = account::config(common, None).await?;
    let ledger = account::ledger(&config, common);
    let listed = ledger.list().await;
    let memory = listed.map_err(|error| account::no_ledger(error, &config, common))?;
    let entry = find(&memory, &arguments.id, common)?;
    let entry = &with_tags(entry, &ledger).await?;
    let ec2 = Client::new(&config);
    let live = match &entry.rule {
        Some(kept) => group::read(&ec2, &kept.group).await?,
        None => None,
    };
    let asked_at = now();
    let running = snooze(&memory, entry).filter(|found| seconds(&found.until) > asked_at);
    let config = &config;
    let found = Found { arguments, common, config, ledger, ec2, entry, live, running, asked_at };
    let said = if arguments.end { found.end().await? } else { found.undo().await? };
    match said {
        Ok(done) => {
            paint::write(&done, common.color)
                .context("it is done, but the output cannot be written")?;
            Ok(Exit::Yes)
        }
        Err(why) => {
            tell(&why);
            Ok(Exit::No)
        }
    }
}

/// The entry with all tags of its rule, wherever the ledger has them.
async fn with_tags(entry: &Entry, ledger: &Ledger) -> Result<Entry> {
    let mut entry = entry.clone();
    if let Some(record) = entry.rule.as_mut().filter(|record| record.tags_apart) {
        let tags = ledger.tags(&record.group, &record.rule).await?;
        record.tags = tags.with_context(|| {
            format!("the ledger has no tags of {} any more: nothing was changed", record.rule)
        })?;
    }
    Ok(entry)
}

impl Found<'_> {
    /// What was done; or why there was nothing to do.
    async fn undo(&self) -> Result<Result<String, String>> {
        let id = &self.entry.id;
        match (undo(self.entry, self.live.as_deref()), &self.entry.rule) {
            (Undo::NothingToUndo(why), _) => {
                Ok(Err(format!("Nothing to undo: {}.", harmless(&why))))
            }
            (_, None) => Ok(Err(format!("Nothing to undo: {id} is about no rule."))),
            (Undo::GroupGone, Some(kept)) => Ok(Err(format!(
                "Nothing was changed: {} does not exist any more, and neither do its rules. A new group has another \
                 id, and its own entries in the ledger.",
                kept.group
            ))),
            (Undo::AlreadyBack(rule), Some(kept)) => {
                let left = self.leave_alone(kept).await?;
                let left = format!("{left}{}", self.look_again(kept, &rule, self.ends()).await);
                Ok(Ok(format!(
                    "The rule exists already, as {rule} in {}: nothing was opened.\n{left}{}\n",
                    kept.group,
                    self.take_grants(kept).await.0
                )))
            }
            (Undo::Restore(rule), Some(kept)) => self.restore(kept, &rule).await.map(Ok),
        }
    }

    async fn restore(&self, kept: &RuleRecord, rule: &IngressRule) -> Result<String> {
        let permission = group::permission(rule)?;
        let left = self.leave_alone(kept).await?;
        let opened = group::open(&self.ec2, &kept.group, permission, rule).await;
        let (back, rules) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(self.half_done(kept, rule, &left, &error)),
        };
        let left = format!("{left}{}", self.look_again(kept, &back, self.ends()).await);
        let (taken, removed) = self.take_grants(kept).await;
        let left = left + &taken;
        let lost = rule.tags.iter().filter(|tag| tag.key.starts_with("aws:")).count();
        let lost = match lost {
            0 => "",
            _ => "\nWithout its tags that begin with aws: because only AWS can set these.",
        };
        let is_left = |rule: &&IngressRule| !removed.contains(&rule.id);
        let listed: String =
            rules.iter().filter(is_left).map(|rule| format!("  {}\n", line(rule, &back))).collect();
        Ok(format!(
            "Restored in {}, as {back}: {}{lost}\n{left}\n\nThe rules of {} now:\n{listed}\nEnd the snooze sooner: \
             portcullis undo {} --end{}\n",
            kept.group,
            harmless(&rule.words()),
            kept.group,
            self.entry.id,
            self.common.stack_option()
        ))
    }

    /// Removes the rules that known networks got in place of the rule, now that it is there, and says so. Those that somebody
    /// edited since stay.
    async fn take_grants(&self, kept: &RuleRecord) -> (String, Vec<String>) {
        let now = grants_now(self.entry, self.live.as_deref().unwrap_or_default());
        let mut said = String::new();
        for rule in &now.edited {
            let words = harmless(&rule.words());
            said += &format!(
                "\n{} was granted to a known network in its place, and was edited since, so it stays: {words}.",
                rule.id
            );
        }
        if now.as_granted.is_empty() {
            return (said, Vec::new());
        }
        let ids = now.as_granted.join(", ");
        match group::close(&self.ec2, &kept.group, &now.as_granted).await {
            Ok(()) => {
                said += &format!("\nRemoved what known networks got in its place: {ids}.");
                (said, now.as_granted)
            }
            Err(error) => {
                let region = account::region(self.config);
                let now: Vec<&str> = now.as_granted.iter().map(String::as_str).collect();
                said += &format!(
                    "\nWhat known networks got in its place could not be removed ({error:#}). It opens nothing that the \
                     rule does not. Remove it:\n  {}",
                    command::revoke(region, &kept.group, &now)
                );
                (said, Vec::new())
            }
        }
    }

    /// When the snooze ends, in seconds since 1970: as was asked, or as it does if that is later.
    fn ends(&self) -> i64 {
        let lasts = i64::try_from(self.arguments.lasts.as_secs()).unwrap_or(i64::MAX);
        let running = self.running.map_or(i64::MIN, |running| seconds(&running.until));
        self.asked_at.saturating_add(lasts).max(running)
    }

    /// Writes into the ledger that a rule that is open is to be looked at again, and says so if that failed.
    async fn look_again(&self, kept: &RuleRecord, rule: &str, at: i64) -> String {
        let arranged = again::arrange(self.config, &self.ledger, kept, rule, at).await;
        match arranged {
            Ok(()) => String::new(),
            Err(error) => format!(
                "\nIt could not be arranged that Portcullis looks at it again, so it stays open until an event touches \
                 it: {error:#}"
            ),
        }
    }

    /// Sees to it that the rule is left alone for as long as was asked, and says until when it is.
    async fn leave_alone(&self, kept: &RuleRecord) -> Result<String> {
        let until = self.ends();
        if let Some(longer) = self.running.filter(|running| seconds(&running.until) == until) {
            return Ok(format!("Snoozed {}, as before.", of(longer)));
        }
        let snooze = Snooze {
            subject: kept.group.clone(),
            finding: Snooze::finding(&kept.rule()),
            until: iso(until),
            reason: self.arguments.reason.clone().unwrap_or_default(),
            by: account::caller(self.config).await?,
        };
        let written = self.ledger.write_snooze(&snooze, until.saturating_add(RETENTION)).await;
        written.context(
            "no rule was opened, because the snooze could not be written: Portcullis would revoke the rule again at \
             once",
        )?;
        Ok(format!("Snoozed {}.", of(&snooze)))
    }

    /// The snooze is written, and the rule is not there.
    fn half_done(&self, kept: &RuleRecord, rule: &IngressRule, left: &str, error: &Error) -> Error {
        let (what, todo) = parts(error, &self.common.place());
        let todo = todo.map(|todo| format!("{todo}. ")).unwrap_or_default();
        advice(
            format!("the snooze is written, and {what}"),
            format!(
                "{todo}{left} Until then you can open the rule yourself, and it stays:\n  {}\nOr end the snooze:\n  \
                 portcullis undo {} --end{}",
                harmless(&command::undo(account::region(self.config), &kept.group, rule)),
                self.entry.id,
                self.common.stack_option()
            ),
        )
    }

    /// Ends the snooze. It stays in the ledger, with who ended it.
    async fn end(&self) -> Result<Result<String, String>> {
        let Some(running) = self.running else {
            return Ok(Err(format!(
                "Nothing to end: there is no snooze for the rule of {}.",
                self.entry.id
            )));
        };
        let at = now();
        let before = format!("ended early, was: {} ({})", running.reason, running.by);
        let ended = Snooze {
            until: iso(at),
            reason: self.arguments.reason.clone().unwrap_or(before),
            by: account::caller(self.config).await?,
            ..running.clone()
        };
        let written = self.ledger.write_snooze(&ended, at.saturating_add(RETENTION)).await;
        written.context("the snooze was not ended")?;
        Ok(Ok(format!("Ended: the rule is no longer snoozed.\n{}", self.still_there(at).await)))
    }

    /// What is open, and how to close it.
    async fn still_there(&self, now: i64) -> String {
        let (Some(live), Some(kept)) = (&self.live, &self.entry.rule) else { return String::new() };
        let Some(rule) = live.iter().find(|rule| shape(rule) == shape(&kept.rule())) else {
            return format!("It is not in {}.\n", kept.group);
        };
        let region = account::region(self.config);
        let failed = self.look_again(kept, &rule.id, now).await;
        format!(
            "It is still open, as {}. Portcullis looks at it again within a quarter of an hour.{failed} To revoke it \
             now:\n  {}\n",
            rule.id,
            harmless(&command::revoke(region, &kept.group, &[&rule.id]))
        )
    }
}

/// `until 2026-11-22 10:00 UTC, by alice: the demo`
fn of(snooze: &Snooze) -> String {
    let (by, reason) = (harmless(&snooze.by), harmless(&snooze.reason));
    format!("until {}, by {by}: {reason}", shown(&snooze.until))
}

fn line(rule: &IngressRule, back: &str) -> String {
    let mark = if rule.id == back { "  <- restored" } else { "" };
    let said = rule.description.as_deref().map_or_else(String::new, |text| format!(" ({text})"));
    harmless(&format!("{}  {}{said}{mark}", rule.id, rule.words()))
}

#[cfg(test)]
mod tests;
