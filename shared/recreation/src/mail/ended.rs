//! How a move ends.

use portcullis_engine::text::{counted, shell_json};
use serde_json::json;

use super::asked::again;
use super::draft::{Context, Draft, Kind, Mail, bounded, list, titled};
use super::words::{name, quoted, word};
use crate::form::Form;
use crate::json::parameters;
use crate::plan::Plan;
use crate::request::Request;
use crate::secret;

/// The old cache is deleted. `closed` are the rules that were revoked, `left` those that were not, each
/// with its reason.
pub fn deleted(plan: &Plan, ctx: &Context<'_>, closed: &[String], left: &[String]) -> Mail {
    let new = &plan.create.id;
    let mut mail = Draft::new(
        Kind::Deleted,
        ctx,
        &plan.cache,
        Some(plan),
        &format!("deleted, replaced by {new}"),
    );
    mail.say(&format!(
        "{} is deleted. The re-creation as {new} on port {} is complete.",
        titled(&plan.cache),
        plan.create.port
    ));
    match &plan.last_snapshot {
        Some(last) => mail.say(&format!(
            "The snapshot {last} has its last state, and costs money until you delete it."
        )),
        None => mail.say("Memcached has no snapshots: no copy of it exists."),
    }
    mail.say(&match closed.len() {
        0 => "No rule of the old port was revoked.".to_owned(),
        count => format!(
            "{} of the old port {} revoked.",
            counted(count, "rule"),
            if count == 1 { "was" } else { "were" }
        ),
    });
    mail.items("Revoked", closed);
    mail.items("Not changed", left);
    if let Some(last) = &plan.last_snapshot {
        mail.page.section("To get it back");
        mail.say("A new cache from the last snapshot. The name is free once AWS has deleted the old one; the endpoint may be another.");
        mail.page.gap();
        let region = ctx.region_option();
        mail.command(&restore(plan, last, &region));
        mail.page.section("When you no longer need the snapshots");
        for snapshot in plan.snapshot.iter().map(|snapshot| &snapshot.name).chain([last]) {
            mail.command(&format!(
                "aws elasticache delete-snapshot{region} --snapshot-name {}",
                word(snapshot)
            ));
        }
    }
    mail.tell("lastSnapshot", json!(plan.last_snapshot));
    mail.tell("closed", list(closed));
    mail.tell("left", list(left));
    mail.done()
}

/// The old cache is not there any more, and it was not this move that deleted it.
pub fn gone(plan: &Plan, ctx: &Context<'_>, closed: &[String], left: &[String]) -> Mail {
    let new = &plan.create.id;
    let mut mail =
        Draft::new(Kind::Gone, ctx, &plan.cache, Some(plan), "gone, deleted by somebody else");
    mail.say(&format!(
        "{} does not exist any more, and Portcullis did not delete it. The re-creation as {new} is complete.",
        titled(&plan.cache)
    ));
    mail.say("CloudTrail shows who deleted it: DeleteReplicationGroup or DeleteCacheCluster.");
    mail.say(&format!("Rules of the old port that were revoked: {}.", closed.len()));
    mail.items("Revoked", closed);
    mail.items("Not changed", left);
    mail.tell("closed", list(closed));
    mail.tell("left", list(left));
    mail.done()
}

/// Both caches stay, because.
pub fn kept(plan: &Plan, ctx: &Context<'_>, why: &str) -> Mail {
    let new = &plan.create.id;
    let mut mail =
        Draft::new(Kind::RuleRecord, ctx, &plan.cache, Some(plan), "kept, both caches run");
    mail.say(&format!(
        "{} is not deleted: {new} and it both run, and both cost money.",
        titled(&plan.cache)
    ));
    mail.others(&format!("Because: {}.", name(why)));
    mail.say("This re-creation is over. You decide what to do now.");
    mail.by_hand(plan);
    mail.tell("reason", json!(bounded(why)));
    mail.done()
}

