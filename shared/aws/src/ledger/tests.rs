use std::collections::HashMap;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_mocks::{Rule, mock};
use portcullis_engine::facts::CacheKind;
use portcullis_engine::ledger::{
    Lease, Occurrence, ReportedAs, RuleRecord, RuleTags, State, Wanted,
};
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
            tags_apart: false,
        }),
        grants: Vec::new(),
        list: None,
        spared: None,
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

/// These findings, and the snoozes of their groups.
fn wanted(keys: &[(&str, &str)]) -> Wanted {
    let key = |(subject, finding): &(&str, &str)| Key {
        subject: (*subject).to_owned(),
        finding: (*finding).to_owned(),
    };
    let snoozes = keys.iter().map(|(subject, _)| (*subject).to_owned()).collect();
    Wanted { snoozes, ..Wanted::of_keys(keys.iter().map(key)) }
}

async fn remembered(account: &Account) -> Memory {
    account.ledger().read(&wanted(&[(GROUP, PORT), (GROUP, "no-auth")])).await.unwrap()
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
async fn only_what_was_asked_for_is_read_and_side_by_side() {
    let account = Account::new();
    let entries = ["sg-1", "sg-2", "sg-3"].map(|subject| entry(subject, PORT));
    account.ledger().write(&entries, NOW).await.unwrap();
    account.ledger().write_snooze(&snooze("2026-11-22T10:00:00Z"), NOW).await.unwrap();
    let start = Instant::now();
    let asked = wanted(&[("sg-1", PORT), ("sg-3", PORT), ("sg-4", PORT)]);
    let memory = account.ledger().read(&asked).await.unwrap();
    let [first, _, third] = entries;
    assert_eq!(memory.entries, of([first, third]).entries);
    assert_eq!(memory.snoozes.len(), 1);
    assert_eq!(start.elapsed(), ROUND_TRIP);
    assert_eq!((account.count("BatchGetItem"), account.count("Query")), (1, 3));
}

/// What else is remembered of a group costs nothing, and one page tells what is still open.
#[tokio::test(start_paused = true)]
async fn of_a_group_with_40_000_remembered_findings_as_much_is_read_as_of_one_with_40() {
    let mut read = Vec::new();
    for remembered in [40, 40_000] {
        let account = Account::new();
        {
            let mut state = account.now();
            for at in 0..remembered {
                let finding = format!("open-ingress#tcp#{at}#{at}#0.0.0.0/0");
                let item = to_item(Entry { state: State::Open, ..entry(GROUP, &finding) }).unwrap();
                state.ledger.insert((GROUP.to_owned(), finding), item);
            }
        }
        let asked = wanted(&[(GROUP, "open-ingress#tcp#7#7#0.0.0.0/0")]);
        let memory = account.ledger().read(&asked).await.unwrap();
        assert_eq!(memory.entries.len(), 1);
        read.push(account.now().read);
        let open = account.ledger().open_of(&[GROUP.to_owned()]).await.unwrap();
        assert_eq!(open.len(), remembered.min(1000), "one page, here of 1,000 items");
        assert_eq!(account.count("Query"), 2);
    }
    assert_eq!(read, [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_gone_and_named_by_its_id_alone_is_found_by_what_recorded_it() {
    let account = Account::new();
    let other = entry(GROUP, "open-ingress#tcp#22#22#0.0.0.0/0");
    let mut record = other.rule.clone().unwrap();
    record.rule = "sgr-2".to_owned();
    let entries = [entry(GROUP, PORT), Entry { rule: Some(record), ..other }];
    account.ledger().write(&entries, NOW).await.unwrap();
    let rules = BTreeMap::from([(GROUP.to_owned(), ["sgr-1".to_owned()].into())]);
    let memory = account.ledger().read(&Wanted { rules, ..Wanted::default() }).await.unwrap();
    let [first, _] = entries;
    assert_eq!(memory, of([first]));
}

#[tokio::test(start_paused = true)]
async fn of_a_cache_the_rules_are_read_that_opened_it_and_no_other() {
    let account = Account::new();
    let opened = |cache: &str| entry(GROUP, &format!("open-cache#tcp#6379#6379#0.0.0.0/0#{cache}"));
    let entries = [opened("replication-group/orders"), opened("replication-group/all-orders")];
    account.ledger().write(&entries, NOW).await.unwrap();
    let wanted = Wanted::of_cache(CacheKind::ReplicationGroup, "orders", &[GROUP.to_owned()]);
    let [orders, _] = entries;
    assert_eq!(account.ledger().read(&wanted).await.unwrap(), of([orders]));
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read_up_to_a_bound() {
    let account = Account::new();
    let finding =
        |at: usize| format!("open-cache#tcp#{at}#{at}#0.0.0.0/0#replication-group/orders");
    let entries: Vec<Entry> = (0..16).map(|at| entry(GROUP, &finding(at))).collect();
    account.ledger().write(&entries, NOW).await.unwrap();
    account.now().page = 2;
    let wanted = Wanted::of_cache(CacheKind::ReplicationGroup, "orders", &[GROUP.to_owned()]);
    assert_eq!(account.ledger().read(&wanted).await.unwrap(), of(entries.clone()));
    assert_eq!(account.ledger().list().await.unwrap(), of(entries));
    assert_eq!((account.count("Query"), account.count("Scan")), (9, 8));
    account.ledger().write(&[entry(GROUP, &finding(16))], NOW).await.unwrap();
    let why = said(account.ledger().read(&wanted).await);
    assert!(why.ends_with("has more than 8 pages"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_left_out_is_asked_for_once_more() {
    let account = Account::new();
    let findings: Vec<String> = (0..101).map(|at| format!("check-{at:03}")).collect();
    let entries: Vec<Entry> = findings.iter().map(|finding| entry(GROUP, finding)).collect();
    account.ledger().write(&entries, NOW).await.unwrap();
    let keys = Wanted::of_keys(entries.iter().map(|entry| entry.key.clone()));
    account.now().batch = 50;
    assert_eq!(account.ledger().read(&keys).await.unwrap(), of(entries));
    assert_eq!(account.count("BatchGetItem"), 3);
    account.now().batch = 49;
    let why = said(account.ledger().read(&keys).await);
    assert!(why.ends_with("answered only for some of the findings, twice"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn more_than_8_mb_are_not_read() {
    let account = Account::new();
    let long =
        |at: usize| Entry { title: "x".repeat(390_000), ..entry(GROUP, &format!("check-{at}")) };
    let entries: Vec<Entry> = (0..22).map(long).collect();
    account.ledger().write(&entries, NOW).await.unwrap();
    let keys = |of: &[Entry]| Wanted::of_keys(of.iter().map(|entry| entry.key.clone()));
    assert!(account.ledger().read(&keys(&entries[..21])).await.is_ok());
    let why = said(account.ledger().read(&keys(&entries)).await);
    assert_eq!(why, "the ledger holds more than 8 MB about this event");
}

#[tokio::test(start_paused = true)]
async fn large_tags_are_written_before_the_lease_and_read_by_who_asks_for_them() {
    let account = Account::new();
    let tags = BTreeMap::from([("owner".to_owned(), "x".repeat(3000))]);
    let subject = "tags/sg-1".to_owned();
    let apart = RuleTags { subject, finding: "sgr-1".to_owned(), tags: tags.clone() };
    let ledger = account.ledger();
    let leased = ledger.leased(&[apart], &[entry(GROUP, PORT)], NOW).await;
    assert_eq!(leased, Written::All);
    assert_eq!(ledger.tags(GROUP, "sgr-1").await.unwrap(), Some(tags));
    assert_eq!(ledger.tags(GROUP, "sgr-2").await.unwrap(), None);
    assert_eq!(ledger.list().await.unwrap(), of([entry(GROUP, PORT)]), "they are no finding");
    account.fail("PutItem", "tags/sg-1", "AccessDeniedException");
    let apart = RuleTags {
        subject: "tags/sg-1".to_owned(),
        finding: "sgr-2".to_owned(),
        tags: BTreeMap::new(),
    };
    let refused = ledger.leased(&[apart], &[entry(GROUP, "no-auth")], NOW).await;
    assert!(matches!(refused, Written::Unavailable(_)), "{refused:?}");
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

fn snoozes() -> Wanted {
    Wanted { snoozes: [GROUP.to_owned()].into(), ..Wanted::default() }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_once_and_then_told() {
    let once = throttled_query(1);
    let ledger = Account::new().ledger_but(std::slice::from_ref(&once));
    assert_eq!(ledger.read(&snoozes()).await.unwrap(), of([entry(GROUP, PORT)]));
    assert_eq!(once.num_calls(), 2);
    let twice = throttled_query(2);
    let ledger = Account::new().ledger_but(std::slice::from_ref(&twice));
    let why = said(ledger.read(&snoozes()).await);
    for part in ["sg-1 in table portcullis-ledger", "Query: ThrottlingException: slow down"] {
        assert!(why.contains(part), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_answer_holds_nobody_up_for_longer_than_two_seconds() {
    let silent = Silent::default();
    let (ledger, one) = (silent.ledger(), [entry(GROUP, PORT)]);
    let snooze = snooze("2026-11-22T10:00:00Z");
    let asked = wanted(&[(GROUP, PORT)]);
    let start = Instant::now();
    let (read, written, counted, snoozed) = tokio::join!(
        ledger.read(&asked),
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
    let why = said(account.ledger().read(&wanted(&[(GROUP, PORT), ("sg-2", PORT)])).await);
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
async fn a_torn_item_costs_that_item_and_is_named_and_never_nothing() {
    let changes: [fn(&mut Stored); 4] = [
        |item| drop(item.remove("state")),
        |item| drop(item.insert("state".to_owned(), text("forgiven"))),
        |item| drop(item.insert("version".to_owned(), text("one"))),
        |item| drop(item.insert("rule".to_owned(), text("sgr-1"))),
    ];
    for change in changes {
        let account = Account::new();
        let finding = "open-ingress#a\nb";
        torn(&account, GROUP, finding, change);
        account.ledger().write(&[entry(GROUP, PORT)], NOW).await.unwrap();
        let asked = wanted(&[(GROUP, finding), (GROUP, PORT)]);
        for memory in [account.ledger().read(&asked).await, account.ledger().list().await] {
            let memory = memory.unwrap();
            assert_eq!(memory.entries, of([entry(GROUP, PORT)]).entries);
            let why: Vec<&String> = memory.unreadable.values().collect();
            let expected = "table portcullis-ledger: an item cannot be read (subject `sg-1`, finding \
                            `open-ingress#a\\nb`): ";
            assert!(why.len() == 1 && why[0].starts_with(expected), "{why:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_torn_exemption_is_named_too() {
    let account = Account::new();
    account.ledger().write_snooze(&snooze("2026-11-22T10:00:00Z"), NOW).await.unwrap();
    for item in account.now().ledger.values_mut() {
        item.remove("until");
    }
    let memory = remembered(&account).await;
    let why = memory.unreadable.into_values().next().unwrap();
    assert!(why.contains("finding `exempt#tcp#6379") && why.contains("until"), "{why}");
    assert!(memory.snoozes.is_empty());
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
