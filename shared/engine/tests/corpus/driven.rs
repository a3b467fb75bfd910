//! Every event is driven as the functions drive it, as far as the record: the facts are what is answered.

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::{
    Answered, Arranged, Case, Notification, PolicyContext, Step, Written,
};
use portcullis_engine::document::Answers;
use portcullis_engine::event::Event;
use portcullis_engine::ledger::Entry;
use portcullis_engine::report::Report;
use portcullis_engine::settings::Mode;
use portcullis_engine::time;
use portcullis_testkit::example::settings;

use crate::cases::{EXCEPTIONS, SOON, cases, decide};

/// What came of an event.
#[derive(Debug, Default)]
struct Driven {
    /// The names of its steps.
    steps: Vec<&'static str>,
    report: Option<Report>,
    recorded: Vec<Entry>,
    failed: Option<String>,
}

/// Everything is done as it is said.
fn remediated(actions: &[Action]) -> Outcomes {
    let outcome = |action: &Action| match action.starts() {
        Some(start) => Outcome::Started(start.execution()),
        None => Outcome::Done(None),
    };
    actions.iter().map(|action| (action.id().to_owned(), outcome(action))).collect()
}

fn driven(event: &Event, answers: &Answers) -> Driven {
    let settings = settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: &*EXCEPTIONS };
    let mut case = Case::new(event.clone(), "r-1", policy);
    let mut driven = Driven::default();
    loop {
        let (name, answered) = match case.next(time::seconds(&event.time) + SOON) {
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

#[test]
fn every_event_is_decided_told_and_recorded_as_it_is_decided_alone() {
    let mut told = 0;
    for case in cases() {
        let Some((event, looked)) = case.look() else { continue };
        let decision = decide(event, &looked, Mode::Enforce);
        let document = case.facts.as_ref().expect("it was looked at");
        let driven = driven(event, &document.answers(event).expect("the facts suffice"));
        assert_eq!(driven.failed, None, "{}", case.name);
        let is_looked_at_again = driven.steps.contains(&"revisit");
        assert_eq!(is_looked_at_again, !decision.unseen.is_empty(), "{}", case.name);
        let Some(report) = &driven.report else {
            assert!(decision.is_clean(), "{}: {:?}", case.name, driven.steps);
            assert!(!driven.steps.contains(&"remediate") && driven.recorded.is_empty());
            continue;
        };
        told += 1;
        assert_eq!(report.decision, decision, "{}", case.name);
        // Leased before anything is done, told before it is recorded.
        let at = |step| driven.steps.iter().position(|name| *name == step);
        assert!(at("lease") < at("notify") && at("notify") < at("record"), "{:?}", driven.steps);
        assert_eq!(at("remediate").is_some(), !decision.actions().is_empty(), "{}", case.name);
        for reported in &report.findings {
            let entry = driven.recorded.iter().find(|entry| entry.key == reported.key);
            let latest = entry.and_then(Entry::latest).expect("it is recorded");
            let told = latest.reported.as_ref().expect("it is recorded as told");
            assert_eq!(told.outcome, reported.resolution, "{}", case.name);
            assert_eq!(latest.lease, None, "{}", case.name);
        }
    }
    assert!(told > 30, "{told} events are told");
}
