mod account;

use super::*;
use account::{Account, Execution, MACHINE};

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

async fn started(account: &Account, moving: StartRecreation) -> Outcome {
    start(&account.sfn(), &moving).await
}

fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(why) => why,
        other => panic!("it is {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_is_started_by_its_name_with_its_input() {
    let account = Account::default();
    assert_eq!(started(&account, moving()).await, Outcome::Started(EXECUTION.to_owned()));
    let StartRecreation { id: name, input, .. } = moving();
    assert_eq!(account.now().executions, [Execution { name, input, running: true }]);
    assert_eq!(account.now().asked, 1);
}

#[tokio::test(start_paused = true)]
async fn starting_it_again_while_it_runs_is_the_same_execution() {
    let account = Account::default();
    for _ in 0..2 {
        assert_eq!(started(&account, moving()).await, Outcome::Started(EXECUTION.to_owned()));
    }
    assert_eq!(account.now().executions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_or_has_another_input_was_started_before() {
    let ended = Account::default();
    started(&ended, moving()).await;
    ended.end_executions();
    let other = Account::default();
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
        let account = Account::default();
        account.fail(code);
        let why = failure(started(&account, moving()).await);
        assert!(why.contains(words) && why.contains(code), "{why}");
        assert!(account.now().executions.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_machine_that_is_gone_is_a_failure_with_what_to_do() {
    let machine = format!("{MACHINE}-of-old");
    let why = failure(started(&Account::default(), StartRecreation { machine, ..moving() }).await);
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
