//! `portcullis replay`: files, standard input, and how it ends. What it decides, `shared/replay` tests.

mod bare;
mod piped;

use std::process::Output;

use piped::{piped, printed};

const OPENED: &str = "events/authorize-redis-to-the-world.json";
const HTTPS: &str = "events/authorize-https-to-the-world.json";

fn replay(arguments: &[&str], input: &str) -> Output {
    piped("replay", arguments, input)
}

#[test]
fn a_file_and_standard_input_are_the_same_history() {
    let event = std::fs::read_to_string(format!("{}/../{OPENED}", env!("CARGO_MANIFEST_DIR")));
    let (by_name, piped) = (replay(&[OPENED], ""), replay(&["-"], &event.unwrap()));
    let (status, text, error) = printed(&by_name);
    assert_eq!((status, error), (0, ""));
    assert!(text.contains("1  would be closed") && text.contains("deploy/alice"), "{text}");
    assert_eq!(printed(&piped), printed(&by_name));
    let json = replay(&[OPENED, "--format", "json"], "");
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["schema"], "portcullis.replay.v1");
    assert_eq!(document["findings"][0]["verdict"], "closed");
    assert_eq!(document["findings"][0]["wouldClose"], "2026-03-02T08:07:44Z");
    let observed = replay(&[OPENED, "--mode", "observe"], "");
    assert!(printed(&observed).1.contains("1  would be reported only"), "{observed:?}");
    let later = replay(&[OPENED, "--from", "2026-03-03"], "");
    assert!(printed(&later).1.contains("0  findings"), "{later:?}");
}

#[test]
fn exceptions_are_compared_before_they_are_merged() {
    let none = tempfile::tempdir().unwrap();
    let none = none.path().to_str().unwrap();
    let ended = |arguments: &[&str]| {
        let output = replay(&[&[HTTPS], arguments].concat(), "");
        let (status, text, error) = printed(&output);
        assert_eq!(error, "");
        (status, text.to_owned())
    };
    let (status, text) = ended(&["--compare", none, "--fail-on-change", "close"]);
    assert_eq!(status, 1);
    assert!(text.contains("suppressed by public-https -> would be closed"), "{text}");
    assert_eq!(ended(&["--compare", none]).0, 0);
    let shipped = "infra/exceptions";
    let loosened =
        ["--exceptions", none, "--compare", shipped, "--fail-on-change"].map(str::to_owned);
    let with = |what: &str| {
        let mut all: Vec<&str> = loosened.iter().map(String::as_str).collect();
        all.push(what);
        ended(&all).0
    };
    assert_eq!((with("close"), with("any")), (0, 1));
    assert_eq!(ended(&["--compare", shipped, "--fail-on-change", "any"]).0, 0);
}

#[test]
fn what_is_no_history_says_what_and_what_to_do() {
    let of = |arguments: &[&str], input: &str| {
        let output = replay(arguments, input);
        let (status, out, error) = printed(&output);
        assert!(status == 2 && out.is_empty(), "{out}");
        error.to_owned()
    };
    insta::assert_snapshot!(of(&["no-such.json"], ""), @"
    error: no source has a CloudTrail record: no-such.json: it cannot be read: No such file or directory (os error 2)
    help: give the files of a trail, or --last 90d for the event history of your account and Region
    ");
    insta::assert_snapshot!(of(&["-"], "eventTime,eventName\n1,2\n"), @"
    error: no source has a CloudTrail record: -: it is CSV, which has no whole records: download JSON from the console, or use `aws cloudtrail lookup-events --output json`
    help: give the files of a trail, or --last 90d for the event history of your account and Region
    ");
    assert!(of(&[OPENED, "--from", "yesterday"], "").contains("give a day as 2026-11-21"));
    assert!(of(&[OPENED, "--exceptions", "no-such"], "").contains("the exceptions in no-such"));
}
