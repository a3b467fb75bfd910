use lambda_runtime::Context;
use portcullis_engine::event::{GroupLead, GroupRef, Lead, Touched};
use portcullis_engine::settings::Mode;
use serde_json::json;

use super::*;
use crate::scripted::{ACCOUNT, Account, counted, event_on, rule};

const GROUP: &str = "sg-0a1b2c3d4e5f60718";
const RULE: &str = "sgr-0a1b2c3d4e5f60718";

/// The EventBridge event of an AuthorizeSecurityGroupIngress that made `RULE`.
fn delivered() -> Value {
    json!({
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2",
        "detail": {
            "eventID": "e-1",
            "eventName": "AuthorizeSecurityGroupIngress",
            "eventTime": "2026-11-21T10:00:00Z",
            "awsRegion": "eu-west-1",
            "recipientAccountId": ACCOUNT,
            "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob" },
            "requestParameters": { "groupId": GROUP },
            "responseElements": {
                "securityGroupRuleSet": { "items": [{ "securityGroupRuleId": RULE }] }
            }
        }
    })
}

fn arn(region: &str, account: &str) -> String {
    format!("arn:aws:lambda:{region}:{account}:function:ingress")
}

fn open() -> Account {
    Account::new().with(GROUP, [rule(RULE, "0.0.0.0/0")])
}

/// The event as the function of this ARN is invoked with it.
fn invoked(event: &Value, function_arn: &str) -> LambdaEvent<Value> {
    let mut context = Context::default();
    "r-1".clone_into(&mut context.request_id);
    function_arn.clone_into(&mut context.invoked_function_arn);
    LambdaEvent::new(event.clone(), context)
}

async fn ingress(shell: &Shell, invocation: &Invocation) -> Result<Summary> {
    crate::ingress(shell, invocation, None).await
}

/// Serves one event as the function `ingress` of the account.
async fn served(account: &Account, event: &Value) -> Result<String> {
    let shell = account.shell(Mode::Enforce);
    serve(&shell, &ingress, &invoked(event, &arn("eu-west-1", ACCOUNT))).await
}

