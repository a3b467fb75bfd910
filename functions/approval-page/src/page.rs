//! The pages, as pure functions: what is recorded in, HTML out. There is no script in them, and
//! nothing of them comes from elsewhere.
//!
//! INVARIANT: text from an account or from a person gets here through maud, which escapes it, and
//! through `text`, which makes what cannot be seen visible.

mod answered;
mod deletion;
mod form;
mod moving;
mod notice;
mod settings;
mod text;
mod time;

pub use answered::{Subject, already, recorded};
pub use form::Filled;
pub use notice::Notice;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis_approval::{About, Question, Record};
use portcullis_recreation::plan::Plan;

use text::seen;

/// The style of every page. Its hash is in the Content-Security-Policy, which allows no other.
pub const STYLE: &str = include_str!("page/style.css");

/// A question, with all that is needed to answer it.
pub struct Asking<'a> {
    /// What is recorded of the move.
    pub record: &'a Record,
    /// The question in it.
    pub question: &'a Question,
    /// The plan of that record.
    pub plan: &'a Plan,
    /// Which of the two questions.
    pub about: About,
    /// Where the request came from; the record keeps it.
    pub from: &'a str,
    /// What was filled in, if it was not enough.
    pub filled: Filled<'a>,
}

impl Asking<'_> {
    /// The page on which it is answered.
    pub fn page(&self) -> Markup {
        match self.about {
            About::Move => moving::page(self),
            About::Deletion => deletion::page(self),
        }
    }
}

/// Every page: its head, the name on top, and what it is about.
fn page(title: &str, kind: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                title { (title) " - Portcullis" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.top { p { (gate()) "Portcullis" } }
                main class=(kind) { (main) }
                footer.end {
                    p { "This page has no script and loads nothing. Opening it changes nothing." }
                }
            }
        }
    }
}

/// A portcullis, drawn by hand.
fn gate() -> Markup {
    html! {
        svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false" {
            path d="M2 18V9a8 8 0 0 1 16 0v9M6.5 3v13.5M10 2v16M13.5 3v13.5M2.5 7.5h15M2.5 12.5h15"
                fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round";
        }
    }
}

/// Who asked, why, and until when.
fn asked(asking: &Asking<'_>, more: &Markup) -> Markup {
    let Asking { record, question, .. } = asking;
    html! {
        dl.facts {
            (more)
            (fact("Asked by", &html! { (seen(&record.asked_by)) }))
            (fact("Why", &html! { (seen(&record.why)) }))
            (fact("Asked at", &time::moment(question.asked_at)))
            (fact("Answer until", &time::moment(question.until)))
            (fact("ARN", &html! { code { (seen(&record.cache)) } }))
            (fact("Move", &html! { code { (seen(&record.id)) } }))
            (fact("Plan", &html! { code { (seen(&record.fingerprint)) } }))
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// `Valkey replication group`.
fn kind(plan: &Plan) -> String {
    format!("{} {}", plan.cache.engine.name(), plan.cache.kind)
}

/// `1 node`, `2 nodes`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
