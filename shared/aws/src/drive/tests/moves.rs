//! A cache on its default port starts a move, where the stack's owner wants that.

use super::caches::{event_of, of_cache, with_cache};
use super::*;
use crate::scripted::{MACHINE, ROUND_TRIP, counted, settings};

const START: &str = "StartExecution";

/// A cache on its default port, with no other fault.
fn on_default_port() -> Account {
    with_cache(11211, [])
}

/// The same behind a group that only caches carry, with a rule that opens it.
fn open_too() -> Account {
    let mut open = rule("sgr-1", WORLD);
    (open.from_port, open.to_port) = (Some(11211), Some(11211));
    let account = with_cache(11211, [open, rule("sgr-2", "10.0.0.0/8")]);
    account.now().interfaces = vec![of_cache("eni-1")];
    account
}

async fn served_in(account: &Account, mode: Mode) -> Result<Summary> {
    let mut shell = account.shell(mode);
    shell.settings.recreate_state_machine_arn = Some(MACHINE.to_owned());
    let start = async |start: &StartRecreation| account.start(start);
    crate::drive::cache(&shell, &invocation(&event_of("m"), "r-1"), start).await
}

async fn served(account: &Account) -> Result<Summary> {
    served_in(account, Mode::Enforce).await
}

/// The names of the re-creations that were started.
fn executions(account: &Account) -> Vec<String> {
    account.now().executions.keys().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn a_move_is_started_and_told_with_its_execution() {
    let account = on_default_port();
    let Summary(text) = served(&account).await.unwrap();
    let [execution] = executions(&account).try_into().unwrap();
    let arn = format!("{}:{execution}", MACHINE.replace("stateMachine", "execution"));
    assert!(text.ends_with(&format!("{execution}: started {arn}")), "{text}");
    let (subject, mail, document) = told(&account);
    assert!(subject.contains("re-creation started"), "{subject}");
    assert!(mail.contains(&format!("stop-execution --region eu-west-1 --execution-arn {arn}")));
    let finding = &document["findings"][0];
    assert_eq!((&finding["outcome"], &finding["execution"]), (&"started".into(), &arn.into()));
}

#[tokio::test(start_paused = true)]
async fn observe_mode_starts_nothing() {
    let account = on_default_port();
    counted();
    served_in(&account, Mode::Observe).await.unwrap();
    assert!(executions(&account).is_empty());
    assert_eq!(ends(&account), ["withheld"]);
    let actions = &counted()[1].1;
    assert_eq!(
        (&actions["Action"], &actions["Outcome"]),
        (&"start-move".into(), &"withheld".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_move_that_cannot_be_started_is_an_error_and_is_told() {
    let account = on_default_port();
    account.fail(START, MACHINE, "AccessDeniedException");
    let error = served(&account).await.unwrap_err().to_string();
    assert!(error.starts_with("m-") && error.contains("AccessDeniedException"), "{error}");
    assert_eq!(ends(&account), ["failed"]);
}

/// It was killed, or SNS did not take the alert: the next try finds the move by its name, and tells.
#[tokio::test(start_paused = true)]
async fn an_alert_of_a_move_that_did_not_go_out_is_made_up_for_by_the_next_try() {
    for (end_it, end) in [(false, "started"), (true, "already-started")] {
        let account = on_default_port();
        account.fail("Publish", &settings().topics.alert, "AuthorizationError");
        served(&account).await.unwrap_err();
        let before = executions(&account);
        if end_it {
            account.end_executions();
        }
        account.now().failures.clear();
        served(&account).await.unwrap();
        assert_eq!(ends(&account), [end]);
        assert_eq!(executions(&account), before, "it was started once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_closed_and_a_move_started_by_one_event() {
    let account = open_too();
    served(&account).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(executions(&account).len(), 1);
    assert_eq!(ends(&account), ["done", "started"], "in one alert");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_was_killed_after_the_revoke_loses_neither_the_rule_nor_the_move() {
    let account = open_too();
    let until_the_revoke = async {
        while account.count(REVOKE) == 0 {
            tokio::time::sleep(ROUND_TRIP / 4).await;
        }
    };
    tokio::select! {
        ended = served(&account) => panic!("it was not killed: {ended:?}"),
        () = until_the_revoke => {}
    }
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(account.count("Publish"), 0);
    served(&account).await.unwrap();
    assert_eq!(ends(&account), ["already-gone", "started"]);
    assert_eq!(executions(&account).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_sns_refuses_loses_neither_the_rule_nor_the_move() {
    let account = open_too();
    account.fail("Publish", &settings().topics.alert, "AuthorizationError");
    served(&account).await.unwrap_err();
    assert_eq!((account.rule_ids(GROUP).len(), executions(&account).len()), (1, 1));
    account.now().failures.clear();
    served(&account).await.unwrap();
    assert_eq!(ends(&account), ["already-gone", "started"]);
    assert_eq!(executions(&account).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_move_does_not_keep_a_rule_open() {
    let account = open_too();
    account.fail(START, MACHINE, "StateMachineDoesNotExist");
    let error = served(&account).await.unwrap_err().to_string();
    assert!(error.contains("StateMachineDoesNotExist") && !error.contains("sgr-1"), "{error}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(ends(&account), ["done", "failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_move_is_counted_and_contains_nothing() {
    let account = on_default_port();
    counted();
    served(&account).await.unwrap();
    let counted = counted();
    let names: Vec<&str> = counted.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Findings", "Actions"], "nothing was open, so nothing is timed");
    let actions = &counted[1].1;
    assert_eq!(
        (&actions["Action"], &actions["Outcome"]),
        (&"start-move".into(), &"started".into())
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_rule_does_not_keep_a_move_from_its_start() {
    let account = open_too();
    account.fail(REVOKE, "sgr-1", "UnauthorizedOperation");
    served(&account).await.unwrap_err();
    assert_eq!(executions(&account).len(), 1);
    assert_eq!(ends(&account), ["failed", "started"]);
}
