//! An event from its delivery to its record, in an account where nothing fails.

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::{
    Answered, Arranged, Case, Notification, PolicyContext, Step, Written,
};
use portcullis_engine::document::Answers;
use portcullis_engine::event::Event;
use portcullis_engine::ledger::Entry;
use portcullis_engine::report::Report;

/// How an event ended.
#[derive(Debug, Default)]
pub struct Driven {
    /// The names of its steps.
    pub steps: Vec<&'static str>,
    /// What was reported.
    pub report: Option<Report>,
    /// What was recorded last.
    pub recorded: Vec<Entry>,
    /// Why it failed.
    pub failed: Option<String>,
}

/// Everything is done as it is said.
fn remediated(actions: &[Action]) -> Outcomes {
    let outcome = |action: &Action| match action.starts() {
        Some(start) => Outcome::Started(start.execution()),
        None => Outcome::Done(None),
    };
    actions.iter().map(|action| (action.id().to_owned(), outcome(action))).collect()
}

/// Drives an event as the functions do. What is read is answered by the facts, and every step succeeds. `now` is in
/// seconds since 1970.
pub fn driven(event: &Event, answers: &Answers, policy: PolicyContext<'_>, now: i64) -> Driven {
    let mut case = Case::new(event.clone(), "r-1", policy);
    let mut driven = Driven::default();
    loop {
        let (name, answered) = match case.next(now) {
            Step::Read { decide, inform, .. } => {
                for read in decide.iter().chain(&inform) {
                    case.answer(Answered::Fact(answers.answer(read)));
                }
                driven.steps.push("read");
                continue;
            }
            Step::Lease { inform, .. } => {
                for read in &inform {
                    case.answer(Answered::Fact(answers.answer(read)));
                }
                ("lease", Answered::Leased { written: Written::All, counted: None })
            }
            Step::Remediate(actions) => ("remediate", Answered::Remediated(remediated(&actions))),
            Step::Notify(notification) => {
                let Notification { report, channel } = *notification;
                driven.report = Some(report);
                ("notify", Answered::Notified(Ok(channel)))
            }
            Step::Record(entries) => {
                driven.recorded = entries;
                ("record", Answered::Recorded(Written::All))
            }
            Step::Revisit(_) => ("revisit", Answered::Arranged(Arranged::Scheduled)),
            Step::Wait(_) => ("wait", Answered::Waited),
            Step::Done(_) => return driven,
            Step::Fail(why) => {
                driven.failed = Some(why);
                return driven;
            }
        };
        driven.steps.push(name);
        case.answer(answered);
    }
}
