//! What is told of every event in `events/`: its alert, and what a person is to do about its cache.
//!
//! `INSTA_UPDATE=always cargo test -p portcullis-alerts` writes the snapshots.

#[path = "../../engine/tests/corpus/cases.rs"]
mod cases;
#[path = "corpus/guidance.rs"]
mod guidance;

use portcullis_alerts::alert::Alert;
use portcullis_testkit::schema;
use serde_json::Value;

use cases::{case, cases, told};

#[test]
fn every_event_with_a_fault_is_told_as_the_schemas_say() {
    let mut count = 0;
    for case in cases() {
        let Some((event, looked)) = case.look() else { continue };
        let report = told(event, &looked);
        if report.is_silent() {
            continue;
        }
        count += 1;
        let alert = Alert::compose(&report);
        let document: Value = serde_json::from_str(&alert.document).expect("JSON");
        schema::holds("alert", &document);
        schema::holds("chat", &serde_json::from_str(&alert.chat).expect("JSON"));
        assert_eq!(document["id"], event.id.as_str(), "{}", case.name);
    }
    assert!(count > 30, "{count} events are told");
}

/// Whom the alert names as the owner, and how that was told.
#[test]
fn the_owner_is_told() {
    let stack = "the tag aws:cloudformation:stack-name";
    for (name, expected) in [
        ("authorize-through-cloudformation", Some(("cloudformation", "invokedBy of the call"))),
        ("authorize-by-hand-in-a-group-of-a-stack", Some(("cloudformation", stack))),
        ("authorize-redis-to-the-world", Some(("terraform", "the user agent of the call"))),
        (
            "authorize-by-a-load-balancer-controller",
            Some(("kubernetes", "the tag ingress.k8s.aws/stack")),
        ),
        ("authorize-by-emr", Some(("aws-service", "the name of the group"))),
        ("create-valkey-on-default-port", Some(("terraform", "the user agent of the call"))),
        ("authorize-through-the-console", None),
    ] {
        let case = case(name.to_owned());
        let (event, looked) = case.look().expect("an event");
        let alert = Alert::compose(&told(event, &looked));
        let document: Value = serde_json::from_str(&alert.document).expect("a document");
        let owner = &document["owner"];
        let told = owner["kind"].as_str().zip(owner["by"].as_str());
        assert_eq!(told, expected, "{name}");
    }
}
