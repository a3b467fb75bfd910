#![expect(clippy::disallowed_methods, reason = "scripts what is called, and calls nothing")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_sns::operation::publish::PublishOutput;
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use portcullis_approval::{Asker, Question, Table, Through};
use serde_json::json;

use super::*;
use crate::settings::Settings;

const INSTANCE: &str = "i-0123456789abcdef0";
const NOW: i64 = 1_795_255_230;
type Item = HashMap<String, AttributeValue>;

/// A table, and the mails that were sent.
type State = (BTreeMap<String, Item>, Vec<String>);

/// An account whose updates set one attribute.
#[derive(Clone, Default)]
struct Account(Arc<Mutex<State>>);

impl Account {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn shell(&self) -> Shell {
        let (get, put, update, told) = (self.clone(), self.clone(), self.clone(), self.clone());
        let key = |key: Option<&Item>| key.unwrap()["id"].as_s().unwrap().clone();
        let get = mock!(aws_sdk_dynamodb::Client::get_item).then_compute_output(move |input| {
            let item = get.state().0.get(&key(input.key())).cloned();
            GetItemOutput::builder().set_item(item).build()
        });
        let put = mock!(aws_sdk_dynamodb::Client::put_item).then_compute_response(move |input| {
            let item = input.item().unwrap().clone();
            let id = key(Some(&item));
            let items = &mut put.state().0;
            let mine = input.expression_attribute_values();
            if let (Some(held), Some(mine)) = (items.get(&id), mine)
                && ![&mine[":id"], &mine[":from"]].contains(&&held["by"])
            {
                let failed =
                    ConditionalCheckFailedException::builder().set_item(Some(held.clone()));
                let error = PutItemError::ConditionalCheckFailedException(failed.build());
                return MockResponse::Error(error);
            }
            items.insert(id, item);
            MockResponse::Output(PutItemOutput::builder().build())
        });
        let update =
            mock!(aws_sdk_dynamodb::Client::update_item).then_compute_output(move |input| {
                let values = input.expression_attribute_values().unwrap();
                let (name, value) = match values.get(":stage") {
                    Some(stage) => ("stage", stage),
                    None => ("hardening", &values[":question"]),
                };
                let id = key(input.key());
                update.state().0.get_mut(&id).unwrap().insert(name.to_owned(), value.clone());
                UpdateItemOutput::builder().build()
            });
        let publish = mock!(aws_sdk_sns::Client::publish).then_compute_output(move |input| {
            let said: Value = serde_json::from_str(input.message().unwrap()).unwrap();
            let mail =
                format!("{}\n\n{}", input.subject().unwrap(), said["email"].as_str().unwrap());
            told.state().1.push(mail);
            PublishOutput::builder().build()
        });
        let set = |name: &str| match name {
            "PORTCULLIS_ALERT_TOPIC_ARN" => {
                Some("arn:aws:sns:eu-west-1:111122223333:alerts".to_owned())
            }
            "PORTCULLIS_MOVES_TABLE" => Some("moves".to_owned()),
            "PORTCULLIS_STACK" => Some("guard".to_owned()),
            _ => None,
        };
        let settings = Settings::read(set).unwrap();
        assert_eq!(settings.asker, Asker { days: 7, page: None });
        Shell {
            table: Table::new(
                mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&get, &put, &update]),
                "moves",
            ),
            sfn: mock_client!(aws_sdk_sfn, []),
            kms: mock_client!(aws_sdk_kms, []),
            sns: mock_client!(aws_sdk_sns, [&publish]),
            now: || NOW,
            settings,
        }
    }

    async fn step(&self, step: &str, id: &str, more: Value) -> Result<Value> {
        let mut payload = json!({
            "step": step, "token": "t0ken",
            "execution": "arn:aws:states:eu-west-1:111122223333:execution:guard-ask:x",
            "request": {
                "id": id, "instance": INSTANCE, "said": said("exposed", "apply", "ok"),
                "agent": "3.3.2746.0",
                "documentVersion": "1", "documentHash": "0b".repeat(32),
            },
        });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        super::step(&self.shell(), payload).await
    }

    /// As the page and the command line record it.
    async fn answer(&self, id: &str, yes: bool) {
        let mut record = self.record(id).await;
        let question = record.questions.get_mut(&About::Hardening).unwrap();
        question.answer = Some(Answer {
            yes,
            by: "Ada".to_owned(),
            reason: "not on Friday".to_owned(),
            at: NOW,
            through: Through::Page,
        });
        self.shell().table.put(&record, NOW).await.unwrap();
    }

    async fn record(&self, id: &str) -> Record {
        self.shell().table.read(id).await.unwrap().unwrap()
    }

    fn mails(&self) -> Vec<String> {
        std::mem::take(&mut self.state().1)
    }
}

