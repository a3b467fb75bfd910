//! DynamoDB: the ledger's table, which knows the expressions that the ledger sends, and no others.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::{ScanInput, ScanOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use super::{Account, ROUND_TRIP, State};
use crate::ledger::{Ledger, hasty};

/// The table.
pub(crate) const LEDGER: &str = "portcullis-ledger";

/// An item.
pub(crate) type Stored = HashMap<String, AttributeValue>;

/// Spends the time of a call, as for EC2.
#[derive(Debug)]
struct Slow;

impl ResolveEndpoint for Slow {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::new(async {
            tokio::time::sleep(ROUND_TRIP).await;
            Ok(Endpoint::builder().url("https://dynamodb.invalid").build())
        })
    }
}

/// A table that never answers, and counts how often it is tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silent(Arc<AtomicUsize>);

impl ResolveEndpoint for Silent {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        self.0.fetch_add(1, Ordering::Relaxed);
        EndpointFuture::new(pending())
    }
}

impl Silent {
    pub(crate) fn ledger(&self) -> Ledger {
        let config = hasty(Config::builder().with_test_defaults_v2());
        Ledger::new(Client::from_conf(config.endpoint_resolver(self.clone()).build()), LEDGER)
    }

    pub(crate) fn tries(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Account {
    /// The ledger as a function has it, with its bounds.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger_but(&[])
    }

    /// The same with mocks that come before the script, as for a call that the SDK repeats.
    pub(crate) fn ledger_but(&self, first: &[Rule]) -> Ledger {
        let rules = first.iter().chain(&self.script_of_ledger()).cloned().collect::<Vec<_>>();
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, &rules, |config| {
            hasty(config).endpoint_resolver(Slow)
        });
        Ledger::new(client, LEDGER)
    }

    #[expect(clippy::disallowed_methods, reason = "scripted: nothing is written")]
    fn script_of_ledger(&self) -> [Rule; 5] {
        [
            self.on(
                "BatchGetItem",
                mock!(Client::batch_get_item),
                |input| asked_of(input).iter().map(|key| part(key, "subject")).collect(),
                |state, input| Ok(batch(state, input)),
            ),
            self.on(
                "Query",
                mock!(Client::query),
                |input| vec![asked(input)],
                |state, input| Ok(query(state, input)),
            ),
            self.on(
                "Scan",
                mock!(Client::scan),
                |input| vec![input.table_name.clone()],
                |state, input| Ok(scan(state, input)),
            ),
            self.on(
                "PutItem",
                mock!(Client::put_item),
                |input| vec![input.item().and_then(|item| part(item, "subject"))],
                put,
            ),
            self.on(
                "UpdateItem",
                mock!(Client::update_item),
                |input| vec![input.key().and_then(|key| part(key, "finding"))],
                |state, input| Ok(add(state, input)),
            ),
        ]
    }
}

fn part(item: &Stored, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn key(item: &Stored) -> (String, String) {
    let part = |name| part(item, name).expect("every item has its key");
    (part("subject"), part("finding"))
}

fn asked(input: &QueryInput) -> Option<String> {
    part(input.expression_attribute_values()?, ":subject")
}

fn asked_of(input: &BatchGetItemInput) -> &[Stored] {
    let tables = input.request_items().expect("it asks for items");
    let wanted = tables.get(LEDGER).expect("it asks the ledger");
    assert_eq!(wanted.consistent_read(), Some(true), "memory is read as it is");
    let keys = wanted.keys();
    let apart: HashSet<_> = keys.iter().map(key).collect();
    assert_eq!(apart.len(), keys.len(), "DynamoDB refuses a key twice");
    assert!((1..=100).contains(&keys.len()), "{} keys", keys.len());
    keys
}

/// So many of them as a page holds.
fn batch(state: &mut State, input: &BatchGetItemInput) -> BatchGetItemOutput {
    let keys = asked_of(input);
    let (now, later) = keys.split_at(state.batch.min(keys.len()));
    let items: Vec<Stored> =
        now.iter().filter_map(|asked| state.ledger.get(&key(asked)).cloned()).collect();
    state.read += items.len();
    let left = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(later.to_vec()));
    let left = (!later.is_empty()).then(|| (LEDGER.to_owned(), left.build().unwrap()));
    BatchGetItemOutput::builder()
        .responses(LEDGER, items)
        .set_unprocessed_keys(Some(left.into_iter().collect()))
        .build()
}

