//! The rules of a cache are revoked only by an event that names them.

use portcullis_engine::event::{Parsed, parse};
use serde_json::json;

use super::caches::{of_cache, with_cache};
use super::*;
use crate::scripted::{ACCOUNT, FUNCTION, settings};

/// Memcached on port 6379, which nobody asked a rule for, behind a group that only caches carry.
fn open_cache() -> Account {
    let account = with_cache(6379, [rule("sgr-1", WORLD), rule("sgr-2", "10.0.0.0/8")]);
    account.now().interfaces = vec![of_cache("eni-1")];
    account
}

/// The event of the call that made the cache.
pub(super) fn delivered() -> Value {
    json!({
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.elasticache",
        "detail": {
            "eventID": "e-1",
            "eventName": "CreateCacheCluster",
            "eventTime": "2026-11-21T10:00:00Z",
            "awsRegion": "eu-west-1",
            "recipientAccountId": ACCOUNT,
            "requestParameters": { "cacheClusterId": "m", "engine": "memcached" },
        }
    })
}

async fn served(account: &Account, payload: &Value) -> Result<Ended> {
    let Parsed::Event(event) = parse(payload, &[]) else { panic!("no event: {payload}") };
    // While the ledger answers, nothing has to be handed over.
    account.fail("Query", GROUP, "AccessDeniedException");
    let shell = account.shell(Mode::Enforce);
    super::super::cache(&shell, &event, Invocation { id: "r-1", payload }).await
}

/// What was handed over, once.
fn handed_over(account: &Account) -> Value {
    let state = account.now();
    let [invoked] = state.invoked.as_slice() else { panic!("{} calls", state.invoked.len()) };
    assert_eq!(invoked.function_name(), Some(FUNCTION));
    serde_json::from_slice(invoked.payload().unwrap().as_ref()).unwrap()
}

/// The event with the name of `sgr-1`, as the function hands it to itself.
async fn named() -> Value {
    let account = open_cache();
    served(&account, &delivered()).await.unwrap();
    handed_over(&account)
}

/// How `open-cache` ended, in each alert.
fn ends_of(account: &Account) -> Vec<String> {
    let (_, _, document) = told(account);
    let findings = document["findings"].as_array().unwrap().iter();
    let open = findings.filter(|finding| finding["check"] == "open-cache");
    open.map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_that_names_no_rule_is_handed_over_with_the_names_and_nothing_is_done() {
    let account = open_cache();
    let Ended(text) = served(&account, &delivered()).await.unwrap();
    assert!(text.ends_with("handed over, to be closed by name"), "{text}");
    assert!(is_silent(&account));
    assert_eq!(account.rule_ids(GROUP), ["sgr-1", "sgr-2"]);
    let payload = handed_over(&account);
    assert_eq!(payload["detail"]["event"], delivered());
    let rules = payload["detail"]["rules"].as_array().unwrap();
    assert_eq!((rules.len(), &rules[0]["securityGroupRuleId"]), (1, &json!("sgr-1")));
}

#[tokio::test(start_paused = true)]
async fn what_lambda_does_not_take_is_closed_and_told_at_once() {
    let refused = open_cache();
    refused.fail("Invoke", FUNCTION, "TooManyRequestsException");
    let long = open_cache();
    let mut payload = delivered();
    payload["detail"]["requestParameters"]["tags"] = json!("x".repeat(240 * 1024));
    for (account, payload) in [(refused, delivered()), (long, payload)] {
        served(&account, &payload).await.unwrap();
        assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
        assert_eq!(ends_of(&account), ["done"]);
        assert!(account.now().invoked.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_rule_is_closed_and_told_and_never_handed_on() {
    let payload = named().await;
    let account = open_cache();
    served(&account, &payload).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(ends_of(&account), ["done"]);
    assert_eq!(account.count("Invoke"), 0);
}

/// The function was killed after the revoke.
#[tokio::test(start_paused = true)]
async fn a_named_rule_that_is_gone_is_told() {
    let payload = named().await;
    let account = open_cache();
    account.now().rules.get_mut(GROUP).unwrap().remove(0);
    served(&account, &payload).await.unwrap();
    assert_eq!(account.count(REVOKE), 0);
    assert_eq!(ends_of(&account), ["already-gone"]);
    let (_, mail, _) = told(&account);
    assert!(mail.contains("authorize-security-group-ingress"), "{mail}");
}

#[tokio::test(start_paused = true)]
async fn a_named_rule_that_ec2_shows_late_is_waited_for_and_closed() {
    let payload = named().await;
    let account = open_cache();
    account.now().late.insert("sgr-1".to_owned(), 2);
    served(&account, &payload).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(ends_of(&account), ["done"]);
}

/// The names are a hint: what is at fault is decided by what is there.
#[tokio::test(start_paused = true)]
async fn a_name_closes_nothing_that_is_not_at_fault() {
    let mut payload = named().await;
    payload["detail"]["rules"][0]["securityGroupRuleId"] = json!("sgr-2");
    let account = with_cache(6379, [rule("sgr-2", "10.0.0.0/8")]);
    account.now().interfaces = vec![of_cache("eni-1")];
    let ended = served(&account, &payload).await.unwrap();
    assert_eq!(ended, Ended("clean cache-cluster m".to_owned()));
    assert!(is_silent(&account));
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_nobody_takes_is_told_when_the_named_event_is_tried_again() {
    let payload = named().await;
    let account = open_cache();
    account.fail("Publish", &settings().topics.alert, "AuthorizationError");
    account.fail("Invoke", FUNCTION, "TooManyRequestsException");
    for _ in 0..2 {
        served(&account, &payload).await.unwrap_err();
    }
    account.now().failures.clear();
    served(&account, &payload).await.unwrap();
    assert_eq!((account.count(REVOKE), account.rule_ids(GROUP).len()), (1, 1));
    assert_eq!(ends_of(&account), ["already-gone"]);
}

#[tokio::test(start_paused = true)]
async fn an_alert_of_a_named_event_that_sns_refuses_is_handed_over() {
    let payload = named().await;
    let account = open_cache();
    account.fail("Publish", &settings().topics.alert, "AuthorizationError");
    served(&account, &payload).await.unwrap();
    assert_eq!(handed_over(&account)["detail-type"], "Alert not sent");
}
