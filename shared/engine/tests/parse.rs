//! `parse` is total, does not mind how CloudTrail spells lists and numbers, lets nothing pass that
//! could not be pasted into a command, and says what is wrong.

#[path = "parse/texts.rs"]
mod texts;

use std::fs;
use std::path::PathBuf;

use portcullis_engine::event::{
    Carrier, Event, EventName, GroupRef, Lead, Parsed, Touched, is_redelivered, parse, redelivered,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Every event of `events/`. One that is delivered as a string is unpacked, so that mutations get
/// at its inside.
fn corpus() -> Vec<(String, Value)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut events = Vec::new();
    for file in fs::read_dir(path).expect("events/ can be listed") {
        let path = file.expect("events/ can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
        if name.ends_with(".json") && !name.ends_with(".facts.json") {
            let text = fs::read_to_string(&path).expect("the event can be read");
            let mut event: Value = serde_json::from_str(&text).expect("the event is JSON");
            if let Some(detail) = event["detail"].as_str() {
                event["detail"] = serde_json::from_str(detail).expect("the record is JSON");
            }
            events.push((name.to_owned(), event));
        }
    }
    events.sort_by(|a, b| a.0.cmp(&b.0));
    events
}

fn read(event: &Value) -> Parsed {
    parse(event, &["arn:aws:iam::111122223333:role/portcullis-recreate".to_owned()])
}

/// What the sweep makes of a record of the event history is what EventBridge would have delivered.
#[test]
fn a_record_of_the_event_history_is_the_event_that_was_not_delivered() {
    for (name, event) in corpus() {
        let members = ["eventID", "eventTime", "recipientAccountId", "awsRegion"];
        if members.iter().any(|member| !event["detail"][*member].is_string()) {
            continue;
        }
        let late = redelivered(&event["detail"]);
        assert!(is_redelivered(&late) && !is_redelivered(&event), "{name}");
        if let Parsed::Event(delivered) = read(&event) {
            assert_eq!(read(&late), Parsed::Event(delivered), "{name}");
        }
    }
}

/// Any JSON, of which many members have names that the parser asks for.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        select(vec![
            "items",
            "groupId",
            "groupName",
            "ipPermissions",
            "ipRanges",
            "cidrIp",
            "ipProtocol",
            "fromPort",
            "securityGroupRuleSet",
            "securityGroupRuleId",
            "ModifySecurityGroupRulesRequest",
            "SecurityGroupRule",
            "cacheClusterId",
            "replicationGroupId",
            "serverlessCache",
            "securityGroupIds",
            "port",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(vec!["", "sg-1", "sgr-1", "0.0.0.0/0", "10.1.2.3/0", "::/0", "-1", "6379", "99999"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(name.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What takes a node's place; `None` takes it away.
fn replacement() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!({}))),
        Just(Some(json!(""))),
        Just(Some(json!([]))),
        Just(Some(json!({"items": {"items": [{}, null, 1]}}))),
        any_json().prop_map(Some),
    ]
}

/// The JSON pointers of all nodes below the root.
fn nodes(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().map(|(name, v)| (escaped(name), v)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(step, child)| {
        let deeper = nodes(child).into_iter().map(|path| format!("/{step}{path}"));
        std::iter::once(format!("/{step}")).chain(deeper.collect::<Vec<_>>())
    });
    below.collect()
}

fn mutate(event: &mut Value, pointer: &str, new: Option<Value>) {
    let (parent, step) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let step = step.replace("~1", "/").replace("~0", "~");
    match (event.pointer_mut(parent).expect("the node is there"), new) {
        (Value::Object(members), Some(new)) => drop(members.insert(step, new)),
        (Value::Object(members), None) => drop(members.remove(&step)),
        (Value::Array(items), Some(new)) => items[step.parse::<usize>().expect("an index")] = new,
        (Value::Array(items), None) => drop(items.remove(step.parse().expect("an index"))),
        (other, _) => unreachable!("{other} has no children"),
    }
}

/// What ends up in commands and ARNs holds nothing that a shell would act on.
fn assert_harmless(event: &Event) {
    let harmless = |text: &str| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:.+".contains(&b)) && text.len() <= 64
    };
    let mut words = vec![&event.id, &event.time, &event.account, &event.region];
    match &event.lead {
        Lead::Group(lead) => {
            if let GroupRef::Id(id) = &lead.group {
                assert!(id.starts_with("sg-"), "{id}");
                words.push(id);
            }
            if let Some(Carrier::Interface(id) | Carrier::Instance(id) | Carrier::Vpc(id)) =
                lead.carrier()
            {
                words.push(id);
            }
            if let Touched::Rules(rules) = &lead.touched {
                assert!(!rules.is_empty(), "nothing touched must be told as unknown");
                words.extend(rules.iter().filter_map(|rule| rule.id.as_ref()));
            }
        }
        Lead::Cache(lead) => {
            words.push(&lead.id);
        }
        Lead::List(lead) => assert!(lead.id.starts_with("pl-")),
        Lead::Unknown => {}
    }
    for word in words {
        assert!(harmless(word), "{word:?}");
    }
}