fn said(verdict: &str, because: &str, result: &str) -> String {
    let would =
        json!({"listen": "10.0.0.5,127.0.0.1", "diff": "--U 11211\n+-l 10.0.0.5,127.0.0.1\n+-U 0"});
    json!({
        "schema": "portcullis.memcached.v1", "result": result, "because": because,
        "servers": [{
            "version": "1.4.15", "file": "/etc/memcached.conf", "sha256": "0a".repeat(32), "verdict": verdict,
            "listen": ["0.0.0.0:11211"], "udp": ["0.0.0.0:11211"], "udp_answered": true,
            "clients": {"remote": ["10.0.1.7"]}, "would": (verdict == "exposed").then_some(would),
        }],
        "manual": if result == "down" { vec!["systemctl restart memcached"] } else { vec![] },
    })
    .to_string()
}

async fn state(account: &Account, step: &str, id: &str) -> Value {
    account.step(step, id, json!({})).await.unwrap()["state"].clone()
}

#[tokio::test]
async fn what_was_agreed_to_is_what_is_sent_and_nothing_without_an_answer() {
    let (account, id) = (Account::default(), "i-0123456789abcdef0-14960460");
    assert_eq!(state(&account, "plan", id).await, "planned");
    assert_eq!(state(&account, "ask", id).await, "waiting");
    assert_eq!(state(&account, "answered", id).await, "waiting");
    let [mail] = account.mails().try_into().unwrap();
    insta::assert_snapshot!(mail, @r"
    [HARDEN] i-0123456789abcdef0: harden memcached? (111122223333 eu-west-1)

    Memcached on i-0123456789abcdef0 still listens where the internet could reach it. May it be hardened?
    This restarts the server, which empties its cache.
    Answer by 2026-11-28 10:00 UTC. If nobody answers, nothing is changed.

    The server: memcached 1.4.15, TCP 0.0.0.0:11211, UDP 0.0.0.0:11211, UDP answers, exposed, 1 client on another host (10.0.1.7)
    It will listen on 10.0.0.5,127.0.0.1, without UDP.
    In /etc/memcached.conf:
        --U 11211
        +-l 10.0.0.5,127.0.0.1
        +-U 0

    Asked by Portcullis: a rule let the internet reach port 11211 of this instance.
    If the file is changed before the answer, nothing is done. A server that does not come back as it should gets its old file back.

    To answer:
        portcullis approve i-0123456789abcdef0-14960460 --stack guard --region eu-west-1
        portcullis reject i-0123456789abcdef0-14960460 --stack guard --region eu-west-1 --reason '...'

    Request i-0123456789abcdef0-14960460, fingerprint 6949ea01deeaf282.
    ");
    account.answer(id, true).await;
    // What the execution was started with is not looked at any more.
    let other = json!({"request": {
        "id": id, "instance": "i-1", "said": "", "agent": "", "documentVersion": "9", "documentHash": "",
    }});
    let sent = account.step("answered", id, other).await.unwrap();
    assert_eq!(sent["state"], "yes");
    assert_eq!(sent["listen"], "10.0.0.5,127.0.0.1");
    assert_eq!((&sent["expected"], &sent["id"]), (&json!("0a".repeat(32)), &json!(id)));
    assert_eq!(
        (&sent["documentVersion"], &sent["documentHash"]),
        (&json!("1"), &json!("0b".repeat(32)))
    );
    assert_eq!(account.record(id).await.stage, "apply");
}

#[tokio::test]
async fn a_record_that_is_not_what_was_asked_is_not_sent() {
    let (account, id) = (Account::default(), "i-0123456789abcdef0-14960460");
    state(&account, "plan", id).await;
    state(&account, "ask", id).await;
    account.answer(id, true).await;
    let mut record = account.record(id).await;
    if let Work::Hardening(hardening) = &mut record.work {
        hardening.listen = "0.0.0.0".to_owned();
    }
    account.shell().table.put(&record, NOW).await.unwrap();
    let error = account.step("answered", id, json!({})).await.unwrap_err();
    assert!(format!("{error:#}").contains("is not what was asked"), "{error:#}");
}

#[tokio::test]
async fn nothing_is_done_if_somebody_rejects_or_nobody_answers() {
    let account = Account::default();
    for (id, rejects, stage) in [("i-1-1", true, "rejected"), ("i-1-2", false, "nobody answered")] {
        account.state().0.clear();
        state(&account, "plan", id).await;
        state(&account, "ask", id).await;
        account.mails();
        if rejects {
            account.answer(id, false).await;
        }
        assert_eq!(state(&account, "nobody-answered", id).await, "no");
        assert_eq!(account.record(id).await.stage, stage);
        let [mail] = account.mails().try_into().unwrap();
        assert!(mail.contains("\nNothing was changed"), "{mail}");
        assert_eq!(rejects, mail.contains("not on Friday"), "{mail}");
    }
}

#[tokio::test]
async fn the_same_is_asked_once_while_it_is_open_and_once_it_is_rejected() {
    let account = Account::default();
    assert_eq!(state(&account, "plan", "i-1-1").await, "planned");
    state(&account, "ask", "i-1-1").await;
    assert_eq!(state(&account, "plan", "i-1-2").await, "nothing", "it is open");
    account.answer("i-1-1", false).await;
    assert_eq!(state(&account, "plan", "i-1-3").await, "nothing", "it is rejected");
    let other = json!({"request": {
        "id": "i-1-4", "instance": INSTANCE, "said": said("exposed", "apply", "ok"), "agent": "4.0.0.0",
        "documentVersion": "2", "documentHash": "0c".repeat(32),
    }});
    assert_eq!(account.step("plan", "i-1-4", other).await.unwrap()["state"], "planned", "another");
    // One whose time is over, and one that is done, stand in nobody's way.
    let mut late = account.record("i-1-4").await;
    let over = Question {
        until: NOW,
        ..account.record("i-1-1").await.questions[&About::Hardening].clone()
    };
    late.questions.insert(About::Hardening, Question { answer: None, ..over });
    account.shell().table.put(&late, NOW).await.unwrap();
    assert_eq!(state(&account, "plan", "i-1-5").await, "planned");
    state(&account, "ask", "i-1-5").await;
    account.answer("i-1-5", true).await;
    state(&account, "answered", "i-1-5").await;
    assert_eq!(state(&account, "plan", "i-1-6").await, "nothing", "it is being applied");
    let done =
        json!({"applied": said("private", "done", "ok"), "verified": said("private", "", "ok")});
    account.step("record", "i-1-5", done).await.unwrap();
    assert_eq!(state(&account, "plan", "i-1-7").await, "planned");
}

#[tokio::test]
async fn what_needs_no_change_or_cannot_be_changed_is_not_asked() {
    let account = Account::default();
    let new = "3.3.2746.0";
    for (said, agent) in [
        (said("private", "", "ok"), new),
        ("sh: not found".to_owned(), new),
        (said("exposed", "", "down"), new),
        (said("exposed", "", "ok"), "3.2.2303.0"),
    ] {
        let request = json!({"request": {
            "id": "i-1-1", "instance": INSTANCE, "said": said, "agent": agent,
            "documentVersion": "1", "documentHash": "",
        }});
        assert_eq!(
            account.step("plan", "i-1-1", request).await.unwrap(),
            json!({"state": "nothing"})
        );
    }
    assert!(account.state().0.is_empty() && account.mails().is_empty());
}

#[tokio::test]
async fn a_mail_says_how_it_ended() {
    let account = Account::default();
    let ok = || said("private", "done", "ok");
    let mut all = String::new();
    for (stage, more) in [
        ("hardened", json!({"applied": ok(), "verified": ok()})),
        ("hardened", json!({"applied": ok(), "verified": said("exposed", "", "ok")})),
        (
            "hardened",
            json!({"applied": ok(), "failed": "SendCommand report: Ssm.ThrottlingException: rate"}),
        ),
        (
            "refused",
            json!({"applied": said("exposed", "no file has the expected hash", "refused")}),
        ),
        (
            "restored",
            json!({"applied": said("exposed", "it did not come back as it should", "restored")}),
        ),
        ("down", json!({"applied": said("unknown", "it does not run", "down")})),
        ("unknown", json!({"applied": "sh: not found"})),
        ("unknown", json!({"failed": "the command is TimedOut"})),
    ] {
        account.state().0.clear();
        state(&account, "plan", "i-0123456789abcdef0-14960460").await;
        state(&account, "ask", "i-0123456789abcdef0-14960460").await;
        account.answer("i-0123456789abcdef0-14960460", true).await;
        account.mails();
        account.step("record", "i-0123456789abcdef0-14960460", more).await.unwrap();
        assert_eq!(account.record("i-0123456789abcdef0-14960460").await.stage, stage);
        let [mail] = account.mails().try_into().unwrap();
        all.push_str(&format!("{mail}\n----\n"));
    }
    insta::assert_snapshot!("ended", all);
}
