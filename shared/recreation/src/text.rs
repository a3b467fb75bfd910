//! A plan or a refusal as plain text, for a terminal.

pub(crate) mod layout;
mod paint;

use portcullis_engine::facts::Source;
use portcullis_engine::text::counted;

use crate::around;
use crate::facts::Seen;
use crate::ingress::NewRule;
use crate::patch::{Patch, Tool};
use crate::plan::{Answer, Disposition, Input, Plan, Refusal};
use crate::reason::Reason;
use crate::request::Token;
use crate::steps::Who;
use layout::Page;

pub use paint::{Paint, Role, plain};

/// The answer as text. `paint` gets each piece; [`plain`] leaves it alone.
pub fn text(answer: &Answer, paint: Paint<'_>) -> String {
    let mut page = Page::new(paint);
    match answer {
        Answer::Plan(plan) => self::plan(&mut page, plan),
        Answer::Refused(refusal) => refused(&mut page, refusal),
    }
    page.text
}

fn plan(page: &mut Page<'_>, plan: &Plan) {
    let cache = &plan.cache;
    page.line(
        Role::Heading,
        &format!(
            "Plan: {}, a {} {}, from port {} to port {}",
            cache.id,
            cache.engine.name(),
            cache.kind,
            plan.now.port,
            plan.create.port
        ),
    );
    page.line(Role::Faint, &format!("{}, plan {}", cache.arn, plan.fingerprint));
    page.paragraph(Role::Plain, "", "ElastiCache cannot change the port of a cache. A new cache is created beside the old one, you change the clients to it, and the old one is deleted after your approval. Nothing has been done yet.");
    in_short(page, plan);
    inputs(page, &plan.inputs);
    lost(page, plan);
    before(page, plan);
    ingress(page, plan);
    around(page, plan);
    cost(page, plan);
    how_long(page, plan);
    steps(page, plan);
    page.section("What clients must change");
    for line in &plan.clients {
        page.paragraph(Role::Plain, "- ", line);
    }
    page.section("What is never sent to AWS");
    for input in &plan.inputs {
        if let Disposition::Never(because) = input.disposition {
            page.paragraph(Role::Faint, "- ", &format!("{}: {because}", input.name));
        }
    }
}

fn in_short(page: &mut Page<'_>, plan: &Plan) {
    let data = match plan.snapshot {
        Some(_) => {
            "Data: copied by a snapshot. Later writes are not in the new cache, unless the writers stop."
        }
        None => "Data: none is copied. Memcached has no snapshots, so the new cache starts empty.",
    };
    let changed =
        plan.inputs.iter().filter(|i| matches!(i.disposition, Disposition::Changed(_))).count();
    let carried = plan.inputs.iter().filter(|i| i.disposition == Disposition::Same).count();
    let around = around::lines(plan);
    let kinds = around.len();
    let (unknown, known): (Vec<_>, Vec<_>) =
        around.into_iter().partition(|line| *line.seen == Seen::Unknown);
    let found = known.iter().filter(|line| *line.seen != Seen::Read(Vec::new())).count();
    page.gap();
    page.paragraph(Role::Warning, "  ", data);
    page.paragraph(
        Role::Plain,
        "  ",
        "Downtime: none for the old cache, which runs until you approve its deletion.",
    );
    page.paragraph(
        Role::Plain,
        "  ",
        &format!("Clients: every client needs the new endpoint and port {}.", plan.create.port),
    );
    page.paragraph(
        Role::Plain,
        "  ",
        &format!("Settings: {carried} carried over unchanged, {changed} changed."),
    );
    page.paragraph(
        Role::Plain,
        "  ",
        &format!(
            "References: {} kinds of resources may refer to it; {found} need a manual change, {} were not read.",
            kinds,
            unknown.len()
        ),
    );
    page.paragraph(
        Role::Plain,
        "  ",
        &format!(
            "Cost: {} node-hours a day of {} while both run.",
            plan.cost.node_hours_a_day(),
            plan.cost.node_type
        ),
    );
}

