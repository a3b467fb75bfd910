use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_smithy_mocks::{Rule, mock};
use portcullis_engine::ledger::{Lease, Occurrence, ReportedAs, RuleRecord, State};
use portcullis_engine::resolution::{Resolution, Standing};
use serde_dynamo::to_item;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::scripted::{Account, LEDGER, ROUND_TRIP, Silent, Stored};

/// 2026-11-21 10:00:30 UTC
const NOW: i64 = 1_795_255_230;
const GROUP: &str = "sg-1";
const PORT: &str = "open-ingress#tcp#6379#6379#0.0.0.0/0";

fn came(by: &str) -> Occurrence {
    let text = str::to_owned;
    Occurrence {
        event: text("e-1"),
        at: text("2026-11-21T10:00:00Z"),
        rule: Some(text("sgr-1")),
        by: text(by),
        via: Some(text("Terraform")),
        recurred: true,
        outcome: Standing::Ended(Resolution::Done),
        reported: Some(ReportedAs {
            at: text("2026-11-21T10:00:02Z"),
            outcome: Resolution::Done,
            severity: text("critical"),
        }),
        lease: Some(Lease { by: text("i-1"), until: NOW + 30 }),
    }
}

/// The same, brought by somebody else.
fn by(who: &str, entry: Entry) -> Entry {
    Entry { occurrences: vec![came(who)], ..entry }
}

/// A finding with something in every field.
fn entry(subject: &str, finding: &str) -> Entry {
    let text = str::to_owned;
    Entry {
        key: Key { subject: text(subject), finding: text(finding) },
        id: format!("f-{subject}-{finding}"),
        check: text("open-ingress"),
        severity: text("critical"),
        title: text("TCP 6379 from 0.0.0.0/0"),
        state: State::Closed,
        first_seen: text("2026-11-20T10:00:00Z"),
        last_seen: text("2026-11-21T10:00:00Z"),
        times: 2,
        returns: 1,
        occurrences: vec![came("alice")],
        rule: Some(RuleRecord {
            group: text(subject),
            rule: text("sgr-1"),
            protocol: text("tcp"),
            from_port: 6379,
            to_port: 6379,
            source: text("0.0.0.0/0"),
            description: Some(text("démo \"1\"")),
            tags: BTreeMap::from([(text("owner"), text(""))]),
        }),
        version: 1,
    }
}

fn snooze(until: &str) -> Snooze {
    let text = str::to_owned;
    Snooze {
        subject: text(GROUP),
        finding: text("exempt#tcp#6379#6379#0.0.0.0/0"),
        until: text(until),
        reason: text("the demo"),
        by: text("arn:aws:iam::111122223333:user/alice"),
    }
}

fn of(entries: impl IntoIterator<Item = Entry>) -> Memory {
    let entries = entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    Memory { entries, ..Memory::default() }
}

async fn remembered(account: &Account) -> Memory {
    account.ledger().of(&[GROUP]).await.unwrap()
}

