//! `portcullis explain`: the examples of the README, and what is no input.

mod bare;
mod piped;

use std::process::Output;

use piped::{piped, printed};

const README: &str = include_str!("../../README.md");

fn explain(arguments: &[&str], input: &str) -> Output {
    piped("explain", arguments, input)
}

#[test]
fn the_examples_of_the_readme_are_what_is_printed() {
    let examples = README.split("```text\n$ portcullis explain ").skip(1);
    let examples: Vec<&str> = examples.filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        let (arguments, expected) = example.split_once('\n').unwrap();
        let output = explain(&arguments.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(printed(&output), (0, expected, ""), "{arguments}");
    }
}

#[test]
fn an_event_is_taken_out_of_a_message_of_the_on_failure_queue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/authorize-redis-to-the-world");
    let event = std::fs::read_to_string(format!("{path}.json")).unwrap();
    let facts = format!("{path}.facts.json");
    let message = format!("{{\"requestPayload\": {event}}}");
    let (alone, kept) =
        (explain(&["-", "--facts", &facts], &event), explain(&["-", "--facts", &facts], &message));
    assert_eq!(printed(&alone), printed(&kept));
    assert!(printed(&alone).1.contains("-> revoke"));
    let observed = explain(&["-", "--facts", &facts, "--mode", "observe"], &event);
    let (status, text, _) = printed(&observed);
    assert!(status == 0 && text.contains("observe mode") && !text.contains("Remediate"), "{text}");
}

#[test]
fn what_is_ignored_or_malformed_is_explained() {
    let (ignored, malformed) = (
        explain(&["events/unwatched-api-call.json"], ""),
        explain(&["events/malformed-empty-detail.json"], ""),
    );
    assert!(printed(&ignored).1.starts_with("Ignored: "), "{ignored:?}");
    assert!(printed(&malformed).1.ends_with("on-failure queue.\n"), "{malformed:?}");
}

#[test]
fn what_is_no_input_says_what_where_and_what_to_do() {
    let event = "events/authorize-redis-to-the-world.json";
    let of = |arguments: &[&str], input: &str| {
        let output = explain(arguments, input);
        let (status, out, error) = printed(&output);
        assert!(status == 2 && out.is_empty(), "{out}");
        error.to_owned()
    };
    insta::assert_snapshot!(of(&["no-such.json"], ""), @"
    error: no-such.json cannot be read: No such file or directory (os error 2)
    help: give an existing file, or - for standard input
    ");
    insta::assert_snapshot!(of(&["-"], "[1]"), @"
    error: - is no JSON object
    help: give the event as EventBridge delivers it, one JSON object
    ");
    insta::assert_snapshot!(of(&[event, "--facts", "events/authorize-two-halves.facts.json"], ""), @"
    error: events/authorize-two-halves.facts.json: the facts have no security group `sg-097de2bf8ebaf9d8f`, which the event names
    help: write it as events/README.md shows, or read your account (--live)
    ");
    let without = of(&[event, "--exceptions", "no-such-directory"], "");
    assert!(
        without.starts_with("error: the exceptions in no-such-directory cannot be read"),
        "{without}"
    );
    assert!(without.contains("--exceptions DIR"), "{without}");
    let read =
        std::fs::read_to_string(format!("{}/../{event}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let without = of(&["-"], &read);
    assert!(without.contains("--facts FILE") && without.contains("--live"), "{without}");
}