#[test]
fn a_function_that_was_switched_by_itself_is_found_out() {
    for (mode, stack, is_off) in [
        (Mode::Observe, Some("enforce"), true),
        (Mode::Enforce, Some("observe"), true),
        (Mode::Enforce, Some("enforce"), false),
        (Mode::Observe, Some("observe"), false),
        // Run by hand.
        (Mode::Observe, None, false),
        (Mode::Observe, Some(""), false),
    ] {
        assert_eq!(is_in_another_mode(mode, stack), is_off, "{mode:?} {stack:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_dealt_with_and_answered_in_words() {
    let account = open();
    let text = served(&account, &delivered()).await.unwrap();
    assert!(text.contains(&format!("{RULE}: revoked, and verified")), "{text}");
    assert!(account.rule_ids(GROUP).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_malformed_event_is_an_error_that_names_what_is_wrong() {
    let account = open();
    let mut wrong = delivered();
    wrong["detail"]["requestParameters"]["groupId"] = json!("sg 1");
    for (event, at) in [
        (json!([]), "`event`"),
        (json!({}), "`detail`"),
        (wrong, "`detail.requestParameters.groupId`"),
    ] {
        let error = served(&account, &event).await.unwrap_err().to_string();
        assert!(error.starts_with("malformed event: ") && error.contains(at), "{error}");
    }
    assert!(account.calls().is_empty());
}

/// CloudTrail leaves out a request and a response that are too large, and with them what they are about.
#[tokio::test(start_paused = true)]
async fn a_record_that_names_no_group_is_told_once_and_is_no_error() {
    let account = open();
    let mut nameless = delivered();
    nameless["detail"]["requestParameters"] = Value::Null;
    nameless["detail"]["responseElements"] = Value::Null;
    for _ in 0..2 {
        let text = served(&account, &nameless).await.unwrap();
        assert!(text.contains("the record names no security group"), "{text}");
    }
    let sent = account.now().published.clone();
    assert_eq!(sent.len(), 1, "the second delivery is known");
    nameless["detail"]["eventID"] = json!("e-2");
    served(&account, &nameless).await.unwrap();
    assert_eq!(
        account.now().published.len(),
        2,
        "another call, of which nobody knows whether it is about the same"
    );
    assert_eq!(account.rule_ids(GROUP), [RULE]);
}

#[tokio::test(start_paused = true)]
async fn the_next_event_after_a_malformed_one_is_served() {
    let account = open();
    let shell = account.shell(Mode::Enforce);
    let arn = arn("eu-west-1", ACCOUNT);
    assert!(serve(&shell, &ingress, &invoked(&json!({}), &arn)).await.is_err());
    assert!(serve(&shell, &ingress, &invoked(&delivered(), &arn)).await.is_ok());
    assert!(account.rule_ids(GROUP).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_ignored_says_why_and_makes_no_call() {
    let account = open();
    let mut failed = delivered();
    failed["detail"]["errorCode"] = json!("Client.UnauthorizedOperation");
    let mut other = delivered();
    other["detail"]["eventName"] = json!("RunInstances");
    for (event, why) in [(failed, "Client.UnauthorizedOperation"), (other, "`RunInstances`")] {
        let text = served(&account, &event).await.unwrap();
        assert!(text.starts_with("ignored: ") && text.contains(why), "{text}");
    }
    assert!(account.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn our_own_calls_are_ignored_by_the_roles_of_the_settings() {
    let account = open();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/portcullis-recreate");
    let mut own = delivered();
    own["detail"]["userIdentity"] = json!({
        "type": "AssumedRole",
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/portcullis-recreate/step"),
        "sessionContext": { "sessionIssuer": { "type": "Role", "arn": role } }
    });
    let mut shell = account.shell(Mode::Enforce);
    shell.settings.own_role_arns = vec![role.clone()];
    let own = invoked(&own, &arn("eu-west-1", ACCOUNT));
    let text = serve(&shell, &ingress, &own).await.unwrap();
    assert!(text.starts_with("ignored: ") && text.contains(&role), "{text}");
    assert!(account.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_an_error_that_names_the_event_and_the_cause() {
    let account = open();
    account.fail("DescribeSecurityGroupRules", GROUP, "UnauthorizedOperation");
    let error = format!("{:#}", served(&account, &delivered()).await.unwrap_err());
    assert!(error.starts_with("event e-1 (AuthorizeSecurityGroupIngress at "), "{error}");
    assert!(error.contains("UnauthorizedOperation"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_event_of_another_account_or_region_is_an_error_before_any_call() {
    let account = open();
    let shell = account.shell(Mode::Enforce);
    for elsewhere in [arn("us-east-1", ACCOUNT), arn("eu-west-1", "444455556666")] {
        assert!(serve(&shell, &ingress, &invoked(&delivered(), &elsewhere)).await.is_err());
    }
    assert!(account.calls().is_empty());
}

#[test]
fn an_event_of_another_account_or_region_is_an_error_not_a_gone_group() {
    let group = GroupRef::Id(GROUP.to_owned());
    let lead = GroupLead { group, touched: Touched::Unknown("test".to_owned()) };
    let event = event_on(Lead::Group(lead));
    assert!(guard(&event, &arn("eu-west-1", ACCOUNT)).is_ok());
    assert!(guard(&event, "").is_ok());
    let error = guard(&event, &arn("eu-west-1", "444455556666")).unwrap_err().to_string();
    assert!(error.contains(ACCOUNT) && error.contains("444455556666"), "{error}");
    assert!(guard(&event, &arn("us-east-1", ACCOUNT)).is_err());
}

/// The names of what was counted, with the reason if something was ignored.
fn names() -> Vec<String> {
    let name = |(name, line): (String, Value)| match line.get("Reason").and_then(Value::as_str) {
        Some(reason) => format!("{name} {reason}"),
        None => name,
    };
    counted().into_iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn every_event_is_counted_and_why_it_was_ignored() {
    let account = open();
    names();
    served(&account, &json!({"detail-type": "Something else"})).await.unwrap();
    assert_eq!(names(), ["Events", "Ignored not-watched"]);
    served(&account, &json!({})).await.unwrap_err();
    assert_eq!(names(), ["Events", "Ignored malformed"]);
    served(&account, &delivered()).await.unwrap();
    assert_eq!(names(), ["Events", "Findings", "Actions", "ContainmentSeconds"]);
    served(&account, &delivered()).await.unwrap();
    assert_eq!(names(), ["Events"], "it is clean by now");
}

/// For the functions of the scripted account it is 2026.
#[tokio::test(start_paused = true)]
async fn what_an_archive_replays_is_counted_and_only_looked_at_once_it_is_old() {
    let account = open();
    let mut event = delivered();
    event["replay-name"] = json!("last-year");
    event["detail"]["eventTime"] = json!("2025-11-21T10:00:00Z");
    names();
    let text = served(&account, &event).await.unwrap();
    assert_eq!(names(), ["Events", "Replayed"]);
    assert!(text.starts_with("replayed, and only looked at:\n") && text.contains(RULE), "{text}");
    assert_eq!(account.rule_ids(GROUP), [RULE]);
    let called = account.calls();
    let reads = called.iter().filter(|call| {
        call.starts_with("Describe") || call.starts_with("Query") || call.starts_with("BatchGet")
    });
    assert_eq!(reads.count(), called.len(), "{called:?}");
    event["detail"]["eventTime"] = delivered()["detail"]["eventTime"].clone();
    served(&account, &event).await.unwrap();
    assert!(account.rule_ids(GROUP).is_empty(), "a delivery that came late");
}

/// It may hold an alert that nobody got: an error keeps it in the failure queue.
#[tokio::test(start_paused = true)]
async fn what_an_older_version_handed_to_itself_is_malformed_and_leads_to_no_call() {
    let account = open();
    names();
    let alert = json!({ "event": "e-1", "subject": "closed", "message": "{}" });
    let rules = json!({ "event": delivered(), "rules": [{ "securityGroupRuleId": RULE }] });
    for (kind, detail) in [("Alert not sent", alert), ("Rules to close", rules)] {
        let old = json!({ "source": "portcullis", "detail-type": kind, "detail": detail });
        let error = served(&account, &old).await.unwrap_err().to_string();
        assert!(error.starts_with("malformed event: `source` is `portcullis`"), "{error}");
        assert_eq!(names(), ["Events", "Ignored malformed"]);
    }
    assert!(account.calls().is_empty());
    assert_eq!(account.rule_ids(GROUP), [RULE]);
}
