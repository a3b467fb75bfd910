use std::collections::BTreeMap;

use portcullis_approval::Work;
use portcullis_recreation::document;
use portcullis_recreation::plan::Choices;

use super::*;
use portcullis_testkit::hostile::{shows_all, texts};

const NOW: i64 = 1_795_255_230;

/// A move of the example, with these questions.
fn record(asked: impl IntoIterator<Item = (About, Question)>) -> Record {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/recreation/examples/valkey-with-replicas.json"
    );
    let document = std::fs::read_to_string(path).unwrap();
    let facts = document::read(&document, None).unwrap();
    let plan::Answer::Plan(plan) = plan::plan(&facts, &Choices::default()) else {
        panic!("a plan")
    };
    Record {
        id: "orders-00000001".to_owned(),
        subject: plan.cache.arn.clone(),
        asked_by: "alice\u{1b}[2J".to_owned(),
        why: "audit".to_owned(),
        work: Work::Recreation { choices: Choices::default(), document },
        fingerprint: plan.fingerprint.clone(),
        stage: "ask".to_owned(),
        execution: String::new(),
        questions: BTreeMap::from_iter(asked),
    }
}

fn question(answer: Option<Answer>) -> Question {
    Question {
        asked_at: NOW - 60,
        until: NOW + 60,
        plan: "1a2b3c4d5e6f7081".to_owned(),
        note: "no connections in 60 minutes".to_owned(),
        token: Some("secret-token".to_owned()),
        passed_on: answer.is_some(),
        answer,
    }
}

fn answered(yes: bool) -> Answer {
    Answer {
        yes,
        by: "bob\u{7}".to_owned(),
        reason: "not on Friday".to_owned(),
        at: NOW,
        through: Through::Page,
    }
}

#[test]
fn the_later_question_is_the_one_that_is_open() {
    let both = record([
        (About::Recreation, question(Some(answered(true)))),
        (About::Deletion, question(None)),
    ]);
    assert_eq!(open(&both, NOW).unwrap().0, About::Deletion);
    assert_eq!(
        open(&record([(About::Recreation, question(None))]), NOW).unwrap().0,
        About::Recreation
    );
}

#[test]
fn without_an_open_question_it_says_why() {
    let why = |record: Record, now| open(&record, now).unwrap_err();
    assert_eq!(
        why(record([]), NOW),
        "No approval is requested: orders-00000001 is at the step `ask`."
    );
    assert_eq!(
        why(record([(About::Recreation, question(Some(answered(false))))]), NOW),
        "Already answered, whether to re-create the cache: no (not on Friday), by bob\\u{7} at 2026-11-21 10:00 UTC. The first answer is final."
    );
    assert_eq!(
        why(record([(About::Recreation, question(None))]), NOW + 60),
        "Too late: the request expired at 2026-11-21 10:01 UTC."
    );
}

#[test]
fn the_question_is_shown_with_the_plan_or_with_what_was_seen() {
    let record = record([]);
    let moving = show(&record, About::Recreation, &question(None), true).unwrap();
    assert!(moving.contains("Plan: orders") && moving.contains("What is lost"), "{moving}");
    assert!(
        moving.contains(
            "Re-create the cache by this plan? Requested by alice\\u{1b}[2J (audit), until"
        )
    );
    let deletion = show(&record, About::Deletion, &question(None), true).unwrap();
    for part in
        ["orders on port 6379", "-last", "no connections in 60 minutes", "Delete the old cache?"]
    {
        assert!(deletion.contains(part), "{part}: {deletion}");
    }
    assert!(!moving.contains("secret-token") && !deletion.contains("secret-token"));
}

#[test]
fn nobody_agrees_to_a_plan_that_is_another_by_now_but_can_say_no() {
    let record = Record { fingerprint: "0000000000000000".to_owned(), ..record([]) };
    for about in [About::Recreation, About::Deletion] {
        assert!(show(&record, about, &question(None), true).is_err());
        let shown = show(&record, about, &question(None), false).unwrap();
        assert!(shown.contains("start the re-creation again"), "{shown}");
    }
}

#[test]
fn only_an_answer_that_the_workflow_got_is_a_success() {
    for about in [About::Recreation, About::Deletion] {
        for agrees in [true, false] {
            assert_eq!(outcome(&Decided::Recorded, about, agrees).0, Exit::Yes);
            for other in [
                Decided::NobodyWaits,
                Decided::Already(answered(agrees)),
                Decided::NotAsked,
                Decided::TooLate,
            ] {
                assert_eq!(outcome(&other, about, agrees).0, Exit::No, "{other:?}");
            }
        }
    }
}

#[test]
fn nothing_that_others_wrote_acts_upon_a_terminal() {
    for text in texts() {
        let record =
            Record { asked_by: text.clone(), why: text.clone(), stage: text.clone(), ..record([]) };
        let question = Question { note: text.clone(), ..question(None) };
        for about in [About::Recreation, About::Deletion] {
            let shown = show(&record, about, &question, true).unwrap();
            let (usual, plain) = (self::record([]), self::question(None));
            let usual =
                show(&Record { asked_by: String::new(), ..usual }, about, &plain, true).unwrap();
            assert_eq!(shown.matches('\u{1b}').count(), usual.matches('\u{1b}').count(), "colours");
            shows_all("the question", &anstream::adapter::strip_str(&shown).to_string());
        }
        shows_all("that nothing is asked", &open(&record, NOW).unwrap_err());
        let answer = Answer { by: text.clone(), reason: text.clone(), ..answered(true) };
        shows_all("an earlier answer", &already(&answer, About::Recreation));
    }
}
