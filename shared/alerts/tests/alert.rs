//! What arrives: the mail, the document and the subject line, for typical and for hostile cases.

use std::collections::BTreeSet;

use ipnet::IpNet;
use portcullis_alerts::alert::Alert;
use portcullis_engine::action::{Action, Because, Outcome, Outcomes, Per, Remedy};
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::{
    Actor, Event, GroupLead, GroupRef, Lead, RuleLead, RuleShape, Touched,
};
use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions};
use portcullis_engine::facts::{
    CacheFacts, CacheGroups, CacheKind, CacheNetwork, Connection, Engine, GroupDetails, GroupFacts,
    PrefixList, Protocol, Source, Subnet, Subnets, Tag,
};
use portcullis_engine::ledger::{Entry, Key, Recurrence, Snooze, State, Why};
use portcullis_engine::report::{Next, Report, Revisited, Seen};
use portcullis_engine::servers::{Behind, asked};
use portcullis_engine::settings::Mode;
use portcullis_engine::severity::Severity;
use portcullis_testkit::example::{cache, group, making, report, rule, stack, touching};
use portcullis_testkit::narrow::context;
use portcullis_testkit::{example, hostile, schema};
use serde_json::{Value, json};

fn event(lead: Lead) -> Event {
    let mut event = example::event(lead);
    event.actor.via = Some("Terraform".to_owned());
    event.actor.agent = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8".to_owned();
    event
}

/// The alert for a group of which these rules were touched, each with its outcome.
fn alert(facts: &GroupFacts, touched: &[&str], outcomes: &[(&str, Outcome)], mode: Mode) -> Alert {
    let lead = touching(facts, touched);
    let event = event(Lead::Group(lead.clone()));
    let context = context(mode);
    let decision = decide::group(&event, &lead, facts, &context);
    let outcomes: Outcomes =
        outcomes.iter().map(|(id, outcome)| ((*id).to_owned(), outcome.clone())).collect();
    Alert::compose(&report(&event, &decision, Seen::Group(facts), &context, &outcomes))
}

fn document(alert: &Alert) -> Value {
    let document = serde_json::from_str(&alert.document).unwrap();
    schema::holds("alert", &document);
    document
}

/// The message for a chat, which keeps to its schema.
fn chat(alert: &Alert) -> Value {
    let chat = serde_json::from_str(&alert.chat).unwrap();
    schema::holds("chat", &chat);
    chat
}

#[test]
fn what_servers_say_is_told_as_their_word_and_bounded() {
    let facts = group(vec![rule(1, 11211, "0.0.0.0/0")]);
    let lead = touching(&facts, &["sgr-001"]);
    let event = event(Lead::Group(lead.clone()));
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    let mut report = report(&event, &decision, Seen::Group(&facts), &context, &Outcomes::new());
    assert_eq!(document(&Alert::compose(&report)).get("servers"), None);
    let hostile = "x https://evil.example $(id) `id`\u{1b}[2J".repeat(9);
    let said = serde_json::json!({
        "schema": "portcullis.memcached.v1", "result": "ok",
        "servers": [{"version": hostile, "listen": [hostile], "verdict": "exposed"}, {}, {}, {}],
    });
    let said = serde_json::json!({"said": said.to_string()}).to_string();
    let behind = |at: usize| Behind {
        instance: format!("i-{at:017}"),
        found: match at {
            0 => asked(&said),
            1 => Ok(Vec::new()),
            _ => Err(hostile.clone()),
        },
    };
    report.servers = (0..25).map(behind).collect();
    let alert = Alert::compose(&report);
    let servers = document(&alert)["servers"].as_array().unwrap().clone();
    assert_eq!((servers.len(), servers[0]["memcached"].as_array().unwrap().len()), (20, 4));
    for part in [
        "i-00000000000000000: and 1 more server.",
        "portcullis harden i-00000000000000000 --region eu-west-1\n",
        "i-00000000000000001: no Memcached runs there.",
        "portcullis harden i-00000000000000002 --region eu-west-1 --report\n",
        "... and 5 more instances.",
    ] {
        assert!(alert.mail.contains(part), "{part}: {}", alert.mail);
    }
    assert!(!alert.mail.contains("evil.example") && !alert.mail.contains('\u{1b}'));
    for part in [
        "Servers behind it, in their own words:",
        "- i-00000000000000001: no Memcached runs there",
        "- i-00000000000000002: not known, x https[:]",
        "- ... and 20 more instances: the mail has them.",
        "Harden the server behind it: `portcullis harden i-00000000000000000 --region eu-west-1`",
    ] {
        assert!(alert.chat.contains(part), "{part}: {}", alert.chat);
    }
    assert!(!alert.chat.contains("evil.example") && !alert.chat.contains("https://"));
}

