//! The servers behind a rule for Memcached's port: asked after the revoke, and waited for a while.

use std::sync::Mutex;

use aws_sdk_ec2::types::NetworkInterfaceAttachment;
use aws_sdk_sns::operation::publish::PublishInput;

use super::*;
use crate::scripted::{interface, rule};

const SAID: &str = r#"{"said": "{\"schema\":\"portcullis.memcached.v1\",\"result\":\"ok\",\"servers\":[{\"version\":\"1.4.15\",\"udp\":[\"0.0.0.0:11211\"],\"verdict\":\"exposed\",\"clients\":{\"local\":0,\"remote\":[\"10.0.1.7\"],\"more\":2}}]}"}"#;

/// What a server answers; `None` if it never does.
type Answer = Option<Result<Vec<Server>, String>>;

/// What says that it answers after so many seconds.
const AFTER: &str = "after ";

/// UDP 11211 is open to this many instances.
fn opened(instances: usize) -> Account {
    let mut udp = rule("sgr-1", WORLD);
    udp.ip_protocol = Some("udp".to_owned());
    (udp.from_port, udp.to_port) = (Some(11_211), Some(11_211));
    let account = Account::new().with(GROUP, [udp]);
    for at in 0..instances {
        let mut carrier = interface(&format!("eni-{at}"), GROUP);
        let instance = format!("i-{at:017}");
        carrier.attachment =
            Some(NetworkInterfaceAttachment::builder().instance_id(instance).build());
        account.now().interfaces.push(carrier);
    }
    account
}

/// The event is dealt with; each instance that is asked, with how many rules were left then.
async fn asked(
    account: &Account,
    stack_asks: bool,
    answer: fn(&str) -> Answer,
) -> Vec<(String, usize)> {
    let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-harden";
    let mut shell = account.shell(Mode::Enforce);
    shell.settings.harden_state_machine_arn = stack_asks.then(|| machine.to_owned());
    let asked = std::sync::Arc::new(Mutex::new(Vec::new()));
    let (log, state) = (std::sync::Arc::clone(&asked), account.clone());
    let ask: Ask = Box::new(move |instance| {
        log.lock().unwrap().push((instance.clone(), state.rule_ids(GROUP).len()));
        Box::pin(async move {
            match answer(&instance) {
                Some(Err(why)) if why.starts_with(AFTER) => {
                    let seconds = why.trim_start_matches(AFTER).parse().unwrap();
                    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                    portcullis_engine::servers::asked(SAID)
                }
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    });
    let event = event(GROUP, &["sgr-1"]);
    super::super::ingress(&shell, &invocation(&event, "r-1"), Some(&ask)).await.unwrap();
    std::mem::take(&mut *asked.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_a_server_says_is_in_the_alert_and_was_asked_after_the_revoke() {
    let account = opened(1);
    let said = |_: &str| Some(portcullis_engine::servers::asked(SAID));
    let asked = asked(&account, true, said).await;
    assert_eq!(asked, [("i-00000000000000000".to_owned(), 0)], "the rule was gone by then");
    let (_, mail, document) = told(&account);
    let server = &document["servers"][0];
    assert_eq!(server["instance"], "i-00000000000000000");
    assert_eq!(server["memcached"][0]["verdict"], "exposed");
    for part in [
        "i-00000000000000000: memcached 1.4.15, UDP 0.0.0.0:11211, exposed, 3 clients on other hosts",
        "portcullis harden i-00000000000000000 --region eu-west-1",
    ] {
        assert!(mail.contains(part), "{mail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_delays_the_alert_by_ten_seconds_and_the_revoke_not_at_all() {
    let account = opened(7);
    let begun = tokio::time::Instant::now();
    let answers = |id: &str| id.ends_with('3').then(|| Err("it does not run Linux".to_owned()));
    let asked = asked(&account, true, answers).await;
    assert_eq!(asked.len(), 5, "no more are asked for one event");
    assert!(asked.iter().all(|(_, left)| *left == 0), "{asked:?}");
    let took = begun.elapsed().as_secs();
    assert!((55..=57).contains(&took), "it is told after 10 s, and waited for 45 s more: {took} s");
    let (_, _, document) = told(&account);
    let unknown = |at: usize| document["servers"][at]["unknown"].as_str().unwrap().to_owned();
    assert_eq!(
        unknown(0),
        "it did not answer within 10 seconds; if it does soon, a second message follows"
    );
    assert_eq!(unknown(3), "it does not run Linux");
    assert_eq!(unknown(6), "5 instances are asked for one event, and not this one");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_after_the_alert_is_told_by_a_second_message() {
    for (answers, seconds) in [
        ((|_| Some(Err("after 30".to_owned()))) as fn(&str) -> Answer, 30),
        (|_| Some(Err("after 70".to_owned())), 55),
    ] {
        let account = opened(1);
        let begun = tokio::time::Instant::now();
        asked(&account, true, answers).await;
        assert_eq!(begun.elapsed().as_secs(), seconds);
        let documents = documents(&account);
        assert_eq!(documents[0].get("later"), None);
        assert!(documents[0]["servers"][0]["unknown"].is_string());
        if seconds == 30 {
            let [_, second] = documents.as_slice() else { panic!("{documents:?}") };
            assert_eq!((&second["later"], &second["id"]), (&true.into(), &documents[0]["id"]));
            assert_eq!(second["servers"][0]["memcached"][0]["verdict"], "exposed");
        } else {
            assert_eq!(documents.len(), 1, "later than 55 seconds is too late");
        }
    }
}

/// Every message for machines, in order.
fn documents(account: &Account) -> Vec<Value> {
    let published = account.now().published.clone();
    let read = |sent: &PublishInput| {
        let by_protocol: Value = serde_json::from_str(sent.message().unwrap()).unwrap();
        serde_json::from_str(by_protocol["default"].as_str().unwrap()).unwrap()
    };
    published.iter().map(read).collect()
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_without_the_workflow_or_about_another_port() {
    let never = |_: &str| -> Answer { panic!("it was asked") };
    let account = opened(1);
    assert!(asked(&account, false, never).await.is_empty());
    assert_eq!(told(&account).2.get("servers"), None);
    let account = opened(1);
    for rule in account.now().rules.get_mut(GROUP).unwrap() {
        (rule.from_port, rule.to_port) = (Some(53), Some(53));
    }
    assert!(asked(&account, true, never).await.is_empty());
    assert_eq!(told(&account).2.get("servers"), None);
}
