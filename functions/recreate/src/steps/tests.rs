//! What a step does to the account when something is not as it should be. How a move goes to its end is
//! shown in the emulated account.

#![expect(clippy::disallowed_methods, reason = "scripts what is called, and calls nothing")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_ec2::operation::describe_security_group_rules::DescribeSecurityGroupRulesOutput;
use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressOutput;
use aws_sdk_ec2::types::{SecurityGroupRule, Tag as Ec2Tag};
use aws_sdk_elasticache::operation::create_cache_cluster::CreateCacheClusterOutput;
use aws_sdk_elasticache::operation::delete_cache_cluster::DeleteCacheClusterOutput;
use aws_sdk_elasticache::operation::describe_cache_clusters::{
    DescribeCacheClustersError, DescribeCacheClustersOutput,
};
use aws_sdk_elasticache::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_elasticache::types::error::CacheClusterNotFoundFault;
use aws_sdk_elasticache::types::{CacheCluster, Tag};
use aws_sdk_sns::operation::publish::PublishOutput;
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use portcullis_approval::{About, Answer, Question, Record, Table, Through, Work};
use portcullis_engine::arn::Arn;
use portcullis_inventory::Clients;
use portcullis_recreation::document;
use portcullis_recreation::marks;
use portcullis_recreation::plan::{self, Choices, Plan};
use serde_json::json;

use super::*;
use crate::settings::Settings;

const MEMCACHED: &str =
    include_str!("../../../../shared/recreation/examples/memcached-several-nodes.json");

/// An account with one cache, perhaps its replacement, and what was done to it.
#[derive(Clone, Default)]
struct Account(Arc<Mutex<State>>);

type Tags = Vec<(String, String)>;

