//! A scripted account for the page: a table of moves, a key, and workflows that wait. It answers as AWS
//! documents it, and what is left in it can be looked at.

#![expect(clippy::disallowed_methods, reason = "scripts what is called, and calls nothing")]

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::update_item::{
    UpdateItemError, UpdateItemInput, UpdateItemOutput,
};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_kms::operation::generate_mac::GenerateMacOutput;
use aws_sdk_kms::operation::verify_mac::{VerifyMacError, VerifyMacOutput};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::error::KmsInvalidMacException;
use aws_sdk_sfn::operation::send_task_success::{SendTaskSuccessError, SendTaskSuccessOutput};
use aws_sdk_sfn::types::error::{InvalidOutput, TaskDoesNotExist};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use portcullis_approval::{About, Hardening, Question, Record, Table, To, Work, sign};
use portcullis_approval_page::{Approvals, Limit};
use portcullis_recreation::plan::{Answer, Choices, Plan, plan};
use sha2::{Digest, Sha256};

/// 21 November 2026, 14:03 UTC: the time of every request.
pub(crate) const NOW: i64 = 1_795_269_780;
/// Until when the questions can be answered.
pub(crate) const UNTIL: i64 = NOW + 3 * 24 * 3600;
/// Where the page is.
pub(crate) const BASE: &str = "https://page.example/";

thread_local! {
    /// How many links were counted as not checked: every test has a thread of its own.
    pub(crate) static NOT_CHECKED: Cell<usize> = const { Cell::new(0) };
}

type Item = HashMap<String, AttributeValue>;

/// The account. A test changes it and reads it through [`Account::now`].
#[derive(Clone, Default)]
pub(crate) struct Account(Arc<Mutex<State>>);

/// What is in it, and what was asked of it.
#[derive(Default)]
pub(crate) struct State {
    /// The table.
    pub(crate) items: BTreeMap<String, Item>,
    /// Every call, in order.
    pub(crate) calls: Vec<&'static str>,
    /// The tokens of the tasks that were woken.
    pub(crate) woken: Vec<String>,
    /// Whether Step Functions answers with an error.
    pub(crate) lost: bool,
    /// Whether the workflows are gone.
    pub(crate) ended: bool,
}

