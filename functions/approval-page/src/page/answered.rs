//! What was answered, and what happens subject.

use maud::{Markup, html};
use portcullis_approval::{Answer, Asked, Record, Through, Work};
use portcullis_engine::text::harmless;

use super::asking::fact;
use super::deletion::kept;
use super::text::seen;
use super::{frame, time};

/// What an answer was to.
pub struct Subject<'a> {
    /// What is recorded of it.
    pub record: &'a Record,
    /// What was asked.
    pub asked: &'a Asked,
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
                input type="hidden" name="plan" value=(subject.record.fingerprint);
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
            (fact(subject.name(), &html! { code { (seen(&subject.record.id)) } }))
        }
    }
}

impl Subject<'_> {
    fn name(&self) -> &'static str {
        match self.record.work {
            Work::Recreation { .. } => "Move",
            Work::Hardening(_) => "Request",
        }
    }

    fn question(&self) -> String {
        match self.asked {
            Asked::Recreation(plan) => {
                format!("the re-creation of {} on port {}", plan.now.id, plan.create.port)
            }
            Asked::Deletion(plan) => format!("the deletion of {}", plan.now.id),
            Asked::Hardening(hardening) => format!("the hardening of {}", hardening.instance),
        }
    }

    fn follows(&self, answer: &Answer) -> Markup {
        let then = match (self.asked, answer.yes) {
            (Asked::Recreation(plan), true) => vec![
                format!(
                    "Portcullis creates {}, compares it with the plan, and then sends a mail with its endpoints.",
                    plan.create.id
                ),
                format!("{} is not changed. Its deletion needs a second approval.", plan.now.id),
            ],
            (Asked::Recreation(plan), false) => vec![format!(
                "Nothing is created. {} stays as it is, on port {}.",
                plan.now.id, plan.now.port
            )],
            (Asked::Deletion(plan), true) => vec![
                format!("Portcullis deletes {}. {}", plan.now.id, kept(plan)),
                format!(
                    "Then it revokes the ingress rules that were for port {} alone.",
                    plan.now.port
                ),
            ],
            (Asked::Deletion(plan), false) => {
                vec![format!("Both caches stay. To remove {} later, delete it yourself.", plan.now.id)]
            }
            (Asked::Hardening(_), true) => vec![
                "The file is changed and the server restarts now, if the file is still the one that you saw.".to_owned(),
                "A mail says how it ended, with the command that undoes it.".to_owned(),
            ],
            (Asked::Hardening(hardening), false) => vec![format!(
                "Nothing is changed. {} stays as it is: the next open rule exposes it again.",
                hardening.instance
            )],
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
