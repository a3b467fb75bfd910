//! Memory in an account: what a table that is shared, slow or gone does to closing and telling.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ec2::types::SecurityGroupRule;
use futures_util::future::join3;
use portcullis_engine::event::{Event, GroupLead, GroupRef, Lead, RuleLead, RuleShape, Touched};
use portcullis_engine::facts::{Protocol, Source};
use portcullis_engine::ledger::{Entry, Key, Snooze, State};
use portcullis_engine::settings::{Mode, Settings};
use serde_json::Value;

use std::time::Duration;

use super::super::*;
use super::invocation;
use crate::scripted::{Account, NOW, ROUND_TRIP, event_on, rule, settings};

const GROUP: &str = "sg-1";
const WORLD: &str = "0.0.0.0/0";
const REVOKE: &str = "RevokeSecurityGroupIngress";

/// The event of a call that made these rules for TCP 6379, at a minute of ten o'clock.
fn made(id: &str, minute: usize, rules: &[(&str, &str)]) -> Event {
    let leads = rules.iter().map(|(id, source)| {
        let shape = RuleShape {
            protocol: Protocol::Tcp,
            from_port: 6379,
            to_port: 6379,
            source: Source::cidr(source).unwrap(),
        };
        RuleLead { id: Some((*id).to_owned()), shape: Some(shape), edit: false }
    });
    let touched = Touched::Rules(leads.collect());
    let lead = GroupLead { group: GroupRef::Id(GROUP.to_owned()), touched };
    let mut event = event_on(Lead::Group(lead));
    id.clone_into(&mut event.id);
    event.time = format!("2026-11-21T10:{minute:02}:00Z");
    event
}

fn opened() -> Event {
    made("e-1", 0, &[("sgr-1", WORLD)])
}

fn open() -> Account {
    Account::new().with(GROUP, [rule("sgr-1", WORLD), rule("sgr-2", "10.0.0.0/8")])
}

/// Deals with the event in an invocation of this id.
async fn invoked(shell: &Shell, event: &Event, id: &str) -> anyhow::Result<String> {
    let ended = ingress(shell, &invocation(event, id), None).await?;
    Ok(ended.0)
}

async fn dealt_with(account: &Account, event: &Event) -> anyhow::Result<String> {
    invoked(&account.shell(Mode::Enforce), event, "r-1").await
}

/// What was published: the documents.
fn told(account: &Account) -> Vec<Value> {
    let state = account.now();
    let document = |message: &str| -> Value {
        let message: Value = serde_json::from_str(message).unwrap();
        serde_json::from_str(message["default"].as_str().unwrap()).unwrap()
    };
    state.published.iter().map(|sent| document(sent.message().unwrap())).collect()
}

/// How each finding of each alert ended.
fn ends(account: &Account) -> Vec<String> {
    let findings = told(account).into_iter().flat_map(|d| d["findings"].as_array().cloned());
    findings.flatten().map(|f| f["outcome"].as_str().unwrap().to_owned()).collect()
}

async fn entries(account: &Account) -> Vec<Entry> {
    account.ledger().list().await.unwrap().entries.into_values().collect()
}

/// The rule again, as somebody makes it once more.
fn again(account: &Account, id: &str) -> SecurityGroupRule {
    let new = rule(id, WORLD);
    account.now().rules.get_mut(GROUP).unwrap().push(new.clone());
    new
}

