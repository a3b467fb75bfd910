//! The first question: may the cache move, as the plan says?

use maud::{Markup, html};
use portcullis_engine::facts::Source;
use portcullis_recreation::around;
use portcullis_recreation::facts::Seen;
use portcullis_recreation::plan::Plan;
use portcullis_recreation::steps::Who;

use super::asking::{Asking, asked, counted, fact, kind};
use super::form::{self, Way};
use super::text::{name, seen, sentence};
use super::{frame, settings};

pub(super) fn page(asking: &Asking<'_>, plan: &Plan) -> Markup {
    let (old, new, port) = (&plan.now.id, &plan.create.id, plan.create.port);
    let title = format!("Move {old} to port {port}?");
    let ways = [
        Way {
            decision: "approve",
            title: "Approve the re-creation",
            means: &format!(
                "Portcullis creates {new} as this plan says. {old} keeps running; its deletion needs a second approval."
            ),
            button: "Approve the re-creation",
        },
        Way {
            decision: "reject",
            title: "Reject the re-creation",
            means: &format!("Nothing is created, and {old} stays on port {}.", plan.now.port),
            button: "Reject the re-creation",
        },
    ];
    let main = html! {
        h1 { (title) }
        p.lede {
            "ElastiCache cannot change the port of a cache. A new cache is created beside the old one, you change the \
             clients to it, and the old one is deleted only after a second approval. "
            strong { "Nothing has been done yet." }
        }
        p.skip { a href="#answer" { "Go to your answer" } }
        (asked(asking, &summary(plan)))
        (losses(plan))
        (cautions(plan))
        (settings::settings(plan))
        (rules(plan))
        (points_to_it(plan))
        (clients(plan))
        (cost(plan))
        (steps(plan))
        (form::answer(asking, &ways))
    };
    frame::page(&title, "question", &main)
}

fn summary(plan: &Plan) -> Markup {
    html! {
        (fact("Cache", &html! { code { (plan.cache.id) } ", a " (kind(plan)) }))
        (fact("Port", &html! { code { (plan.now.port) } " now, " code { (plan.create.port) } " then" }))
        (fact("Data", &html! {
            @match &plan.snapshot {
                Some(_) => "copied by a snapshot; later writes are lost",
                None => "none is copied: the new cache starts empty",
            }
        }))
        (fact("Cost", &html! {
            (plan.cost.node_hours_a_day()) " node-hours a day of " code { (plan.cost.node_type) } " while both run"
        }))
    }
}

/// First, because it is what nobody gets back.
fn losses(plan: &Plan) -> Markup {
    html! {
        section.box.lost aria-labelledby="lost" {
            h2 #lost { "What is lost" }
            ul {
                @for loss in &plan.losses {
                    li {
                        @if let Some(input) = loss.input { (name(input)) ": " (seen(&loss.what)) "." }
                        @else { (seen(&loss.what)) }
                    }
                }
            }
        }
    }
}

fn cautions(plan: &Plan) -> Markup {
    html! {
        @if !plan.cautions.is_empty() {
            section.box.care aria-labelledby="care" {
                h2 #care { "Before you approve" }
                ul { @for caution in &plan.cautions { li { (sentence(caution)) } } }
            }
        }
    }
}

fn rules(plan: &Plan) -> Markup {
    let ingress = &plan.ingress;
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "Who may reach the new port" }
            ul.marked {
                @if ingress.open.is_empty() { li { b.mark { "no rule" } " No ingress rule is added." } }
                @for rule in &ingress.open {
                    li {
                        b.mark.new { "added" } " "
                        code { "TCP " (rule.port) } " from " code { (rule.source) }
                        @if let (Source::Group(_), Some(owner)) = (&rule.source, &rule.source_owner) {
                            " of account " code { (owner) }
                        }
                        " in " code.id { (rule.group) } ", like " code.id { (rule.like) }
                    }
                }
                @for left in &ingress.left {
                    li {
                        b.mark.lost { "not opened" } " "
                        code { (left.rule.traffic()) } " from " code { (left.rule.source) }
                        " in " code.id { (left.group) } " (" code.id { (left.rule.id) } "): " (seen(&left.because))
                    }
                }
            }
            (closing(plan))
        }
    }
}

