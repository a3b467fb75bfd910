//! Exceptions end.

use portcullis_engine::exceptions::{Answer, Exception};
use portcullis_engine::time::seconds;

use super::world::{World, policies, suppressed, world};
use crate::Policies;

const PERMIT: &str = "permit (principal, action, resource);";
const FORBID: &str = "forbid (principal, action, resource);";

/// That it is a fault, and which exception has ended.
fn ended(id: &str, until: &str) -> (Answer, Option<Exception>) {
    let text = str::to_owned;
    let exception = Exception { id: text(id), reason: text("b"), until: Some(text(until)) };
    (Answer::Fault, Some(exception))
}

fn asked(world: &World, policies: &Policies) -> (Answer, Option<Exception>) {
    (world.ask(policies), world.ended(policies))
}

#[test]
fn a_day_counts_to_its_end_and_a_moment_until_it() {
    for (until, last, first) in [
        ("2026-11-21", "2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z"),
        ("2026-12-31", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
        ("2026-11-21T18:00:00Z", "2026-11-21T17:59:59Z", "2026-11-21T18:00:00Z"),
        ("2026-11-21T18:00:00+01:00", "2026-11-21T16:59:59Z", "2026-11-21T17:00:00Z"),
    ] {
        let policies = policies(&format!("@id(\"a\") @reason(\"b\") @until(\"{until}\") {PERMIT}"));
        let at = |time: &str| world("tcp 22", "0.0.0.0/0").at(time).ask(&policies);
        assert_eq!(suppressed(&at(last)), Some("a"), "{until}");
        assert_eq!(
            asked(&world("tcp 22", "0.0.0.0/0").at(first), &policies),
            ended("a", until),
            "{until}"
        );
    }
}

#[test]
fn an_event_that_is_looked_at_again_is_asked_about_with_the_time_of_the_look() {
    let policies = policies(&format!("@id(\"a\") @reason(\"b\") @until(\"2026-11-21\") {PERMIT}"));
    let call = world("tcp 22", "0.0.0.0/0").at("2026-11-21T10:00:00Z");
    assert_eq!(suppressed(&call.ask(&policies)), Some("a"));
    let again = |now: &str| World { now: Some(seconds(now)), ..call.clone() };
    assert_eq!(suppressed(&again("2026-11-21T23:59:59Z").ask(&policies)), Some("a"));
    assert_eq!(asked(&again("2026-11-22T00:00:00Z"), &policies), ended("a", "2026-11-21"));
}

#[test]
fn a_forbid_ends_too() {
    let policies = policies(&format!(
        "@id(\"a\") @reason(\"b\") {PERMIT}\n@id(\"f\") @reason(\"b\") @until(\"2026-11-21\") {FORBID}"
    ));
    let at = |time: &str| world("tcp 22", "0.0.0.0/0").at(time).ask(&policies);
    assert_eq!(at("2026-11-21T10:00:00Z"), Answer::Fault);
    assert_eq!(suppressed(&at("2026-11-22T00:00:00Z")), Some("a"));
}

#[test]
fn a_forbid_that_has_ended_does_not_hide_a_permit_that_has() {
    let policies = policies(&format!(
        "@id(\"a\") @reason(\"b\") @until(\"2026-11-20\") {PERMIT}\n\
         @id(\"f\") @reason(\"b\") @until(\"2026-11-20\") {FORBID}"
    ));
    assert_eq!(asked(&world("tcp 22", "0.0.0.0/0"), &policies), ended("a", "2026-11-20"));
}

#[test]
fn what_is_forbidden_was_not_tolerated_by_what_has_ended() {
    let policies = policies(&format!(
        "@id(\"a\") @reason(\"b\") @until(\"2026-11-20\") {PERMIT}\n@id(\"f\") @reason(\"b\") {FORBID}"
    ));
    assert_eq!(asked(&world("tcp 22", "0.0.0.0/0"), &policies), (Answer::Fault, None));
}

#[test]
fn only_an_exception_that_fits_is_said_to_have_ended() {
    let policies = policies(
        "@id(\"ssh\") @reason(\"b\") @until(\"2026-11-20\")\n\
         permit (principal, action == Portcullis::Action::\"open-ingress\", resource) when { context.fromPort == 22 };",
    );
    assert_eq!(asked(&world("tcp 22", "0.0.0.0/0"), &policies), ended("ssh", "2026-11-20"));
    assert_eq!(asked(&world("tcp 23", "0.0.0.0/0"), &policies), (Answer::Fault, None));
}

#[test]
fn of_several_the_first_by_id_is_named_whatever_their_order() {
    let policy = |id: &str, until: &str| format!("@id(\"{id}\") @reason(\"b\") {until} {PERMIT}\n");
    let until = "@until(\"2026-11-20\")";
    for ids in [["b", "a", "c"], ["c", "b", "a"], ["a", "c", "b"]] {
        let live = policies(&ids.map(|id| policy(id, "")).concat());
        assert_eq!(suppressed(&world("tcp 22", "0.0.0.0/0").ask(&live)), Some("a"));
        let over = policies(&ids.map(|id| policy(id, until)).concat());
        assert_eq!(asked(&world("tcp 22", "0.0.0.0/0"), &over), ended("a", "2026-11-20"));
    }
}

#[test]
fn an_event_without_a_moment_tolerates_nothing() {
    let policies = policies(&format!("@id(\"a\") @reason(\"b\") {PERMIT}"));
    let answer = world("tcp 22", "0.0.0.0/0").at("yesterday").ask(&policies);
    assert_eq!(
        answer,
        Answer::Unreadable("`yesterday`, the time of the event, is no moment".to_owned())
    );
}

#[test]
fn what_has_ended_and_what_ends_within_30_days_is_listed_with_its_file() {
    let policy = |id: &str, until: &str| format!("@id(\"{id}\") @reason(\"b\") {until} {PERMIT}\n");
    let texts = [
        ("ours.cedar", policy("over", "@until(\"2026-11-20\")")),
        (
            "soon.cedar",
            policy("soon", "@until(\"2026-12-20\")") + &policy("later", "@until(\"2026-12-22\")"),
        ),
        ("ever.cedar", policy("ever", "")),
    ];
    let files = texts.map(|(file, text)| (file.to_owned(), text));
    let ends = Policies::parse(files).unwrap().ends(seconds("2026-11-21T10:00:00Z"));
    let found: Vec<_> =
        ends.iter().map(|end| (end.id.as_str(), end.file.as_str(), end.is_over)).collect();
    assert_eq!(found, [("over", "ours.cedar", true), ("soon", "soon.cedar", false)]);
    assert_eq!(ends[0].until, "2026-11-20");
}