#[tokio::test(start_paused = true)]
async fn what_was_closed_is_remembered_with_what_undoes_it() {
    let account = open();
    dealt_with(&account, &opened()).await.unwrap();
    let [entry] = entries(&account).await.try_into().unwrap();
    assert_eq!((entry.state, entry.times, entry.returns), (State::Closed, 1, 0));
    let kept = entry.rule.as_ref().unwrap();
    assert_eq!((kept.rule.as_str(), kept.source.as_str()), ("sgr-1", WORLD));
    let occurrence = entry.latest().unwrap();
    assert_eq!((occurrence.outcome.as_str(), occurrence.lease.as_ref()), ("done", None));
    assert!(occurrence.reported.is_some());
    assert_eq!(told(&account)[0]["findings"][0]["id"], entry.id);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_cannot_be_read_costs_its_finding_alone() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD), rule("sgr-2", "::/0")]);
    let first = made("e-1", 0, &[("sgr-1", WORLD)]);
    dealt_with(&account, &first).await.unwrap();
    let key = {
        let mut state = account.now();
        let (key, item) = state.ledger.iter_mut().find(|(key, _)| key.0 == GROUP).unwrap();
        item.insert("state".to_owned(), AttributeValue::S("forgiven".to_owned()));
        key.clone()
    };
    let torn = account.now().ledger[&key].clone();
    again(&account, "sgr-3");
    let both = made("e-2", 5, &[("sgr-2", "::/0"), ("sgr-3", WORLD)]);
    dealt_with(&account, &both).await.unwrap();
    assert!(account.rule_ids(GROUP).is_empty());
    let told = told(&account).pop().unwrap();
    assert_eq!(told["findings"].as_array().unwrap().len(), 2);
    let why = told["memory"].as_str().unwrap();
    assert!(why.contains("an item cannot be read") && why.contains(&key.1), "{why}");
    assert_eq!(account.now().ledger[&key], torn, "nobody writes over it");
    let [entry] = entries(&account).await.try_into().unwrap();
    assert_eq!(entry.rule.unwrap().rule, "sgr-2");
}

