//! What holds of every history: the same decisions as the functions, and the same report however it is cut into files.

#[path = "laws/people.rs"]
mod people;

use std::io::Write as _;

use people::{Account, Deed};
use portcullis_engine::case::PolicyContext;
use portcullis_engine::settings::Mode;
use portcullis_replay::finding::Verdict;
use portcullis_replay::input::Input;
use portcullis_replay::may_matter;
use portcullis_replay::record::{Found, found};
use portcullis_replay::replay::{Facts, Options, Outcome, replay};
use portcullis_replay::sorted::{Merged, Runs};
use portcullis_replay::split::Splitter;
use portcullis_testkit::example;
use portcullis_testkit::narrow::NARROW;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A replay of files, as if each was read by a thread of its own, in this order; and what was wrong with the files.
fn report(files: &[Vec<u8>]) -> (Facts, Outcome, Vec<String>) {
    let settings = example::settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: NARROW };
    let (mut all, mut problems, mut records) = (Vec::new(), Vec::new(), 0);
    for file in files {
        let (mut input, mut runs) = (Input::default(), Runs::default());
        input.read(file.as_slice(), &mut Splitter::default(), &mut |record| {
            runs.add(record).unwrap()
        });
        problems.extend(input.problem.map(|problem| problem.to_string()));
        records += input.records;
        all.push(runs);
    }
    let mut merged = Merged::new(all).unwrap();
    let options = Options { from: i64::MIN, to: i64::MAX, delay: 0, stack: "portcullis" };
    let (mut facts, outcomes) = replay(merged.by_ref(), &[policy], &options).unwrap();
    facts.inputs.records = records;
    facts.duplicates = merged.duplicates;
    (facts, outcomes.into_iter().next().unwrap(), problems)
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (port, wide) = (20_u8..24, any::<bool>());
    let deed = prop_oneof![
        4 => (port.clone(), wide).prop_map(|(port, wide)| Deed::Open { port, wide }),
        2 => (port.clone(), any::<bool>()).prop_map(|(port, wide)| Deed::Edit { port, wide }),
        2 => port.prop_map(|port| Deed::Remove { port }),
        1 => (1_u8..90).prop_map(|minutes| Deed::Wait { minutes }),
    ];
    prop::collection::vec(deed, 1..40)
}

/// What people did in an account, as a trail.
fn trail(deeds: &[Deed]) -> Vec<Value> {
    let settings = example::settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: NARROW };
    Account::new(policy).all(deeds).trail
}

fn file(records: &[Value]) -> Vec<u8> {
    json!({ "Records": records }).to_string().into_bytes()
}

