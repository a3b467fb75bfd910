//! What a run of the sweep tells: one message, bounded, and nothing where there is nothing to say.

use std::collections::BTreeMap;

use portcullis_alerts::sweep::{Ending, NotRemediated, ROWS, Row, Sweep, SweepReport};
use portcullis_engine::scan::{Counts, NotRead};
use portcullis_engine::severity::Severity;
use portcullis_engine::sweep::LateRevisit;
use portcullis_testkit::{hostile, schema};
use serde_json::Value;

fn row(at: usize, severity: Severity) -> Row {
    Row {
        id: format!("f-{at:012x}"),
        check: "open-ingress".to_owned(),
        severity,
        subject: format!("sg-{at:017x}"),
        title: "TCP 22 from 0.0.0.0/0".to_owned(),
        owner: Some("the stack shop".to_owned()),
        first_seen: "2026-11-21T10:00:00Z".to_owned(),
        note: None,
    }
}

fn ending(id: &str, until: &str, is_over: bool) -> Ending {
    Ending { id: id.to_owned(), file: "ours.cedar".to_owned(), until: until.to_owned(), is_over }
}

fn told() -> SweepReport {
    SweepReport {
        run: "2026-11-21T10:00:00Z".to_owned(),
        finished: "2026-11-21T10:00:05Z".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        mode: "enforce",
        stack: Some("guard".to_owned()),
        counts: Counts { groups: 412, suspects: 30, rules: 310, prefix_lists: 2, caches: 17 },
        open: BTreeMap::from([("critical", 1), ("low", 2)]),
        ..SweepReport::default()
    }
}

fn composed(told: &SweepReport) -> (Sweep, Value) {
    let sweep = told.compose();
    let document: Value = serde_json::from_str(&sweep.document).unwrap();
    schema::holds("sweep", &document);
    schema::holds("chat", &serde_json::from_str(&sweep.chat).unwrap());
    assert!(sweep.message().len() <= 200_000, "{}", sweep.message().len());
    assert!(sweep.subject.is_ascii() && sweep.subject.len() < 100, "{}", sweep.subject);
    (sweep, document)
}

#[test]
fn a_run_is_one_message_with_every_kind_of_news() {
    let all = SweepReport {
        new: vec![row(1, Severity::Critical), row(2, Severity::Low)],
        risen: vec![Row { note: Some("its snooze is over".to_owned()), ..row(3, Severity::High) }],
        resolved: vec![row(4, Severity::High)],
        suppressed_now: vec![Row {
            note: Some("suppressed by bastion".to_owned()),
            ..row(5, Severity::Low)
        }],
        remediated: vec![Row {
            note: Some(
                "undo: portcullis undo f-000000000006 --stack guard --reason '<why>'".to_owned(),
            ),
            ..row(6, Severity::High)
        }],
        not_remediated: vec![NotRemediated {
            id: "f-000000000007".to_owned(),
            severity: Severity::High,
            because: "it will be closed after 2026-11-22T10:00:00Z".to_owned(),
            failed: false,
        }],
        due_late: vec![LateRevisit {
            subject: "sg-01".to_owned(),
            why: "limit".to_owned(),
            due: "2026-11-21T09:00:00Z".to_owned(),
            failed: None,
        }],
        unknown: vec![NotRead {
            call: "DescribeNetworkInterfaces".to_owned(),
            error: "UnauthorizedOperation".to_owned(),
            right: Some("ec2:DescribeNetworkInterfaces".to_owned()),
            count: 1,
        }],
        unread: 2,
        ending: vec![
            ending("bastion", "2026-11-20T00:00:00Z", true),
            ending("partner", "2026-12-01T00:00:00Z", false),
        ],
        ..told()
    };
    let (sweep, document) = composed(&all);
    insta::assert_snapshot!("sweep", format!("Subject: {}\n\n{}", sweep.subject, sweep.mail));
    assert_eq!(document["severity"], "critical");
    assert_eq!(document["checks"], serde_json::json!(["open-ingress"]));
    assert_eq!(document["open"]["critical"], 1);
    assert_eq!(document["remediated"][0]["id"], "f-000000000006");
    assert_eq!(document["notRemediated"][0]["id"], "f-000000000007");
    assert_eq!(document["exceptions"]["ended"][0]["id"], "bastion");
    assert_eq!(document["exceptions"]["ending"][0]["file"], "ours.cedar");
    assert!(sweep.mail.contains("portcullis findings --region eu-west-1 --stack guard"));
    let wide: Vec<&str> = sweep.mail.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn a_baseline_is_one_message_however_much_it_found() {
    let mut new: Vec<Row> = (0..5000).map(|at| row(at, Severity::High)).collect();
    new.iter_mut().for_each(|row| row.title = "x".repeat(250));
    let baseline =
        SweepReport { new, baseline: true, open: BTreeMap::from([("high", 5000)]), ..told() };
    let (sweep, document) = composed(&baseline);
    assert_eq!(sweep.subject, "[HIGH] first sweep: 5000 open findings (111122223333 eu-west-1)");
    assert_eq!(document["new"].as_array().unwrap().len(), ROWS);
    assert_eq!(document["more"]["new"], 5000 - ROWS);
    assert!(sweep.mail.contains("By check: open-ingress 5000"), "{}", sweep.mail);
    assert!(sweep.mail.contains("... and 4980 more"), "{}", sweep.mail);
    assert!(sweep.mail.contains("portcullis audit --regions eu-west-1 --format html"));
}

#[test]
fn without_news_nobody_is_told_but_on_a_monday_and_only_if_something_is_open() {
    assert!(told().is_silent());
    assert!(SweepReport { unread: 3, ..told() }.is_silent(), "that is a metric");
    let left = NotRemediated {
        id: "f-000000000007".to_owned(),
        severity: Severity::High,
        because: "?".to_owned(),
        failed: false,
    };
    let stays = SweepReport { not_remediated: vec![left.clone()], ..told() };
    assert!(stays.is_silent(), "it was said when its notice began");
    assert!(!SweepReport { enforces: true, ..stays }.is_silent(), "it begins, or it stops");
    let failed = vec![NotRemediated { failed: true, ..left }];
    assert!(!SweepReport { not_remediated: failed, ..told() }.is_silent());
    let monday = SweepReport { monday: true, ..told() };
    assert!(!monday.is_silent());
    let (sweep, _) = composed(&monday);
    assert!(sweep.subject.starts_with("[LOW] sweep: 3 findings still open"), "{}", sweep.subject);
    let nothing = SweepReport { open: BTreeMap::new(), ..monday };
    assert!(nothing.is_silent());
    let ended = vec![ending("bastion", "2026-11-20T00:00:00Z", true)];
    let (sweep, _) = composed(&SweepReport { ending: ended.clone(), ..nothing });
    assert!(sweep.mail.contains("bastion expired at"), "{}", sweep.mail);
    assert!(SweepReport { ending: ended, ..told() }.is_silent(), "once a week is enough");
}

#[test]
fn what_strangers_wrote_stays_harmless() {
    let new = hostile::texts().into_iter().map(|text| Row {
        title: text.clone(),
        owner: Some(text.clone()),
        subject: text.clone(),
        note: Some(text),
        ..row(1, Severity::Critical)
    });
    let (sweep, _) = composed(&SweepReport { new: new.collect(), ..told() });
    hostile::shows_all("the mail", &sweep.mail);
    hostile::shows_all("the document", &sweep.document);
    hostile::shows_all("the chat", &sweep.chat);
}