#[test]
fn servers_that_answer_later_are_told_by_a_second_message() {
    let facts = group(vec![rule(1, 11211, "0.0.0.0/0")]);
    let lead = touching(&facts, &["sgr-001"]);
    let event = event(Lead::Group(lead.clone()));
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    let first = report(&event, &decision, Seen::Group(&facts), &context, &Outcomes::new());
    let said = r#"{"said": "{\"schema\":\"portcullis.memcached.v1\",\"result\":\"ok\",\"servers\":[{\"version\":\"1.4.15\",\"verdict\":\"exposed\"}]}"}"#;
    let behind = Behind { instance: "i-00000000000000000".to_owned(), found: asked(said) };
    let alert = Alert::compose(&first.later(vec![behind]));
    let found = document(&alert);
    assert_eq!((&found["later"], found["servers"].as_array().unwrap().len()), (&true.into(), 1));
    assert_eq!(document(&Alert::compose(&first)).get("later"), None);
    let id = first.findings[0].key.id();
    assert!(
        alert.subject.contains(&format!(": server behind {id} answered (")),
        "{}",
        alert.subject
    );
    for part in [
        "This is a second message about AuthorizeSecurityGroupIngress at ",
        "i-00000000000000000: memcached 1.4.15, exposed, no client on other hosts",
        "portcullis harden i-00000000000000000 --region eu-west-1\n",
    ] {
        assert!(alert.mail.contains(part), "{part}: {}", alert.mail);
    }
}

/// The first line that starts so, without what is before it.
fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().map(str::trim).find(|line| line.starts_with(start)).unwrap_or_default()
}

#[test]
fn a_session_is_named_with_its_source_identity() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let lead = touching(&facts, &["sgr-001"]);
    let mut event = event(Lead::Group(lead.clone()));
    let composed = |event: &Event| {
        let context = context(Mode::Enforce);
        let decision = decide::group(event, &lead, &facts, &context);
        Alert::compose(&report(event, &decision, Seen::Group(&facts), &context, &Outcomes::new()))
    };
    let without = document(&composed(&event));
    assert_eq!(without["actor"].get("sourceIdentity"), None);
    event.actor.source_identity = Some("carol".to_owned());
    let alert = composed(&event);
    assert_eq!(document(&alert)["actor"]["sourceIdentity"], "carol");
    insta::assert_snapshot!(line(&alert.mail, "deploy/alice "), @"deploy/alice (source identity carol) called AuthorizeSecurityGroupIngress via Terraform from 192.0.2.10 at 2026-11-21T10:00:00Z.");
    assert!(
        chat(&alert).to_string().contains("(source identity `carol`) called"),
        "{}",
        alert.chat
    );
}

#[test]
fn a_closed_rule() {
    let mut open = rule(1, 6379, "0.0.0.0/0");
    open.description = Some("temporary".to_owned());
    open.tags = vec![Tag { key: "ticket".to_owned(), value: "OPS-1".to_owned() }];
    let facts = group(vec![open, rule(2, 6379, "10.0.0.0/8"), rule(3, 22, "0.0.0.0/0")]);
    let alert =
        alert(&facts, &["sgr-001", "sgr-002"], &[("sgr-001", Outcome::Done(None))], Mode::Enforce);
    insta::assert_snapshot!("closed_rule", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    insta::assert_snapshot!(
        "closed_rule_chat",
        serde_json::to_string_pretty(&chat(&alert)).unwrap()
    );
    insta::assert_snapshot!(
        "closed_rule_document",
        serde_json::to_string_pretty(&document(&alert)).unwrap()
    );
}

#[test]
fn a_rule_that_could_not_be_closed_says_so_first() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0"), rule(2, 22, "::/0")]);
    let refused = "still open: RevokeSecurityGroupIngress: UnauthorizedOperation: no".to_owned();
    let outcomes = [("sgr-001", Outcome::Failed(refused)), ("sgr-002", Outcome::Done(None))];
    let alert = alert(&facts, &["sgr-001", "sgr-002"], &outcomes, Mode::Enforce);
    insta::assert_snapshot!("failed_rule", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    insta::assert_snapshot!(
        "failed_rule_chat",
        serde_json::to_string_pretty(&chat(&alert)).unwrap()
    );
    assert_eq!(document(&alert)["findings"][0]["outcome"], "failed");
    assert_eq!(document(&alert)["findings"][0]["undo"], Value::Null);
}

/// Suppresses TCP 443, and suppressed everything else until it ended.
#[derive(Debug)]
struct Lapsed;

fn exception(id: &str, until: Option<&str>) -> Exception {
    Exception {
        id: id.to_owned(),
        reason: "Migration, says Ines.\n  Done:     forged".to_owned(),
        until: until.map(str::to_owned),
    }
}

impl Exceptions for Lapsed {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        match asked.on.map(|on| on.rule.ports()) {
            Some((443, 443)) => Answer::Suppressed(vec![exception("public-https", None)]),
            _ => Answer::Fault,
        }
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        Some(exception("migration", Some("2026-11-20")))
    }
}

