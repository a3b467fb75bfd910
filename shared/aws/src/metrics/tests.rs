use portcullis_engine::action::Outcome;
use portcullis_engine::decide::{self, DecisionContext};
use portcullis_engine::event::Lead;
use portcullis_engine::facts::{GroupDetails, GroupFacts, IngressRule, PROTECT, Tag};
use portcullis_engine::report::{Known, Seen};
use portcullis_engine::settings::Mode;
use portcullis_testkit::rule;

use super::*;
use crate::exceptions;
use crate::scripted::EXCEPTIONS;
use crate::scripted::event;

/// The time of the sample event, 2026-11-21T10:00:00Z, in milliseconds.
const CALLED: u64 = 1_795_255_200_000;

/// What is counted of an event that touched all of these rules.
fn counted(
    rules: &[IngressRule],
    tags: Vec<Tag>,
    mode: Mode,
    outcomes: &[(&str, Outcome)],
) -> Vec<Metric> {
    let touched: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let event = event("sg-1", &touched);
    let Lead::Group(lead) = &event.lead else { panic!("it is of a group") };
    let facts = GroupFacts {
        id: "sg-1".to_owned(),
        rules: rules.to_vec(),
        details: Some(GroupDetails { tags, ..GroupDetails::default() }),
        ..GroupFacts::default()
    };
    let exceptions = exceptions::read(Some(EXCEPTIONS.to_owned()));
    let context = DecisionContext::new(mode, exceptions.as_ref());
    let decision = decide::group(&event, lead, &facts, &context);
    let outcomes = outcomes.iter().map(|(id, end)| ((*id).to_owned(), end.clone())).collect();
    let known = Known { outcomes: &outcomes, ..Known::new(Seen::Group(&facts), &context) };
    acted(&Report::new(&event, &decision, &known), true)
}

/// Name, values of the dimensions, and amount.
fn short(metrics: &[Metric]) -> Vec<String> {
    let dimensions = |metric: &Metric| {
        metric.dimensions.iter().map(|(_, value)| format!(" {value}")).collect::<String>()
    };
    let amount = |metric: &Metric| match &metric.amount {
        Amount::Count(count) => count.to_string(),
        Amount::Since(then) => format!("since {then}"),
    };
    metrics.iter().map(|m| format!("{}{}: {}", m.name, dimensions(m), amount(m))).collect()
}

/// The line, printed some milliseconds after the call.
fn line(metric: &Metric, after: i64) -> Value {
    let now = Duration::from_millis(CALLED.strict_add_signed(after));
    serde_json::from_str(&metric.line(now).expect("the time is one")).expect("it is JSON")
}

#[test]
fn a_clean_event_is_counted_as_one_and_no_more() {
    assert!(
        counted(&[rule("sgr-1", "tcp 6379", "10.0.0.0/8")], vec![], Mode::Enforce, &[]).is_empty()
    );
    assert_eq!(short(&[arrived(&json!({}))]), ["Events: 1"]);
}

#[test]
fn what_was_closed_is_counted_by_check_and_outcome_and_timed() {
    let rules = [rule("sgr-1", "tcp 6379", "0.0.0.0/0"), rule("sgr-2", "tcp 22", "0.0.0.0/0")];
    let outcomes = [("sgr-1", Outcome::Done(None)), ("sgr-2", Outcome::Done(None))];
    assert_eq!(
        short(&counted(&rules, vec![], Mode::Enforce, &outcomes)),
        [
            "Findings open-ingress high: 2",
            "Actions revoke-ingress done: 2",
            "ContainmentSeconds: since 2026-11-21T10:00:00Z",
        ]
    );
}

#[test]
fn what_was_not_closed_by_us_is_not_timed() {
    let rules = [rule("sgr-1", "tcp 6379", "0.0.0.0/0"), rule("sgr-2", "tcp 22", "0.0.0.0/0")];
    let outcomes =
        [("sgr-1", Outcome::AlreadyGone), ("sgr-2", Outcome::Failed("refused".to_owned()))];
    assert_eq!(
        short(&counted(&rules, vec![], Mode::Enforce, &outcomes)),
        [
            "Findings open-ingress high: 2",
            "Actions revoke-ingress already-gone: 1",
            "Actions revoke-ingress failed: 1",
        ]
    );
}

