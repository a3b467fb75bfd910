//! A question, and what is said of it on its page.

use maud::{Markup, html};
use portcullis_approval::{Asked, Question, Record, Work};
use portcullis_recreation::plan::Plan;

use super::text::seen;
use super::time;

/// A question, with all that is needed to answer it.
pub struct Asking<'a> {
    /// What is recorded of it.
    pub record: &'a Record,
    /// The question in it.
    pub question: &'a Question,
    /// What it asks.
    pub asked: &'a Asked,
    /// Where the request came from; the record keeps it.
    pub from: &'a str,
    /// What was filled in, if it was not enough.
    pub filled: Filled<'a>,
}

/// What somebody filled in, and what was missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filled<'a> {
    /// `approve` or `reject`
    pub decision: &'a str,
    /// The name.
    pub name: &'a str,
    /// The reason.
    pub reason: &'a str,
    /// What is missing, in a sentence; empty at first.
    pub missing: &'a str,
}

/// Who asked, why, and until when.
pub(super) fn asked(asking: &Asking<'_>, more: &Markup) -> Markup {
    let Asking { record, question, .. } = asking;
    html! {
        dl.facts {
            (more)
            (fact("Asked by", &html! { (seen(&record.asked_by)) }))
            (fact("Why", &html! { (seen(&record.why)) }))
            (fact("Asked at", &time::moment(question.asked_at)))
            (fact("Answer until", &time::moment(question.until)))
            @match &record.work {
                Work::Recreation { .. } => {
                    (fact("ARN", &html! { code { (seen(&record.subject)) } }))
                    (fact("Move", &html! { code { (seen(&record.id)) } }))
                    (fact("Plan", &html! { code { (seen(&record.fingerprint)) } }))
                }
                Work::Hardening(_) => {
                    (fact("Request", &html! { code { (seen(&record.id)) } }))
                    (fact("Fingerprint", &html! { code { (seen(&record.fingerprint)) } }))
                }
            }
        }
    }
}

pub(super) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// `Valkey replication group`.
pub(super) fn kind(plan: &Plan) -> String {
    format!("{} {}", plan.cache.engine.name(), plan.cache.kind)
}

/// `1 node`, `2 nodes`.
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
