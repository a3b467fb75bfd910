mod account;

use aws_lambda_events::sqs::SqsBatchResponse;
use portcullis_aws::Notifier;
use serde_json::{Value, json};

use crate::tell::tell;
use account::{ALERT_TOPIC, Account, CHAT_TOPIC, counted};

/// A row as it lies in the queue.
fn row(event: &str, severity: &str) -> String {
    json!({
        "schema": "portcullis.digest-row.v1",
        "event": event,
        "time": "2026-11-21T16:40:01Z",
        "account": "111122223333",
        "region": "eu-west-1",
        "severity": severity,
        "subject": { "type": "security-group", "id": "sg-1", "arn": "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1" },
        "what": "closed TCP 22 from ::/0",
        "who": "alice",
        "via": null,
        "mode": "enforce",
        "checks": ["open-ingress"],
        "tally": { severity: { "done": 1 } },
        "findings": [],
    })
    .to_string()
}

fn batch(bodies: &[&str]) -> Value {
    let records: Vec<Value> = bodies.iter().enumerate()
        .map(|(at, body)| json!({ "messageId": format!("m-{at}"), "body": body, "eventSource": "aws:sqs" }))
        .collect();
    json!({ "Records": records })
}

/// The records that come again, as Lambda reads them from the answer.
fn failed(answer: &SqsBatchResponse) -> Vec<String> {
    let answer = serde_json::to_value(answer).unwrap();
    let failures = answer["batchItemFailures"].as_array().expect("a list, empty or not");
    let id = |failure: &Value| failure["itemIdentifier"].as_str().unwrap().to_owned();
    failures.iter().map(id).collect()
}

fn alone(account: &Account) -> Notifier {
    account.notifier(None)
}

fn with_chat(account: &Account) -> Notifier {
    account.notifier(Some(CHAT_TOPIC))
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_one_message_with_a_mail_and_every_row() {
    let account = Account::new();
    let batch = batch(&[&row("e-1", "low"), &row("e-2", "critical")]);
    let answer = tell(&alone(&account), batch).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    let published = account.published();
    let [sent] = published.as_slice() else { panic!("{} messages", published.len()) };
    assert_eq!(sent.topic_arn(), Some(ALERT_TOPIC));
    assert_eq!(sent.message_structure(), Some("json"));
    assert!(sent.subject().unwrap().starts_with("[CRITICAL] 2 findings in one minute"));
    let message: Value = serde_json::from_str(sent.message().unwrap()).unwrap();
    let document: Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!(document["schema"], "portcullis.digest.v1");
    assert_eq!(document["rows"][0]["event"], "e-2");
    assert!(message["email"].as_str().unwrap().contains("closed TCP 22"));
}

#[tokio::test(start_paused = true)]
async fn with_a_chat_topic_the_chat_is_told_too() {
    let account = Account::new();
    tell(&with_chat(&account), batch(&[&row("e-1", "high")])).await.unwrap();
    let published = account.published();
    let [_, chat] = published.as_slice() else { panic!("{} messages", published.len()) };
    assert_eq!((chat.topic_arn(), chat.message_structure()), (Some(CHAT_TOPIC), None));
    let message: Value = serde_json::from_str(chat.message().unwrap()).unwrap();
    assert_eq!(message["content"]["title"], "[HIGH] 1 finding in one minute");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_row_is_reported_and_the_rest_is_told() {
    counted();
    let account = Account::new();
    let batch = batch(&["not a row", &row("e-1", "low"), "{}"]);
    let answer = tell(&alone(&account), batch).await.unwrap();
    assert_eq!(failed(&answer), ["m-0", "m-2"]);
    assert_eq!(account.published().len(), 1);
    assert_eq!(counted(), ["Ignored", "Ignored"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_nothing_but_garbage_is_reported_and_nothing_is_sent() {
    let account = Account::new();
    let answer = tell(&with_chat(&account), batch(&["x", ""])).await.unwrap();
    assert_eq!(failed(&answer), ["m-0", "m-1"]);
    assert!(account.topics().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_sns_refuses_is_an_error_so_that_all_come_again_and_the_chat_is_told_all_the_same() {
    counted();
    let account = Account::new();
    account.fail(ALERT_TOPIC, "AuthorizationError");
    let error = tell(&with_chat(&account), batch(&[&row("e-1", "low"), "x"])).await.unwrap_err();
    assert!(format!("{error:#}").contains("AuthorizationError"), "{error:#}");
    assert_eq!(account.topics(), [CHAT_TOPIC]);
    assert_eq!(counted(), ["Ignored", "AlertFailures"]);
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_is_refused_does_not_send_the_mail_again() {
    counted();
    let account = Account::new();
    account.fail(CHAT_TOPIC, "NotFound");
    let answer = tell(&with_chat(&account), batch(&[&row("e-1", "low")])).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(account.topics(), [ALERT_TOPIC]);
    assert_eq!(counted(), ["ChatFailures"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_batch_is_an_error() {
    let account = Account::new();
    for payload in [json!({}), json!({ "Records": [{ "body": "no row" }] })] {
        tell(&alone(&account), payload).await.unwrap_err();
    }
    assert!(account.topics().is_empty());
}
