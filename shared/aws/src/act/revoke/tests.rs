use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressInput;
use portcullis_engine::action::{Action, Grants};
use portcullis_engine::settings::Mode;

use super::*;
use crate::Shell;
use crate::act::{act, no_start};
use crate::scripted::{Account, rule, throttled_revoke};

const GROUP: &str = "sg-1";
const WORLD: &str = "0.0.0.0/0";

fn read(id: &str) -> IngressRule {
    portcullis_testkit::rule(id, "tcp 6379", WORLD)
}

fn revoking(group: &str, ids: &[&str]) -> Vec<Action> {
    let action = |id: &&str| Action::RevokeIngress {
        group: group.to_owned(),
        rule: read(id),
        grants: Grants::default(),
    };
    ids.iter().map(action).collect()
}

async fn acted(account: &Account, actions: &[Action]) -> Outcomes {
    act(&account.shell(Mode::Enforce), &actions.iter().collect::<Vec<_>>(), &no_start).await.0
}

/// A group with public rules of these ids.
fn open(ids: &[&str]) -> Account {
    Account::new().with(GROUP, ids.iter().map(|id| rule(id, WORLD)))
}

fn failure<'a>(outcomes: &'a Outcomes, id: &str) -> &'a str {
    match &outcomes[id] {
        Outcome::Failed(why) => why,
        other => panic!("{id} is {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_rule_that_is_seen_gone_is_done_and_the_others_stay() {
    let account = open(&["sgr-1", "sgr-2"]);
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    assert_eq!(outcomes, Outcomes::from([("sgr-1".to_owned(), Outcome::Done(None))]));
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(account.calls(), ["RevokeSecurityGroupIngress", "DescribeSecurityGroupRules"]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_was_gone_before_is_already_gone() {
    let account = open(&["sgr-2"]);
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    assert_eq!(outcomes["sgr-1"], Outcome::AlreadyGone);
    assert_eq!(account.count("RevokeSecurityGroupIngress"), 1, "one id is not tried twice");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
}

#[tokio::test(start_paused = true)]
async fn one_stale_id_in_a_batch_does_not_save_the_others() {
    let account = open(&["sgr-1", "sgr-3"]);
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1", "sgr-2", "sgr-3"])).await;
    assert_eq!(outcomes["sgr-1"], Outcome::Done(None));
    assert_eq!(outcomes["sgr-2"], Outcome::AlreadyGone);
    assert_eq!(outcomes["sgr-3"], Outcome::Done(None));
    assert!(account.rule_ids(GROUP).is_empty());
    assert_eq!(account.count("RevokeSecurityGroupIngress"), 4, "together, then each alone");
}

#[tokio::test(start_paused = true)]
async fn throttling_that_outlasts_the_retries_fails_that_group_only() {
    let account = open(&["sgr-1"]).with("sg-2", [rule("sgr-2", WORLD)]);
    let throttled = throttled_revoke("sgr-1", 4);
    let retry = RetryConfig::standard().with_max_attempts(4);
    let ec2 = account.ec2_but(std::slice::from_ref(&throttled), retry);
    let actions = [revoking(GROUP, &["sgr-1"]), revoking("sg-2", &["sgr-2"])].concat();
    let shell = Shell { ec2, ..account.shell(Mode::Enforce) };
    let outcomes = act(&shell, &actions.iter().collect::<Vec<_>>(), &no_start).await.0;
    let why = failure(&outcomes, "sgr-1");
    assert!(why.contains("still open") && why.contains("RequestLimitExceeded"), "{why}");
    assert_eq!(throttled.num_calls(), 4, "the SDK retries, and nothing on top of it does");
    assert_eq!(outcomes["sgr-2"], Outcome::Done(None));
    assert_eq!(account.rule_ids(GROUP), ["sgr-1"]);
    assert!(account.rule_ids("sg-2").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_revoke_failed_with_its_code_after_one_look() {
    let account = open(&["sgr-1"]);
    account.fail("RevokeSecurityGroupIngress", "sgr-1", "UnauthorizedOperation");
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    let why = failure(&outcomes, "sgr-1");
    assert!(why.contains("still open") && why.contains("UnauthorizedOperation"), "{why}");
    assert!(why.contains("the tag portcullis:protect"), "{why}");
    assert_eq!(account.count("DescribeSecurityGroupRules"), 1, "nothing is waited for");
    assert_eq!(account.rule_ids(GROUP), ["sgr-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_gone_after_a_revoke_without_an_answer_is_already_gone() {
    let account = open(&[]);
    account.fail("RevokeSecurityGroupIngress", "sgr-1", "InternalError");
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    assert_eq!(outcomes["sgr-1"], Outcome::AlreadyGone);
}

/// The list may have been read too early, or cut short: an open rule would be told as gone.
#[tokio::test(start_paused = true)]
async fn a_refused_rule_that_is_not_shown_failed_all_the_same() {
    let account = open(&[]);
    account.fail("RevokeSecurityGroupIngress", "sgr-1", "RequestLimitExceeded");
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    let why = failure(&outcomes, "sgr-1");
    assert!(
        why.contains("does not show the rule now") && why.contains("RequestLimitExceeded"),
        "{why}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_batch_leaves_the_other_batches_done() {
    let ids: Vec<String> = (0..150).map(|n| format!("sgr-{n:03}")).collect();
    let account = open(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    account.fail("RevokeSecurityGroupIngress", "sgr-007", "InternalError");
    let actions: Vec<Action> = ids.iter().flat_map(|id| revoking(GROUP, &[id])).collect();
    let outcomes = acted(&account, &actions).await;
    assert!(failure(&outcomes, "sgr-007").contains("InternalError"));
    assert_eq!(outcomes["sgr-149"], Outcome::Done(None));
    assert_eq!(account.rule_ids(GROUP), ids[..100]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_still_shown_after_every_look_failed() {
    let account = open(&["sgr-1"]);
    account.now().linger = usize::MAX;
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    let why = failure(&outcomes, "sgr-1");
    assert!(why.contains("still lists the rule"), "{why}");
    assert_eq!(account.count("DescribeSecurityGroupRules"), LOOK.len());
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_shown_for_two_more_looks_and_then_gone_is_done() {
    let account = open(&["sgr-1"]);
    account.now().linger = 2;
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    assert_eq!(outcomes["sgr-1"], Outcome::Done(None));
    assert_eq!(account.count("DescribeSecurityGroupRules"), 3);
    assert_eq!(account.count("RevokeSecurityGroupIngress"), 1, "it is revoked once");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_read_again_proves_nothing_and_says_so() {
    let account = open(&["sgr-1"]);
    account.fail("DescribeSecurityGroupRules", GROUP, "UnauthorizedOperation");
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1", "sgr-2"])).await;
    for id in ["sgr-1", "sgr-2"] {
        let why = failure(&outcomes, id);
        assert!(why.contains("could not be read again"), "{why}");
        assert!(why.contains("UnauthorizedOperation"), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn rules_of_a_group_that_was_deleted_meanwhile_are_already_gone() {
    let outcomes = acted(&Account::new(), &revoking(GROUP, &["sgr-1", "sgr-2"])).await;
    assert_eq!(outcomes["sgr-1"], Outcome::AlreadyGone);
    assert_eq!(outcomes["sgr-2"], Outcome::AlreadyGone);
}

#[tokio::test(start_paused = true)]
async fn many_rules_go_in_batches_of_a_hundred() {
    let ids: Vec<String> = (0..250).map(|n| format!("sgr-{n:03}")).collect();
    let account = open(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let actions: Vec<Action> = ids.iter().flat_map(|id| revoking(GROUP, &[id])).collect();
    let outcomes = acted(&account, &actions).await;
    assert_eq!(outcomes.len(), 250);
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done(None)));
    assert!(account.rule_ids(GROUP).is_empty());
    let state = account.now();
    let sizes = state.revokes.iter().map(|revoke| revoke.security_group_rule_ids().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [100, 100, 50]);
}

#[tokio::test(start_paused = true)]
async fn one_group_that_fails_does_not_stop_the_next() {
    let account = open(&["sgr-1"]).with("sg-2", [rule("sgr-2", WORLD)]);
    account.fail("RevokeSecurityGroupIngress", GROUP, "UnauthorizedOperation");
    let actions = [revoking(GROUP, &["sgr-1"]), revoking("sg-2", &["sgr-2"])].concat();
    let outcomes = acted(&account, &actions).await;
    assert!(failure(&outcomes, "sgr-1").contains("UnauthorizedOperation"));
    assert_eq!(outcomes["sgr-2"], Outcome::Done(None));
    assert_eq!(account.rule_ids(GROUP), ["sgr-1"]);
    assert!(account.rule_ids("sg-2").is_empty());
}

/// By permission, a revoke takes every source that shares the port with it.
#[tokio::test(start_paused = true)]
async fn only_rule_ids_are_sent_and_what_shares_the_port_stays() {
    let account = open(&["sgr-1"]).with(
        GROUP,
        [rule("sgr-2", "10.0.0.0/8"), rule("sgr-3", "pl-1"), rule("sgr-4", "2001:db8::/32")],
    );
    acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    assert_eq!(account.rule_ids(GROUP), ["sgr-2", "sgr-3", "sgr-4"]);
    let sent = RevokeSecurityGroupIngressInput::builder()
        .group_id(GROUP)
        .security_group_rule_ids("sgr-1")
        .build()
        .unwrap();
    assert_eq!(account.now().revokes, [sent]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_was_edited_after_it_was_read_is_told_as_it_went() {
    let mut edited = rule("sgr-1", "192.0.2.0/24");
    edited.description = Some("new".to_owned());
    let account = Account::new().with(GROUP, [edited]);
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    let went = IngressRule {
        source: Source::cidr("192.0.2.0/24").unwrap(),
        description: Some("new".to_owned()),
        ..read("sgr-1")
    };
    assert_eq!(outcomes["sgr-1"], Outcome::Done(Some(Box::new(went))));
}

#[tokio::test(start_paused = true)]
async fn a_rule_whose_port_was_edited_is_told_as_it_went() {
    let mut edited = rule("sgr-1", WORLD);
    edited.to_port = Some(6380);
    let account = Account::new().with(GROUP, [edited]);
    let outcomes = acted(&account, &revoking(GROUP, &["sgr-1"])).await;
    let went = IngressRule { to_port: 6380, ..read("sgr-1") };
    assert_eq!(outcomes["sgr-1"], Outcome::Done(Some(Box::new(went))));
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_makes_no_call() {
    let account = open(&["sgr-1"]);
    assert!(acted(&account, &[]).await.is_empty());
    assert!(account.calls().is_empty());
}
