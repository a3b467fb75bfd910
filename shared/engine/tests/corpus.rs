//! Every event in `events/`, with the live state that it meets, and what is decided about it.
//!
//! A case is `<name>.json` and, unless it is ignored or malformed, `<name>.facts.json`. Adding one
//! is adding files, a line in `events/README.md`, and the snapshot:
//! `INSTA_UPDATE=always cargo test -p portcullis-engine`, then `make tables`.

#[path = "corpus/cases.rs"]
mod cases;
#[path = "corpus/driven.rs"]
mod driven;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use portcullis_engine::action::{Action, Because, Remedy};
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::{Event, EventName, GroupRef, Lead, Parsed};
use portcullis_engine::facts::{PROTECT, Tag};
use portcullis_engine::finding::Check;
use portcullis_engine::report::Report;
use portcullis_engine::settings::Mode;
use serde_json::Value;

use cases::{
    Case, LATER, Looked, SOON, case, cases, context, decide, decide_with, events, names, report,
};

const MACHINE: &str = "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate";

/// How the event was read, and what was decided.
fn text(case: &Case) -> String {
    match &case.parsed {
        Parsed::Event(_) | Parsed::Several(_) => {}
        Parsed::Ignored(why) => return format!("ignored: {why}"),
        Parsed::Malformed(what) => return what.to_string(),
        Parsed::Revisit(revisit) => return format!("{revisit:?}"),
    }
    let looks = case.looks();
    let of = |event: &Event| match &event.lead {
        Lead::Group(lead) => match &lead.group {
            GroupRef::Id(id) => id.clone(),
            GroupRef::Name(name) => format!("the group named `{name}`"),
        },
        Lead::List(lead) => lead.id.clone(),
        Lead::Cache(lead) => lead.id.clone(),
        Lead::Unknown => "what the record does not name".to_owned(),
    };
    let subjects: Vec<String> = looks.iter().map(|(event, _)| of(event)).collect();
    let (event, _) = looks.first().expect("an event leads to a decision");
    let via = event.actor.via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
    let (call, by) = (event.call(), &event.actor.name);
    let head = format!("event {call} by {by}{via} on {}", subjects.join(" and "));
    let reports = |after: i64| -> Vec<Report> {
        looks.iter().map(|(event, looked)| report(event, looked, after)).collect()
    };
    let text = |reports: &[Report]| {
        reports.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n")
    };
    let (soon, later) = (reports(SOON), reports(LATER));
    let decisions = |reports: &[Report]| -> Vec<Decision> {
        reports.iter().map(|report| report.decision.clone()).collect()
    };
    if decisions(&soon) == decisions(&later) {
        format!("{head}\n{}", text(&soon))
    } else {
        format!("{head}\n{}\nten minutes after the call:\n{}", text(&soon), text(&later))
    }
}

#[test]
fn every_event_decides_as_its_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("corpus/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for case in cases() {
            insta::assert_snapshot!(case.name.as_str(), text(&case));
        }
    });
}

#[test]
fn every_snapshot_has_its_event() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/snapshots");
    let names = names();
    for file in fs::read_dir(path).expect("the snapshots can be listed") {
        let file = file.expect("the snapshots can be listed").file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".snap"));
        assert!(name.is_some_and(|name| names.contains(name)), "{file:?} has no event");
    }
}

#[test]
fn an_event_has_facts_if_and_only_if_it_is_looked_into() {
    for case in cases() {
        let is_event = matches!(case.parsed, Parsed::Event(_) | Parsed::Several(_));
        assert_eq!(is_event, case.facts.is_some(), "{}", case.name);
    }
}

#[test]
fn every_event_name_occurs() {
    let cases = cases();
    for name in EventName::ALL {
        let occurs = |case: &Case| case.look().is_some_and(|(event, _)| event.name == Some(name));
        assert!(cases.iter().any(occurs), "no event {name}");
    }
}

