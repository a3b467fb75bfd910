//! Questions, and the refusal that comes in the place of one.

use portcullis_engine::text::counted;
use serde_json::json;

use super::draft::{Context, Draft, Kind, Mail, bounded, list, titled};
use super::words::{sentence, word};
use crate::plan::{Disposition, Plan, Refusal};
use crate::text::{self, Role};

/// Asks a person to agree to a move. `link` is the page's, if there is one; `until` is in seconds since 1970.
pub fn ask(plan: &Plan, ctx: &Context<'_>, link: Option<&str>, until: i64) -> Mail {
    let (from, to) = (plan.now.port, plan.create.port);
    let cache = &plan.cache;
    let mut mail =
        Draft::new(Kind::Ask, ctx, cache, Some(plan), &format!("re-create it on port {to}?"));
    mail.say(&format!(
        "{} would be re-created on port {to}, from port {from}. Do you approve?",
        titled(cache)
    ));
    mail.asked();
    mail.until(until, "If nobody answers, nothing is changed.");
    mail.how_to_answer(link);
    mail.page.section("In short");
    let data = match plan.snapshot {
        Some(_) => {
            "Data is copied by a snapshot. Later writes are not in the new cache, unless the writers stop."
        }
        None => "No data is copied. Memcached has no snapshots, so the new cache starts empty.",
    };
    mail.item(data);
    mail.item(&format!("A new cache {} is created beside {}, which is not changed. Nothing is deleted now: you get a \
                        second request, when nobody has used the old cache for an hour.", plan.create.id, cache.id));
    mail.item(&format!("Every client needs the new endpoint and port {to}. You get them when the new cache exists and \
                        matches the plan."));
    mail.item(&format!(
        "Both run until the old one is deleted: {} more node-hours a day of {}.",
        plan.cost.node_hours_a_day(),
        plan.cost.node_type
    ));
    text::lost(&mut mail.page, plan);
    text::before(&mut mail.page, plan);
    text::ingress(&mut mail.page, plan);
    text::around(&mut mail.page, plan);
    mail.items("What clients must change", &plan.clients);
    text::cost(&mut mail.page, plan);
    text::how_long(&mut mail.page, plan);
    mail.page.section("Settings");
    let carried = plan.inputs.iter().filter(|input| input.disposition == Disposition::Same).count();
    let changed: Vec<String> = plan
        .inputs
        .iter()
        .filter_map(|input| match &input.disposition {
            Disposition::Changed(why) => Some(format!("{}: {why}", input.name)),
            Disposition::Same | Disposition::Unused | Disposition::Never(_) => None,
        })
        .collect();
    mail.say(&format!("{carried} are carried over unchanged. These change:"));
    changed.iter().for_each(|line| mail.item(line));
    mail.page.gap();
    mail.say("All settings, old and new, and each step with its commands:");
    mail.page.gap();
    let whole = mail.whole.clone();
    mail.command(&whole);
    mail.tell("until", json!(until));
    mail.tell(
        "losses",
        list(&plan.losses.iter().map(|loss| loss.what.clone()).collect::<Vec<_>>()),
    );
    mail.tell("cautions", list(&plan.cautions));
    mail.done()
}

/// Asks a person to agree to the deletion of the old cache. `seen` says of what nobody uses it any more.
pub fn ask_deletion(
    plan: &Plan,
    ctx: &Context<'_>,
    seen: &str,
    link: Option<&str>,
    until: i64,
) -> Mail {
    let (old, new) = (&plan.cache.id, &plan.create.id);
    let mut mail =
        Draft::new(Kind::AskDeletion, ctx, &plan.cache, Some(plan), "delete the old cache?");
    mail.say(&format!(
        "Nobody seems to use {} any more. Do you approve its deletion?",
        titled(&plan.cache)
    ));
    mail.say(&format!("Seen: {seen}."));
    mail.until(until, "If nobody answers, both caches stay.");
    mail.how_to_answer(link);
    mail.page.section("What the deletion does");
    match &plan.last_snapshot {
        Some(last) => mail.item(&format!(
            "Deletes {old}. The snapshot {last} keeps its last state, until somebody \
                                          deletes the snapshot."
        )),
        None => mail.item(&format!("Deletes {old}. Memcached has no snapshots: its data is lost.")),
    }
    let (gone, stay): (Vec<_>, Vec<_>) =
        plan.ingress.close.iter().partition(|rule| rule.stays.is_none());
    for rule in &gone {
        mail.item(&format!(
            "Revokes {} of {} ({} from {}), unless other resources than caches use the group.",
            rule.rule.id,
            rule.group,
            rule.rule.traffic(),
            rule.rule.source
        ));
    }
    for rule in &stay {
        mail.item(&format!(
            "Leaves {} of {}: {}.",
            rule.rule.id,
            rule.group,
            rule.stays.as_deref().unwrap_or_default()
        ));
    }
    mail.page.section("Before you approve");
    mail.item("A client that connects once a day does not show in an hour. Think of jobs at night, batches, and \
               fallbacks that were not needed yet.");
    mail.item(&format!(
        "Data written to {old} after the snapshot for {new} is only there, and in {}.",
        plan.last_snapshot.as_deref().unwrap_or("nothing else")
    ));
    text::around(&mut mail.page, plan);
    mail.tell("until", json!(until));
    mail.tell("seen", json!(bounded(seen)));
    mail.done()
}

/// Says why a cache is not moved, with every reason and what can be done.
pub fn refused(refusal: &Refusal, ctx: &Context<'_>) -> Mail {
    let cache = &refusal.cache;
    let count = counted(refusal.reasons.len(), "reason");
    let mut mail = Draft::new(Kind::Refused, ctx, cache, None, &format!("not re-created, {count}"));
    mail.say(&format!("{} is not re-created, for {count}. Nothing was changed.", titled(cache)));
    mail.asked();
    match refusal.patch {
        Some(_) => mail.say("The steps are below, with a patch for the tool that owns the cache."),
        None => mail.say("The steps are below. After that, request the re-creation again:"),
    }
    if refusal.patch.is_none() {
        mail.page.gap();
        let again = again(ctx, &cache.id);
        mail.command(&again);
    }
    let reasons: Vec<_> = refusal
        .reasons
        .iter()
        .map(|reason| crate::reason::Reason {
            field: sentence(&reason.field),
            why: sentence(&reason.why),
            remedy: sentence(&reason.remedy),
        })
        .collect();
    text::reasons(&mut mail.page, &reasons);
    if let Some(patch) = &refusal.patch {
        text::patch(&mut mail.page, patch);
    }
    mail.page.gap();
    mail.page.line(
        Role::Plain,
        "To get no more requests: tag the cache portcullis:protect. It is then never re-created.",
    );
    mail.tell("reasons", refusal.reasons.iter().take(super::draft::MOST_ITEMS).map(|reason| {
        json!({"field": bounded(&reason.field), "why": bounded(&reason.why), "remedy": bounded(&reason.remedy)})
    }).collect());
    mail.done()
}

/// The command that asks for a move of this cache.
pub(super) fn again(ctx: &Context<'_>, cache: &str) -> String {
    format!("portcullis move {}{}", word(cache), ctx.stack_option())
}
