//! An alert that SNS does not take.

use portcullis_alerts::digest::Row;

use super::caches::{event_of, of_cache, with_cache};
use super::*;
use crate::scripted::{ROUND_TRIP, counted, settings};

const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/portcullis-digest";

/// The same account with a topic that refuses.
fn refusing(account: Account) -> Account {
    counted();
    account.fail("Publish", &settings().topics.alert, "AuthorizationError");
    account
}

/// A cache on port 6379, which `sgr-1` opens to the world.
fn open_cache() -> Account {
    let account = with_cache(6379, [rule("sgr-1", WORLD), rule("sgr-2", "10.0.0.0/8")]);
    account.now().interfaces = vec![of_cache("eni-1")];
    account
}

/// How `open-cache` ended, in the one alert.
fn end_of_open_cache(account: &Account) -> Vec<String> {
    let (_, _, document) = told(account);
    let findings = document["findings"].as_array().unwrap().iter();
    let open = findings.filter(|finding| finding["check"] == "open-cache");
    open.map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
}

fn failures() -> usize {
    counted().iter().filter(|(name, _)| name == "AlertFailures").count()
}

#[tokio::test(start_paused = true)]
async fn it_is_an_error_that_is_counted_and_the_rule_is_closed() {
    let account = refusing(open());
    let error = dealt_with(&account, &["sgr-1"]).await.unwrap_err().to_string();
    assert!(error.contains("publishing the alert"), "{error}");
    assert!(error.contains("AuthorizationError"), "{error}");
    assert!(error.contains(&settings().topics.alert), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(failures(), 1);
}

/// The event does not say what the rule was like: the ledger does.
#[tokio::test(start_paused = true)]
async fn the_next_attempt_tells_of_the_rule_that_is_gone_and_how_to_put_it_back() {
    let account = refusing(open());
    for _ in 0..2 {
        dealt_with(&account, &["sgr-1"]).await.unwrap_err();
    }
    account.now().failures.clear();
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!((account.count(REVOKE), account.rule_ids(GROUP).len()), (1, 1));
    assert_eq!(ends(&account), ["already-gone"]);
    let (_, mail, _) = told(&account);
    assert!(mail.contains("authorize-security-group-ingress") && mail.contains("6379"), "{mail}");
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(account.now().published.len(), 1, "and once");
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_tells_of_a_rule_that_was_closed_for_a_cache() {
    let account = refusing(open_cache());
    let shell = account.shell(Mode::Enforce);
    cache(&shell, &event_of("m")).await.unwrap_err();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    account.now().failures.clear();
    cache(&shell, &event_of("m")).await.unwrap();
    assert_eq!(end_of_open_cache(&account), ["already-gone"]);
    assert_eq!(account.count(REVOKE), 1);
}

/// Our own revoke may have done it, and its answer been lost.
#[tokio::test(start_paused = true)]
async fn the_next_attempt_tells_of_a_rule_that_was_gone_when_it_was_revoked() {
    let account = refusing(open());
    let gone_after_the_first_look = async {
        tokio::time::sleep(ROUND_TRIP * 3 / 2).await;
        account.now().rules.get_mut(GROUP).unwrap().remove(0);
    };
    let (ended, ()) = tokio::join!(dealt_with(&account, &["sgr-1"]), gone_after_the_first_look);
    ended.unwrap_err();
    account.now().failures.clear();
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(ends(&account), ["already-gone"]);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_hide_a_rule_that_is_still_open() {
    let account = open().with(GROUP, [rule("sgr-3", "::/0"), rule("sgr-4", "2000::/3")]);
    let account = refusing(account);
    // One that EC2 does not find makes it refuse them all, and then each goes alone.
    account.fail(REVOKE, "sgr-4", "InvalidSecurityGroupRuleId.NotFound");
    account.fail(REVOKE, "sgr-3", "UnauthorizedOperation");
    let error = dealt_with(&account, &["sgr-1", "sgr-3", "sgr-4"]).await.unwrap_err().to_string();
    assert!(error.contains("sgr-3: still open") && !error.contains("sgr-1"), "{error}");
    assert!(error.contains("publishing the alert"), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2", "sgr-3", "sgr-4"]);
}

/// Then the next attempt would know of nothing to tell: the digest's queue keeps it until SNS takes it.
#[tokio::test(start_paused = true)]
async fn what_neither_sns_takes_nor_the_ledger_remembers_waits_for_the_digest() {
    let account = refusing(open_cache());
    account.fail("Query", GROUP, "AccessDeniedException");
    let mut shell = account.shell(Mode::Enforce);
    shell.settings.digest_queue_url = Some(QUEUE.to_owned());
    let error = cache(&shell, &event_of("m")).await.unwrap_err().to_string();
    assert!(error.starts_with("the ledger was not there to say whether"), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    let queued: Vec<String> = {
        let state = account.now();
        state.queued.iter().map(|sent| sent.message_body().unwrap().to_owned()).collect()
    };
    let [row] = queued.as_slice() else { panic!("{queued:?}") };
    Row::read(row).expect("the digest can read it");
    let row: Value = serde_json::from_str(row).unwrap();
    assert_eq!((&row["event"], &row["subject"]["id"]), (&"e-1".into(), &"m".into()));
    assert!(row["tally"].to_string().contains("done"), "{row}");
    assert_eq!(failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_digest_does_not_take_either_is_an_error_with_the_reason() {
    let account = refusing(open_cache());
    account.fail("Query", GROUP, "AccessDeniedException");
    account.fail("SendMessage", QUEUE, "QueueDoesNotExist");
    let mut shell = account.shell(Mode::Enforce);
    shell.settings.digest_queue_url = Some(QUEUE.to_owned());
    let error = cache(&shell, &event_of("m")).await.unwrap_err().to_string();
    assert!(error.contains("AuthorizationError"), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_found_and_done_is_counted() {
    counted();
    dealt_with(&open(), &["sgr-1"]).await.unwrap();
    let counted = counted();
    let names: Vec<&str> = counted.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Findings", "Actions", "ContainmentSeconds"]);
    assert_eq!(counted[1].1["Outcome"], "done");
    assert!(counted.iter().all(|(_, line)| line["eventId"] == "e-1" && line["subject"] == GROUP));
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_is_told_once() {
    let account = open();
    account.fail(REVOKE, "sgr-1", "UnauthorizedOperation");
    for _ in 0..3 {
        dealt_with(&account, &["sgr-1"]).await.unwrap_err();
    }
    assert_eq!(ends(&account), ["failed"]);
    assert_eq!(account.now().published.len(), 1);
    account.now().failures.clear();
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(account.now().published.len(), 2);
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
}

/// The event of a cache, whose rule is revoked while the look that proves it fails, and what follows.
async fn revoked_without_proof(account: &Account, then: impl FnOnce()) {
    let shell = account.shell(Mode::Enforce);
    let proof_fails = async {
        while account.count(REVOKE) == 0 {
            tokio::time::sleep(ROUND_TRIP / 4).await;
        }
        account.fail("DescribeSecurityGroupRules", GROUP, "InternalError");
        then();
    };
    let event = event_of("m");
    let (ended, ()) = tokio::join!(cache(&shell, &event), proof_fails);
    ended.unwrap_err();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
}

/// How `open-cache` ended, in each alert that has it.
fn ends_of_open_cache(account: &Account) -> Vec<String> {
    let state = account.now();
    let documents = state.published.iter().map(|sent| -> Value {
        let message: Value = serde_json::from_str(sent.message().unwrap()).unwrap();
        serde_json::from_str(message["default"].as_str().unwrap()).unwrap()
    });
    let findings = documents.flat_map(|document| document["findings"].as_array().unwrap().clone());
    let open = findings.filter(|finding| finding["check"] == "open-cache");
    open.map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_a_cache_that_seemed_to_stay_open_is_told_as_gone_by_the_next_attempt() {
    let account = open_cache();
    let shell = account.shell(Mode::Enforce);
    revoked_without_proof(&account, || {}).await;
    // EC2 does not come back at once.
    cache(&shell, &event_of("m")).await.unwrap_err();
    account.now().failures.clear();
    cache(&shell, &event_of("m")).await.unwrap();
    assert_eq!(ends_of_open_cache(&account), ["failed", "already-gone"]);
    assert_eq!(account.now().published.len(), 2);
}

/// The event of a cache names no rule, so an attempt that cannot read the ledger must not be the last one.
#[tokio::test(start_paused = true)]
async fn an_attempt_about_a_cache_without_its_ledger_fails_so_that_the_next_one_tells() {
    let account = open_cache();
    let shell = account.shell(Mode::Enforce);
    revoked_without_proof(&account, || {}).await;
    account.now().failures.clear();
    account.fail("Query", GROUP, "AccessDeniedException");
    let error = cache(&shell, &event_of("m")).await.unwrap_err().to_string();
    assert!(error.contains("revoked for this cache"), "{error}");
    assert!(error.contains("AccessDeniedException"), "{error}");
    account.now().failures.clear();
    cache(&shell, &event_of("m")).await.unwrap();
    assert_eq!(ends_of_open_cache(&account), ["failed", "already-gone"]);
}

/// The ledger was away until the revoke, and is there when the attempt ends.
#[tokio::test(start_paused = true)]
async fn what_was_revoked_for_a_cache_without_the_ledger_is_recorded_once_it_answers() {
    let account = open_cache();
    account.fail("Query", GROUP, "AccessDeniedException");
    let ledger_returns = || account.now().failures.retain(|(call, ..)| *call != "Query");
    revoked_without_proof(&account, ledger_returns).await;
    account.now().failures.clear();
    cache(&account.shell(Mode::Enforce), &event_of("m")).await.unwrap();
    assert_eq!(ends_of_open_cache(&account), ["failed", "already-gone"]);
}
