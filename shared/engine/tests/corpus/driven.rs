//! Every event is driven as the functions drive it, as far as the record: the facts are what is answered.

use portcullis_engine::action::Remedy;
use portcullis_engine::case::PolicyContext;
use portcullis_engine::event::Lead;
use portcullis_engine::finding::Finding;
use portcullis_engine::ledger::{Entry, Why};
use portcullis_engine::settings::Mode;
use portcullis_engine::time;
use portcullis_testkit::driven::driven;
use portcullis_testkit::example::settings;

use crate::cases::{EXCEPTIONS, Looked, SOON, cases, decide};

#[test]
fn every_event_is_decided_told_and_recorded_as_it_is_decided_alone() {
    let settings = settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: &*EXCEPTIONS };
    let mut told = 0;
    for case in cases() {
        for (event, looked) in case.looks() {
            let decision = decide(event, &looked, Mode::Enforce);
            let document = case.facts.as_ref().expect("it was looked at");
            let answers = document.answers(event).expect("the facts suffice");
            let driven = driven(event, &answers, policy, time::seconds(&event.time) + SOON);
            assert_eq!(driven.failed, None, "{}", case.name);
            let is_looked_at_again = driven.steps.contains(&"revisit");
            let is_open = |finding: &Finding| Why::of(&finding.remedy, false).is_some();
            let waits = decision.findings.iter().any(is_open) || !decision.unseen.is_empty();
            let comes_late = match (&event.lead, &looked) {
                (Lead::Cache(lead), Looked::Cache(cache)) => lead.is_looked_at_again(cache, true),
                (Lead::List(lead), Looked::List(list)) => lead.is_waited_for(&list.shown, true),
                _ => false,
            };
            assert_eq!(is_looked_at_again, waits || comes_late, "{}", case.name);
            let Some(report) = &driven.report else {
                let is_pending = |finding: &Finding| matches!(finding.remedy, Remedy::Pending(_));
                if !decision.is_clean() && decision.findings.iter().all(is_pending) {
                    assert!(is_looked_at_again, "{}", case.name);
                    continue;
                }
                assert!(decision.is_clean(), "{}: {:?}", case.name, driven.steps);
                assert!(!driven.steps.contains(&"remediate") && driven.recorded.is_empty());
                continue;
            };
            told += 1;
            assert_eq!(report.decision, decision, "{}", case.name);
            // Leased before anything is done, told before it is recorded.
            let at = |step| driven.steps.iter().position(|name| *name == step);
            assert!(
                at("lease") < at("notify") && at("notify") < at("record"),
                "{:?}",
                driven.steps
            );
            assert_eq!(at("remediate").is_some(), !decision.actions().is_empty(), "{}", case.name);
            for reported in &report.findings {
                let entry = driven.recorded.iter().find(|entry| entry.key == reported.key);
                let latest = entry.and_then(Entry::latest).expect("it is recorded");
                let told = latest.reported.as_ref().expect("it is recorded as told");
                assert_eq!(told.outcome, reported.resolution, "{}", case.name);
                assert_eq!(latest.lease, None, "{}", case.name);
            }
        }
    }
    assert!(told > 30, "{told} events are told");
}