#[derive(Default)]
struct State {
    /// Status and tags of caches, by id.
    caches: BTreeMap<String, (&'static str, Tags)>,
    /// The rules of every group.
    rules: Vec<SecurityGroupRule>,
    /// The record of the move.
    item: Option<HashMap<String, AttributeValue>>,
    /// The lock of the cache, if another move has it.
    held: Option<HashMap<String, AttributeValue>>,
    /// What was done, in order.
    done: Vec<String>,
}

fn planned() -> (Record, Plan) {
    let facts = document::read(MEMCACHED, None).unwrap();
    let plan::Answer::Plan(plan) = plan::plan(&facts, &Choices::default()) else { panic!() };
    let record = Record {
        id: "pages-1".to_owned(),
        subject: plan.cache.arn.clone(),
        asked_by: "alice".to_owned(),
        why: String::new(),
        work: Work::Recreation { choices: Choices::default(), document: MEMCACHED.to_owned() },
        fingerprint: plan.fingerprint.clone(),
        stage: "planned".to_owned(),
        execution: "arn".to_owned(),
        questions: BTreeMap::new(),
    };
    (record, *plan)
}

fn agreed(record: &Record, about: About, yes: bool) -> Record {
    let answer = Answer {
        yes,
        by: "bob".to_owned(),
        reason: String::new(),
        at: 1,
        through: Through::CommandLine,
    };
    let question = Question {
        asked_at: 0,
        until: 10,
        plan: record.fingerprint.clone(),
        note: String::new(),
        token: None,
        answer: Some(answer),
        passed_on: true,
    };
    Record { questions: BTreeMap::from([(about, question)]), ..record.clone() }
}

fn ours(plan: &Plan) -> Tags {
    plan.markers.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

impl Account {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// An account that knows of the move.
    async fn with(record: &Record) -> Self {
        let account = Self::default();
        account.table().put(record, 0).await.unwrap();
        account
    }

    fn did(&self, what: String) {
        self.state().done.push(what);
    }

    fn elasticache(&self) -> aws_sdk_elasticache::Client {
        use aws_sdk_elasticache::Client;
        let (shown, tagged, made, deleted) =
            (self.clone(), self.clone(), self.clone(), self.clone());
        let describe = mock!(Client::describe_cache_clusters).then_compute_response(move |input| {
            let id = input.cache_cluster_id().unwrap();
            match shown.state().caches.get(id) {
                Some((status, _)) => MockResponse::Output(
                    DescribeCacheClustersOutput::builder()
                        .cache_clusters(
                            CacheCluster::builder()
                                .cache_cluster_id(id)
                                .cache_cluster_status(*status)
                                .build(),
                        )
                        .build(),
                ),
                None => {
                    let meta = aws_sdk_elasticache::error::ErrorMetadata::builder();
                    let fault = CacheClusterNotFoundFault::builder()
                        .meta(meta.code("CacheClusterNotFound").build());
                    MockResponse::Error(DescribeCacheClustersError::CacheClusterNotFoundFault(
                        fault.build(),
                    ))
                }
            }
        });
        let tags = mock!(Client::list_tags_for_resource).then_compute_output(move |input| {
            let id = Arn::name_of(input.resource_name().unwrap());
            let state = tagged.state();
            let tags = state.caches[id]
                .1
                .iter()
                .map(|(key, value)| Tag::builder().key(key).value(value).build());
            ListTagsForResourceOutput::builder().set_tag_list(Some(tags.collect())).build()
        });
        let create = mock!(Client::create_cache_cluster).then_compute_output(move |input| {
            made.did(format!("create {}", input.cache_cluster_id().unwrap()));
            CreateCacheClusterOutput::builder().build()
        });
        let delete = mock!(Client::delete_cache_cluster).then_compute_output(move |input| {
            deleted.did(format!("delete {}", input.cache_cluster_id().unwrap()));
            DeleteCacheClusterOutput::builder().build()
        });
        mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, [&describe, &tags, &create, &delete])
    }

    fn ec2(&self) -> aws_sdk_ec2::Client {
        use aws_sdk_ec2::Client;
        let (shown, revoked) = (self.clone(), self.clone());
        let describe =
            mock!(Client::describe_security_group_rules).then_compute_output(move |_| {
                let rules = shown.state().rules.clone();
                DescribeSecurityGroupRulesOutput::builder()
                    .set_security_group_rules(Some(rules))
                    .build()
            });
        let revoke =
            mock!(Client::revoke_security_group_ingress).then_compute_output(move |input| {
                let ids = input.security_group_rule_ids().to_vec();
                let mut state = revoked.state();
                state
                    .rules
                    .retain(|rule| !ids.iter().any(|id| rule.security_group_rule_id() == Some(id)));
                state.done.extend(ids.iter().map(|id| format!("revoke {id}")));
                RevokeSecurityGroupIngressOutput::builder().build()
            });
        mock_client!(aws_sdk_ec2, RuleMode::MatchAny, [&describe, &revoke])
    }

    fn table(&self) -> Table {
        use aws_sdk_dynamodb::Client;
        let (read, put) = (self.clone(), self.clone());
        let get = mock!(Client::get_item).then_compute_output(move |_| {
            GetItemOutput::builder().set_item(read.state().item.clone()).build()
        });
        let put = mock!(Client::put_item).then_compute_response(move |input| {
            let item = input.item().unwrap();
            let mut state = put.state();
            if item["id"].as_s().unwrap().starts_with("lock#") {
                let Some(held) = state.held.clone() else {
                    return MockResponse::Output(PutItemOutput::builder().build());
                };
                let failed = ConditionalCheckFailedException::builder().set_item(Some(held));
                return MockResponse::Error(PutItemError::ConditionalCheckFailedException(
                    failed.build(),
                ));
            }
            state.item = Some(item.clone());
            MockResponse::Output(PutItemOutput::builder().build())
        });
        let update = mock!(Client::update_item).then_output(|| UpdateItemOutput::builder().build());
        let delete = mock!(Client::delete_item).then_output(|| {
            aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput::builder().build()
        });
        Table::new(
            mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&get, &put, &update, &delete]),
            "moves",
        )
    }

    fn shell(&self) -> Shell {
        let told = self.clone();
        let publish = mock!(aws_sdk_sns::Client::publish).then_compute_output(move |input| {
            told.did(format!("mail {}", input.subject().unwrap()));
            PublishOutput::builder().build()
        });
        Shell {
            settings: Settings {
                topic: "arn:aws:sns:eu-west-1:111122223333:alerts".to_owned(),
                table: "moves".to_owned(),
                stack: "portcullis".to_owned(),
                recreates_fresh: false,
                port: None,
                asker: portcullis_approval::Asker { days: 7, page: None },
            },
            table: self.table(),
            look: Clients {
                ec2: self.ec2(),
                elasticache: self.elasticache(),
                cloudwatch: mock_client!(aws_sdk_cloudwatch, []),
                scaling: mock_client!(aws_sdk_applicationautoscaling, []),
            },
            secrets: mock_client!(aws_sdk_secretsmanager, []),
            sfn: mock_client!(aws_sdk_sfn, []),
            kms: mock_client!(aws_sdk_kms, []),
            sns: mock_client!(aws_sdk_sns, [&publish]),
            now: || 5,
        }
    }

    async fn step(&self, step: &str) -> Result<Value> {
        let (record, _) = planned();
        let payload = json!({
            "step": step, "execution": "arn",
            "move": {
                "move": record.id, "cache": record.subject, "port": null, "authTokenSecret": null,
                "askedBy": "alice", "why": "",
            },
            "failed": {"step": "create", "error": "Portcullis.Final", "cause": "{\"errorMessage\":\"no room\"}"},
        });
        super::step(&self.shell(), payload).await
    }
}

