//! Looking again: what is left behind by an event that could not be decided, and what its revisit does.

use portcullis_engine::event::{Parsed, parse};

use super::*;
use crate::scripted::{SCHEDULES, Stored, counted};

/// A public rule that EC2 does not show, however often it is looked at.
fn late() -> Account {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    account.now().late.insert("sgr-1".to_owned(), usize::MAX);
    account
}

/// The one record of a revisit.
fn record(account: &Account) -> Stored {
    let state = account.now();
    let mut records = state.ledger.iter().filter(|((subject, _), _)| subject == "revisit/sg-1");
    let (_, record) = records.next().expect("there is one");
    assert_eq!(records.count(), 0);
    record.clone()
}

fn is_settled(account: &Account) -> bool {
    record(account).get("settled").and_then(|value| value.as_bool().ok()) == Some(&true)
}

/// What the schedules that were made invoke, as the function takes it.
fn due(account: &Account) -> Vec<Invocation> {
    let state = account.now();
    let inputs = state.scheduled.iter().map(|asked| {
        let input = asked.target().and_then(|target| target.input()).expect("it has one");
        let Parsed::Revisit(revisit) = parse(&serde_json::from_str(input).unwrap(), &[]) else {
            panic!("{input} is no revisit")
        };
        let function_arn = FUNCTION.to_owned();
        Invocation { about: About::Revisit(revisit), id: "r-2".to_owned(), function_arn }
    });
    inputs.collect()
}

fn names() -> Vec<String> {
    counted().into_iter().map(|(name, _)| name).collect()
}

#[tokio::test(start_paused = true)]
async fn what_ec2_does_not_show_is_looked_at_again_and_closed() {
    let account = late();
    let shell = account.shell(Mode::Enforce);
    ingress(&shell, &opened()).await.unwrap();
    assert!(is_silent(&account) && !is_settled(&account));
    let (name, function) = {
        let state = account.now();
        let [asked] = state.scheduled.as_slice() else {
            panic!("{} schedules", state.scheduled.len())
        };
        assert_eq!(asked.group_name(), Some(SCHEDULES));
        let target = asked.target().expect("it has one");
        (asked.name().unwrap().to_owned(), target.arn().to_owned())
    };
    assert!(name.starts_with("r-") && name.ends_with("-20261121T1003"), "{name}");
    assert_eq!(function, FUNCTION);
    let counted = counted();
    let (_, line) = counted.iter().find(|(name, _)| name == "Revisits").expect("it is counted");
    assert_eq!((&line["Why"], &line["subject"]), (&"lag".into(), &GROUP.into()));

    account.now().late.clear();
    let [again] = due(&account).try_into().expect("one");
    super::super::ingress(&shell, &again, None).await.unwrap();
    assert!(account.rule_ids(GROUP).is_empty() && is_settled(&account));
    assert_eq!(ends(&account), ["done"]);
    let names = names();
    assert!(names.contains(&"Actions".to_owned()), "{names:?}");
    assert!(!names.contains(&"ContainmentSeconds".to_owned()), "we chose to wait: {names:?}");
    super::super::ingress(&shell, &again, None).await.unwrap();
    assert_eq!(account.count(REVOKE), 1, "a schedule that fires twice finds the record settled");
}

/// The record says that it is due, and the alarm that nothing will look.
#[tokio::test(start_paused = true)]
async fn a_revisit_that_cannot_be_scheduled_is_recorded_and_counted_once() {
    let account = late();
    account.fail("CreateSchedule", SCHEDULES, "ValidationException");
    ingress(&account.shell(Mode::Enforce), &opened()).await.unwrap();
    assert!(!is_settled(&account) && account.now().scheduled.is_empty());
    assert_eq!(account.count("CreateSchedule"), 2, "a minute later, in case it was the time");
    let missed = names().into_iter().filter(|name| name == "RevisitsNotScheduled").count();
    assert_eq!(missed, 1);
}

/// By hand, as `cargo lambda invoke` does it.
#[tokio::test(start_paused = true)]
async fn without_a_group_of_schedules_a_revisit_is_only_recorded() {
    let account = late();
    let mut shell = account.shell(Mode::Enforce);
    shell.settings.schedules = None;
    ingress(&shell, &opened()).await.unwrap();
    assert!(!is_settled(&account));
    assert_eq!(account.count("CreateSchedule"), 0);
}
