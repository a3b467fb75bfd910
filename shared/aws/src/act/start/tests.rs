use portcullis_engine::action::{Action, Outcomes};
use portcullis_engine::settings::Mode;

use super::*;
use crate::act::act;
use crate::scripted::{Account, Execution, MACHINE, rule};

const EXECUTION: &str =
    "arn:aws:states:eu-west-1:111122223333:execution:portcullis-recreate:orders-01234567";

fn moving() -> StartRecreation {
    StartRecreation {
        machine: MACHINE.to_owned(),
        cache: "arn:aws:elasticache:eu-west-1:111122223333:cluster:orders".to_owned(),
        id: "orders-01234567".to_owned(),
        input: r#"{"move":"orders-01234567"}"#.to_owned(),
    }
}

async fn acted(account: &Account, actions: &[Action]) -> Outcomes {
    act(&account.shell(Mode::Enforce), &actions.iter().collect::<Vec<_>>()).await
}

async fn started(account: &Account, start: StartRecreation) -> Outcome {
    acted(account, &[Action::StartRecreation(start)]).await.remove("orders-01234567").unwrap()
}

fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(why) => why,
        other => panic!("it is {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_is_started_by_its_name_with_its_input() {
    let account = Account::new();
    let outcomes = acted(&account, &[Action::StartRecreation(moving())]).await;
    let expected = [("orders-01234567".to_owned(), Outcome::Started(EXECUTION.to_owned()))];
    assert_eq!(outcomes, Outcomes::from(expected));
    let StartRecreation { id: name, input, .. } = moving();
    assert_eq!(account.now().executions, [Execution { name, input, running: true }]);
    assert_eq!(account.calls(), [START], "nothing else is asked");
}

#[tokio::test(start_paused = true)]
async fn starting_it_again_while_it_runs_is_the_same_execution() {
    let account = Account::new();
    for _ in 0..2 {
        assert_eq!(started(&account, moving()).await, Outcome::Started(EXECUTION.to_owned()));
    }
    assert_eq!(account.now().executions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_or_has_another_input_was_started_before() {
    let ended = Account::new();
    started(&ended, moving()).await;
    ended.end_executions();
    let other = Account::new();
    started(&other, StartRecreation { input: "{}".to_owned(), ..moving() }).await;
    for account in [ended, other] {
        let before = account.now().executions.clone();
        let outcome = started(&account, moving()).await;
        assert_eq!(outcome, Outcome::AlreadyStarted(EXECUTION.to_owned()));
        assert_eq!(account.now().executions, before);
    }
}

#[tokio::test(start_paused = true)]
async fn each_refusal_says_what_to_do_and_its_code() {
    for (code, words) in [
        ("AccessDeniedException", "one of your policies denies states:StartExecution"),
        ("StateMachineDeleting", "Update the stack"),
        ("KmsAccessDeniedException", "the stack's KMS key"),
        ("ThrottlingException", "not started: "),
        ("ExecutionLimitExceeded", "not started: "),
        ("InternalServerError", "does not start it twice"),
    ] {
        let account = Account::new();
        account.fail(START, MACHINE, code);
        let why = failure(started(&account, moving()).await);
        assert!(why.contains(words) && why.contains(code), "{why}");
        assert!(account.now().executions.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_machine_that_is_gone_is_a_failure_with_what_to_do() {
    let machine = format!("{MACHINE}-of-old");
    let why = failure(started(&Account::new(), StartRecreation { machine, ..moving() }).await);
    assert!(why.contains("MoveCaches=no") && why.contains("StateMachineDoesNotExist"), "{why}");
}

/// The next try must not take it for refused, nor for started.
#[tokio::test(start_paused = true)]
async fn without_an_answer_nothing_is_claimed() {
    use aws_sdk_sfn::config::http::HttpResponse;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    #[expect(clippy::disallowed_methods, reason = "scripted: nothing is started")]
    let cut = mock!(Client::start_execution)
        .then_http_response(|| HttpResponse::new(200.try_into().unwrap(), "{\"execut".into()));
    let sfn = mock_client!(aws_sdk_sfn, RuleMode::MatchAny, [&cut]);
    let why = failure(start(&sfn, &moving()).await);
    assert!(why.starts_with("it is unknown whether it was started"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_move_that_fails_leaves_the_rule_closed_and_the_other_way_round() {
    let revoke = Action::RevokeIngress {
        group: "sg-1".to_owned(),
        rule: portcullis_testkit::rule("sgr-1", "tcp 6379", "0.0.0.0/0"),
    };
    let actions = [Action::StartRecreation(moving()), revoke];
    let open = || Account::new().with("sg-1", [rule("sgr-1", "0.0.0.0/0")]);
    let (no_move, no_revoke) = (open(), open());
    no_move.fail(START, MACHINE, "AccessDeniedException");
    no_revoke.fail("RevokeSecurityGroupIngress", "sgr-1", "UnauthorizedOperation");
    let outcomes = acted(&no_move, &actions).await;
    assert_eq!(outcomes["sgr-1"], Outcome::Done(None));
    failure(outcomes["orders-01234567"].clone());
    assert!(no_move.rule_ids("sg-1").is_empty());
    let outcomes = acted(&no_revoke, &actions).await;
    failure(outcomes["sgr-1"].clone());
    assert_eq!(outcomes["orders-01234567"], Outcome::Started(EXECUTION.to_owned()));
    assert_eq!(no_revoke.now().executions.len(), 1);
}