fn inputs(page: &mut Page<'_>, inputs: &[Input]) {
    page.section("Settings, old and new");
    page.row(Role::Faint, ' ', "", &["now".to_owned()], &["will be".to_owned()]);
    for input in inputs {
        match &input.disposition {
            Disposition::Same => {
                page.row(Role::Plain, ' ', input.name, &input.now.lines(), &input.then.lines());
            }
            Disposition::Changed(because) => {
                page.row(Role::New, '~', input.name, &input.now.lines(), &input.then.lines());
                page.note(because);
            }
            Disposition::Unused | Disposition::Never(_) => {}
        }
    }
    let unused: Vec<&str> = inputs
        .iter()
        .filter(|input| input.disposition == Disposition::Unused)
        .map(|input| input.name)
        .collect();
    if !unused.is_empty() {
        page.gap();
        page.paragraph(
            Role::Faint,
            "  ",
            &format!("Not used, neither now nor later: {}.", unused.join(", ")),
        );
    }
}

pub(crate) fn lost(page: &mut Page<'_>, plan: &Plan) {
    page.section("What is lost");
    for loss in &plan.losses {
        let text = match loss.input {
            Some(input) => format!("{input}: {}", loss.what),
            None => loss.what.clone(),
        };
        page.paragraph(Role::Warning, "- ", &text);
    }
}

pub(crate) fn before(page: &mut Page<'_>, plan: &Plan) {
    if plan.cautions.is_empty() {
        return;
    }
    page.section("Before you approve");
    for caution in &plan.cautions {
        page.paragraph(Role::Plain, "- ", caution);
    }
}

pub(crate) fn ingress(page: &mut Page<'_>, plan: &Plan) {
    page.section("Who may reach the new port");
    if plan.ingress.open.is_empty() {
        page.paragraph(Role::Plain, "", "No rule is added.");
    }
    for rule in &plan.ingress.open {
        let text =
            format!("{}: TCP {} from {}, like {}", rule.group, rule.port, source(rule), rule.like);
        page.paragraph(Role::New, "+ ", &text);
    }
    for rule in &plan.ingress.opened {
        let text = format!(
            "{}: TCP {} from {} exists already, from an earlier run",
            rule.group,
            rule.port,
            source(rule)
        );
        page.paragraph(Role::Plain, "  ", &text);
    }
    for left in &plan.ingress.left {
        let text = format!(
            "{}: {} ({} from {}) gets no counterpart: {}",
            left.group,
            left.rule.id,
            left.rule.traffic(),
            left.rule.source,
            left.because
        );
        page.paragraph(Role::Warning, "! ", &text);
    }
    for closing in &plan.ingress.close {
        let rule = format!(
            "{}: {} ({} from {})",
            closing.group,
            closing.rule.id,
            closing.rule.traffic(),
            closing.rule.source
        );
        match &closing.stays {
            None => page.paragraph(
                Role::Plain,
                "- ",
                &format!(
                    "{rule} can be revoked at the end, if nothing else behind the group needs it"
                ),
            ),
            Some(why) => page.paragraph(Role::Plain, "  ", &format!("{rule} stays: {why}")),
        }
    }
}

fn source(rule: &NewRule) -> String {
    match (&rule.source, &rule.source_owner) {
        (Source::Group(id), Some(owner)) => format!("{id} of account {owner}"),
        (source, _) => source.to_string(),
    }
}

pub(crate) fn around(page: &mut Page<'_>, plan: &Plan) {
    page.section("References from outside, which do not follow the new cache");
    for line in around::lines(plan) {
        let what = line.what;
        match line.seen {
            Seen::Read(found) if found.is_empty() => {
                page.paragraph(Role::Plain, "  ", &format!("{what}: none found"));
            }
            Seen::Read(found) => {
                let text = format!("{what}: {}; {}", found.join(", "), line.then);
                page.paragraph(Role::New, "! ", &text);
            }
            Seen::Unknown => {
                let look = if line.look.starts_with("aws ") {
                    format!("`{}`", line.look)
                } else {
                    line.look.to_owned()
                };
                let text = format!("{what}: not known. Look: {look}");
                page.paragraph(Role::Warning, "? ", &text);
            }
        }
    }
    page.paragraph(
        Role::Warning,
        "? ",
        "backup plans, suppressed findings and inventories with the id: unknown, Portcullis does not read them",
    );
}