/// A case where the check objects, and the nearest one where it does not.
fn hit_and_miss(check: Check) -> (&'static str, &'static str) {
    match check {
        Check::OpenIngress => ("authorize-non-canonical-zero-prefix", "authorize-zero-slash-16"),
        Check::MemcachedUdp => {
            ("authorize-memcached-udp-from-one-address", "authorize-memcached-tcp-from-one-address")
        }
        Check::OpenCache => ("create-valkey-open-on-custom-port", "create-valkey-open-elsewhere"),
        Check::DefaultPort => ("create-valkey-on-default-port", "create-valkey-on-custom-port"),
        Check::PlaintextTransit => {
            ("create-redis-without-security", "create-redis-with-auth-token")
        }
        Check::NoAuth => ("create-redis-without-security", "create-redis-with-auth-token"),
        Check::PublicSubnet => ("create-redis-in-a-public-subnet", "create-redis-with-auth-token"),
        Check::PublicEndpoint => ("create-serverless-cache-public", "create-serverless-cache"),
    }
}

#[test]
fn every_check_has_a_hit_and_a_clean_case() {
    for check in Check::ALL {
        let (hit, miss) = hit_and_miss(check);
        let decided = |name: &str| case(name.to_owned()).decide(Mode::Enforce).expect("an event");
        assert!(decided(hit).findings.iter().any(|finding| finding.check == check), "{hit}");
        assert!(decided(miss).is_clean(), "{miss}");
    }
}

#[test]
fn observing_never_acts() {
    for case in cases() {
        let Some((event, looked)) = case.look() else { continue };
        let decision = decide_with(event, &looked, Mode::Observe, Some(MACHINE), SOON);
        assert!(decision.actions().is_empty(), "{}: {decision:?}", case.name);
    }
}

#[test]
fn protected_groups_are_never_acted_on() {
    for case in cases() {
        let Some((event, mut looked)) = case.look() else { continue };
        for group in looked.groups() {
            let tag = Tag { key: PROTECT.to_owned(), value: String::new() };
            group.details.get_or_insert_default().tags.push(tag);
        }
        let decision = decide(event, &looked, Mode::Enforce);
        assert!(decision.actions().is_empty(), "{}: {decision:?}", case.name);
    }
}

#[test]
fn observing_finds_what_enforcing_finds() {
    for case in cases() {
        let found = |mode| {
            let findings = case.decide(mode).map(|decision| decision.findings).unwrap_or_default();
            findings.into_iter().map(|finding| finding.evidence).collect::<Vec<_>>()
        };
        assert_eq!(found(Mode::Observe), found(Mode::Enforce), "{}", case.name);
    }
}

#[test]
fn deciding_again_after_acting_has_nothing_left_to_do() {
    for case in cases() {
        let Some((event, mut looked)) = case.look() else { continue };
        let first = decide(event, &looked, Mode::Enforce);
        for (group, rule) in first.actions().into_iter().filter_map(Action::revokes) {
            let of_group = looked.groups().iter_mut().find(|facts| facts.id == group);
            of_group.expect("the group is one of the facts").rules.retain(|r| r.id != rule.id);
        }
        let again = decide(event, &looked, Mode::Enforce);
        assert!(again.actions().is_empty(), "{}: {again:?}", case.name);
    }
}

#[test]
fn an_event_acts_only_on_rules_that_it_touched() {
    for case in cases() {
        let Some((event, Looked::Group(facts))) = case.look() else { continue };
        let Lead::Group(lead) = &event.lead else { continue };
        let touched = lead.touched.resolve(&facts.rules, &facts.egress).ids;
        let decision = decide::group(event, lead, &facts, &context(Mode::Enforce));
        for (group, rule) in decision.actions().into_iter().filter_map(Action::revokes) {
            assert_eq!(group, facts.id, "{}", case.name);
            assert!(touched.contains(&rule.id), "{}: {} was not touched", case.name, rule.id);
        }
    }
}

