//! Caches on their default port, where the owner lets them be moved.

use serde_json::{Value, json};

use super::*;
use crate::action::StartRecreation;

const GROUP: CacheKind = CacheKind::ReplicationGroup;
const MACHINE: &str = "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate";
const CACHE: &str = "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:sessions";

fn on_default_port() -> CacheFacts {
    fixtures::cache(GROUP, Engine::Valkey, &[6379])
}

fn decide_for(event: &Event, facts: &CacheFacts, mode: Mode, machine: Option<&str>) -> Decision {
    let Lead::Cache(lead) = &event.lead else { panic!("it is of a cache") };
    cache(event, lead, facts, &[], &DecisionContext { machine, ..context(mode) })
}

fn decide(facts: &CacheFacts, mode: Mode) -> Decision {
    let event = event(Lead::Cache(cache_lead(facts.kind)));
    decide_for(&event, facts, mode, Some(MACHINE))
}

/// The moves that are started, and nothing else is done.
fn started(decision: &Decision) -> Vec<&StartRecreation> {
    decision.actions().into_iter().map(|action| action.starts().expect("a move")).collect()
}

/// The move that the event of a cache on its default port starts.
fn start(event: &Event) -> StartRecreation {
    let decision = decide_for(event, &on_default_port(), Mode::Enforce, Some(MACHINE));
    let [start] = started(&decision).try_into().expect("one move");
    start.clone()
}

fn made() -> Event {
    event(Lead::Cache(cache_lead(GROUP)))
}

#[test]
fn a_move_is_started_with_all_that_is_known() {
    let mut event = made();
    "deploy/alice".clone_into(&mut event.actor.name);
    let start = start(&event);
    assert_eq!((start.machine.as_str(), start.cache.as_str()), (MACHINE, CACHE));
    assert_eq!(start.id, "sessions-3a74c9e0");
    let execution =
        "arn:aws:states:eu-west-1:111122223333:execution:portcullis-recreate:sessions-3a74c9e0";
    assert_eq!(start.execution(), execution);
    assert_eq!(
        start.input,
        format!(
            r#"{{"move":"sessions-3a74c9e0","cache":"{CACHE}","port":null,"authTokenSecret":null,"askedBy":"Portcullis, for the event e-1","why":"default-port: Valkey on 6379; made by deploy/alice at 2026-11-21T10:00:00Z"}}"#
        )
    );
}

#[test]
fn observe_mode_starts_nothing_and_says_what_it_would_start() {
    let decision = decide(&on_default_port(), Mode::Observe);
    assert!(decision.actions().is_empty());
    assert_eq!(withheld(&decision.findings[0]), Some(&Because::Observe));
    let start = decision.findings[0].remedy.action().and_then(Action::starts).unwrap();
    assert_eq!(start.id, "sessions-3a74c9e0");
}

#[test]
fn without_a_state_machine_it_is_left_to_a_person() {
    for mode in [Mode::Enforce, Mode::Observe] {
        let decision = decide_for(&made(), &on_default_port(), mode, None);
        let by_hand = Remedy::Manual { action: None, because: Because::PortIsFixed };
        assert_eq!(decision.findings[0].remedy, by_hand, "{mode:?}");
    }
}

#[test]
fn a_cache_on_a_port_of_its_own_is_not_moved() {
    for (engine, port) in
        [(Engine::Valkey, 7000), (Engine::Redis, 11_211), (Engine::Memcached, 6379)]
    {
        assert!(decide(&fixtures::cache(GROUP, engine, &[port]), Mode::Enforce).is_clean());
    }
}

#[test]
fn a_serverless_cache_and_a_member_of_a_group_are_not_moved() {
    let serverless = fixtures::cache(CacheKind::ServerlessCache, Engine::Redis, &[6379, 6380]);
    let member = fixtures::cache(CacheKind::CacheCluster, Engine::Redis, &[6379]);
    let member = CacheFacts { member_of: Some("group".to_owned()), ..member };
    for facts in [serverless, member] {
        assert!(decide(&facts, Mode::Enforce).is_clean());
    }
}

#[test]
fn a_port_that_cannot_be_told_yet_stays_pending() {
    let facts = CacheFacts { ports: Vec::new(), ..on_default_port() };
    let inherits = Some(Inherits::Snapshot("nightly".to_owned()));
    let lead = CacheLead { inherits, ..cache_lead(GROUP) };
    let decision = decide_for(&event(Lead::Cache(lead)), &facts, Mode::Enforce, Some(MACHINE));
    assert!(matches!(decision.findings[0].remedy, Remedy::Pending(_)), "{decision:?}");
}

#[test]
fn while_it_is_made_without_a_port_a_move_is_started() {
    let facts = CacheFacts { ports: Vec::new(), ..on_default_port() };
    assert_eq!(started(&decide(&facts, Mode::Enforce)), [&start(&made())]);
}

#[test]
fn its_other_faults_are_left_to_a_person_as_before() {
    let facts = CacheFacts {
        transit_encryption: Some(false),
        authentication: Some(false),
        ..on_default_port()
    };
    let decision = decide(&facts, Mode::Enforce);
    let people = decision.findings.iter().filter_map(by_hand).collect::<Vec<_>>();
    assert_eq!(people, [&Because::ClientsMustChange; 2]);
    assert_eq!(started(&decision).len(), 1);
}

#[test]
fn a_rule_is_closed_beside_the_move() {
    let open = fixtures::group(vec![rule("sgr-1", "tcp 6379", WORLD)]);
    let groups = CacheGroups::Read(vec![with_interfaces(open, vec![cache_interface("eni-1")])]);
    let decision = decide(&CacheFacts { groups, ..on_default_port() }, Mode::Enforce);
    let ids: Vec<&str> = decision.actions().into_iter().map(Action::id).collect();
    assert_eq!(ids, ["sgr-1", "sessions-3a74c9e0"]);
}

/// Step Functions refuses the same name with another input.
#[test]
fn the_same_event_starts_the_same_move_byte_for_byte() {
    let first = start(&made());
    assert_eq!(start(&made()), first);
    let described = CacheFacts {
        arn: Some(CACHE.to_owned()),
        status: "modifying".to_owned(),
        version: Some(crate::facts::EngineVersion::new("7.1.0")),
        ..on_default_port()
    };
    let decision = decide_for(&made(), &described, Mode::Enforce, Some(MACHINE));
    assert_eq!(started(&decision), [&first]);
}

#[test]
fn another_event_or_cache_starts_another_move() {
    let first = start(&made());
    let other_event = start(&Event { id: "e-2".to_owned(), ..made() });
    let other_region = start(&Event { region: "eu-west-2".to_owned(), ..made() });
    for other in [&other_event, &other_region] {
        assert_ne!(other.id, first.id);
        assert_ne!(other.input, first.input);
    }
}

#[test]
fn what_users_wrote_is_cleaned_and_cut() {
    let mut event = made();
    event.actor.name = format!("eve\r\nnot: https://evil.example/{}", "x".repeat(1000));
    event.id = "e\u{1b}[31m".to_owned();
    let start = start(&event);
    let input: Value = serde_json::from_str(&start.input).unwrap();
    assert_eq!(input["move"], json!(start.id));
    assert_eq!(input["askedBy"], r"Portcullis, for the event e\u{1b}[31m");
    let why = input["why"].as_str().unwrap();
    assert!(why.contains(r"eve\u{d}\u{a}not: https[:]//evil[.]example"), "{why}");
    assert!(why.len() < 300 && !why.contains(char::is_control), "{why}");
}