fn lasts(error: &anyhow::Error) -> bool {
    crate::error::kind(error) == "Final"
}

#[tokio::test]
async fn without_an_answer_nothing_is_made_or_deleted() {
    let (record, plan) = planned();
    for (step, record) in [
        ("create", record.clone()),
        ("create", agreed(&record, About::Recreation, false)),
        ("create", agreed(&record, About::Deletion, true)),
        ("open-port", record.clone()),
        ("snapshot", record.clone()),
        ("delete", record.clone()),
        ("delete", agreed(&record, About::Recreation, true)),
        ("delete", agreed(&record, About::Deletion, false)),
    ] {
        let account = Account::with(&record).await;
        account.state().caches.insert(plan.cache.id.clone(), ("available", Vec::new()));
        let error = account.step(step).await.unwrap_err();
        assert!(
            lasts(&error) && format!("{error:#}").contains("nobody approved"),
            "{step}: {error:#}"
        );
        assert!(account.state().done.is_empty(), "{step}");
    }
}

#[tokio::test]
async fn the_old_cache_is_kept_unless_its_replacement_is_there_and_ours() {
    let (record, plan) = planned();
    let new = plan.create.id.clone();
    for (replaced, why) in [
        (None, "is gone"),
        (Some(("create-failed", ours(&plan))), "is create-failed"),
        (Some(("available", Vec::new())), "no re-creation with this plan created it"),
    ] {
        let account = Account::with(&agreed(&record, About::Deletion, true)).await;
        account.state().caches.insert(plan.cache.id.clone(), ("available", Vec::new()));
        account.state().caches.extend(replaced.map(|cache| (new.clone(), cache)));
        let error = account.step("delete").await.unwrap_err();
        assert!(lasts(&error) && format!("{error:#}").contains(why), "{error:#}");
        assert!(account.state().done.is_empty());
    }
}

#[tokio::test]
async fn a_cache_of_the_new_name_that_is_not_ours_is_an_error_and_ours_is_success() {
    let (record, plan) = planned();
    let by = |plan: &str| {
        vec![
            (marks::RECREATED_FROM.to_owned(), record.subject.clone()),
            (marks::PLAN.to_owned(), plan.to_owned()),
        ]
    };
    for (tags, is_ours) in [
        (Vec::new(), false),
        (by("0000000000000000"), false),
        (by("00000000"), false),
        (ours(&plan), true),
    ] {
        let account = Account::with(&agreed(&record, About::Recreation, true)).await;
        account.state().caches.insert(plan.create.id.clone(), ("available", tags));
        match account.step("create").await {
            Ok(answer) => assert!(is_ours && answer == json!({"state": "done"})),
            Err(error) => assert!(!is_ours && lasts(&error), "{error:#}"),
        }
        assert!(account.state().done.is_empty());
    }
}

#[tokio::test]
async fn a_new_cache_is_made_once_and_its_failure_is_one() {
    let (record, plan) = planned();
    let new = &plan.create.id;
    let account = Account::with(&agreed(&record, About::Recreation, true)).await;
    assert_eq!(account.step("create").await.unwrap(), json!({"state": "waiting"}));
    assert_eq!(account.state().done, [format!("create {new}")]);
    account.state().caches.insert(new.clone(), ("creating", ours(&plan)));
    assert_eq!(account.step("create").await.unwrap(), json!({"state": "waiting"}));
    for status in ["create-failed", "restore-failed", "incompatible-network", "deleting"] {
        account.state().caches.insert(new.clone(), (status, ours(&plan)));
        let error = account.step("create").await.unwrap_err();
        assert!(lasts(&error) && format!("{error:#}").contains(status));
    }
    assert_eq!(account.state().done, [format!("create {new}")]);
}