/// A person said no to the move.
pub fn rejected(plan: &Plan, ctx: &Context<'_>, by: &str, reason: &str) -> Mail {
    let mut mail =
        Draft::new(Kind::Rejected, ctx, &plan.cache, Some(plan), "not re-created, rejected");
    mail.say(&format!("{} is not re-created. Nothing was changed.", titled(&plan.cache)));
    let because =
        if reason.trim().is_empty() { "without a reason".to_owned() } else { quoted(reason) };
    mail.others(&format!("Rejected by {}: {because}.", name(by)));
    mail.say(&format!("It still listens on port {}. To get no more requests, tag it portcullis:protect. To re-create \
                       it after all:", plan.now.port));
    mail.page.gap();
    mail.command(&again(ctx, &plan.cache.id));
    mail.tell("by", json!(bounded(by)));
    mail.tell("reason", json!(bounded(reason)));
    mail.done()
}

/// Nobody answered whether to move.
pub fn nobody_answered(plan: &Plan, ctx: &Context<'_>) -> Mail {
    let mut mail = Draft::new(
        Kind::NobodyAnswered,
        ctx,
        &plan.cache,
        Some(plan),
        "not re-created, nobody answered",
    );
    mail.say(&format!(
        "{} is not re-created, because nobody answered in time. Nothing was changed.",
        titled(&plan.cache)
    ));
    mail.say(&format!("It still listens on port {}.", plan.now.port));
    mail.say("To get no more requests, tag it portcullis:protect. To re-create it after all:");
    mail.page.gap();
    mail.command(&again(ctx, &plan.cache.id));
    mail.done()
}

/// Makes the deleted cache again from its last snapshot, with the settings and the tags that it had.
fn restore(plan: &Plan, last: &str, region: &str) -> String {
    let token = plan.create.auth_token.clone();
    let old = Request { snapshot: Some(last.to_owned()), auth_token: token, ..plan.now.clone() };
    let call = match old.form() {
        Form::Group => "create-replication-group",
        Form::Cluster => "create-cache-cluster",
    };
    let inputs = shell_json(&parameters(&old).into());
    let command = format!("aws elasticache {call}{region} --cli-input-json {inputs}");
    secret::given(&old.auth_token, command)
}

impl Draft<'_> {
    /// How to end by hand with one cache, whichever.
    pub(super) fn by_hand(&mut self, plan: &Plan) {
        let (old, new) = (&plan.cache.id, &plan.create.id);
        self.page.section(&format!("If the clients use {new}, delete {old}"));
        let deletes = |id: &str| matches!(id, "delete" | "close-port");
        for command in
            plan.steps.iter().filter(|step| deletes(step.id)).flat_map(|step| &step.commands)
        {
            self.page.exact(command);
        }
        self.page.section(&format!("If the clients use {old}, delete {new}"));
        let region = self.ctx.region_option();
        let (call, option) = match plan.create.form() {
            Form::Group => ("delete-replication-group", "--replication-group-id"),
            Form::Cluster => ("delete-cache-cluster", "--cache-cluster-id"),
        };
        self.page.exact(&format!("aws elasticache {call}{region} {option} {}", word(new)));
        self.rules_of_the_new_port(plan);
    }

    /// How to find and revoke what was opened.
    pub(super) fn rules_of_the_new_port(&mut self, plan: &Plan) {
        if plan.ingress.open.is_empty() && plan.ingress.opened.is_empty() {
            return;
        }
        let region = self.ctx.region_option();
        self.page.exact(&format!(
            "aws ec2 describe-security-group-rules{region} --filters Name=tag:portcullis:moved-from,Values={} --query 'SecurityGroupRules[].[GroupId,SecurityGroupRuleId]' --output text | while read -r group rule; do aws ec2 revoke-security-group-ingress{region} --group-id $group --security-group-rule-ids $rule; done",
            word(&plan.cache.arn)
        ));
    }
}