/// What becomes of the rules of the old port.
pub(super) fn closing(plan: &Plan) -> Markup {
    html! {
        @if !plan.ingress.close.is_empty() {
            h3 { "Rules of the old port, after the deletion" }
            ul.marked {
                @for closing in &plan.ingress.close {
                    li {
                        @match closing.stays { Some(_) => b.mark { "stays" }, None => b.mark.care { "revoked" } } " "
                        code { (closing.rule.traffic()) } " from " code { (closing.rule.source) }
                        " in " code.id { (closing.group) } " (" code.id { (closing.rule.id) } ")"
                        @match &closing.stays {
                            Some(why) => { ": " (seen(why)) },
                            None => ", if nothing else behind the group needs it",
                        }
                    }
                }
            }
        }
    }
}

fn points_to_it(plan: &Plan) -> Markup {
    html! {
        section aria-labelledby="around" {
            h2 #around { "References from outside" }
            p { "These do not follow the new cache." }
            ul.marked {
                @for line in around::lines(plan) {
                    li {
                        @match line.seen {
                            Seen::Unknown => {
                                b.mark.lost { "not known" } " " (sentence(line.what)) ". Look: " code { (line.look) }
                            }
                            Seen::Read(found) if found.is_empty() => {
                                b.mark { "none found" } " " (sentence(line.what))
                            }
                            Seen::Read(found) => {
                                b.mark.care { "manual" } " " (sentence(line.what)) ": "
                                @for (at, found) in found.iter().enumerate() {
                                    @if at > 0 { ", " }
                                    code { (seen(found)) }
                                }
                                "; " (line.then)
                            }
                        }
                    }
                }
                li {
                    b.mark.lost { "not known" }
                    " Backup plans, suppressed findings and inventories with the id: Portcullis does not read them"
                }
            }
        }
    }
}

fn clients(plan: &Plan) -> Markup {
    html! {
        section aria-labelledby="clients" {
            h2 #clients { "What clients must change" }
            ul { @for line in &plan.clients { li { (sentence(line)) } } }
        }
    }
}

fn cost(plan: &Plan) -> Markup {
    let cost = &plan.cost;
    html! {
        section aria-labelledby="cost" {
            h2 #cost { "What it costs" }
            ul {
                li {
                    (counted(cost.nodes, "node")) " of " code { (cost.node_type) } " in addition to the old: "
                    strong { (cost.node_hours_a_day()) " node-hours a day" }
                    " until the old cache is deleted. Your account has the price; reserved nodes cover only the \
                     reserved number."
                }
                @if cost.snapshots > 0 {
                    li {
                        (counted(cost.snapshots, "manual snapshot")) ", until you delete them. "
                        @if cost.snapshot_sizes.is_empty() { "Their size is unknown: about the size of the data." }
                        @else { "The last one of this cache was " (cost.snapshot_sizes.join(" + ")) "." }
                    }
                }
                @if let Ok(days @ 1..) = u64::try_from(cost.retention) {
                    li { "Automatic snapshots of the new cache, kept for " (counted(days, "day")) ", beside those of the old one while it lives." }
                }
            }
        }
    }
}

fn steps(plan: &Plan) -> Markup {
    html! {
        section aria-labelledby="steps" {
            h2 #steps { "Steps" }
            p { "If a step before the cutover fails, the re-creation is rolled back. After the cutover nothing is \
                 deleted without approval." }
            ol.steps {
                @for step in &plan.steps {
                    li {
                        b { (step.id) }
                        " " span.who { (match step.who { Who::Portcullis => "by Portcullis", Who::Person => "by you" }) }
                        p { (seen(&step.does)) }
                        @if let Some(undo) = &step.undo { p.undo { "To roll back: " (seen(undo)) "." } }
                    }
                }
            }
        }
    }
}