impl Account {
    /// The state as it is now.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the account in hand")
    }

    fn call(&self, name: &'static str) -> MutexGuard<'_, State> {
        let mut state = self.now();
        state.calls.push(name);
        state
    }

    /// What the function has of the account.
    pub(crate) fn desk(&self) -> Approvals {
        let (dynamodb, kms, sfn) = (self.dynamodb(), self.kms(), self.sfn());
        let table = Table::new(dynamodb, "moves");
        let key = "key".to_owned();
        Approvals {
            table,
            kms,
            sfn,
            key,
            limit: Limit::default(),
            not_checked: || NOT_CHECKED.set(NOT_CHECKED.get() + 1),
        }
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let (get, put, update) = (self.clone(), self.clone(), self.clone());
        let get = mock!(aws_sdk_dynamodb::Client::get_item).then_compute_output(move |input| {
            let id = input.key().and_then(|key| key["id"].as_s().ok()).expect("a key").clone();
            let state = get.call("GetItem");
            GetItemOutput::builder().set_item(state.items.get(&id).cloned()).build()
        });
        let put = mock!(aws_sdk_dynamodb::Client::put_item).then_compute_output(move |input| {
            let item = input.item().expect("an item").clone();
            let id = item["id"].as_s().expect("an id").clone();
            put.call("PutItem").items.insert(id, item);
            PutItemOutput::builder().build()
        });
        let update = mock!(aws_sdk_dynamodb::Client::update_item)
            .then_compute_response(move |input| change(&mut update.call("UpdateItem"), input));
        mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&get, &put, &update])
    }

    fn kms(&self) -> aws_sdk_kms::Client {
        let (generate, verify) = (self.clone(), self.clone());
        let generate = mock!(aws_sdk_kms::Client::generate_mac).then_compute_output(move |input| {
            drop(generate.call("GenerateMac"));
            GenerateMacOutput::builder().mac(mac(input.message())).build()
        });
        let verify = mock!(aws_sdk_kms::Client::verify_mac).then_compute_response(move |input| {
            drop(verify.call("VerifyMac"));
            if input.mac() == Some(&mac(input.message())) {
                MockResponse::Output(VerifyMacOutput::builder().mac_valid(true).build())
            } else {
                let refused = KmsInvalidMacException::builder().build();
                MockResponse::Error(VerifyMacError::KmsInvalidMacException(refused))
            }
        });
        mock_client!(aws_sdk_kms, RuleMode::MatchAny, [&generate, &verify])
    }

    fn sfn(&self) -> aws_sdk_sfn::Client {
        let account = self.clone();
        let wake =
            mock!(aws_sdk_sfn::Client::send_task_success).then_compute_response(move |input| {
                let mut state = account.call("SendTaskSuccess");
                if state.lost {
                    let down = InvalidOutput::builder().message("as if it were down").build();
                    return MockResponse::Error(SendTaskSuccessError::InvalidOutput(down));
                }
                if state.ended {
                    let gone = TaskDoesNotExist::builder().message("gone").build();
                    return MockResponse::Error(SendTaskSuccessError::TaskDoesNotExist(gone));
                }
                state.woken.extend(input.task_token().map(str::to_owned));
                MockResponse::Output(SendTaskSuccessOutput::builder().build())
            });
        mock_client!(aws_sdk_sfn, RuleMode::MatchAny, [&wake])
    }

    /// Plans a move of an example and asks about it; the link of the mail.
    pub(crate) async fn asks(&self, example: &str, about: About) -> String {
        let (record, plan) = record(example);
        self.puts(&record, about, &plan.fingerprint).await
    }

    /// Keeps a record and asks about it.
    pub(crate) async fn puts(&self, record: &Record, about: About, plan: &str) -> String {
        self.keeps(record, about, question(about, plan)).await
    }

    /// Keeps a record with a question; the link of the mail.
    pub(crate) async fn keeps(&self, record: &Record, about: About, question: Question) -> String {
        let desk = self.desk();
        let plan = question.plan.clone();
        let record = Record { questions: BTreeMap::from([(about, question)]), ..record.clone() };
        desk.table.put(&record, NOW).await.unwrap();
        let to = To { id: &record.id, about, plan: &plan, until: UNTIL };
        let link = sign(&desk.kms, "key", BASE, to).await.unwrap();
        self.now().calls.clear();
        link
    }
}

/// A keyed hash, which is all that a MAC of KMS is to the page.
fn mac(message: Option<&Blob>) -> Blob {
    let mut hash = Sha256::new_with_prefix(b"a key that never leaves KMS");
    hash.update(message.expect("a message").as_ref());
    Blob::new(hash.finalize().to_vec())
}

/// UpdateItem, for the expressions that are sent.
fn change(
    state: &mut State,
    input: &UpdateItemInput,
) -> MockResponse<UpdateItemOutput, UpdateItemError> {
    let id = input.key().and_then(|key| key["id"].as_s().ok()).expect("a key");
    let names = input.expression_attribute_names().expect("names");
    let values = input.expression_attribute_values().expect("values");
    let item = state.items.get_mut(id).expect("an item of this id");
    let changed = match input.update_expression().expect("an expression") {
        "SET #question.#answer = :answer" => {
            let question = item.get_mut(&names["#question"]).and_then(map);
            question.is_some_and(|question| {
                let open = !question.contains_key("answer")
                    && question["plan"] == values[":plan"]
                    && question["until"] == values[":until"]
                    && number(&question["until"]) > number(&values[":now"]);
                if open {
                    question.insert("answer".to_owned(), values[":answer"].clone());
                }
                open
            })
        }
        "SET #question.passedOn = :yes" => {
            let question = item.get_mut(&names["#question"]).and_then(map).expect("a question");
            question.insert("passedOn".to_owned(), values[":yes"].clone());
            true
        }
        other => panic!("not known here: {other}"),
    };
    if changed {
        return MockResponse::Output(UpdateItemOutput::builder().build());
    }
    let failed = ConditionalCheckFailedException::builder().message("failed").build();
    MockResponse::Error(UpdateItemError::ConditionalCheckFailedException(failed))
}

fn map(value: &mut AttributeValue) -> Option<&mut Item> {
    match value {
        AttributeValue::M(map) => Some(map),
        _ => None,
    }
}

