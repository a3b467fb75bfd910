//! The second question: may the old cache be deleted, now that the clients have moved?

use maud::{Markup, html};
use portcullis_engine::facts::Engine;
use portcullis_recreation::plan::Plan;

use super::asking::{Asking, asked, counted, fact, kind};
use super::form::{self, Way};
use super::frame;
use super::recreation::closing;
use super::text::{seen, sentence};

pub(super) fn page(asking: &Asking<'_>, plan: &Plan) -> Markup {
    let (old, new) = (&plan.now.id, &plan.create.id);
    let title = format!("Delete {old}?");
    let note = asking.question.note.as_str();
    let ways = [
        Way {
            decision: "approve",
            title: "Approve the deletion",
            means: &format!("Portcullis deletes {old}. {}", kept(plan)),
            button: &format!("Approve: delete {old}"),
        },
        Way {
            decision: "reject",
            title: "Reject the deletion",
            means: &format!("{old} and {new} both stay, and both cost money."),
            button: &format!("Reject: keep {old}"),
        },
    ];
    let main = html! {
        h1 { (title) }
        p.lede {
            "The re-creation of " code { (old) } " from port " (plan.now.port) " is nearly complete: " code { (new) }
            " runs on port " (plan.create.port) ". What is left is to delete the old cache. "
            strong { "It has not been deleted." }
        }
        p.skip { a href="#answer" { "Go to your answer" } }
        (asked(asking, &summary(plan)))
        (deleted(plan))
        section.box.care aria-labelledby="connections" {
            h2 #connections { "Who still uses it" }
            p { @if note.is_empty() { "Its connections are unknown: check its metric CurrConnections yourself." } @else { (sentence(note)) } }
            p { "Every client that still connects to " code { (old) } " fails after the deletion." }
        }
        section aria-labelledby="steps" {
            h2 #steps { "What happens then" }
            ol.steps {
                @for step in plan.steps.iter().filter(|step| matches!(step.id, "delete" | "close-port")) {
                    li {
                        b { (step.id) }
                        p { (seen(&step.does)) }
                        @if let Some(undo) = &step.undo { p.undo { "To roll back: " (seen(undo)) "." } }
                    }
                }
            }
            (closing(plan))
        }
        (form::answer(asking, &ways))
    };
    frame::page(&title, "question deletion", &main)
}

fn summary(plan: &Plan) -> Markup {
    html! {
        (fact("Old cache", &html! { code { (plan.cache.id) } ", a " (kind(plan)) " on port " code { (plan.now.port) } }))
        (fact("New cache", &html! { code { (plan.create.id) } " on port " code { (plan.create.port) } }))
    }
}

fn deleted(plan: &Plan) -> Markup {
    html! {
        section.box.lost aria-labelledby="lost" {
            h2 #lost { "What is deleted" }
            ul {
                li {
                    code { (plan.now.id) } ", a " (kind(plan)) " with " (counted(plan.now.nodes(), "node"))
                    " of " code { (plan.now.node_type) } ". A deletion cannot be undone."
                }
                @if plan.now.engine != Engine::Memcached {
                    li { "Its automatic snapshots: AWS deletes them with it. Manual ones stay." }
                }
                li { (kept(plan)) }
            }
        }
    }
}

/// What remains of the data.
pub(super) fn kept(plan: &Plan) -> String {
    match &plan.last_snapshot {
        Some(last) => format!("The snapshot {last} keeps its last state."),
        None => "No copy of it remains: Memcached has no snapshots.".to_owned(),
    }
}