#[test]
fn what_observe_mode_and_the_tag_leave_open_is_withheld() {
    let rules = [rule("sgr-1", "tcp 6379", "0.0.0.0/0")];
    let tag = Tag { key: PROTECT.to_owned(), value: String::new() };
    let withheld = ["Findings open-ingress high: 1", "Actions revoke-ingress withheld: 1"];
    assert_eq!(short(&counted(&rules, vec![], Mode::Observe, &[])), withheld);
    assert_eq!(short(&counted(&rules, vec![tag], Mode::Enforce, &[])), withheld);
}

#[test]
fn a_rule_at_fault_in_two_ways_is_two_findings_and_one_action() {
    let rules = [rule("sgr-1", "udp 11211", "0.0.0.0/0")];
    assert_eq!(
        short(&counted(&rules, vec![], Mode::Enforce, &[("sgr-1", Outcome::Done(None))])),
        [
            "Findings memcached-udp high: 1",
            "Findings open-ingress high: 1",
            "Actions revoke-ingress done: 1",
            "ContainmentSeconds: since 2026-11-21T10:00:00Z",
        ]
    );
}

#[test]
fn each_reason_to_ignore_is_a_word_of_ours() {
    let secret = || "a user's text".to_owned();
    for (why, word) in [
        (Ignored::NotWatched(secret()), "not-watched"),
        (Ignored::NoApiCall(secret()), "no-api-call"),
        (Ignored::Failed(secret()), "failed"),
        (Ignored::DryRun, "dry-run"),
        (Ignored::OwnCall(secret()), "own-call"),
        (Ignored::Replica(secret()), "replica"),
    ] {
        let line = line(&ignored(&json!({}), &why), 0);
        assert_eq!(line["Reason"], word);
        assert!(!line.to_string().contains(&secret()), "{line}");
    }
    assert_eq!(short(&[malformed(&json!([]))]), ["Ignored malformed: 1"]);
}

#[test]
fn a_line_is_in_the_embedded_metric_format() {
    let rules = [rule("sgr-1", "tcp 6379", "0.0.0.0/0")];
    let metrics = counted(&rules, vec![], Mode::Observe, &[]);
    assert_eq!(
        line(&metrics[0], 2250),
        json!({
            "_aws": {
                "Timestamp": CALLED + 2250,
                "CloudWatchMetrics": [{
                    "Namespace": "Portcullis",
                    "Dimensions": [["Check", "Severity"]],
                    "Metrics": [{ "Name": "Findings", "Unit": "Count" }],
                }],
            },
            "Check": "open-ingress",
            "Severity": "high",
            "Findings": 1,
            "eventId": "e-1",
            "subject": "sg-1",
        })
    );
}

#[test]
fn without_dimensions_there_is_one_empty_set() {
    let line = line(&alert_failed("e-1"), 0);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    assert_eq!((&line["AlertFailures"], &line["eventId"]), (&json!(1), &json!("e-1")));
    assert_eq!(line.get("subject"), None);
}

#[test]
fn seconds_are_from_the_call_to_the_line_and_never_negative() {
    let since = |time: &str| Metric {
        amount: Amount::Since(time.to_owned()),
        ..Metric::about(None, "ContainmentSeconds", Vec::new())
    };
    let called = since("2026-11-21T10:00:00Z");
    let timed = line(&called, 4250);
    assert_eq!(timed["ContainmentSeconds"], 4.25);
    assert_eq!(timed["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"], "Seconds");
    assert_eq!(line(&called, -60_000)["ContainmentSeconds"], 0.0);
    assert_eq!(line(&since("2026-11-21T11:00:02+01:00"), 4250)["ContainmentSeconds"], 2.25);
    assert_eq!(since("yesterday").line(Duration::from_millis(CALLED)), None);
}

#[test]
fn the_id_is_cloudtrails_or_else_eventbridges_and_bounded() {
    let id = |event: Value| arrived(&event).event;
    assert_eq!(id(json!({"id": "b", "detail": {"eventID": "a"}})).as_deref(), Some("a"));
    assert_eq!(id(json!({"id": "b", "detail": "{}"})).as_deref(), Some("b"));
    assert_eq!(id(json!({"id": "x".repeat(100)})).map(|id| id.len()), Some(64));
    for none in [json!({}), json!([]), json!("text"), json!({"id": 7})] {
        assert_eq!(id(none), None);
    }
}

#[test]
fn trouble_is_one_or_nothing_of_it_zero() {
    for (trouble, name) in [
        (HealthProblem::Blind, "Blind"),
        (HealthProblem::Mute, "Mute"),
        (HealthProblem::Off, "Off"),
    ] {
        assert_eq!(line(&of_trouble(trouble, true), 0)[name], 1);
        assert_eq!(line(&of_trouble(trouble, false), 0)[name], 0);
    }
}
