//! Laws that hold for every cache.

mod laws {
    pub(crate) mod aws;
    pub(crate) mod caches;
}

mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use laws::{aws, caches};
use portcullis_engine::facts::{IngressRule, Protocol, Source};
use portcullis_engine::net::Sources;
use portcullis_recreation::compare::{MAY_DIFFER, RECREATED, differences, verify, verify_clone};
use portcullis_recreation::constraints;
use portcullis_recreation::document;
use portcullis_recreation::facts::{Facts, Neighbour};
use portcullis_recreation::json::json;
use portcullis_recreation::mail::{self, Context, Mail};
use portcullis_recreation::plan::{Answer, Choices, Disposition, Plan, plan};
use portcullis_recreation::recover::recover;
use portcullis_recreation::request::{Request, Token};
use portcullis_recreation::text::{plain, text};
use proptest::prelude::*;
use serde_json::Value;

/// What a terminal acts upon.
const ESCAPE: char = '\u{1b}';

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:cache-AbCdEf";

/// The choices that fit the cache: with its secret, if it has a token.
fn choices(request: &Request, port: Option<u16>) -> Choices {
    let secret = (request.auth_token != Token::None).then(|| SECRET.to_owned());
    Choices { port, auth_token_secret: secret }
}

fn planned(facts: &Facts, choices: &Choices) -> Plan {
    match plan(facts, choices) {
        Answer::Plan(plan) => *plan,
        Answer::Refused(refusal) => panic!("{:?}", refusal.reasons),
    }
}

