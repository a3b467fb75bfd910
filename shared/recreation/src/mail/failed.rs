//! What went wrong, what was taken back, and what is left.

use serde_json::json;

use super::asked::again;
use super::draft::{Context, Draft, Kind, Mail, bounded, list, titled};
use super::words::sentence;
use crate::plan::{Plan, Subject};
use portcullis_engine::facts::Engine;

/// The steps after clients were told: what fails there takes nothing back.
const LATE: [&str; 9] = [
    "hand-over",
    "watch",
    "ask-deletion",
    "deletion-answered",
    "kept",
    "delete",
    "close-port",
    "finish",
    "still-used",
];

/// A step failed. `undone` says what was taken back, `left` what is still there and the command that removes
/// it, each in a line; a line that begins with `aws ` or `portcullis ` is a command.
pub fn failed(
    plan: Option<&Plan>,
    ctx: &Context<'_>,
    step: &str,
    why: &str,
    undone: &[String],
    left: &[String],
) -> Mail {
    let unknown;
    let cache = match plan {
        Some(plan) => &plan.cache,
        None => {
            unknown = unplanned(ctx);
            &unknown
        }
    };
    let mut mail = Draft::new(Kind::Failed, ctx, cache, plan, &format!("MOVE FAILED at {step}"));
    let late = plan.filter(|_| LATE.contains(&step));
    match plan {
        Some(plan) => mail.say(&format!(
            "The re-creation of {} on port {} failed at the step {step}.",
            titled(cache),
            plan.create.port
        )),
        None => mail.say(&format!(
            "The re-creation {} failed at the step {step}, before there was a plan.",
            ctx.recreation_id
        )),
    }
    mail.others(&format!("Why: {}", cut(why)));
    mail.say(match (late, undone.is_empty(), left.is_empty()) {
        (Some(_), _, _) => {
            "Clients may use the new cache, so nothing was rolled back: the steps are below."
        }
        (None, _, false) => {
            "The old cache still runs. The rollback is not complete: check the resources below."
        }
        (None, false, true) => "The old cache still runs. The re-creation was rolled back.",
        (None, true, true) => "Nothing was changed, and no resource is left.",
    });
    if one_line(why).chars().count() > HEAD {
        mail.page.section("Why, in full");
        mail.others(&one_line(why));
    }
    mail.lines("Left", left);
    mail.lines("Rolled back", undone);
    match (late, plan) {
        (Some(plan), _) => mail.by_hand(plan),
        (None, Some(plan)) => {
            mail.page.section("To go on");
            mail.say("When the cause is fixed, request the re-creation again. It continues with an existing new \
                      cache, if the ownership tags show that it belongs to this re-creation:");
            mail.page.gap();
            mail.command(&again(ctx, &plan.cache.id));
        }
        (None, None) => {
            mail.page.section("To go on");
            mail.say("When the cause is fixed, request the re-creation again:");
            mail.page.gap();
            mail.command(&again(ctx, "CACHE"));
        }
    }
    if let Some(plan) = plan.filter(|_| late.is_none() && !left.is_empty()) {
        mail.page.section("To find the resources with the ownership tags of this re-creation");
        let region = ctx.region_option();
        mail.command(&format!("aws resourcegroupstaggingapi get-resources{region} --tag-filters Key=portcullis:moved-from,Values={}", super::words::word(&plan.cache.arn)));
        mail.rules_of_the_new_port(plan);
    }
    mail.page.section("What the workflow did");
    mail.command(&format!("aws stepfunctions get-execution-history{} --execution-arn {} --reverse-order --max-items 20", ctx.region_option(), super::words::word(ctx.execution_arn)));
    mail.tell("step", json!(step));
    mail.tell("error", json!(bounded(why)));
    mail.tell("undone", list(undone));
    mail.tell("left", list(left));
    mail.done()
}

