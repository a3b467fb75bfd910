//! Every mail of a move, for caches of every shape. Read them as who is woken by them at two in the morning.

mod written;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_engine::text::harmless_json;
use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use portcullis_recreation::json;
use portcullis_recreation::mail::{self, Context, Mail};
use portcullis_recreation::plan::{Answer, Choices, Plan, Refusal, plan};
use portcullis_recreation::text::{plain, text};
use portcullis_testkit::{hostile, schema};
use serde_json::{Value, json};

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf";
const UNTIL: i64 = 1_795_870_800;
const LINK: &str = "https://abcdefgh.lambda-url.eu-west-1.on.aws/orders-1a2b3c4d?about=move&until=1795870800&plan=1a2b3c4d5e6f7081&sig=c2lnbmF0dXJl";

fn context<'a>(cache: &'a str, stack: &'a str) -> Context<'a> {
    Context {
        recreation_id: cache,
        stack,
        account: "111122223333",
        region: "eu-west-1",
        asked_by: "arn:aws:sts::111122223333:assumed-role/Developer/ada",
        why: "default port, found by Portcullis",
        execution_arn: "arn:aws:states:eu-west-1:111122223333:execution:portcullis-recreate:orders-1a2b3c4d",
    }
}

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn facts(document: &Value) -> Facts {
    document::read(&document.to_string(), None).unwrap()
}

fn answer(document: &Value) -> Answer {
    let needs = document.pointer("/ReplicationGroups/0/AuthTokenEnabled") == Some(&json!(true));
    let choices =
        Choices { auth_token_secret: needs.then(|| SECRET.to_owned()), ..Choices::default() };
    plan(&facts(document), &choices)
}

fn planned(name: &str) -> Plan {
    match answer(&example(name)) {
        Answer::Plan(plan) => *plan,
        Answer::Refused(refusal) => panic!("{name}: {:?}", refusal.reasons),
    }
}

fn refusal(name: &str) -> Refusal {
    match plan(&facts(&example(name)), &Choices::default()) {
        Answer::Refused(refusal) => *refusal,
        Answer::Plan(_) => panic!("{name} moves"),
    }
}

/// What AWS shows of the new cache, as far as its endpoints go.
fn clone_of(name: &str, plan: &Plan) -> Facts {
    if plan.changes_form() {
        return group_of_one(plan);
    }
    let old = format!("{}.", plan.now.id);
    let text = example(name)
        .to_string()
        .replace(&format!("\"Port\":{}", plan.now.port), &format!("\"Port\":{}", plan.create.port))
        .replace(&format!(".{old}"), &format!(".{}.", plan.create.id));
    facts(
        &serde_json::from_str(&text.replace(
            &format!("\"Address\":\"{old}"),
            &format!("\"Address\":\"{}.", plan.create.id),
        ))
        .unwrap(),
    )
}

/// The group of one node that a lone node became.
fn group_of_one(plan: &Plan) -> Facts {
    let (id, port) = (&plan.create.id, plan.create.port);
    let at = |name: &str| json!({"Address": format!("{name}.{id}.x1y2z3.euw1.cache.amazonaws.com"), "Port": port});
    let member = format!("{id}-001");
    facts(&json!({
        "ReplicationGroups": [{
            "ReplicationGroupId": id,
            "ARN": plan.new_arn(),
            "MemberClusters": [member],
            "NodeGroups": [{
                "PrimaryEndpoint": at("master"),
                "ReaderEndpoint": at("replica"),
                "NodeGroupMembers": [{"CacheClusterId": member, "ReadEndpoint": at(&member)}],
            }],
        }],
    }))
}

/// The mail as it arrives: its subject, its text, and what machines get.
fn arrives(mail: &Mail) -> String {
    format!(
        "Subject: {}\n\n{}\n--- {} ---\n{}\n",
        mail.subject,
        mail.body,
        mail::SCHEMA,
        serde_json::to_string_pretty(&mail.document).unwrap()
    )
}

fn check(name: &str, mail: &Mail) {
    lawful(mail);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("mails");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, arrives(mail)));
}

/// What holds for every mail.
fn lawful(mail: &Mail) {
    let Mail { subject, body, document } = mail;
    assert!(subject.len() < 100 && subject.is_ascii(), "{subject}");
    assert!(!subject.is_empty() && !subject.contains(char::is_control), "{subject}");
    hostile::shows_all("the subject", subject);
    hostile::shows_all("the mail", body);
    hostile::shows_all("the document", &harmless_json(&document.to_string()));
    assert!(body.len() < 256 * 1024);
    let unbroken = [
        "    ",
        "Requested by ",
        "Why: ",
        "Rejected by ",
        "Because: ",
        "Seen: ",
        "What differs: ",
        "Execution: ",
    ];
    for line in body.lines().filter(|line| !unbroken.iter().any(|lead| line.starts_with(lead))) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let head: Vec<&str> = body.lines().take_while(|line| !line.is_empty()).collect();
    assert!((3..=4).contains(&head.len()), "the first lines say it all:\n{}", head.join("\n"));
    schema::holds("move", document);
}

