//! An AWS account behind a port of this machine, as the command line talks to it: DynamoDB, EC2 and STS.
//! It knows the calls that the commands make, keeps what they leave behind, and refuses what it is told to.

mod ec2;

use std::process::Output;
use std::sync::{Arc, Mutex, MutexGuard};

use portcullis_engine::ledger::{Entry, Revisit, Snooze};
use portcullis_testkit::http;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::{Item, from_item, to_item};
use serde_json::{Value, json};

use crate::bare;

pub(crate) use ec2::Rule;

/// Who runs the commands.
pub(crate) const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/admin/alice";

#[derive(Clone)]
pub(crate) struct Account {
    state: Arc<Mutex<State>>,
    url: String,
}

/// What is in the account, and what was asked of it.
#[derive(Default)]
pub(crate) struct State {
    /// The items of the ledger, in DynamoDB's JSON.
    pub(crate) items: Vec<Value>,
    /// The group `sg-1` with its ingress rules, while it is there.
    pub(crate) group: Option<Vec<Rule>>,
    /// Each call with its body, in order.
    pub(crate) calls: Vec<(String, String)>,
    /// Calls that are refused, with the code.
    pub(crate) refused: Vec<(&'static str, &'static str)>,
    /// Whether a rule that is authorized is opened and the answer to it is lost.
    pub(crate) answer_lost: bool,
    /// Whether rules can be read no more once one was authorized.
    pub(crate) blind_afterwards: bool,
}

impl Account {
    /// With a group without rules, and an empty ledger.
    pub(crate) fn new() -> Self {
        let state = Arc::new(Mutex::new(State { group: Some(Vec::new()), ..State::default() }));
        let served = Arc::clone(&state);
        let url = http::serve(move |request| served.lock().unwrap().answer(request));
        Self { state, url }
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The same with this in the ledger.
    pub(crate) fn remembering<T: Serialize>(self, what: T) -> Self {
        let item: Item = to_item(what).unwrap();
        self.now().items.push(serde_json::to_value(item).unwrap());
        self
    }

    /// The ingress rules of the group; `None` if it is gone.
    pub(crate) fn group(&self) -> Option<Vec<Rule>> {
        self.now().group.clone()
    }

    /// The snoozes in the ledger, each with the time that its item expires.
    pub(crate) fn snoozes(&self) -> Vec<(Snooze, i64)> {
        let state = self.now();
        let snoozes =
            state.items.iter().filter(|item| text(item, "finding").starts_with("exempt#"));
        let expires = |item: &Value| item["expires"]["N"].as_str().unwrap_or("0").parse().unwrap();
        snoozes.map(|item| (read(item), expires(item))).collect()
    }

    /// What is to be looked at again.
    pub(crate) fn revisits(&self) -> Vec<Revisit> {
        let state = self.now();
        let records =
            state.items.iter().filter(|item| text(item, "subject").starts_with("revisit/"));
        records.map(read).collect()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let state = self.now();
        let is_one = |item: &&Value| {
            !text(item, "finding").starts_with("exempt#")
                && !text(item, "subject").starts_with("revisit/")
        };
        let entries = state.items.iter().filter(is_one);
        entries.map(read).collect()
    }

    /// The names of the calls that were made, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.now().calls.iter().map(|(name, _)| name.clone()).collect()
    }

    /// What was sent with a call that was made once.
    pub(crate) fn sent(&self, call: &str) -> String {
        let state = self.now();
        let sent: Vec<_> = state.calls.iter().filter(|(name, _)| name == call).collect();
        let [(_, body)] = sent.as_slice() else { panic!("{call} was made {} times", sent.len()) };
        body.clone()
    }

    /// Runs a command in the account.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        bare::command(arguments)
            .env("AWS_ACCESS_KEY_ID", "x")
            .env("AWS_SECRET_ACCESS_KEY", "x")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", &self.url)
            .output()
            .unwrap()
    }
}

impl State {
    fn answer(&mut self, request: &http::Request) -> (u16, String) {
        let call = request.call().unwrap().to_owned();
        self.calls.push((call.clone(), request.body.clone()));
        if self.blind_afterwards && call == "AuthorizeSecurityGroupIngress" {
            self.refused.push(("DescribeSecurityGroupRules", "UnauthorizedOperation"));
        }
        let refusal = self.refused.iter().find(|(refused, _)| *refused == call);
        match (refusal, request.header("x-amz-target")) {
            (Some((_, code)), Some(_)) => {
                (400, json!({"__type": code, "message": "as told"}).to_string())
            }
            (Some((_, code)), None) => (400, ec2::error(code)),
            (None, Some(_)) => (200, self.dynamodb(&call, &request.body)),
            (None, None) => ec2::answer(self, &call, &request.body),
        }
    }

    fn dynamodb(&mut self, call: &str, body: &str) -> String {
        let sent: Value = serde_json::from_str(body).unwrap();
        assert_eq!(sent["TableName"], "portcullis-ledger");
        match call {
            "Scan" => json!({"Items": self.items, "Count": self.items.len()}).to_string(),
            "PutItem" => {
                let item = sent["Item"].clone();
                let key = |item: &Value| (text(item, "subject"), text(item, "finding"));
                self.items.retain(|there| key(there) != key(&item));
                self.items.push(item);
                "{}".to_owned()
            }
            other => panic!("the account does not know {other}"),
        }
    }
}

fn text(item: &Value, name: &str) -> String {
    item[name]["S"].as_str().unwrap().to_owned()
}

fn read<T: DeserializeOwned>(item: &Value) -> T {
    let item: Item = serde_json::from_value(item.clone()).unwrap();
    from_item(item).unwrap()
}