#[test]
fn an_exception_that_ended_is_told_and_so_is_what_is_tolerated_beside_it() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0"), rule(2, 443, "0.0.0.0/0")]);
    let lead = touching(&facts, &["sgr-001", "sgr-002"]);
    let event = event(Lead::Group(lead.clone()));
    let context = DecisionContext { exceptions: &Lapsed, ..context(Mode::Enforce) };
    let decision = decide::group(&event, &lead, &facts, &context);
    let outcomes = Outcomes::from([("sgr-001".to_owned(), Outcome::Done(None))]);
    let report = report(&event, &decision, Seen::Group(&facts), &context, &outcomes);
    let alert = Alert::compose(&report);
    insta::assert_snapshot!(
        "ended_exception",
        format!("Subject: {}\n\n{}", alert.subject, alert.mail)
    );
    let document = document(&alert);
    assert_eq!(document["findings"].as_array().unwrap().len(), 1);
    assert_eq!(document["tolerated"][0]["rule"], "sgr-002");
    assert_eq!(document["tolerated"][0]["exception"]["id"], "public-https");
    assert_eq!(document["ended"][0]["rule"], "sgr-001");
    assert_eq!(document["ended"][0]["exception"]["until"], "2026-11-20");
}

/// A closed rule, with what is remembered.
fn remembered(change: impl FnOnce(&mut Report)) -> Alert {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let lead = touching(&facts, &["sgr-001"]);
    let event = event(Lead::Group(lead.clone()));
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    let outcomes = Outcomes::from([("sgr-001".to_owned(), Outcome::Done(None))]);
    let mut report = report(&event, &decision, Seen::Group(&facts), &context, &outcomes);
    report.deployment = stack("portcullis");
    change(&mut report);
    let alert = Alert::compose(&report);
    schema::holds("alert", &document(&alert));
    alert
}

fn key() -> Key {
    let finding = "open-ingress#tcp#6379#6379#0.0.0.0/0".to_owned();
    Key { subject: "sg-0a1b2c3d4e5f60718".to_owned(), finding }
}