/// The same records in another of the shapes that people have.
fn shaped(records: &[Value], shape: usize) -> Vec<u8> {
    let lines = |line: &dyn Fn(&Value) -> Value| -> Vec<u8> {
        records.iter().flat_map(|one| format!("{}\n", line(one)).into_bytes()).collect()
    };
    match shape {
        0 => file(records),
        1 => serde_json::to_vec_pretty(records).unwrap(),
        2 => lines(&Value::clone),
        3 => lines(&|one| json!({"detail-type": "AWS API Call via CloudTrail", "detail": one})),
        4 => lines(&|one| json!({"Records": [one]})),
        5 => {
            let row = |one: &Value| json!({"EventName": one["eventName"], "CloudTrailEvent": one.to_string()});
            json!({"Events": records.iter().map(row).collect::<Vec<_>>()}).to_string().into_bytes()
        }
        6 => lines(&|one| {
            // Names in lower case, and JSON in strings.
            let members = one.as_object().unwrap().iter().map(|(name, value)| {
                let inner =
                    if value.is_object() { json!(value.to_string()) } else { value.clone() };
                (name.to_lowercase(), inner)
            });
            Value::Object(members.collect())
        }),
        _ => {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(&file(records)).unwrap();
            gz.finish().unwrap()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_decides_as_the_functions_did(deeds in deeds()) {
        let settings = example::settings(Mode::Enforce);
        let policy = PolicyContext { settings: &settings, exceptions: NARROW };
        let account = Account::new(policy).all(&deeds);
        let (_, outcome, _) = report(&[file(&account.trail)]);
        let replayed = outcome.findings.iter().map(|one| {
            let word = match one.verdict {
                Verdict::Closed => "done",
                Verdict::Limit | Verdict::Flapping | Verdict::Unknown => "withheld",
                Verdict::Reported => "already-gone",
                Verdict::Suppressed(_) => "suppressed",
            };
            ((one.event.to_string(), one.id.clone()), word.to_owned())
        });
        prop_assert_eq!(replayed.collect::<std::collections::BTreeMap<_, _>>(), account.decided);
    }

    #[test]
    fn neither_order_nor_shape_nor_cut_of_the_files_matters(
        deeds in deeds(),
        cuts in prop::collection::vec((0.0..1.0_f64, 0_usize..8), 0..6),
        turn in any::<prop::sample::Index>(),
    ) {
        let trail = trail(&deeds);
        let whole = report(&[file(&trail)]);
        let mut ends: Vec<(usize, usize)> = cuts
            .iter()
            .map(|(cut, shape)| ((cut * trail.len() as f64) as usize, *shape))
            .chain([(trail.len(), 0)])
            .collect();
        ends.sort_unstable();
        let mut begin = 0;
        let mut files = Vec::new();
        for (end, shape) in ends {
            if begin < end {
                files.push(shaped(&trail[begin..end], shape));
            }
            begin = end;
        }
        let at = turn.index(files.len());
        files.rotate_left(at);
        prop_assert_eq!(&report(&files), &whole);
        // Twice the same is the same, but for the count of it.
        let twice: Vec<Vec<u8>> = files.iter().chain(&files).cloned().collect();
        let (facts, outcome, _) = report(&twice);
        prop_assert_eq!(facts.duplicates, whole.0.mattered);
        prop_assert_eq!(outcome, whole.1);
    }

    #[test]
    fn what_is_cut_off_loses_one_record(deeds in deeds(), cut in any::<prop::sample::Index>()) {
        let trail = trail(&deeds);
        let last = trail.len() - 1;
        let mut bytes = file(&trail);
        let record = trail[last].to_string().len();
        // Somewhere within the last record.
        bytes.truncate(bytes.len() - 2 - record + 1 + cut.index(record - 1));
        let (facts, outcome, problems) = report(&[bytes]);
        prop_assert_eq!(problems.len(), 1);
        let (rest, expected, _) = report(&[file(&trail[..last])]);
        prop_assert_eq!(facts, rest);
        prop_assert_eq!(outcome, expected);
    }

    #[test]
    fn noise_changes_only_what_was_read(deeds in deeds(), every in 1_usize..4) {
        let trail = trail(&deeds);
        let whole = report(&[file(&trail)]);
        let mut noisy = Vec::new();
        for (at, record) in trail.iter().enumerate() {
            noisy.push(record.clone());
            if at % every == 0 {
                noisy.push(json!({"eventName": "DescribeInstances", "eventTime": record["eventTime"],
                    "eventID": format!("n-{at}"), "requestParameters": {"groupId": "sg-01",
                    "note": "AuthorizeSecurityGroupIngress \"} ] {"}}));
            }
        }
        let (facts, outcome, problems) = report(&[file(&noisy)]);
        prop_assert_eq!(facts.inputs.records, noisy.len() as u64);
        prop_assert_eq!((facts.mattered, facts.events), (whole.0.mattered, whole.0.events));
        prop_assert_eq!((outcome, problems), (whole.1, whole.2));
    }

    /// Whatever else is in a record, in whatever order and spelling.
    #[test]
    fn the_search_for_a_name_drops_nothing_that_matters(
        deeds in deeds(),
        shape in 0_usize..7,
        which in any::<prop::sample::Index>(),
        note in "[a-zA-Z\\\\\":{} ]{0,30}",
    ) {
        let mut record = trail(&deeds)[which.index(trail(&deeds).len())].clone();
        record["requestParameters"]["eventName"] = json!(note.clone());
        record["note"] = json!(format!("\"eventName\": \"{note}\""));
        record.as_object_mut().unwrap().sort_keys();
        let text = shaped(&[record], shape);
        let line = match shape {
            // One record, without what is around it.
            0 | 1 | 4 | 5 => String::from_utf8(text).unwrap(),
            _ => String::from_utf8(text).unwrap().trim_end().to_owned(),
        };
        if matches!(found(line.as_bytes()), Found::Record(_)) {
            prop_assert!(may_matter(line.as_bytes()), "{line}");
        }
    }
}

#[test]
fn a_file_that_is_damaged_or_foreign_is_one_line() {
    let record = trail(&[Deed::Open { port: 22, wide: true }])[1].to_string();
    let gz = |bytes: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    };
    let whole = gz(format!("{{\"Records\":[{record}]}}").as_bytes());
    let cut = &whole[..whole.len() - 12];
    let digest = br#"{"awsAccountId":"111122223333","digestStartTime":"x","logFiles":[{"a":1}]}"#;
    for (bytes, expected) in [
        (b"".as_slice(), "it is empty"),
        (b"  \n", "it is empty"),
        (b"[]", "there is no CloudTrail record in it"),
        (b"eventTime,eventName\n1,2\n", "it is CSV, which has no whole records"),
        (b"\"a\",\"{}\"\n", "it is CSV, which has no whole records"),
        (b"hello", "it is no JSON"),
        (b"PAR1\x00\x01", "it is Parquet"),
        (b"PK\x03\x04{", "it is a zip archive"),
        (b"\x00\x01\x02{", "it is neither gzip nor text in UTF-8"),
        (b"\x1f\x8bnothing", "it is damaged: "),
        (cut, "damaged"),
        (digest, "there is no CloudTrail record in it"),
        (br#"{"eventName":"CreateCacheCluster","eventTime":"yesterday"}"#, "its eventTime is"),
        (br#"{"Records":[{"eventName":CreateCacheCluster}]}"#, "a record cannot be read"),
    ] {
        let (_, _, problems) = report(&[bytes.to_vec()]);
        assert_eq!(problems.len(), 1, "{bytes:?}");
        assert!(problems[0].contains(expected), "{bytes:?}: {problems:?}");
    }
    assert_eq!(report(&[whole]).2, [""; 0]);
}

/// The account is the one that it would have been: a rule that was closed then is there no more.
#[test]
fn what_would_have_been_closed_is_no_part_of_a_later_union() {
    let opens = |at: u8, rule: &str, source: &str| {
        let item = json!({"groupId": "sg-1", "securityGroupRuleId": rule, "isEgress": false,
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": source});
        json!({"eventName": "AuthorizeSecurityGroupIngress", "eventID": format!("e-{at}"),
            "eventTime": format!("2026-03-02T08:0{at}:00Z"), "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": {"groupId": "sg-1"},
            "responseElements": {"securityGroupRuleSet": {"items": [item]}}})
    };
    let verdicts = |first: &str| -> Vec<&'static str> {
        let trail = [opens(1, "sgr-1", first), opens(2, "sgr-2", "53.0.0.0/9")];
        let (_, outcome, _) = report(&[file(&trail)]);
        outcome.findings.iter().map(|one| one.verdict.as_str()).collect()
    };
    assert_eq!(verdicts("52.0.0.0/8"), ["closed", "suppressed"]);
    // What is left open is a part of it.
    assert_eq!(verdicts("53.128.0.0/9"), ["suppressed", "closed"]);
}