/// A port that is neither the cache's nor the one it moves to first.
fn another(port: u16) -> u16 {
    if port == 20_777 { 20_778 } else { 20_777 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The request that made a cache is recovered from what AWS shows of it: nothing is overlooked.
    #[test]
    fn what_made_a_cache_is_recovered_from_it(request in caches::request(), seed in any::<u64>()) {
        let found = recover(&aws::facts(&request, seed));
        prop_assert!(found.reasons.is_empty(), "{:?}", found.reasons);
        prop_assert_eq!(verify(&request, &found.request), vec![]);
    }

    /// What the new cache is asked to be is what AWS then shows of it, input by input.
    #[test]
    fn a_clone_is_what_was_asked_for(request in caches::request(), seed in any::<u64>()) {
        let facts = aws::facts(&request, seed);
        let plan = planned(&facts, &choices(&request, Some(17_321)));
        let clone = aws::facts(&plan.create, seed);
        let found = recover(&clone);
        prop_assert!(found.reasons.is_empty(), "{:?}", found.reasons);
        prop_assert_eq!(verify(&plan.create, &found.request), vec![]);
    }

    /// Between a cache and its clone only that differs which the move is for.
    #[test]
    fn a_clone_differs_from_its_origin_in_id_and_port_alone(request in caches::request(), seed in any::<u64>()) {
        let facts = aws::facts(&request, seed);
        let plan = planned(&facts, &choices(&request, Some(17_321)));
        let clone = recover(&aws::facts(&plan.create, seed)).request;
        prop_assert_eq!(differences(&plan.now, &clone, RECREATED), vec![]);
        prop_assert_eq!(clone.port, 17_321);
        let sent: Vec<_> = plan.inputs.iter().filter(|i| matches!(i.disposition, Disposition::Changed(_))).collect();
        prop_assert!(sent.len() <= 5, "{:?}", sent.iter().map(|i| i.name).collect::<Vec<_>>());
        prop_assert!(sent.iter().all(|i| matches!(&i.disposition, Disposition::Changed(why) if !why.is_empty())));
        prop_assert!(sent.iter().all(|i| !i.then.is_unset()), "nothing that is set gets lost");
    }

    /// A lone node that its call cannot make becomes a replication group of one node, and that is what AWS
    /// then shows.
    #[test]
    fn a_lone_node_becomes_a_group_of_one(request in caches::group_of_one(), seed in any::<u64>()) {
        let facts = aws::left_alone(&request, seed);
        let plan = planned(&facts, &choices(&request, Some(17_321)));
        prop_assert_eq!(&plan.now, &request);
        prop_assert!(plan.changes_form());
        prop_assert_eq!(plan.create.operation(), "CreateReplicationGroup");
        let clone = aws::facts(&plan.create, seed);
        prop_assert_eq!(clone.cache.arn().map(str::to_owned), Some(plan.new_arn()));
        prop_assert_eq!(verify(&plan.create, &recover(&clone).request), vec![]);
        prop_assert_eq!(verify_clone(&plan, &clone), vec![]);
        let delete: Vec<_> = plan.steps.iter().filter(|step| step.id == "delete").collect();
        prop_assert!(delete[0].commands[0].contains("delete-cache-cluster"), "{:?}", delete);
    }

    /// No request is planned that AWS would refuse.
    #[test]
    fn what_is_planned_breaks_no_constraint(request in caches::request(), seed in any::<u64>()) {
        let plan = planned(&aws::facts(&request, seed), &choices(&request, None));
        let broken: Vec<_> = constraints::broken(&plan.create, &[]).into_iter().map(|(row, why)| (row.id, why)).collect();
        prop_assert_eq!(broken, vec![]);
    }

    /// Planning again for the clone, to the port it has, plans nothing; to another, nothing else.
    #[test]
    fn a_clone_of_a_clone_changes_nothing(request in caches::request(), seed in any::<u64>()) {
        let facts = aws::facts(&request, seed);
        let first = planned(&facts, &choices(&request, Some(17_321)));
        let clone = aws::facts(&first.create, seed.rotate_left(7));
        let Answer::Refused(again) = plan(&clone, &choices(&request, Some(17_321))) else { panic!("a plan") };
        let fields: Vec<&str> = again.reasons.iter().map(|reason| reason.field.as_str()).collect();
        prop_assert_eq!(fields, ["Port"]);
        let second = planned(&clone, &choices(&request, Some(another(17_321))));
        let mut but: Vec<_> = RECREATED.to_vec();
        but.extend(MAY_DIFFER);
        prop_assert_eq!(differences(&first.create, &second.create, &but), vec![]);
        prop_assert!(second.create.id.len() <= 40 && !second.create.id.contains("17321"), "{}", second.create.id);
    }

    /// The same facts in another order are the same plan, to the letter.
    #[test]
    fn the_order_in_which_aws_answers_does_not_matter(request in caches::request(), seed in any::<u64>()) {
        let forward = aws::facts(&request, seed);
        let mut backward = forward.clone();
        aws::reverse(&mut backward);
        let choices = choices(&request, None);
        let (forward, backward) = (json(&plan(&forward, &choices)), json(&plan(&backward, &choices)));
        let differs = forward.lines().zip(backward.lines()).find(|(one, other)| one != other);
        prop_assert_eq!(differs, None);
    }

    /// A port that is chosen is the same every time, and no neighbour's.
    #[test]
    fn a_chosen_port_is_no_neighbours(request in caches::request(), others in prop::collection::vec(1u16.., 0..30)) {
        let mut facts = aws::facts(&request, 0);
        let alone = planned(&facts, &choices(&request, None)).create.port;
        facts.neighbours = others.iter().chain([&alone]).map(|port| Neighbour {
            id: format!("other-{port}"), ports: vec![*port], groups: request.security_groups.clone(),
        }).collect();
        let chosen = planned(&facts, &choices(&request, None)).create.port;
        prop_assert!(chosen != alone && !others.contains(&chosen));
        prop_assert_eq!(chosen, planned(&facts, &choices(&request, None)).create.port);
        facts.neighbours.iter_mut().for_each(|other| other.groups = vec!["sg-other".to_owned()]);
        prop_assert_eq!(planned(&facts, &choices(&request, None)).create.port, alone);
    }

    /// Every rule that is added is for the new port alone, TCP, and admits no public address; and
    /// what reached the old port privately reaches the new one.
    #[test]
    fn no_public_source_reaches_the_new_port(request in caches::request(), rules in prop::collection::vec(caches::rule(), 0..12)) {
        let mut facts = aws::facts(&request, 0);
        let id = request.security_groups[0].clone();
        let rules: Vec<IngressRule> = rules.into_iter().enumerate()
            .map(|(at, rule)| IngressRule { id: format!("sgr-{at}"), ..rule }).collect();
        let groups = facts.groups.as_mut().unwrap();
        groups.get_mut(&id).unwrap().rules = rules.clone();
        let plan = planned(&facts, &choices(&request, Some(17_321)));
        for rule in &plan.ingress.open {
            prop_assert_eq!(rule.port, 17_321);
            prop_assert!(!public(&rule.source), "{} is public", rule.source);
        }
        for rule in rules.iter().filter(|rule| rule.covers(&Protocol::Tcp, request.port)) {
            let opened = plan.ingress.open.iter().any(|new| new.group == id && new.source == rule.source);
            let open = rules.iter().any(|r| r.source == rule.source && r.covers(&Protocol::Tcp, 17_321));
            let told = plan.ingress.left.iter().any(|left| left.rule.id == rule.id);
            prop_assert!(opened || open || told, "{:?} is forgotten", rule);
        }
    }
}

fn public(source: &Source) -> bool {
    let net = match source {
        Source::Ipv4(net) => (*net).into(),
        Source::Ipv6(net) => (*net).into(),
        Source::PrefixList(_) | Source::Group(_) | Source::Unreadable(_) => return false,
    };
    Sources::new([net]).count().any()
}

fn examples() -> BTreeMap<String, Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    files.map(read).collect()
}

