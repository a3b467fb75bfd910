//! What was answered, and what happens subject.

use maud::{Markup, html};
use portcullis_approval::{About, Answer, Through};
use portcullis_engine::text::harmless;
use portcullis_recreation::plan::Plan;

use super::asking::fact;
use super::deletion::kept;
use super::text::seen;
use super::{frame, time};

/// What an answer was to.
pub struct Subject<'a> {
    /// The id of the move.
    pub id: &'a str,
    /// Which of the two questions.
    pub about: About,
    /// The plan.
    pub plan: &'a Plan,
}

/// The answer was taken.
pub fn recorded(subject: &Subject<'_>, answer: &Answer) -> Markup {
    let title = format!("{}: {}", decision(answer), subject.question());
    let main = html! {
        h1 { (title) }
        p.lede { "Your answer is recorded." }
        (said(subject, answer))
        (subject.follows(answer))
    };
    frame::page(&title, "done", &main)
}

/// Somebody answered before. Where the workflow was not woken with it, that is done again from here.
pub fn already(subject: &Subject<'_>, answer: &Answer, stuck: bool) -> Markup {
    let title = format!("Already answered: {}", subject.question());
    let main = html! {
        h1 { (title) }
        p.lede {
            "Already answered by " strong { (seen(&answer.by)) } " at " (time::moment(answer.at)) ": "
            strong { (decision(answer).to_lowercase()) } ". The first answer counts, and nothing changes it."
        }
        (said(subject, answer))
        @if stuck { (again(subject, answer)) }
        (subject.follows(answer))
    };
    frame::page(&title, "done", &main)
}

/// Sends the same answer: it counts no second time, but the workflow is woken with the first.
fn again(subject: &Subject<'_>, answer: &Answer) -> Markup {
    let decision = if answer.yes { "approve" } else { "reject" };
    html! {
        section.box.care aria-labelledby="again" {
            h2 #again { "The workflow has not received it yet" }
            p { "The answer is recorded, but the workflow has not received it yet. This takes a moment. If it stays \
                 so, notify the workflow again; the answer does not change." }
            form method="post" {
                input type="hidden" name="plan" value=(subject.plan.fingerprint);
                input type="hidden" name="name" value=(harmless(&answer.by));
                input type="hidden" name="reason" value=(if answer.reason.is_empty() { "-".to_owned() } else { harmless(&answer.reason) });
                button type="submit" name="decision" value=(decision) { "Notify the workflow again" }
            }
        }
    }
}

fn decision(answer: &Answer) -> &'static str {
    if answer.yes { "Approved" } else { "Rejected" }
}

fn said(subject: &Subject<'_>, answer: &Answer) -> Markup {
    let through = match answer.through {
        Through::Page => "this page",
        Through::CommandLine => "the command line",
        Through::Setting => "the setting that lets fresh caches be re-created without approval",
    };
    html! {
        dl.facts {
            (fact("Answer", &html! { (decision(answer)) }))
            (fact("By", &html! { (seen(&answer.by)) }))
            (fact("At", &time::moment(answer.at)))
            (fact("Through", &html! { (through) }))
            @if !answer.reason.is_empty() { (fact("Reason", &html! { (seen(&answer.reason)) })) }
            (fact("Move", &html! { code { (seen(subject.id)) } }))
        }
    }
}

impl Subject<'_> {
    fn question(&self) -> String {
        let old = &self.plan.now.id;
        match self.about {
            About::Recreation => {
                format!("the re-creation of {old} on port {}", self.plan.create.port)
            }
            About::Deletion => format!("the deletion of {old}"),
        }
    }

    fn follows(&self, answer: &Answer) -> Markup {
        let (old, new) = (&self.plan.now.id, &self.plan.create.id);
        let then = match (self.about, answer.yes) {
            (About::Recreation, true) => vec![
                format!(
                    "Portcullis creates {new}, compares it with the plan, and then sends a mail with its endpoints."
                ),
                format!("{old} is not changed. Its deletion needs a second approval."),
            ],
            (About::Recreation, false) => {
                vec![format!(
                    "Nothing is created. {old} stays as it is, on port {}.",
                    self.plan.now.port
                )]
            }
            (About::Deletion, true) => vec![
                format!("Portcullis deletes {old}. {}", kept(self.plan)),
                format!(
                    "Then it revokes the ingress rules that were for port {} alone.",
                    self.plan.now.port
                ),
            ],
            (About::Deletion, false) => {
                vec![format!("Both caches stay. To remove {old} later, delete it yourself.")]
            }
        };
        html! {
            section aria-labelledby="next" {
                h2 #next { "What happens next" }
                ul { @for line in &then { li { (line) } } }
                p { "You can close this page." }
            }
        }
    }
}