fn assert_total(event: &Value) {
    match read(event) {
        Parsed::Event(event) => assert_harmless(&event),
        Parsed::Several(events) => {
            assert!(events.len() > 1);
            events.iter().for_each(assert_harmless);
        }
        Parsed::Revisit(revisit) => assert!(!revisit.event.is_empty()),
        Parsed::Ignored(why) => assert!(!why.to_string().is_empty()),
        Parsed::Malformed(what) => assert!(!what.to_string().contains('\n'), "{what}"),
    }
}

/// A record in which lists, numbers and booleans are spelled in other ways that CloudTrail has.
/// `dice` chooses; `None` leaves the member out.
fn respell(name: &str, value: &Value, dice: &mut impl Iterator<Item = usize>) -> Option<Value> {
    if let Some(items) = items(name, value) {
        let items = items.into_iter().filter_map(|item| respell("", item, dice)).collect();
        return spell(items, dice);
    }
    let as_text = |dice: &mut dyn Iterator<Item = usize>| dice.next().is_some_and(|n| n % 2 == 0);
    Some(match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), respell(name, value, dice)?)));
            Value::Object(members.collect())
        }
        Value::Number(_) | Value::Bool(_) if as_text(dice) => Value::from(value.to_string()),
        other => other.clone(),
    })
}

/// The members of what is a list in the API.
fn items<'a>(name: &str, value: &'a Value) -> Option<Vec<&'a Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        // The record itself is no list, even where it is empty.
        Value::Object(members) if members.is_empty() && name != "detail" => Some(Vec::new()),
        Value::Object(members) if members.contains_key("items") => items("", &members["items"]),
        Value::Object(members)
            if name == "SecurityGroupRule" && members.contains_key("SecurityGroupRuleId") =>
        {
            Some(vec![value])
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            None
        }
    }
}

fn spell(items: Vec<Value>, dice: &mut impl Iterator<Item = usize>) -> Option<Value> {
    let choice = dice.next().unwrap_or_default();
    match items.as_slice() {
        // The sixth is to leave it out.
        [] => [Value::Null, json!({}), json!(""), json!([]), json!({"items": []})]
            .get(choice % 6)
            .cloned(),
        [single @ Value::Object(_)] if choice.is_multiple_of(3) => Some(single.clone()),
        _ if choice.is_multiple_of(2) => Some(json!({"items": items})),
        _ => Some(Value::from(items)),
    }
}

fn config() -> ProptestConfig {
    // Failures are printed; a file of them beside the tests would be one more thing to keep.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_json_can_be_parsed(event in any_json()) {
        assert_total(&event);
    }

    #[test]
    fn any_record_of_a_watched_call_can_be_parsed(
        name in select(EventName::ALL.to_vec()),
        request in any_json(),
        response in any_json(),
        identity in any_json(),
    ) {
        assert_total(&json!({
            "account": "111122223333", "region": "eu-west-1", "id": "1", "time": "2026-03-02T08:00:00Z",
            "detail": {
                "eventName": name.as_str(), "requestParameters": request,
                "responseElements": response, "userIdentity": identity,
            },
        }));
    }

    #[test]
    fn any_mutation_of_an_event_can_be_parsed(
        event in select(corpus()),
        mutations in vec((any::<Index>(), replacement()), 1..4),
    ) {
        let (_, mut event) = event;
        for (at, new) in mutations {
            let nodes = nodes(&event);
            if !nodes.is_empty() {
                mutate(&mut event, &nodes[at.index(nodes.len())], new);
                assert_total(&event);
            }
        }
    }
}

proptest! {
    // Each case is the whole corpus.
    #![proptest_config(ProptestConfig { cases: 32, ..config() })]

    #[test]
    fn the_spelling_of_lists_and_numbers_does_not_matter(dice in vec(0_usize..6, 1..64)) {
        for (name, event) in corpus() {
            let respelled = respell("", &event, &mut dice.iter().copied().cycle()).expect("an event is no list");
            prop_assert_eq!(read(&respelled), read(&event), "{}: {}", name, respelled);
        }
    }
}

#[test]
fn every_single_node_may_be_missing_or_empty() {
    for (_, event) in corpus() {
        for node in nodes(&event) {
            for new in [None, Some(Value::Null), Some(json!({})), Some(json!("")), Some(json!([]))]
            {
                let mut mutated = event.clone();
                mutate(&mut mutated, &node, new);
                assert_total(&mutated);
            }
        }
    }
}