/// The one difference: what a person would do about a default port is begun.
#[test]
fn with_a_state_machine_only_default_ports_are_decided_otherwise() {
    let mut moves = BTreeSet::new();
    for case in cases() {
        let Some((event, looked)) = case.look() else { continue };
        let without = decide(event, &looked, Mode::Enforce);
        let with = decide_with(event, &looked, Mode::Enforce, Some(MACHINE), SOON);
        assert_eq!(with.findings.len(), without.findings.len(), "{}", case.name);
        for (with, without) in with.findings.iter().zip(&without.findings) {
            let Some(start) = with.remedy.action().and_then(Action::starts) else {
                assert_eq!(with, without, "{}", case.name);
                continue;
            };
            let by_hand = Remedy::Manual { action: None, because: Because::PortIsFixed };
            assert_eq!(without.remedy, by_hand, "{}", case.name);
            assert!(
                moves.insert(start.id.clone()),
                "{} is not the only move of its name",
                start.id
            );
        }
    }
    assert!(moves.len() > 5, "{moves:?}");
}

/// The ids of what a facts file holds, and the names of its groups with their VPCs.
fn ids(facts: &Value) -> Vec<String> {
    let list = |of: &Value, name: &str| of[name].as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for (name, member) in [
        ("SecurityGroups", "GroupId"),
        ("PrefixLists", "PrefixListId"),
        ("NetworkInterfaces", "NetworkInterfaceId"),
        ("ReplicationGroups", "ReplicationGroupId"),
        ("CacheClusters", "CacheClusterId"),
        ("ServerlessCaches", "ServerlessCacheName"),
    ] {
        let id = |item: &Value| item[member].as_str().expect("a resource has an id").to_owned();
        found.extend(list(facts, name).iter().map(id));
    }
    for group in list(facts, "SecurityGroups") {
        found.push(format!("{} {}", group["VpcId"], group["GroupName"]));
        let rules = list(&group, "SecurityGroupRules");
        found.extend(rules.iter().map(|rule| rule["SecurityGroupRuleId"].to_string()));
    }
    found
}

/// So that the facts of all events can be put into one account.
#[test]
fn no_resource_belongs_to_two_events() {
    let mut seen = BTreeSet::new();
    for name in names() {
        let Ok(text) = fs::read_to_string(events().join(format!("{name}.facts.json"))) else {
            continue;
        };
        for id in ids(&serde_json::from_str(&text).expect("the facts are JSON")) {
            assert!(seen.insert(id.clone()), "{name} is not the only one with {id}");
        }
    }
    assert!(seen.len() > names().len(), "most events have facts");
}

#[test]
fn the_readme_lists_every_event_and_no_other() {
    let readme = fs::read_to_string(events().join("README.md")).expect("events/README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| [`"));
    let listed: Vec<_> = rows.filter_map(|row| row.split_once(".json`]")).collect();
    let listed: Vec<_> = listed.into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), names());
    assert_eq!(listed.len(), names().len(), "an event is listed twice");
}

/// Where lists may be changed, nine of ten entries stay; where they may not, nothing is removed.
#[test]
fn a_list_with_one_bad_of_ten_entries_keeps_nine() {
    let decided = |name: &str, enforces_lists| {
        let case = case(name.to_owned());
        let (event, looked) = case.look().expect("an event");
        let (Lead::List(lead), Looked::List(facts)) = (&event.lead, looked) else {
            panic!("{name} is about a list")
        };
        let context = DecisionContext { enforces_lists, ..context(Mode::Enforce) };
        decide::list(event, lead, &facts, &context)
    };
    let decision = decided("prefix-list-opened-by-one-of-ten", true);
    let [Action::RemoveEntries(removal)] = decision.actions()[..] else { panic!("{decision:?}") };
    let entries: Vec<String> = removal.entries.iter().map(ToString::to_string).collect();
    assert_eq!((entries.as_slice(), removal.version), (["64.0.0.0/2".to_owned()].as_slice(), 4));
    assert_eq!((removal.groups.len(), decision.closings()), (2, 1));
    assert!(decided("prefix-list-opened-by-one-of-ten", false).actions().is_empty());
    for name in [
        "prefix-list-that-a-web-server-needs",
        "prefix-list-that-others-use",
        "prefix-list-of-a-protected-group",
        "prefix-list-whose-past-is-not-readable",
    ] {
        assert!(decided(name, true).actions().is_empty(), "{name}");
    }
}
