//! What a person is told to do about the caches of the corpus: every step with its commands.
//!
//! `guidance/<event>.snap` has the steps of an event, each with its kind in brackets and `$ ` before each command. The
//! facts of the event are the account in which these commands are to work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use portcullis_alerts::guidance::{self, Kind, Step};
use portcullis_engine::event::Lead;
use portcullis_engine::report::{Deployment, Report};

use crate::cases::{Case, Looked, cases, told};

/// The steps of each finding, in a stack that moves caches when asked to, or never.
fn guided(case: &Case, moves: bool) -> Vec<(&'static str, Vec<Step>)> {
    let Some((event, looked @ Looked::Cache(_))) = case.look() else { return Vec::new() };
    // What a call changed of a cache is put right by the same steps as what a cache was created with.
    if matches!(&event.lead, Lead::Cache(lead) if lead.altered.is_some()) {
        return Vec::new();
    }
    let deployment = Deployment { moves, ..Deployment::default() };
    let report = Report { deployment, ..told(event, &looked) };
    let steps = report.findings.iter().map(|reported| {
        (reported.finding.check.as_str(), guidance::of(&report, &reported.finding))
    });
    steps.filter(|(_, steps)| !steps.is_empty()).collect()
}

fn text(guided: &[(&str, Vec<Step>)]) -> String {
    let mut text = String::new();
    for (check, steps) in guided {
        let _ = writeln!(text, "{check}");
        for Step { kind, words, commands } in steps {
            let _ = writeln!(text, "  [{}] {}", kind.as_str(), words.replace('\n', "\n    "));
            for command in commands {
                let _ = writeln!(text, "  $ {command}");
            }
        }
    }
    text
}

#[test]
fn every_event_guides_as_its_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("guidance");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for case in cases() {
            let guided = guided(&case, true);
            if !guided.is_empty() {
                insta::assert_snapshot!(case.name.as_str(), text(&guided));
            }
        }
    });
}

/// A kind that no event shows is a command that nobody has seen.
#[test]
fn every_kind_of_step_is_shown_by_an_event() {
    let mut shown: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        for moves in [false, true] {
            for step in guided(&case, moves).into_iter().flat_map(|(_, steps)| steps) {
                shown.entry(step.kind).or_default().insert(case.name.clone());
            }
        }
    }
    let missing: Vec<&str> = Kind::ALL
        .iter()
        .filter(|kind| !shown.contains_key(kind))
        .map(|kind| kind.as_str())
        .collect();
    assert!(missing.is_empty(), "no event shows {missing:?}");
    assert_eq!(shown.len(), Kind::ALL.len(), "a kind is not in ALL");
}

#[test]
fn every_guidance_snapshot_has_its_event() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/guidance");
    let guided: BTreeSet<String> = cases()
        .iter()
        .filter(|case| !guided(case, true).is_empty())
        .map(|case| format!("{}.snap", case.name))
        .collect();
    let files: BTreeSet<String> = std::fs::read_dir(path)
        .expect("the snapshots can be listed")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".snap"))
        .collect();
    assert_eq!(files, guided);
}

/// A step that says what to run says it by a program that its reader has, for one Region, and in one line.
#[test]
fn commands_are_lines_of_known_programs_for_the_region_of_the_event() {
    for case in cases() {
        let steps = guided(&case, true).into_iter().flat_map(|(_, steps)| steps);
        for command in steps.flat_map(|step| step.commands) {
            let known = ["aws ", "portcullis ", "TOKEN=$(aws ", "PASSWORD=$(aws "];
            assert!(known.iter().any(|program| command.starts_with(program)), "{command}");
            assert!(!command.contains('\n'), "{command}");
            let calls = command.matches("aws ").count() + command.matches("portcullis ").count();
            assert_eq!(command.matches("--region eu-west-1").count(), calls, "{command}");
        }
    }
}
