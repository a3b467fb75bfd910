//! What goes over the wire is what the plan shows, input by input.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_elasticache::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_elasticache::error::BoxError;
use aws_sdk_elasticache::operation::create_cache_cluster::CreateCacheClusterOutput;
use aws_sdk_elasticache::operation::create_replication_group::CreateReplicationGroupOutput;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use portcullis_recreation::document;
use portcullis_recreation::json::json;
use portcullis_recreation::plan::{Answer, Choices, Plan, plan};
use portcullis_recreation::request::{Kind, Token};
use serde_json::Value;

use super::*;

/// The inputs of a request, as `Tags.0.Key`, with their values.
type Inputs = BTreeMap<String, String>;

const TOKEN: &str = "not-a-token-but-a-test";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders";

/// Keeps the body of the last request.
#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<String>>);

impl Intercept for Captured {
    fn name(&self) -> &'static str {
        "Kept"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap() = String::from_utf8(body.to_vec())?;
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "scripted: nothing is made")]
async fn sent(plan: &Plan) -> (String, Inputs) {
    let group = mock!(Client::create_replication_group)
        .then_output(|| CreateReplicationGroupOutput::builder().build());
    let cluster = mock!(Client::create_cache_cluster)
        .then_output(|| CreateCacheClusterOutput::builder().build());
    let kept = Captured::default();
    let client =
        mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, [&group, &cluster], |config| {
            config.interceptor(kept.clone())
        });
    let has_token = matches!(plan.create.auth_token, Token::Secret(_));
    let token = has_token.then(|| AuthToken::of_test(TOKEN));
    match &plan.create.kind {
        Kind::Group(inputs) => {
            let request = super::group(&plan.create, inputs, token).unwrap();
            request.send_with(&client).await.unwrap();
        }
        Kind::Cluster(inputs) => {
            let request = super::cluster(&plan.create, inputs, token).unwrap();
            request.send_with(&client).await.unwrap();
        }
    }
    let body = kept.0.lock().unwrap().clone();
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let mut hex = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
            bytes.push(if byte == b'%' { u8::try_from(hex() * 16 + hex()).unwrap() } else { byte });
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let mut inputs: Inputs =
        pairs.map(|(name, value)| (numbered(&decoded(name)), decoded(value))).collect();
    inputs.remove("Version");
    (inputs.remove("Action").unwrap(), inputs)
}

/// `Tags.Tag.1.Key` is `Tags.0.Key`: in the query protocol, a list has its members' name and counts from one.
fn numbered(name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in name.split('.') {
        match part.parse::<usize>() {
            Ok(number) => {
                parts.pop();
                parts.push((number - 1).to_string());
            }
            Err(_) => parts.push(part.to_owned()),
        }
    }
    parts.join(".")
}

fn flat(name: &str, value: &Value, inputs: &mut Inputs) {
    let under =
        |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(part, value)| flat(&under(part), value, inputs));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| flat(&under(&at.to_string()), item, inputs));
        }
        Value::String(text) => drop(inputs.insert(name.to_owned(), text.clone())),
        other => drop(inputs.insert(name.to_owned(), other.to_string())),
    }
}

#[tokio::test]
async fn every_input_of_the_plan_is_sent_and_nothing_else() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/recreation/examples");
    let choices = Choices { auth_token_secret: Some(SECRET.to_owned()), ..Choices::default() };
    let mut operations = Vec::new();
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let facts = document::read(&text, None).unwrap();
        let planned = match plan(&facts, &Choices::default()) {
            Answer::Refused(_) => plan(&facts, &choices),
            planned @ Answer::Plan(_) => planned,
        };
        let Answer::Plan(plan) = &planned else { continue };
        let (operation, inputs) = sent(plan).await;
        let shown: Value = serde_json::from_str(&json(&planned)).unwrap();
        let mut expected = Inputs::new();
        flat("", &shown["create"]["parameters"], &mut expected);
        if let Some(token) = expected.get_mut("AuthToken") {
            TOKEN.clone_into(token);
        }
        assert_eq!(inputs, expected, "{}", path.display());
        assert_eq!(shown["create"]["operation"], operation.as_str());
        operations.push((operation, inputs.contains_key("AuthToken")));
    }
    let with_token = operations.iter().filter(|(_, token)| *token).count();
    assert!(operations.len() >= 6 && with_token >= 1, "{operations:?}");
    for wanted in ["CreateReplicationGroup", "CreateCacheCluster"] {
        assert!(operations.iter().any(|(operation, _)| operation == wanted), "{wanted}");
    }
}