#[test]
fn a_rule_that_came_back_says_how_often_and_how_to_have_it_left_alone() {
    let recurrence = Recurrence {
        times: 2,
        first: "2026-11-20T08:00:00Z".to_owned(),
        last: "2026-11-21T09:58:00Z".to_owned(),
    };
    let alert = remembered(|report| report.findings[0].recurrence = Some(recurrence));
    insta::assert_snapshot!("came_back", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    let finding = &document(&alert)["findings"][0];
    assert_eq!(finding["id"], key().id());
    assert_eq!(finding["cameBack"]["times"], 2);
    let commands = finding["undo"].as_str().unwrap();
    assert!(commands.starts_with("aws dynamodb put-item "), "{commands}");
    assert!(commands.contains(" && aws ec2 authorize-security-group-ingress "), "{commands}");
    let undo = format!("portcullis undo {} --region eu-west-1 --reason", key().id());
    assert!(alert.chat.contains(&undo), "{}", alert.chat);
}

#[test]
fn the_tool_is_told_a_stack_of_another_name() {
    let alert = remembered(|report| report.deployment = stack("guard"));
    let undo = format!("portcullis undo {} --region eu-west-1 --stack guard --reason", key().id());
    assert!(alert.mail.contains(&format!("\n{undo}")), "{}", alert.mail);
    assert!(alert.chat.contains(&undo), "{}", alert.chat);
}

#[test]
fn an_alert_without_memory_says_so_and_offers_no_undo_by_what_is_not_remembered() {
    let lost = Some("Query: ProvisionedThroughputExceededException".to_owned());
    let alert = remembered(|report| report.unremembered = lost);
    insta::assert_snapshot!(line(&alert.mail, "Ledger unavailable"), @"Ledger unavailable: this alert may repeat, recurrences were not counted, and snoozes were not applied.");
    assert_eq!(document(&alert)["memory"], "Query: ProvisionedThroughputExceededException");
    let commands = ["portcullis undo", "aws dynamodb put-item"];
    assert_eq!(commands.map(|command| line(&alert.mail, command).is_empty()), [true, false]);
}

#[test]
fn what_is_gone_since_it_was_told_is_good_news_by_itself() {
    let facts = group(vec![rule(2, 6379, "10.0.0.0/8")]);
    let lead = touching(&facts, &["sgr-002"]);
    let event = event(Lead::Group(lead.clone()));
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    let mut report = report(&event, &decision, Seen::Group(&facts), &context, &Outcomes::new());
    assert!(report.is_silent());
    let at = || "2026-11-20T08:00:00Z".to_owned();
    report.resolved = vec![Entry {
        id: key().id(),
        key: key(),
        check: "open-ingress".to_owned(),
        severity: "high".to_owned(),
        title: "TCP 6379 from 0.0.0.0/0 lets the internet in".to_owned(),
        state: State::Open,
        first_seen: at(),
        last_seen: at(),
        times: 1,
        returns: 0,
        occurrences: Vec::new(),
        rule: None,
        grants: Vec::new(),
        list: None,
        spared: None,
        version: 2,
    }];
    assert!(!report.is_silent());
    let alert = Alert::compose(&report);
    insta::assert_snapshot!("recovered", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    schema::holds("alert", &document(&alert));
    assert_eq!(document(&alert)["recovered"][0]["id"], key().id());
}

#[test]
fn observe_mode_tells_what_it_would_do() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let alert = alert(&facts, &["sgr-001"], &[], Mode::Observe);
    insta::assert_snapshot!("observed", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
}

#[test]
fn a_protected_group_is_told_with_the_way_back() {
    let mut facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let tag = Tag { key: "portcullis:protect".to_owned(), value: "until March".to_owned() };
    facts.details.get_or_insert_default().tags.push(tag);
    let alert = alert(&facts, &["sgr-001"], &[], Mode::Enforce);
    insta::assert_snapshot!("protected", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    let finding = &document(&alert)["findings"][0];
    assert_eq!(finding["outcome"], "withheld");
    assert_eq!(finding["because"], "the group has the tag portcullis:protect");
}

#[test]
fn an_unreadable_list_is_unknown_not_clean() {
    let mut facts = group(vec![rule(1, 6379, "pl-01")]);
    let why = "GetManagedPrefixListEntries: UnauthorizedOperation".to_owned();
    facts.prefix_lists.insert("pl-01".to_owned(), PrefixList::Unknown(why));
    let alert = alert(&facts, &["sgr-001"], &[], Mode::Enforce);
    insta::assert_snapshot!("unreadable", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
}

#[test]
fn an_edit_between_read_and_revoke_is_told_and_undone_exactly() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let went = Outcome::Done(Some(Box::new(rule(1, 6379, "10.0.0.0/8"))));
    let alert = alert(&facts, &["sgr-001"], &[("sgr-001", went)], Mode::Enforce);
    insta::assert_snapshot!(line(&alert.mail, "Note:"), @"Note:     the rule was edited meanwhile; the revoked rule was TCP 6379 from 10.0.0.0/8.");
    let undo = document(&alert)["findings"][0]["undo"].as_str().unwrap().to_owned();
    assert!(undo.contains("10.0.0.0/8") && !undo.contains("0.0.0.0/0"), "{undo}");
}

/// A cache on its default port, in no other way in order.
fn cache_of(kind: CacheKind, engine: Engine) -> CacheFacts {
    let port = engine.default_port().unwrap();
    let groups = vec![group(vec![rule(1, port.into(), "10.0.0.0/8")])];
    cache(kind, engine, groups)
}

/// What is told of a cache that was made, when its actions came to what is told of them.
fn reported(
    facts: &CacheFacts,
    mode: Mode,
    machine: Option<&str>,
    came: impl FnOnce(&Decision) -> Outcomes,
) -> Report {
    let lead = making(facts);
    let event = event(Lead::Cache(lead.clone()));
    let context = DecisionContext { machine, ..context(mode) };
    let decision = decide::cache(&event, &lead, facts, &[], &context);
    report(&event, &decision, Seen::Cache(facts), &context, &came(&decision))
}

fn nothing(_: &Decision) -> Outcomes {
    Outcomes::new()
}

/// An engineer's mail of a cache, with the commands and templates for that very cache.
#[test]
fn a_cache_on_its_default_port() {
    for (name, kind, engine) in [
        ("valkey_group", CacheKind::ReplicationGroup, Engine::Valkey),
        ("redis_node", CacheKind::CacheCluster, Engine::Redis),
        ("memcached", CacheKind::CacheCluster, Engine::Memcached),
    ] {
        let report = reported(&cache_of(kind, engine), Mode::Enforce, None, nothing);
        let alert = Alert::compose(&report);
        insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", alert.subject, alert.mail));
        assert_eq!(moved(&alert), [Value::Null, Value::Null, Value::Null]);
        let document = document(&alert);
        let found = document["findings"].as_array().unwrap().iter();
        let checks: BTreeSet<&str> = found.map(|f| f["check"].as_str().unwrap()).collect();
        assert_eq!(document["checks"], json!(checks), "each once, in order");
        let steps = chat(&alert)["content"]["nextSteps"].to_string();
        assert!(steps.contains("portcullis plan orders"), "{steps}");
    }
}

#[test]
fn a_cache_where_the_internet_is() {
    let subnet = |id: &str, table: &str, association: Option<&str>, public: &[&str]| Subnet {
        id: id.to_owned(),
        table: table.to_owned(),
        association: association.map(str::to_owned),
        public: public.iter().map(|text| (*text).to_owned()).collect(),
    };
    let subnets = Subnets::Read(vec![
        subnet("subnet-01", "rtb-01", Some("rtbassoc-01"), &["0.0.0.0/0", "::/0"]),
        subnet("subnet-02", "rtb-02", None, &[]),
        subnet("subnet-03", "rtb-03", None, &["0.0.0.0/0"]),
    ]);
    let lies = |kind, network| CacheFacts {
        ports: vec![7379],
        transit_encryption: Some(true),
        authentication: Some(true),
        groups: CacheGroups::Read(Vec::new()),
        network,
        ..cache_of(kind, Engine::Valkey)
    };
    let in_subnets = CacheNetwork { subnets, ..CacheNetwork::default() };
    let public = CacheNetwork { connection: Connection::Public, ..CacheNetwork::default() };
    for (name, facts) in [
        ("public_subnet", lies(CacheKind::ReplicationGroup, in_subnets)),
        ("public_endpoint", lies(CacheKind::ServerlessCache, public)),
    ] {
        let alert = Alert::compose(&reported(&facts, Mode::Enforce, None, nothing));
        insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    }
}

const MACHINE: &str = "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate";

/// The re-creation of a finding, as machines are told: the action, the move and its execution.
fn moved(alert: &Alert) -> [Value; 3] {
    let document = document(alert);
    let findings = document["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == "default-port").unwrap();
    ["action", "move", "execution"].map(|member| finding[member].clone())
}

/// The alert for an encrypted cache on its default port whose move ended so.
fn alert_of_move(outcome: Option<fn(String) -> Outcome>, mode: Mode) -> Alert {
    let facts = CacheFacts {
        transit_encryption: Some(true),
        ..cache_of(CacheKind::ReplicationGroup, Engine::Valkey)
    };
    let came = |decision: &Decision| {
        let ended = decision.actions().into_iter().filter_map(Action::starts).zip(outcome);
        ended.map(|(start, outcome)| (start.id.clone(), outcome(start.execution()))).collect()
    };
    Alert::compose(&reported(&facts, mode, Some(MACHINE), came))
}

#[test]
fn a_move_that_was_started_says_what_comes_next_and_how_to_stop_it() {
    let alert = alert_of_move(Some(Outcome::Started), Mode::Enforce);
    insta::assert_snapshot!(
        "move_started",
        format!("Subject: {}\n\n{}", alert.subject, alert.mail)
    );
    let id = "orders-bad1860a";
    let execution =
        format!("arn:aws:states:eu-west-1:111122223333:execution:portcullis-recreate:{id}");
    assert_eq!(moved(&alert), ["start-move", id, &execution]);
    assert!(!alert.mail.contains("create-snapshot"), "two ways at once: {}", alert.mail);
    insta::assert_snapshot!(
        "move_started_chat",
        serde_json::to_string_pretty(&chat(&alert)).unwrap()
    );
}

#[test]
fn a_move_that_was_started_before_is_told_as_that() {
    let alert = alert_of_move(Some(Outcome::AlreadyStarted), Mode::Enforce);
    insta::assert_snapshot!(alert.subject, @"[MEDIUM] orders: re-creation started: default-port; action needed: no-a... (111122223333 eu-west-1)");
    insta::assert_snapshot!(line(&alert.mail, "Started:"), @"Started:  the re-creation of this cache on another port, by an earlier delivery of this event. It may");
    assert!(moved(&alert)[2].is_string());
    assert!(alert.document.contains("already-started"), "{}", alert.document);
}

#[test]
fn a_move_that_could_not_be_started_says_so_first() {
    let denied = |_| Outcome::Failed("StartExecution: AccessDeniedException: no".to_owned());
    let alert = alert_of_move(Some(denied), Mode::Enforce);
    insta::assert_snapshot!("move_failed", format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    assert_eq!(moved(&alert)[2], Value::Null);
}

#[test]
fn observe_mode_tells_which_move_it_would_start() {
    let alert = alert_of_move(None, Mode::Observe);
    insta::assert_snapshot!(
        "move_observed",
        format!("Subject: {}\n\n{}", alert.subject, alert.mail)
    );
    assert_eq!(moved(&alert), [json!("start-move"), json!("orders-bad1860a"), Value::Null]);
}

/// Whatever users can write: it forges no line, no link and no command.
#[test]
fn hostile_text_stays_text() {
    let long = "x\r\n\r\n  Done:     revoked.\nUndo:\naws iam create-user https://evil.example/a \u{202e}\u{1b}[31m'; rm -rf / # <!channel> <@U1> @here ```*x* <https://evil.example|y>";
    for hostile in hostile::texts().iter().map(String::as_str).chain([long]) {
        stays_text(hostile);
    }
}

fn stays_text(hostile: &str) {
    let mut open = rule(1, 6379, "0.0.0.0/0");
    open.description = Some(hostile.to_owned());
    open.tags = vec![Tag { key: hostile.to_owned(), value: hostile.to_owned() }];
    let mut facts = group(vec![open]);
    facts.details = Some(GroupDetails { name: hostile.to_owned(), vpc: None, tags: Vec::new() });
    let lead = GroupLead {
        group: GroupRef::Id(facts.id.clone()),
        touched: Touched::Rules(vec![RuleLead {
            id: Some("sgr-001".to_owned()),
            shape: None,
            edit: false,
        }]),
    };
    let mut event = event(Lead::Group(lead.clone()));
    let text = || hostile.to_owned();
    event.actor = Actor {
        arn: text(),
        name: text(),
        kind: text(),
        account: Some(text()),
        role: Some(text()),
        source_identity: Some(text()),
        via: Some(text()),
        ip: text(),
        agent: text(),
    };
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    let failed = Outcome::Failed(text());
    for outcome in [Outcome::Done(None), failed] {
        let outcomes = Outcomes::from([("sgr-001".to_owned(), outcome)]);
        let report = report(&event, &decision, Seen::Group(&facts), &context, &outcomes);
        let alert = Alert::compose(&report);
        forges_nothing_in_a_chat(&chat(&alert));
        assert!(alert.subject.len() < 100 && alert.subject.is_ascii());
        assert!(!alert.subject.contains(|c: char| c.is_control()));
        assert!(
            !alert.mail.contains("://") && !alert.mail.contains("evil.example"),
            "{}",
            alert.mail
        );
        for (surface, shown) in [
            ("the subject", &alert.subject),
            ("the mail", &alert.mail),
            ("the chat", &alert.chat),
            ("the document", &alert.document),
        ] {
            hostile::shows_all(surface, shown);
        }
        let forged = alert
            .mail
            .lines()
            .filter(|line| line.starts_with("aws iam") || line.starts_with("Undo:"));
        assert_eq!(forged.count(), 0, "{}", alert.mail);
        // A command is one line in which every quote of the hostile text is escaped.
        for line in alert.mail.lines().filter(|line| line.starts_with("aws ec2")) {
            assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
            let outside: String = line.split('\'').step_by(2).collect();
            assert!(!outside.contains("rm -rf"), "{line}");
        }
    }
}

/// Slack's control characters are nowhere, and mentions and code only where we write them.
fn forges_nothing_in_a_chat(chat: &Value) {
    let content = &chat["content"];
    let steps = content["nextSteps"]
        .as_array()
        .unwrap()
        .iter()
        .chain(content["keywords"].as_array().unwrap());
    let texts =
        steps.chain([&content["title"], &content["description"], &chat["metadata"]["summary"]]);
    for text in texts.map(|text| text.as_str().unwrap()) {
        assert!(!text.contains(['<', '>', '&', '@', '\u{202e}', '\u{1b}', '\r']), "{text}");
        assert!(!text.contains("://") && !text.contains("evil.example"), "{text}");
        let fences = text.matches("```").count();
        assert!(fences.is_multiple_of(2) && text.matches('`').count().is_multiple_of(2), "{text}");
        // Outside of code there is no word of a user, and so no formatting.
        let bare: String = text.replace("```", "`").split('`').step_by(2).collect();
        assert!(!bare.contains(['*', '_', '~', '|']) && !bare.contains("aws iam"), "{text}");
    }
}

#[test]
fn a_thousand_findings_fit_into_one_message_and_the_rest_is_counted() {
    let rules: Vec<_> = (0..1000)
        .map(|at| {
            let mut rule = rule(at, 1000 + i32::try_from(at).unwrap(), "0.0.0.0/0");
            rule.description = Some("d".repeat(255));
            rule
        })
        .collect();
    let ids: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let outcomes: Vec<_> = ids.iter().map(|id| (*id, Outcome::Done(None))).collect();
    let alert = alert(&group(rules), &ids, &outcomes, Mode::Enforce);
    assert!(alert.message().len() <= 262_144, "{}", alert.message().len());
    let document = document(&alert);
    let told = document["findings"].as_array().unwrap().len();
    assert!(told > 20, "{told}");
    assert_eq!(document["omitted"]["findings"], 1000 - told);
    insta::assert_snapshot!(alert.subject, @"[CRITICAL] sg-0a1b2c3d4e5f60718: closed 25 of 1000 open rules (111122223333 eu-west-1)");
    insta::assert_snapshot!(line(&alert.mail, "... and"), @"... and 875 more, which did not fit into one message.");
    let told = chat(&alert)["content"]["description"].to_string();
    assert!(told.contains("and 992 more") && alert.chat.len() < 16_384, "{told}");
}

#[test]
fn a_wide_block_in_a_prefix_list_is_told_by_its_addresses() {
    let mut facts = group(vec![rule(1, 443, "pl-01")]);
    let entries: Vec<IpNet> = vec!["52.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    facts.prefix_lists.insert("pl-01".to_owned(), PrefixList::Entries(entries));
    let alert = alert(&facts, &["sgr-001"], &[("sgr-001", Outcome::Done(None))], Mode::Enforce);
    insta::assert_snapshot!(line(&alert.mail, "Admits:"), @"Admits:   16,777,216 public IPv4 addresses");
    assert_eq!(document(&alert)["findings"][0]["evidence"]["public"]["ipv4Addresses"], 16_777_216);
}

#[test]
fn what_is_looked_at_again_says_why_and_whose_snooze_has_ended() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let lead = touching(&facts, &["sgr-001"]);
    let (event, context) = (event(Lead::Group(lead.clone())), context(Mode::Enforce));
    let decision = decide::group(&event, &lead, &facts, &context);
    let outcomes = Outcomes::from([("sgr-001".to_owned(), Outcome::Done(None))]);
    let mut report = report(&event, &decision, Seen::Group(&facts), &context, &outcomes);
    let first = Alert::compose(&report);
    assert!(document(&first).get("revisit").is_none() && !first.mail.contains("again, because"));
    let snooze = Snooze {
        subject: facts.id.clone(),
        finding: "exempt#tcp#6379#6379#0.0.0.0/0".to_owned(),
        until: "2026-11-21T12:00:00Z".to_owned(),
        reason: "the demo\nof Friday".to_owned(),
        by: "deploy/alice".to_owned(),
    };
    report.revisit = Some(Revisited { why: Why::Snooze, snoozes: vec![snooze] });
    let alert = Alert::compose(&report);
    let lines: Vec<&str> = alert.mail.lines().skip(3).take(2).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Portcullis looked at this call again, because a snooze is over.
    The snooze until 2026-11-21T12:00:00Z was set by deploy/alice: "the demo\u{a}of Friday"
    "#);
    let revisit = &document(&alert)["revisit"];
    assert_eq!(
        (&revisit["why"], &revisit["snoozes"][0]["by"]),
        (&json!("snooze"), &json!("deploy/alice"))
    );
    for why in Why::ALL {
        report.revisit = Some(Revisited { why, snoozes: Vec::new() });
        assert_eq!(document(&Alert::compose(&report))["revisit"]["why"], why.as_str());
    }
}

#[test]
fn the_message_has_a_mail_for_people_and_the_document_for_machines() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let alert = alert(&facts, &["sgr-001"], &[("sgr-001", Outcome::Done(None))], Mode::Enforce);
    let message: Value = serde_json::from_str(&alert.message()).unwrap();
    assert_eq!(message["email"], alert.mail);
    assert_eq!(message["default"], alert.document);
    let first: Vec<&str> = alert.mail.lines().take(3).collect();
    assert_eq!(message["sms"], first.join("\n"));
    assert_eq!(message.as_object().unwrap().len(), 3, "machines get the default");
}

/// What is said again of a resource on one day is one thread, and another day begins a new one.
#[test]
fn repeats_of_a_day_are_one_thread() {
    let thread = |facts: &GroupFacts, time: &str| {
        let touched = RuleLead { id: Some("sgr-001".to_owned()), shape: None, edit: false };
        let touched = Touched::Rules(vec![touched]);
        let lead = GroupLead { group: GroupRef::Id(facts.id.clone()), touched };
        let event = Event { time: time.to_owned(), ..event(Lead::Group(lead.clone())) };
        let context = context(Mode::Observe);
        let decision = decide::group(&event, &lead, facts, &context);
        let report = report(&event, &decision, Seen::Group(facts), &context, &Outcomes::new());
        chat(&Alert::compose(&report))["metadata"]["threadId"].clone()
    };
    let one = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let first = thread(&one, "2026-11-21T10:00:00Z");
    assert_eq!(first, thread(&group(vec![rule(1, 22, "::/0")]), "2026-11-21T23:59:59Z"));
    assert_ne!(first, thread(&one, "2026-11-22T00:00:00Z"));
    let other = GroupFacts { id: "sg-0ther".to_owned(), ..one };
    assert_ne!(first, thread(&other, "2026-11-21T10:00:00Z"));
}

/// EC2 may have revoked it for us though its answer was lost: then people must be able to undo it.
#[test]
fn a_rule_that_was_gone_can_be_put_back_too() {
    let facts = group(vec![rule(1, 6379, "0.0.0.0/0")]);
    let alert = alert(&facts, &["sgr-001"], &[("sgr-001", Outcome::AlreadyGone)], Mode::Enforce);
    insta::assert_snapshot!(alert.subject, @"[CRITICAL] sg-0a1b2c3d4e5f60718: already removed: TCP 6379 from 0.0.0.0... (111122223333 eu-west-1)");
    let finding = &document(&alert)["findings"][0];
    assert_eq!(finding["outcome"], "already-gone");
    assert_eq!(finding["evidence"].get("toldBy"), None);
    insta::assert_snapshot!(line(&alert.mail, "send this alert"), @"send this alert.");
    let undo = finding["undo"].as_str().unwrap();
    assert!(undo.contains("0.0.0.0/0") && alert.mail.contains(undo), "{}", alert.mail);
}

#[test]
fn a_rule_that_only_the_event_tells_of_is_marked() {
    let facts = group(vec![rule(2, 6379, "10.0.0.0/8")]);
    let shape = RuleShape {
        protocol: Protocol::Tcp,
        from_port: 22,
        to_port: 22,
        source: Source::cidr("0.0.0.0/0").unwrap(),
    };
    let touched = RuleLead { id: Some("sgr-001".to_owned()), shape: Some(shape), edit: false };
    let lead =
        GroupLead { group: GroupRef::Id(facts.id.clone()), touched: Touched::Rules(vec![touched]) };
    let event = event(Lead::Group(lead.clone()));
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    assert!(decision.actions().is_empty() && !decision.is_clean(), "{decision:?}");
    let report = report(&event, &decision, Seen::Group(&facts), &context, &Outcomes::new());
    let alert = Alert::compose(&report);
    let finding = &document(&alert)["findings"][0];
    assert_eq!(
        (&finding["outcome"], &finding["check"]),
        (&"already-gone".into(), &"open-ingress".into())
    );
    assert!(finding["undo"].as_str().unwrap().contains("\"FromPort\":22"), "{finding}");
    assert_eq!(finding["evidence"]["toldBy"], "event");
    insta::assert_snapshot!(line(&alert.mail, "send this alert"), @"send this alert. EC2 does not show the rule: ports and source are what the event says.");
    // Who called is never more than the event's word.
    insta::assert_snapshot!(line(&alert.mail, "Who called"), @"Who called, when and from where is what the event says. To verify it in CloudTrail:");
    assert!(!line(&alert.mail, "aws cloudtrail lookup-events").is_empty());
}

/// The mail says when the rest is closed, and has one command for every hundred.
#[test]
fn what_a_limit_leaves_open_is_closed_at_a_time_or_by_one_command() {
    let rules: Vec<_> =
        (8000..).zip(0..130).map(|(port, at)| rule(at, port, "0.0.0.0/0")).collect();
    let facts = group(rules);
    let ids: Vec<&str> = facts.rules.iter().map(|rule| rule.id.as_str()).collect();
    let lead = touching(&facts, &ids);
    let event = event(Lead::Group(lead.clone()));
    let context = context(Mode::Enforce);
    let decision = decide::group(&event, &lead, &facts, &context);
    let done = |action: &&Action| (action.id().to_owned(), Outcome::Done(None));
    let outcomes: Outcomes = decision.actions().iter().map(done).collect();
    let mut report = report(&event, &decision, Seen::Group(&facts), &context, &outcomes);
    // 2026-11-21 10:01 UTC
    let next = Next { due: 1_795_255_260, why: Why::Limit, not_arranged: None };
    report.next = Some(next.clone());
    let mail = Alert::compose(&report).mail;
    insta::assert_snapshot!(line(&mail, "Next:"), @"Next: the most dangerous 25 were closed; the rest at 10:01 UTC on 2026-11-21. To close 105 rules sooner, see below.");
    let revokes = || mail.lines().filter(|line| line.starts_with("aws ec2 revoke-"));
    let ids: Vec<usize> = revokes().map(|line| line.matches("sgr-").count()).collect();
    assert_eq!(ids, [100, 5]);
    report.next = Some(Next { not_arranged: Some("AccessDenied".to_owned()), ..next });
    let mail = Alert::compose(&report).mail;
    insta::assert_snapshot!(line(&mail, "Next:"), @"Next: close 105 rules yourself: they are open, because a limit was reached. The command is below.");
}

/// Whatever the reason is, one command closes all that is open, and the chat has the same one.
#[test]
fn what_is_left_open_is_closed_by_one_command_whatever_the_reason_is() {
    let why = || "denied".to_owned();
    let facts = group((1..4).zip(8000..).map(|(at, port)| rule(at, port, "0.0.0.0/0")).collect());
    let lead = touching(&facts, &["sgr-001", "sgr-002", "sgr-003"]);
    let (event, context) = (event(Lead::Group(lead.clone())), context(Mode::Enforce));
    for because in [
        Because::Flapping { times: 3, who: "ci".to_owned(), through: None, until: 0 },
        Because::TooMany { most: 25, per: Per::Event },
        Because::TooMany { most: 100, per: Per::Minute },
        Because::ExceptionsNotKnown,
        Because::ExceptionsUnreadable(why()),
        Because::TouchedUnknown(why()),
        Because::SpaceUnknown(why()),
    ] {
        let mut decision = decide::group(&event, &lead, &facts, &context);
        for finding in &mut decision.findings {
            let action = finding.remedy.action().unwrap().clone();
            finding.remedy = Remedy::NotRemediated { action, because: because.clone() };
        }
        let told = report(&event, &decision, Seen::Group(&facts), &context, &Outcomes::new());
        assert!(told.severity() >= Severity::High, "{because:?}");
        let alert = Alert::compose(&told);
        let all = "aws ec2 revoke-security-group-ingress --region eu-west-1 --group-id sg-0a1b2c3d4e5f60718 \
                   --security-group-rule-ids sgr-001 sgr-002 sgr-003";
        let revokes: Vec<&str> =
            alert.mail.lines().filter(|line| line.starts_with("aws ec2 revoke-")).collect();
        assert_eq!(revokes, [all], "{because:?}");
        assert!(chat(&alert).to_string().contains(all), "{because:?}");
    }
}