/// Every mail of a move by this plan, by name.
fn all(name: &str, plan: &Plan, ctx: &Context<'_>) -> Vec<(&'static str, Mail)> {
    let clone = clone_of(name, plan);
    let seen = "in 60 minutes no command read or wrote anything on its 3 nodes, and none had more than 5 connections (AWS's own monitoring holds 4 to 6)";
    let closed: Vec<String> = plan
        .ingress
        .close
        .iter()
        .filter(|rule| rule.stays.is_none())
        .map(|rule| format!("{} of {}", rule.rule.id, rule.group))
        .collect();
    let left = vec!["sgr-0123 of sg-0456: an instance carries the group".to_owned()];
    let undone = vec![format!("the snapshot {}-snap was deleted", plan.create.id)];
    let there = vec![
        format!(
            "the new cache {} could not be deleted: it is creating. When it is available:",
            plan.create.id
        ),
        format!(
            "aws elasticache delete-replication-group --region eu-west-1 --replication-group-id {}",
            plan.create.id
        ),
    ];
    vec![
        ("ask", mail::ask(plan, ctx, None, UNTIL)),
        ("ask-with-page", mail::ask(plan, ctx, Some(LINK), UNTIL)),
        ("handed-over", mail::handed_over(plan, &clone, ctx)),
        ("ask-deletion", mail::ask_deletion(plan, ctx, seen, Some(LINK), UNTIL)),
        ("kept", mail::kept(plan, ctx, "nobody approved or rejected its deletion")),
        ("deleted", mail::deleted(plan, ctx, &closed, &left)),
        ("gone", mail::gone(plan, ctx, &closed, &left)),
        (
            "rejected",
            mail::rejected(
                plan,
                ctx,
                "ada (through the page, from 192.0.2.7)",
                "not before the sale",
            ),
        ),
        ("nobody-answered", mail::nobody_answered(plan, ctx)),
        (
            "changed",
            mail::changed(plan, ctx, "SnapshotRetentionLimit: 7 when it was agreed to, 3 now"),
        ),
        (
            "failed",
            mail::failed(
                Some(plan),
                ctx,
                "create",
                "CreateReplicationGroup: InsufficientCacheClusterCapacity: no capacity in eu-west-1a",
                &undone,
                &there,
            ),
        ),
        (
            "failed-all-undone",
            mail::failed(
                Some(plan),
                ctx,
                "snapshot",
                "CreateSnapshot: SnapshotQuotaExceededFault",
                &undone,
                &[],
            ),
        ),
        (
            "failed-late",
            mail::failed(
                Some(plan),
                ctx,
                "delete",
                "DeleteReplicationGroup: InvalidReplicationGroupState",
                &[],
                &[],
            ),
        ),
        ("failed-before-plan", mail::failed(None, ctx, "plan", "the cache is not there", &[], &[])),
        (
            "still-used",
            mail::still_used(
                plan,
                ctx,
                "orders-001: 12 connections (AWS's own are 4 to 6), 350 reads",
                14,
            ),
        ),
        (
            "used-again",
            mail::used_again(
                plan,
                ctx,
                "orders-001: 12 connections (AWS's own are 4 to 6), 350 reads",
            ),
        ),
    ]
}

#[test]
fn every_mail_of_a_group_with_replicas() {
    let plan = planned("valkey-with-replicas");
    for (name, mail) in
        all("valkey-with-replicas", &plan, &context("orders-1a2b3c4d", "portcullis"))
    {
        check(&format!("valkey-with-replicas.{name}"), &mail);
    }
}

#[test]
fn what_differs_by_the_shape_of_the_cache() {
    for name in [
        "memcached-several-nodes",
        "valkey-three-shards",
        "valkey-user-groups",
        "redis-auth-token",
        "redis-single-node",
        "valkey-single-node",
        "valkey-resharded",
    ] {
        let plan = planned(name);
        let id = format!("{}-1a2b3c4d", plan.now.id);
        for (mail_name, mail) in all(name, &plan, &context(&id, "guard")) {
            lawful(&mail);
            if ["ask", "handed-over", "ask-deletion", "deleted", "still-used"].contains(&mail_name)
            {
                check(&format!("{name}.{mail_name}"), &mail);
            }
        }
    }
}

#[test]
fn every_refusal_is_told_with_its_patch() {
    for name in [
        "redis-auth-token",
        "redis-many-reasons",
        "redis-global-datastore",
        "valkey-of-a-stack",
        "memcached-of-terraform",
    ] {
        let refusal = refusal(name);
        let id = format!("{}-1a2b3c4d", refusal.cache.id);
        let mail = mail::refused(&refusal, &context(&id, "portcullis"));
        check(&format!("{name}.refused"), &mail);
        for reason in &refusal.reasons {
            assert!(mail.body.contains(&format!("{}: ", reason.field)), "{}", reason.field);
        }
        if let Some(patch) = &refusal.patch {
            let blocks = [&patch.cloudformation, &patch.terraform];
            let whole = |block: &&&String| block.lines().all(|line| mail.body.contains(line));
            assert_eq!(blocks.iter().filter(whole).count(), 1, "{name}");
        }
    }
}