#[tokio::test]
async fn only_what_carries_the_mark_is_taken_back_and_never_what_was_handed_over() {
    let (record, plan) = planned();
    let mut handed_over = ours(&plan);
    handed_over.push((marks::HANDED_OVER.to_owned(), "pages-1".to_owned()));
    let port = i32::from(plan.create.port);
    let rule = |id: &str, from: &str| {
        SecurityGroupRule::builder()
            .security_group_rule_id(id)
            .group_id(&plan.create.security_groups[0])
            .is_egress(false)
            .ip_protocol("tcp")
            .from_port(port)
            .to_port(port)
            .cidr_ipv4("10.0.0.0/8")
            .tags(Ec2Tag::builder().key(marks::RECREATED_FROM).value(from).build())
            .build()
    };
    for (tags, deleted) in [(Vec::new(), false), (handed_over, false), (ours(&plan), true)] {
        let account = Account::with(&record).await;
        account.state().rules = vec![rule("sgr-ours", &record.subject), rule("sgr-other", "arn:x")];
        account.state().caches.insert(plan.cache.id.clone(), ("available", Vec::new()));
        account.state().caches.insert(plan.create.id.clone(), ("available", tags));
        let answer = account.step("undo").await.unwrap();
        let state = account.state();
        assert!(state.done.contains(&"revoke sgr-ours".to_owned()));
        assert_eq!(state.rules.len(), 1, "the other's rule stays");
        let delete = format!("delete {}", plan.create.id);
        assert_eq!(state.done.contains(&delete), deleted);
        assert!(!state.done.iter().any(|done| *done == format!("delete {}", plan.cache.id)));
        // It waits until what it deletes is gone.
        assert_eq!(answer, json!({"state": if deleted { "waiting" } else { "done" }}));
        assert_eq!(state.done.iter().any(|done| done.starts_with("mail")), !deleted);
    }
}

#[tokio::test]
async fn what_is_being_made_is_taken_back_when_it_is_made() {
    let (record, plan) = planned();
    let account = Account::with(&record).await;
    account.state().caches.insert(plan.create.id.clone(), ("creating", ours(&plan)));
    assert_eq!(account.step("undo").await.unwrap(), json!({"state": "waiting"}));
    assert!(account.state().done.is_empty());
    account.state().caches.clear();
    assert_eq!(account.step("undo").await.unwrap(), json!({"state": "done"}));
    assert_eq!(account.state().done.len(), 1, "one mail");
}

#[tokio::test]
async fn a_plan_that_is_another_one_now_is_not_done() {
    let (record, _) = planned();
    for (other, says) in [
        ("0000000000000000", "updated in between"),
        ("00000000", "by an earlier version of Portcullis"),
    ] {
        let agreed = agreed(&record, About::Recreation, true);
        let account = Account::with(&Record { fingerprint: other.to_owned(), ..agreed }).await;
        let error = account.step("create").await.unwrap_err();
        assert!(lasts(&error) && format!("{error:#}").contains(says), "{error:#}");
        assert!(account.state().done.is_empty());
    }
}

#[tokio::test]
async fn what_another_move_has_is_left_alone() {
    let (record, plan) = planned();
    for step in ["snapshot", "open-port", "create", "delete", "close-port", "undo", "hand-over"] {
        let account = Account::with(&agreed(&record, About::Recreation, true)).await;
        account.state().caches.insert(plan.create.id.clone(), ("available", ours(&plan)));
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let held = [("by", text("pages-2")), ("execution", text("arn:2"))];
        account.state().held = Some(held.map(|(name, value)| (name.to_owned(), value)).into());
        let error = account.step(step).await.unwrap_err();
        assert!(lasts(&error) && format!("{error:#}").contains("pages-2"), "{step}: {error:#}");
        assert!(account.state().done.is_empty(), "{step}");
    }
}

#[tokio::test]
async fn a_payload_that_is_none_is_refused_and_repeated_nowhere() {
    let shell = Account::default().shell();
    for payload in [json!({}), json!({"step": "plan", "token": "t0ken"}), json!([1])] {
        let error = super::step(&shell, payload).await.unwrap_err();
        assert!(lasts(&error) && !format!("{error:?}").contains("t0ken"));
    }
    let account = Account::default();
    let error = account.step("walk").await.unwrap_err();
    assert!(format!("{error:#}").contains("there is no step `walk`"));
}