fn query(state: &mut State, input: &QueryInput) -> QueryOutput {
    let values = input.expression_attribute_values().expect("it asks for something");
    let value = |name: &str| values.get(name).map(|value| value.as_s().unwrap().clone());
    let subject = asked(input).expect("it asks for a subject");
    let prefix = match input.key_condition_expression() {
        Some("#subject = :subject") => String::new(),
        Some("#subject = :subject AND begins_with(#finding, :prefix)") => value(":prefix").unwrap(),
        Some("#subject = :subject AND #finding = :finding") => value(":finding").unwrap(),
        other => panic!("the script does not know {other:?}"),
    };
    let (mut items, last) = page(state, input.exclusive_start_key(), |item| {
        let (of, finding) = key(item);
        of == subject && finding.starts_with(&prefix)
    });
    state.read += items.len();
    let open = input.filter_expression() == Some("#state = :open");
    assert_eq!(input.consistent_read(), Some(!open), "what decides is read as it is");
    match input.filter_expression() {
        None => {}
        Some("#state = :open") => items.retain(|item| part(item, "state") == value(":open")),
        Some("#seen >= :time") => items.retain(|item| part(item, "lastSeen") >= value(":time")),
        Some(recording) => {
            assert!(recording.starts_with("#rule.#rule IN (:rule0"), "{recording}");
            let rules: Vec<_> = (0..).map_while(|at| value(&format!(":rule{at}"))).collect();
            items.retain(|item| {
                let rule = item.get("rule").and_then(|rule| part(rule.as_m().ok()?, "rule"));
                rule.is_some_and(|rule| rules.contains(&rule))
            });
        }
    }
    QueryOutput::builder().set_items(Some(items)).set_last_evaluated_key(last).build()
}

fn scan(state: &State, input: &ScanInput) -> ScanOutput {
    assert_eq!(input.consistent_read(), Some(true), "memory is read as it is");
    let (items, last) = page(state, input.exclusive_start_key(), |_| true);
    ScanOutput::builder().set_items(Some(items)).set_last_evaluated_key(last).build()
}

/// The items after a key, and the key of the last of them where there are more.
fn page(
    state: &State,
    after: Option<&Stored>,
    is_asked: impl Fn(&Stored) -> bool,
) -> (Vec<Stored>, Option<Stored>) {
    let after = after.map(key);
    let mut rest = state
        .ledger
        .iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
        .map(|(_, item)| item)
        .filter(|item| is_asked(item))
        .cloned();
    let items: Vec<Stored> = rest.by_ref().take(state.page).collect();
    let more = rest.next().and(items.last()).map(|last| {
        let mut last = last.clone();
        last.retain(|name, _| name == "subject" || name == "finding");
        last
    });
    (items, more)
}

fn put(state: &mut State, input: &PutItemInput) -> Result<PutItemOutput, &'static str> {
    let item = input.item().expect("it puts an item").clone();
    // DynamoDB refuses it, with the item that is there: word for word the same.
    if state.ledger.get(&key(&item)) == Some(&item) {
        return Ok(PutItemOutput::builder().build());
    }
    let stored = state.ledger.get(&key(&item)).and_then(|stored| stored.get("version"));
    let before = input.expression_attribute_values().and_then(|values| values.get(":before"));
    let holds = match input.condition_expression() {
        None => true,
        Some("attribute_not_exists(#version)") => stored.is_none(),
        Some("#version = :before") => stored.is_some() && stored == before,
        Some(other) => panic!("the script does not know `{other}`"),
    };
    if !holds {
        return Err("ConditionalCheckFailedException");
    }
    state.ledger.insert(key(&item), item);
    Ok(PutItemOutput::builder().build())
}

fn add(state: &mut State, input: &UpdateItemInput) -> UpdateItemOutput {
    let expected = "ADD #actions :actions, #alerts :alerts SET #expires = :expires";
    assert_eq!(input.update_expression(), Some(expected));
    assert_eq!(input.return_values(), Some(&ReturnValue::UpdatedNew));
    let of = input.key().expect("it updates an item").clone();
    let values = input.expression_attribute_values().expect("it adds something");
    let item = state.ledger.entry(key(&of)).or_insert(of);
    let number = |value: Option<&AttributeValue>| {
        value.map_or(0, |value| value.as_n().unwrap().parse::<u64>().unwrap())
    };
    for name in ["actions", "alerts"] {
        let sum = number(item.get(name)) + number(values.get(&format!(":{name}")));
        item.insert(name.to_owned(), AttributeValue::N(sum.to_string()));
    }
    item.insert("expires".to_owned(), values[":expires"].clone());
    let mut updated = item.clone();
    updated.retain(|name, _| name != "subject" && name != "finding");
    UpdateItemOutput::builder().set_attributes(Some(updated)).build()
}