#[tokio::test(start_paused = true)]
async fn large_tags_are_remembered_apart_and_the_alert_has_a_command_that_restores_them() {
    let long = |at: usize| {
        let value = "\u{1F511}".repeat(256);
        aws_sdk_ec2::types::Tag::builder().key(format!("key-{at}")).value(value).build()
    };
    let mut large = rule("sgr-1", WORLD);
    large.tags = Some((0..50).map(long).collect());
    let account = Account::new().with(GROUP, [large]);
    dealt_with(&account, &opened()).await.unwrap();
    let told = told(&account).pop().unwrap();
    let undo = told["findings"][0]["undo"].as_str().unwrap();
    assert!(undo.starts_with("portcullis undo f-"), "{undo}");
    let [entry] = entries(&account).await.try_into().unwrap();
    let record = entry.rule.unwrap();
    assert!(record.tags.is_empty() && record.tags_apart);
    let tags = account.ledger().tags(GROUP, "sgr-1").await.unwrap().unwrap();
    assert_eq!(tags.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_again_is_told_once() {
    let account = open();
    for invocation in ["r-1", "r-2", "r-3"] {
        invoked(&account.shell(Mode::Enforce), &opened(), invocation).await.unwrap();
    }
    assert_eq!(ends(&account), ["done"]);
    assert_eq!(account.count(REVOKE), 1);
    assert_eq!(entries(&account).await[0].times, 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_at_the_same_time_is_told_once() {
    let account = open();
    let (shell, event) = (account.shell(Mode::Enforce), opened());
    let deliver = |id| invoked(&shell, &event, id);
    let (a, b, c) = join3(deliver("r-1"), deliver("r-2"), deliver("r-3")).await;
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    assert_eq!(ends(&account), ["done"]);
    assert_eq!((account.count(REVOKE), account.rule_ids(GROUP)), (1, vec!["sgr-2".to_owned()]));
    assert_eq!(entries(&account).await[0].times, 1);
}

#[tokio::test(start_paused = true)]
async fn events_that_race_on_one_group_are_each_told_once_and_lose_nothing() {
    let sources = ["0.0.0.0/0", "::/0", "2000::/3"];
    let rules = ["sgr-1", "sgr-2", "sgr-3"].into_iter().zip(sources);
    let account = Account::new().with(GROUP, rules.clone().map(|(id, source)| rule(id, source)));
    let events: Vec<Event> = rules.map(|rule| made(&format!("e-{}", rule.0), 0, &[rule])).collect();
    let shell = account.shell(Mode::Enforce);
    let ended = join3(
        invoked(&shell, &events[0], "r-1"),
        invoked(&shell, &events[1], "r-2"),
        invoked(&shell, &events[2], "r-3"),
    );
    let (a, b, c) = ended.await;
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    assert_eq!(ends(&account), ["done"; 3]);
    assert!(account.rule_ids(GROUP).is_empty());
    let entries = entries(&account).await;
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.state == State::Closed && entry.times == 1));
}

/// It ends while it is held: Lambda tries the same invocation again, another delivery waits until then.
#[tokio::test(start_paused = true)]
async fn an_invocation_that_was_killed_after_the_revoke_is_made_up_for() {
    let account = open();
    let shell = account.shell(Mode::Enforce);
    let event = opened();
    let killed = invoked(&shell, &event, "r-1");
    // Rules and ledger, the lease, the revoke.
    let until_the_revoke = tokio::time::timeout(ROUND_TRIP * 7 / 2, killed).await;
    assert!(until_the_revoke.is_err(), "it was killed");
    assert_eq!((account.count(REVOKE), told(&account).len()), (1, 0));
    let other = invoked(&shell, &event, "r-2").await.unwrap_err().to_string();
    assert!(other.contains("another invocation is processing"), "{other}");
    assert_eq!(told(&account).len(), 0);
    invoked(&shell, &event, "r-1").await.unwrap();
    assert_eq!(ends(&account), ["already-gone"]);
    let tags_are_known = told(&account)[0]["findings"][0]["undo"].as_str().unwrap().to_owned();
    assert!(tags_are_known.contains("authorize-security-group-ingress"), "{tags_are_known}");
    invoked(&shell, &event, "r-3").await.unwrap();
    assert_eq!(told(&account).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_is_counted_and_at_the_third_time_within_the_hour_left_open() {
    let account = open();
    for (time, id) in ["sgr-1", "sgr-10", "sgr-11", "sgr-12"].into_iter().enumerate() {
        if time > 0 {
            again(&account, id);
        }
        let mut event = made(&format!("e-{time}"), time, &[(id, WORLD)]);
        event.actor.name = "deploy/ci".to_owned();
        event.actor.via = Some("Terraform".to_owned());
        dealt_with(&account, &event).await.unwrap();
    }
    assert_eq!(ends(&account), ["done", "done", "done", "withheld"]);
    assert_eq!(account.rule_ids(GROUP), ["sgr-2", "sgr-12"]);
    let told = told(&account);
    assert_eq!(told[2]["findings"][0]["cameBack"]["times"], 2);
    let because = told[3]["findings"][0]["because"].as_str().unwrap();
    assert!(because.contains("Terraform") && because.contains("deploy/ci"), "{because}");
    assert!(["high", "critical"].contains(&told[3]["severity"].as_str().unwrap()), "{because}");
    assert_eq!(entries(&account).await[0].returns, 3);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_was_put_back_is_left_alone_while_its_exemption_lasts() {
    let account = open();
    let snooze = |until: &str| Snooze {
        subject: GROUP.to_owned(),
        finding: "exempt#tcp#6379#6379#0.0.0.0/0".to_owned(),
        until: until.to_owned(),
        reason: "the vendor's demo".to_owned(),
        by: "ines".to_owned(),
    };
    account.ledger().write_snooze(&snooze("2026-11-21T10:01:01Z"), NOW).await.unwrap();
    let ended = dealt_with(&account, &opened()).await.unwrap();
    assert!(ended.contains("suppressed: open-ingress sgr-1"), "{ended}");
    assert!(ended.contains("the vendor's demo"), "{ended}");
    assert_eq!((account.count(REVOKE), told(&account).len()), (0, 0));
    // It is 10:01:00 now.
    account.ledger().write_snooze(&snooze("2026-11-21T10:01:00Z"), NOW).await.unwrap();
    dealt_with(&account, &opened()).await.unwrap();
    assert_eq!(ends(&account), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_by_the_next_event_is_good_news_once() {
    let account = open();
    let observe = account.shell(Mode::Observe);
    invoked(&observe, &opened(), "r-1").await.unwrap();
    assert_eq!(ends(&account), ["withheld"]);
    account.now().rules.get_mut(GROUP).unwrap().remove(0);
    let later = Shell { now: || NOW + 3600, ..account.shell(Mode::Observe) };
    let touching_another = made("e-2", 59, &[("sgr-2", "10.0.0.0/8")]);
    for invocation in ["r-2", "r-3"] {
        invoked(&later, &touching_another, invocation).await.unwrap();
    }
    let told = told(&account);
    assert_eq!(told.len(), 2, "the finding, and that it is gone");
    assert_eq!(told[1]["recovered"].as_array().unwrap().len(), 1);
    assert_eq!(entries(&account).await[0].state, State::Resolved);
}

#[tokio::test(start_paused = true)]
async fn what_is_more_than_a_minute_may_close_stays_open_and_is_told() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD), rule("sgr-2", "::/0")]);
    let settings = Settings { actions_per_minute: 1, ..settings() };
    let shell = Shell { settings, ..account.shell(Mode::Enforce) };
    let event = made("e-1", 0, &[("sgr-1", WORLD), ("sgr-2", "::/0")]);
    invoked(&shell, &event, "r-1").await.unwrap();
    let mut ended = ends(&account);
    ended.sort();
    assert_eq!(ended, ["done", "withheld"]);
    assert_eq!(account.rule_ids(GROUP).len(), 1);
    let because = told(&account)[0].to_string();
    assert!(because.contains("ActionsPerMinute"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn without_its_table_it_closes_and_tells_and_says_so() {
    for call in ["Query", "PutItem"] {
        let account = open();
        account.fail(call, GROUP, "AccessDeniedException");
        dealt_with(&account, &opened()).await.unwrap();
        assert_eq!(ends(&account), ["done"], "{call}");
        assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
        let memory = told(&account)[0]["memory"].as_str().unwrap().to_owned();
        assert!(memory.contains("AccessDeniedException"), "{call}: {memory}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_never_answers_holds_up_closing_for_some_seconds_at_most() {
    let account = open();
    let silent = crate::scripted::Silent::default();
    let shell = Shell { ledger: silent.ledger(), ..account.shell(Mode::Enforce) };
    let begun = tokio::time::Instant::now();
    invoked(&shell, &opened(), "r-1").await.unwrap();
    assert_eq!(ends(&account), ["done"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// It is asked beside the first look, and written once before the revoke.
#[tokio::test(start_paused = true)]
async fn memory_costs_one_round_trip_before_the_revoke() {
    let account = open();
    dealt_with(&account, &opened()).await.unwrap();
    let state = account.now();
    let at = |name: &str| state.calls.iter().find(|(call, _)| *call == name).unwrap().1;
    assert_eq!(at("Query"), at("DescribeSecurityGroupRules"));
    assert_eq!(at("PutItem"), at("UpdateItem"));
    assert_eq!(at(REVOKE), at("PutItem") + ROUND_TRIP);
    assert_eq!(at(REVOKE), 2 * ROUND_TRIP);
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_what_is_remembered_are_those_of_the_alert() {
    let account = open();
    dealt_with(&account, &opened()).await.unwrap();
    let finding = "open-ingress#tcp#6379#6379#0.0.0.0/0".to_owned();
    let key = Key { subject: GROUP.to_owned(), finding };
    assert_eq!(entries(&account).await[0].key, key);
}