/// How a call failed, with everything that it says.
fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_read_as_it_was_written() {
    let account = Account::new();
    let occurrence =
        Occurrence { rule: None, via: None, reported: None, lease: None, ..came("alice") };
    let bare = Entry { occurrences: vec![occurrence], rule: None, ..entry(GROUP, "no-auth") };
    let entries = [entry(GROUP, PORT), bare];
    let ledger = account.ledger();
    assert_eq!(ledger.write(&entries, NOW).await.unwrap(), Written::All);
    assert_eq!(remembered(&account).await, of(entries));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_expires_400_days_later() {
    let account = Account::new();
    account.ledger().write(&[entry(GROUP, PORT)], NOW).await.unwrap();
    let state = account.now();
    let item = &state.ledger[&(GROUP.to_owned(), PORT.to_owned())];
    assert_eq!(item["expires"], AttributeValue::N((NOW + 34_560_000).to_string()));
    assert_eq!(item["firstSeen"].as_s().unwrap(), "2026-11-20T10:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn only_the_subjects_that_were_asked_for_are_read_and_side_by_side() {
    let account = Account::new();
    let entries = ["sg-1", "sg-2", "sg-3"].map(|subject| entry(subject, PORT));
    account.ledger().write(&entries, NOW).await.unwrap();
    let start = Instant::now();
    let memory = account.ledger().of(&["sg-1", "sg-3", "sg-4"]).await.unwrap();
    let [first, _, third] = entries;
    assert_eq!(memory, of([first, third]));
    assert_eq!(start.elapsed(), ROUND_TRIP);
    assert_eq!(account.count("Query"), 3);
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read() {
    let account = Account::new();
    let entries: Vec<Entry> = (0..7).map(|n| entry(GROUP, &format!("check-{n}"))).collect();
    account.ledger().write(&entries, NOW).await.unwrap();
    account.now().page = 2;
    assert_eq!(remembered(&account).await, of(entries.clone()));
    assert_eq!(account.ledger().list().await.unwrap(), of(entries));
    assert_eq!((account.count("Query"), account.count("Scan")), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn who_read_an_older_version_has_lost_and_nothing_of_the_winners_is() {
    let account = Account::new();
    let first = entry(GROUP, PORT);
    let mine = by("alice", Entry { version: 2, ..first.clone() });
    let theirs = by("bob", Entry { version: 2, ..first.clone() });
    let other = entry(GROUP, "no-auth");
    let ledger = account.ledger();
    ledger.write(&[first], NOW).await.unwrap();
    assert_eq!(ledger.write(std::slice::from_ref(&theirs), NOW).await.unwrap(), Written::All);
    let lost = ledger.write(&[mine.clone(), other.clone()], NOW).await.unwrap();
    assert_eq!(lost, Written::Conflict(vec![mine.key]));
    assert_eq!(remembered(&account).await, of([theirs, other]), "the other one is written");
}

#[tokio::test(start_paused = true)]
async fn of_two_who_write_the_first_version_at_once_one_wins() {
    let account = Account::new();
    let by = |who: &str| by(who, entry(GROUP, PORT));
    let (alice, bob) = (account.ledger(), account.ledger());
    let (a, b) = ([by("alice")], [by("bob")]);
    let (a, b) = tokio::join!(alice.write(&a, NOW), bob.write(&b, NOW));
    let key = entry(GROUP, PORT).key;
    assert_eq!([a.unwrap(), b.unwrap()], [Written::All, Written::Conflict(vec![key])]);
    assert_eq!(remembered(&account).await, of([by("alice")]));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_gone_was_not_the_one_that_was_read() {
    let account = Account::new();
    let second = Entry { version: 2, ..entry(GROUP, PORT) };
    let lost = account.ledger().write(std::slice::from_ref(&second), NOW).await.unwrap();
    assert_eq!(lost, Written::Conflict(vec![second.key]));
    assert_eq!(remembered(&account).await, Memory::default());
}

/// The first try was done, its answer was lost, and the second finds this.
#[tokio::test(start_paused = true)]
async fn a_write_that_finds_itself_has_not_lost() {
    for (there, expected) in [
        (entry(GROUP, PORT), Written::All),
        (by("bob", entry(GROUP, PORT)), Written::Conflict(vec![entry(GROUP, PORT).key])),
    ] {
        let account = Account::new();
        let answers = refusing_put(there);
        let ledger = account.ledger_but(std::slice::from_ref(&answers));
        assert_eq!(ledger.write(&[entry(GROUP, PORT)], NOW).await.unwrap(), expected);
        assert_eq!(answers.num_calls(), 2);
    }
}

/// Breaks, and then says that the condition does not hold, with what is there.
fn refusing_put(there: Entry) -> Rule {
    #[expect(clippy::disallowed_methods, reason = "scripted: nothing is written")]
    let put = mock!(Client::put_item)
        .sequence()
        .http_response(|| HttpResponse::new(500.try_into().unwrap(), "{}".into()))
        .http_response(move || {
            let item: serde_dynamo::Item = to_item(&there).unwrap();
            let body = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                "message": "The conditional request failed",
                "Item": serde_json::to_value(&item).unwrap(),
            });
            HttpResponse::new(400.try_into().unwrap(), body.to_string().into())
        })
        .build();
    put
}

/// Throttled as DynamoDB says it, so many times, and then answered.
fn throttled_query(times: usize) -> Rule {
    let throttled = || {
        let body = r#"{"__type":"ThrottlingException","message":"slow down"}"#;
        HttpResponse::new(400.try_into().unwrap(), body.into())
    };
    let item: serde_dynamo::Item = to_item(entry(GROUP, PORT)).unwrap();
    let body = json!({"Items": [serde_json::to_value(&item).unwrap()], "Count": 1}).to_string();
    mock!(Client::query)
        .sequence()
        .http_response(throttled)
        .times(times)
        .http_response(move || HttpResponse::new(200.try_into().unwrap(), body.clone().into()))
        .build()
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_once_and_then_told() {
    let once = throttled_query(1);
    let ledger = Account::new().ledger_but(std::slice::from_ref(&once));
    assert_eq!(ledger.of(&[GROUP]).await.unwrap(), of([entry(GROUP, PORT)]));
    assert_eq!(once.num_calls(), 2);
    let twice = throttled_query(2);
    let ledger = Account::new().ledger_but(std::slice::from_ref(&twice));
    let why = said(ledger.of(&[GROUP]).await);
    for part in ["sg-1 in table portcullis-ledger", "Query: ThrottlingException: slow down"] {
        assert!(why.contains(part), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_answer_holds_nobody_up_for_longer_than_two_seconds() {
    let silent = Silent::default();
    let (ledger, one) = (silent.ledger(), [entry(GROUP, PORT)]);
    let snooze = snooze("2026-11-22T10:00:00Z");
    let start = Instant::now();
    let (read, written, counted, snoozed) = tokio::join!(
        ledger.of(&[GROUP, "sg-2"]),
        ledger.write(&one, NOW),
        ledger.count("2026-11-21T10:00", 1, 1, NOW),
        ledger.write_snooze(&snooze, NOW),
    );
    assert!(read.is_err() && written.is_err() && counted.is_err() && snoozed.is_err());
    let took = start.elapsed();
    assert!(2 * ATTEMPT <= took && took <= OPERATION, "{took:?}");
    assert_eq!(silent.tries(), 10, "each of five calls twice");
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_cannot_be_read_is_an_error_whatever_the_others_say() {
    let account = Account::new();
    account.fail("Query", "sg-2", "AccessDeniedException");
    let why = said(account.ledger().of(&[GROUP, "sg-2"]).await);
    assert!(why.contains("sg-2 in table") && why.contains("AccessDeniedException"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_says_which_finding() {
    let account = Account::new();
    account.fail("PutItem", GROUP, "ResourceNotFoundException");
    let why = said(account.ledger().write(&[entry(GROUP, PORT), entry("sg-2", PORT)], NOW).await);
    assert!(why.starts_with(&format!("remembering f-sg-1-{PORT} in table {LEDGER}: ")), "{why}");
}

fn torn(account: &Account, subject: &str, finding: &str, change: impl Fn(&mut Stored)) {
    let mut item: Stored = to_item(entry(subject, finding)).unwrap();
    change(&mut item);
    account.now().ledger.insert((subject.to_owned(), finding.to_owned()), item);
}

#[tokio::test(start_paused = true)]
async fn a_torn_item_is_an_error_that_names_it_and_never_nothing() {
    let changes: [fn(&mut Stored); 4] = [
        |item| drop(item.remove("state")),
        |item| drop(item.insert("state".to_owned(), text("forgiven"))),
        |item| drop(item.insert("version".to_owned(), text("one"))),
        |item| drop(item.insert("rule".to_owned(), text("sgr-1"))),
    ];
    for change in changes {
        let account = Account::new();
        torn(&account, GROUP, "open-ingress#a\nb", change);
        for result in [account.ledger().of(&[GROUP]).await, account.ledger().list().await] {
            let why = said(result);
            let expected = "table portcullis-ledger: an item cannot be read (subject `sg-1`, finding \
                            `open-ingress#a\\nb`): ";
            assert!(why.starts_with(expected), "{why}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_torn_exemption_is_an_error_too() {
    let account = Account::new();
    account.ledger().write_snooze(&snooze("2026-11-22T10:00:00Z"), NOW).await.unwrap();
    for item in account.now().ledger.values_mut() {
        item.remove("until");
    }
    let why = said(account.ledger().of(&[GROUP]).await);
    assert!(why.contains("finding `exempt#tcp#6379") && why.contains("until"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn what_a_later_version_wrote_beside_is_not_minded() {
    let account = Account::new();
    torn(&account, GROUP, PORT, |item| {
        item.insert("owner".to_owned(), AttributeValue::Ss(vec!["web".to_owned()]));
        item.insert("blob".to_owned(), AttributeValue::B(b"\x00".to_vec().into()));
        item.insert("deep".to_owned(), AttributeValue::M(HashMap::new()));
    });
    assert_eq!(remembered(&account).await, of([entry(GROUP, PORT)]));
}

#[tokio::test(start_paused = true)]
async fn a_minute_is_counted_by_all_together_and_kept_for_a_day() {
    let account = Account::new();
    let (alice, bob) = (account.ledger(), account.ledger());
    let minute = "2026-11-21T10:00";
    let (first, second) =
        tokio::join!(alice.count(minute, 2, 1, NOW), bob.count(minute, 3, 0, NOW + 5));
    assert_eq!(first.unwrap(), Counted { remediations: 2, alerts: 1 });
    assert_eq!(second.unwrap(), Counted { remediations: 5, alerts: 1 });
    let other = alice.count("2026-11-21T10:01", 0, 1, NOW).await.unwrap();
    assert_eq!(other, Counted { remediations: 0, alerts: 1 });
    let state = account.now();
    let item = &state.ledger[&("minute".to_owned(), minute.to_owned())];
    assert_eq!(item["expires"], AttributeValue::N((NOW + 5 + 86_400).to_string()));
}

#[tokio::test(start_paused = true)]
async fn an_exemption_takes_the_place_of_the_one_before() {
    let account = Account::new();
    let ledger = account.ledger();
    ledger.write(&[entry(GROUP, PORT)], NOW).await.unwrap();
    let (first, second) = (snooze("2026-11-22T10:00:00Z"), snooze("2026-11-23T10:00:00Z"));
    ledger.write_snooze(&first, NOW + 1).await.unwrap();
    ledger.write_snooze(&second, NOW + 2).await.unwrap();
    let key = Key { subject: second.subject.clone(), finding: second.finding.clone() };
    let expected = Memory { snoozes: BTreeMap::from([(key, second)]), ..of([entry(GROUP, PORT)]) };
    assert_eq!(remembered(&account).await, expected);
    let state = account.now();
    let item = &state.ledger[&(GROUP.to_owned(), "exempt#tcp#6379#6379#0.0.0.0/0".to_owned())];
    assert_eq!(item["expires"], AttributeValue::N((NOW + 2).to_string()));
}

#[tokio::test(start_paused = true)]
async fn the_list_has_findings_and_exemptions_and_no_counts() {
    let account = Account::new();
    let ledger = account.ledger();
    let entries = [entry(GROUP, PORT), entry("replication-group/orders", "no-auth")];
    ledger.write(&entries, NOW).await.unwrap();
    ledger.write_snooze(&snooze("2026-11-22T10:00:00Z"), NOW).await.unwrap();
    ledger.count("2026-11-21T10:00", 1, 1, NOW).await.unwrap();
    let list = ledger.list().await.unwrap();
    assert_eq!(list.entries, of(entries).entries);
    let snoozed: Vec<_> = list.snoozes.into_values().collect();
    assert_eq!(snoozed, [snooze("2026-11-22T10:00:00Z")]);
}