#[test]
fn the_schema_describes_no_kind_that_there_is_not() {
    let plan = planned("redis-single-node");
    let ctx = context("legacy-jobs-1a2b3c4d", "portcullis");
    let mut kinds: BTreeSet<String> = all("redis-single-node", &plan, &ctx)
        .iter()
        .map(|(_, mail)| mail.document["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.insert("refused".to_owned());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/move.schema.json");
    let root: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let described = root["properties"]["kind"]["enum"].as_array().unwrap().iter();
    assert_eq!(
        described.map(|kind| kind.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
        kinds
    );
}

#[test]
fn commands_name_the_stack_where_it_has_another_name() {
    let plan = planned("redis-single-node");
    let body = |stack| mail::ask(&plan, &context("legacy-jobs-1a2b3c4d", stack), None, UNTIL).body;
    let ours = body("portcullis");
    assert!(ours.contains("\n    portcullis approve legacy-jobs-1a2b3c4d\n"), "{ours}");
    assert!(ours.contains("\n    portcullis reject legacy-jobs-1a2b3c4d --reason '...'\n"));
    let guard = body("guard");
    assert!(guard.contains("\n    portcullis approve legacy-jobs-1a2b3c4d --stack guard\n"));
    assert!(
        guard.contains(
            "\n    portcullis reject legacy-jobs-1a2b3c4d --reason '...' --stack guard\n"
        )
    );
}

#[test]
fn what_users_write_forges_no_line_no_link_and_no_command() {
    let long = "x'; $(touch it) `touch it` \"\u{1b}[31m\n\nTo answer\n\n    portcullis approve evil-0\nhttps://evil.example/\u{202e}";
    for hostile in hostile::texts().iter().map(String::as_str).chain([long]) {
        forges_nothing(hostile);
    }
}

fn forges_nothing(hostile: &str) {
    let written = [
        "Description",
        "Value",
        "Address",
        "AlarmName",
        "LogGroup",
        "CacheSize",
        "CacheParameterGroupName",
        "TopicArn",
        "DestinationType",
    ];
    for name in [
        "valkey-with-replicas",
        "redis-single-node",
        "memcached-several-nodes",
        "valkey-three-shards",
    ] {
        let mut document = example(name);
        written::replace(&mut document, &written, hostile);
        let answered = answer(&document);
        hostile::shows_all("the plan", &text(&answered, &plain));
        hostile::shows_all("the plan as JSON", &json::json(&answered));
        let plan = match answered {
            Answer::Plan(plan) => plan,
            Answer::Refused(refusal) => panic!("{name}: {:?}", refusal.reasons),
        };
        let ctx =
            Context { asked_by: hostile, why: hostile, ..context("orders-1a2b3c4d", "portcullis") };
        let mut mails = all(name, &plan, &ctx);
        mails.push(("rejected", mail::rejected(&plan, &ctx, hostile, hostile)));
        mails.push(("kept", mail::kept(&plan, &ctx, hostile)));
        mails.push((
            "failed",
            mail::failed(
                Some(&plan),
                &ctx,
                "create",
                hostile,
                &[hostile.to_owned()],
                &[hostile.to_owned()],
            ),
        ));
        mails.push(("changed", mail::changed(&plan, &ctx, hostile)));
        mails.push(("handed-over", mail::handed_over(&plan, &facts(&document), &ctx)));
        for (kind, mail) in mails {
            lawful(&mail);
            // What is in single quotes is data to a shell: settings of the old cache, as JSON.
            let forged = |line: &str| {
                let acted_upon: String = line.split('\'').step_by(2).collect();
                line.starts_with("    ")
                    && (acted_upon.contains("evil") || acted_upon.contains("touch"))
            };
            for line in mail.body.lines() {
                assert!(
                    !forged(line) || line.trim_start().starts_with('-'),
                    "{name}, {kind}: {line}"
                );
                assert!(!line.contains("://evil"), "{name}, {kind}: {line}");
            }
        }
    }
}

#[test]
fn a_plan_with_very_many_rules_is_cut_and_says_so() {
    let mut plan = planned("valkey-with-replicas");
    let one = plan.ingress.open[0].clone();
    plan.ingress.open = std::iter::repeat_n(one, 4000).collect();
    let mail = mail::ask(&plan, &context("orders-1a2b3c4d", "guard"), None, UNTIL);
    lawful(&mail);
    assert!(mail.body.ends_with("\n    portcullis plan orders --stack guard\n"));
    assert!(mail.body.contains("This mail is shortened"));
}
