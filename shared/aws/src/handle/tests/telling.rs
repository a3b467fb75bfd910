//! An alert that SNS does not take.

use super::*;
use crate::scripted::{FUNCTION, ROUND_TRIP, counted, settings};

/// An account whose topic refuses, and perhaps Lambda too.
fn refusing(lambda_too: bool) -> Account {
    counted();
    let account = open();
    account.fail("Publish", &settings().topics.alert, "AuthorizationError");
    if lambda_too {
        account.fail("Invoke", FUNCTION, "TooManyRequestsException");
    }
    account
}

/// What was handed over, once.
fn handed_over(account: &Account) -> Unsent {
    let state = account.now();
    let [invoked] = state.invoked.as_slice() else { panic!("{} calls", state.invoked.len()) };
    let payload = serde_json::from_slice(invoked.payload().unwrap().as_ref()).unwrap();
    Unsent::read(&payload).expect("it is ours").expect("it is whole")
}

fn failures() -> usize {
    counted().iter().filter(|(name, _)| name == "AlertFailures").count()
}

#[tokio::test(start_paused = true)]
async fn an_alert_of_what_was_closed_is_handed_over_and_the_event_is_dealt_with() {
    let account = refusing(false);
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(handed_over(&account).event, "e-1");
    assert_eq!(failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_over_is_published_as_it_would_have_been() {
    let taken = open();
    dealt_with(&taken, &["sgr-1"]).await.unwrap();
    let account = refusing(false);
    let shell = account.shell(Mode::Enforce);
    ingress(&shell, &event(GROUP, &["sgr-1"])).await.unwrap();
    let unsent = handed_over(&account);
    account.now().failures.clear();
    let before = account.calls().len();
    let Ended(text) = tell_again(&shell, &unsent).await.unwrap();
    assert!(text.starts_with("sent the alert of event e-1: "), "{text}");
    assert_eq!(account.calls()[before..], ["Publish"], "it only tells");
    assert_eq!(account.now().published, taken.now().published);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_nobody_takes_is_an_error_with_both_reasons_and_the_rule_is_closed() {
    let account = refusing(true);
    let error = dealt_with(&account, &["sgr-1"]).await.unwrap_err().to_string();
    assert!(
        error.contains("publishing the alert") && error.contains("AuthorizationError"),
        "{error}"
    );
    assert!(error.contains("handing over to ingress"), "{error}");
    assert!(error.contains("TooManyRequestsException"), "{error}");
    assert!(error.contains(&settings().topics.alert), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_does_not_know_its_name_fails_as_if_nobody_took_it() {
    let account = refusing(false);
    let shell = Shell { function: None, ..account.shell(Mode::Enforce) };
    let error = ingress(&shell, &event(GROUP, &["sgr-1"])).await.unwrap_err().to_string();
    assert!(error.contains("does not know its own name"), "{error}");
    assert_eq!(account.count("Invoke"), 0);
}

/// Our own revoke may have done it, and its answer been lost.
#[tokio::test(start_paused = true)]
async fn an_alert_of_a_rule_that_was_gone_when_it_was_revoked_is_handed_over() {
    let account = refusing(false);
    let gone_after_the_first_look = async {
        tokio::time::sleep(ROUND_TRIP * 3 / 2).await;
        account.now().rules.get_mut(GROUP).unwrap().remove(0);
    };
    let (ended, ()) = tokio::join!(dealt_with(&account, &["sgr-1"]), gone_after_the_first_look);
    assert!(ended.unwrap().0.ends_with("sgr-1: already gone"));
    assert!(handed_over(&account).message.body.contains("already-gone"));
}

/// The next try of the event finds the rule still open, and tells.
#[tokio::test(start_paused = true)]
async fn an_alert_of_what_was_only_found_is_not_handed_over() {
    let observed = refusing(false);
    let shell = observed.shell(Mode::Observe);
    ingress(&shell, &event(GROUP, &["sgr-1"])).await.unwrap_err();
    let refused = refusing(false);
    refused.fail(REVOKE, "sgr-1", "UnauthorizedOperation");
    dealt_with(&refused, &["sgr-1"]).await.unwrap_err();
    for account in [observed, refused] {
        assert_eq!(account.count("Invoke"), 0);
        assert_eq!(account.rule_ids(GROUP), ["sgr-1", "sgr-2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn handing_over_does_not_hide_a_rule_that_is_still_open() {
    let account = refusing(false).with(GROUP, [rule("sgr-3", "::/0"), rule("sgr-4", "2000::/3")]);
    // One that EC2 does not find makes it refuse them all, and then each goes alone.
    account.fail(REVOKE, "sgr-4", "InvalidSecurityGroupRuleId.NotFound");
    account.fail(REVOKE, "sgr-3", "UnauthorizedOperation");
    let error = dealt_with(&account, &["sgr-1", "sgr-3", "sgr-4"]).await.unwrap_err().to_string();
    assert!(error.contains("sgr-3: still open") && !error.contains("sgr-1"), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2", "sgr-3", "sgr-4"]);
    assert!(handed_over(&account).message.body.contains("sgr-3"), "and the alert says so");
}

#[tokio::test(start_paused = true)]
async fn a_handed_over_alert_that_sns_refuses_again_is_an_error_and_not_handed_on() {
    let account = refusing(false);
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    let unsent = handed_over(&account);
    counted();
    let again = tell_again(&account.shell(Mode::Enforce), &unsent).await;
    let error = format!("{:#}", again.unwrap_err());
    assert!(error.starts_with("the alert of event e-1 did not go out again"), "{error}");
    assert!(error.contains("AuthorizationError"), "{error}");
    assert_eq!((account.count("Invoke"), failures()), (1, 1));
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