fn number(value: &AttributeValue) -> i64 {
    value.as_n().expect("a number").parse().expect("a number")
}

/// A move of an example of the planner, before anybody is asked.
pub(crate) fn record(example: &str) -> (Record, Plan) {
    let path =
        format!("{}/../../shared/recreation/examples/{example}.json", env!("CARGO_MANIFEST_DIR"));
    of_document(example, std::fs::read_to_string(path).unwrap())
}

/// A move of the cache in a document.
pub(crate) fn of_document(name: &str, document: String) -> (Record, Plan) {
    let facts = portcullis_recreation::document::read(&document, None).unwrap();
    let Answer::Plan(plan) = plan(&facts, &Choices::default()) else { panic!("{name} is refused") };
    let record = Record {
        id: format!("{name}-1a2b3c4d"),
        subject: plan.cache.arn.clone(),
        asked_by: "arn:aws:sts::111122223333:assumed-role/platform/ada".to_owned(),
        why: format!("{} listens on its default port {}", plan.cache.id, plan.cache.port),
        work: Work::Recreation { choices: Choices::default(), document },
        fingerprint: plan.fingerprint.clone(),
        stage: "ask".to_owned(),
        execution: "arn:aws:states:eu-west-1:111122223333:execution:portcullis-recreate:x"
            .to_owned(),
        questions: BTreeMap::new(),
    };
    (record, *plan)
}

/// A request to harden a server, before anybody is asked. Its host writes what it likes.
pub(crate) fn server(id: &str, says: &str) -> Record {
    let hardening = Hardening {
        instance: "i-0123456789abcdef0".to_owned(),
        server: format!(
            "memcached 1.4.15{says}, TCP 0.0.0.0:11211, UDP 0.0.0.0:11211, UDP answers, exposed, \
             2 clients on other hosts (10.0.1.7, 10.0.1.8)"
        ),
        file: format!("/etc/memcached.conf{says}"),
        sha256: "0a".repeat(32),
        listen: "10.0.0.5,127.0.0.1".to_owned(),
        diff: format!("--l 0.0.0.0{says}\n--U 11211\n+-l 10.0.0.5,127.0.0.1\n+-U 0"),
        others: 1,
        document_version: "1".to_owned(),
        document_hash: "0b".repeat(32),
    };
    Record {
        id: id.to_owned(),
        subject: hardening.instance.clone(),
        asked_by: "Portcullis".to_owned(),
        why: "a rule let the internet reach port 11211 of this instance".to_owned(),
        fingerprint: hardening.fingerprint(),
        work: Work::Hardening(hardening),
        stage: "ask".to_owned(),
        execution: "arn:aws:states:eu-west-1:111122223333:execution:portcullis-ask:x".to_owned(),
        questions: BTreeMap::new(),
    }
}

/// A question, open.
pub(crate) fn question(about: About, plan: &str) -> Question {
    let note = match about {
        About::Recreation | About::Hardening => "",
        About::Deletion => {
            "CurrConnections of the old cache was 2 at most in the last hour; monitoring alone makes 2"
        }
    };
    Question {
        asked_at: NOW - 3600,
        until: UNTIL,
        plan: plan.to_owned(),
        note: note.to_owned(),
        token: Some(format!("token of {}", about.as_str())),
        answer: None,
        passed_on: false,
    }
}

/// An example whose owner writes what they like, wherever they can.
pub(crate) fn hostile() -> (Record, Plan) {
    writes("</code><script>alert(1)</script>\" onload='alert(2)' \u{202e}&lt;")
}

/// An example whose owner writes this text, wherever they can.
pub(crate) fn writes(text: &str) -> (Record, Plan) {
    let path = format!(
        "{}/../../shared/recreation/examples/valkey-with-replicas.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let example = std::fs::read_to_string(path).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&example).unwrap();
    document["ReplicationGroups"][0]["Description"] = text.into();
    document["TagList"][0]["Value"] = text.into();
    document["EndpointHolders"][0] = text.into();
    let (mut record, plan) = of_document("hostile", document.to_string());
    record.asked_by = text.to_owned();
    record.why = text.to_owned();
    (record, plan)
}