pub(crate) fn cost(page: &mut Page<'_>, plan: &Plan) {
    let cost = &plan.cost;
    page.section("What it costs");
    let nodes = usize::try_from(cost.nodes).unwrap_or(usize::MAX);
    page.paragraph(
        Role::Plain,
        "- ",
        &format!(
            "{} of {} in addition to the old: {} node-hours a day until the old cache is deleted. Your account has \
             the price of a node-hour; reserved nodes cover only the reserved number.",
            counted(nodes, "node"),
            cost.node_type,
            cost.node_hours_a_day()
        ),
    );
    if cost.snapshots > 0 {
        let size = match cost.snapshot_sizes.as_slice() {
            [] => "Their size is unknown: about the size of the data.".to_owned(),
            sizes => format!("The last one of this cache was {}.", sizes.join(" + ")),
        };
        page.paragraph(
            Role::Plain,
            "- ",
            &format!("{} manual snapshots, until you delete them. {size}", cost.snapshots),
        );
    }
    if cost.retention > 0 {
        page.paragraph(Role::Plain, "- ", &format!("Automatic snapshots of the new cache, kept for {}, beside those of the old one while it lives.", counted(usize::try_from(cost.retention).unwrap_or_default(), "day")));
    }
}

pub(crate) fn how_long(page: &mut Page<'_>, plan: &Plan) {
    page.section("How long it takes");
    let text = match plan.snapshot {
        Some(_) => {
            "The snapshot and the creation each take minutes for little data, and hours for much; AWS gives no time. \
             CloudFormation waits up to 5 hours for a replication group. Then as long as the clients need."
        }
        None => {
            "The creation takes minutes; AWS gives no time. CloudFormation waits up to 4 hours for a cluster. Then as \
             long as the clients need."
        }
    };
    page.paragraph(Role::Plain, "", text);
}

fn steps(page: &mut Page<'_>, plan: &Plan) {
    page.section("Steps");
    let how = "`portcullis move` starts the workflow that does them. A failure before the cutover is rolled back: the \
               rules, the new cache, the snapshot. The commands are for doing it manually.";
    page.paragraph(Role::Faint, "", how);
    if matches!(plan.create.auth_token, Token::Secret(_)) {
        page.paragraph(Role::Faint, "", "The command that creates the cache reads the token from the secret; the token is not in this plan. Other users of the machine can see it while the command runs.");
    }
    for (at, step) in plan.steps.iter().enumerate() {
        let who = match step.who {
            Who::Portcullis => "",
            Who::Person => " (you)",
        };
        page.gap();
        page.paragraph(
            Role::Plain,
            &format!("{:>2}. ", at + 1),
            &format!("{}{who}. {}", step.id, step.does),
        );
        for command in &step.commands {
            page.command(command);
        }
        if let Some(undo) = &step.undo {
            page.paragraph(Role::Faint, "    back: ", undo);
        }
    }
}

fn refused(page: &mut Page<'_>, refusal: &Refusal) {
    let cache = &refusal.cache;
    let count = counted(refusal.reasons.len(), "reason");
    page.line(
        Role::Heading,
        &format!(
            "Refused: {}, a {} {}, is not re-created, for {count}",
            cache.id,
            cache.engine.name(),
            cache.kind
        ),
    );
    if !cache.arn.is_empty() {
        page.line(Role::Faint, &cache.arn);
    }
    reasons(page, &refusal.reasons);
    if let Some(patch) = &refusal.patch {
        self::patch(page, patch);
    }
}

pub(crate) fn reasons(page: &mut Page<'_>, reasons: &[Reason]) {
    for (at, reason) in reasons.iter().enumerate() {
        page.gap();
        page.paragraph(
            Role::Warning,
            &format!("{:>2}. ", at + 1),
            &format!("{}: {}", reason.field, reason.why),
        );
        page.paragraph(Role::Plain, "    What you can do: ", &reason.remedy);
    }
}

pub(crate) fn patch(page: &mut Page<'_>, patch: &Patch) {
    page.section("The patch");
    for (at, line) in patch.how.iter().enumerate() {
        page.paragraph(Role::Plain, &format!("{}. ", at + 1), line);
    }
    page.gap();
    let (title, block) = match patch.tool {
        Tool::CloudFormation => ("CloudFormation, below Resources:", &patch.cloudformation),
        Tool::Terraform => ("Terraform:", &patch.terraform),
    };
    page.line(Role::Heading, title);
    page.block(block);
}