/// Puts a member into every object of a document.
fn strew(value: &mut Value, member: &str, text: &str) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(|value| strew(value, member, text));
            members.insert(member.to_owned(), Value::String(text.to_owned()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| strew(value, member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every mail that repeats something of the cache.
fn mails(answer: &Answer, facts: &Facts) -> Vec<Mail> {
    let ctx = Context {
        recreation_id: "orders-1a2b3c4d",
        stack: "guard",
        account: "111122223333",
        region: "eu-west-1",
        asked_by: "ada",
        why: "",
        execution_arn: "arn:aws:states:eu-west-1:111122223333:execution:guard-recreate:orders-1a2b3c4d",
    };
    match answer {
        Answer::Plan(plan) => vec![
            mail::ask(plan, &ctx, None, 0),
            mail::handed_over(plan, facts, &ctx),
            mail::ask_deletion(plan, &ctx, "", None, 0),
            mail::kept(plan, &ctx, ""),
            mail::deleted(plan, &ctx, &[], &[]),
            mail::rejected(plan, &ctx, "", ""),
            mail::nobody_answered(plan, &ctx),
            mail::changed(plan, &ctx, ""),
            mail::failed(Some(plan), &ctx, "", "", &[], &[]),
            mail::still_used(plan, &ctx, "", 1),
            mail::used_again(plan, &ctx, ""),
        ],
        Answer::Refused(refusal) => vec![mail::refused(refusal, &ctx)],
    }
}

#[test]
fn no_text_form_holds_a_token_wherever_somebody_left_it() {
    let token = "hunter2hunter2hunter2";
    for (name, document) in examples() {
        for member in ["AuthToken", "Password", "AccessString", "SecretString"] {
            for secret in [None, Some(SECRET), Some(token)] {
                let mut document = document.clone();
                strew(&mut document, member, token);
                let facts = document::read(&document.to_string(), None).unwrap();
                let choices =
                    Choices { auth_token_secret: secret.map(str::to_owned), ..Choices::default() };
                let answer = plan(&facts, &choices);
                let mut forms = vec![
                    text(&answer, &plain),
                    json(&answer),
                    format!("{answer:?}"),
                    format!("{facts:?}"),
                ];
                forms.extend(mails(&answer, &facts).iter().map(|mail| format!("{mail:?}")));
                for form in forms {
                    assert!(!form.contains("hunter2"), "{name}, {member}");
                }
            }
        }
    }
}

#[test]
fn no_command_holds_what_users_write() {
    let hostile = "x'; $(touch it) `touch it` \"\u{1b}[31m";
    let written = [
        "Description",
        "CacheParameterGroupName",
        "Value",
        "CustomerAvailabilityZone",
        "PreferredAvailabilityZone",
        "LogGroup",
        "Address",
        "TopicArn",
        "CacheSubnetGroupName",
        "SnapshotName",
        "CacheSize",
        "AlarmName",
        "Name",
        "KmsKeyId",
    ];
    for (name, mut document) in examples() {
        written::replace(&mut document, &written, hostile);
        let facts = document::read(&document.to_string(), None).unwrap();
        let answer = plan(&facts, &Choices::default());
        assert!(!text(&answer, &plain).contains(ESCAPE), "{name}");
        if let Answer::Plan(plan) = answer {
            let commands = plan.steps.iter().flat_map(|step| &step.commands);
            for command in commands {
                assert!(!command.contains("touch") && !command.contains('`'), "{name}: {command}");
            }
        }
    }
}

#[test]
fn no_error_repeats_what_a_document_holds() {
    for (name, document) in examples() {
        for member in
            ["Status", "NumCacheNodes", "Port", "CacheNodes", "AuthTokenEnabled", "TagList"]
        {
            let mut document = document.clone();
            strew(&mut document, member, "hunter2 hunter2");
            if let Err(problems) = document::read(&document.to_string(), None) {
                assert!(!problems.to_string().contains("hunter2"), "{name}, {member}: {problems}");
            }
        }
    }
}

proptest! {
    /// Whatever is missing or odd in a document, reading and planning end in an answer.
    #[test]
    fn every_part_of_a_document_may_be_missing_or_odd(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), odd in caches::odd()) {
        let examples = examples();
        let mut document = examples.values().nth(pick.index(examples.len())).unwrap().clone();
        let mut paths = Vec::new();
        nodes(&document, String::new(), &mut paths);
        let path = &paths[at.index(paths.len())];
        *document.pointer_mut(path).unwrap() = odd;
        if let Ok(facts) = document::read(&document.to_string(), None) {
            let answer = plan(&facts, &Choices::default());
            let text = text(&answer, &plain);
            let harmless = !text.contains(ESCAPE);
            prop_assert!(!text.is_empty() && harmless);
            if let Answer::Refused(refusal) = &answer {
                let fields: BTreeSet<&str> = refusal.reasons.iter().map(|r| r.field.as_str()).collect();
                prop_assert!(!fields.is_empty());
            }
        }
    }
}

fn nodes(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                nodes(value, format!("{path}/{name}"), paths);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                nodes(value, format!("{path}/{at}"), paths);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if !path.is_empty() {
        paths.push(path);
    }
}