/// The cache is not as it was when people agreed: nothing was done. `why` says what differs, if it is known.
pub fn changed(plan: &Plan, ctx: &Context<'_>, why: &str) -> Mail {
    let mut mail = Draft::new(
        Kind::Changed,
        ctx,
        &plan.cache,
        Some(plan),
        "not re-created, it changed meanwhile",
    );
    mail.say(&format!(
        "{} is not re-created: it has changed since the approval. Nothing was changed by Portcullis.",
        titled(&plan.cache)
    ));
    mail.others(&if why.trim().is_empty() {
        "Its plan would be different now.".to_owned()
    } else {
        format!("What differs: {}", cut(why))
    });
    mail.say("Request it again, and you get the plan for the cache as it is now:");
    mail.page.gap();
    mail.command(&again(ctx, &plan.cache.id));
    mail.tell("reason", json!(bounded(why)));
    mail.done()
}

/// The old cache is in use, days after clients were told of the new one.
pub fn still_used(plan: &Plan, ctx: &Context<'_>, why: &str, days: u32) -> Mail {
    let (old, new) = (&plan.cache.id, &plan.create.id);
    let mut mail = Draft::new(
        Kind::StillUsed,
        ctx,
        &plan.cache,
        Some(plan),
        &format!("still in use after {days} days"),
    );
    mail.say(&format!(
        "{} is still in use, {days} days after the cutover to {new}. Both run and cost money.",
        titled(&plan.cache)
    ));
    mail.others(&format!("Seen: {}", cut(why)));
    mail.say("Portcullis stops watching, and deletes neither. Find the clients, or finish manually: below.");
    mail.page.section(&format!("To find who uses {old}"));
    if plan.now.engine == Engine::Memcached {
        mail.item("Memcached does not list its clients. VPC Flow Logs of its network interfaces show them, and so \
                   does `ss` on hosts that may be clients.");
    } else {
        mail.item("CLIENT LIST on each node shows the addresses, with redis-cli or valkey-cli. Connections that send \
                   only INFO, PING and CONFIG are AWS's own.");
        mail.item("ElastiCache may keep its own key, ElastiCacheMasterReplicationTimestamp. Then there are always \
                   reads and writes, and only CLIENT LIST shows whether clients use the cache.");
    }
    mail.by_hand(plan);
    mail.tell("seen", json!(bounded(why)));
    mail.tell("days", json!(days));
    mail.done()
}

/// Somebody agreed to the deletion, and the old cache is in use again: it is not deleted.
pub fn used_again(plan: &Plan, ctx: &Context<'_>, why: &str) -> Mail {
    let old = &plan.cache.id;
    let mut mail =
        Draft::new(Kind::UsedAgain, ctx, &plan.cache, Some(plan), "in use again, not deleted");
    mail.say(&format!(
        "{} was not deleted, although the deletion was approved: somebody uses it again.",
        titled(&plan.cache)
    ));
    mail.others(&format!("Seen: {}", cut(why)));
    mail.say("Portcullis continues to watch it, and asks for approval again when nobody has used it for an hour.");
    mail.page.gap();
    mail.say(&format!("If that is unexpected, find out who connects to {old}: a forgotten client, or one that fell \
                       back."));
    mail.tell("seen", json!(bounded(why)));
    mail.done()
}

/// A cache of which no more than its move is known.
fn unplanned(ctx: &Context<'_>) -> Subject {
    let id = ctx.recreation_id.rsplit_once('-').map_or(ctx.recreation_id, |(cache, _)| cache);
    Subject {
        id: id.to_owned(),
        arn: String::new(),
        engine: Engine::Unknown(String::new()),
        kind: "cache",
        port: 0,
    }
}

/// Longest part of an error in the first lines of a mail.
const HEAD: usize = 600;

/// What an error says, on one line.
fn one_line(why: &str) -> String {
    why.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of it.
fn cut(why: &str) -> String {
    let line = one_line(why);
    match line.char_indices().nth(HEAD) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

impl Draft<'_> {
    /// Lines of which some are commands.
    fn lines(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.page.section(title);
        for line in lines {
            if line.starts_with("aws ") || line.starts_with("portcullis ") {
                self.page.exact(&sentence(line));
            } else {
                self.item(line);
            }
        }
    }
}
