//! The engine: parse, decide, alert; then the claims about it, and how time grows with size.

mod claims;
mod groups;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::LazyLock;

use criterion::{Criterion, criterion_group};
use portcullis_alerts::alert::Alert;
use portcullis_engine::action::{Outcome, Outcomes};
use portcullis_engine::case::PolicyContext;
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::document::Answers;
use portcullis_engine::event::parse;
use portcullis_engine::report::{Known, Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_exceptions::Policies;
use portcullis_testkit::driven::driven;
use portcullis_testkit::example::settings;
use serde_json::Value;

use crate::groups::Case;

const EVENT: &str = include_str!("../../../events/authorize-redis-to-the-world.json");

/// As they are shipped: what is suppressed is asked of them.
static EXCEPTIONS: LazyLock<Policies> = LazyLock::new(|| {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/exceptions");
    Policies::read(Path::new(shipped)).expect("the shipped policies are in order")
});

fn decided(case: &Case) -> Decision {
    let context = DecisionContext::new(Mode::Enforce, &*EXCEPTIONS);
    decide::group(&case.event, &case.lead, &case.facts, &context)
}

fn parsing(criterion: &mut Criterion) {
    let event: Value = serde_json::from_str(EVENT).expect("the event is JSON");
    let own = ["arn:aws:iam::111122223333:role/portcullis-ingress".to_owned()];
    criterion.bench_function("parse/an event", |b| b.iter(|| parse(black_box(&event), &own)));
    criterion.bench_function("parse/an event, from its text", |b| {
        b.iter(|| serde_json::from_str(black_box(EVENT)).map(|event| parse(&event, &own)));
    });
}

fn deciding(criterion: &mut Criterion) {
    for (rules, entries, size) in [(60, 20, "60 rules"), (1000, 1000, "1,000 rules, list of 1,000")]
    {
        let cases = [
            ("usual, clean", groups::clean(rules, entries)),
            ("usual, one open", groups::open(rules, entries)),
            ("walked, clean", groups::walked(rules, entries)),
            ("unions at fault", groups::unions(rules, entries)),
            ("all at one port", groups::one_port(rules, entries)),
        ];
        for (name, case) in &cases {
            criterion.bench_function(&format!("decide/{size}/{name}"), |b| {
                b.iter(|| decided(black_box(case)));
            });
        }
    }
}

/// From the delivery of an event to the record of it: what the functions do beside their calls to AWS. The alert is composed.
fn driving(criterion: &mut Criterion) {
    let settings = settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: &*EXCEPTIONS };
    for (name, case) in
        [("usual, clean", groups::clean(60, 20)), ("usual, one open", groups::open(60, 20))]
    {
        let answers = Answers::from(case.facts);
        criterion.bench_function(&format!("case/60 rules/{name}"), |b| {
            b.iter(|| {
                let driven = driven(black_box(&case.event), &answers, policy, groups::NOW);
                assert_eq!(driven.failed, None);
                driven.report.map(|report| Alert::compose(&report).message())
            });
        });
    }
}

fn telling(criterion: &mut Criterion) {
    for findings in [1, 60] {
        let case = groups::all_open(findings);
        let decision = decided(&case);
        assert_eq!(decision.findings.len(), findings, "every rule is at fault");
        let outcomes: Outcomes = decision
            .actions()
            .into_iter()
            .map(|action| (action.id().to_owned(), Outcome::Done(None)))
            .collect::<BTreeMap<_, _>>();
        let context = DecisionContext::new(Mode::Enforce, &*EXCEPTIONS);
        let known = Known { outcomes: &outcomes, ..Known::new(Seen::Group(&case.facts), &context) };
        criterion.bench_function(&format!("alert/findings: {findings}"), |b| {
            b.iter(|| {
                let report = Report::new(&case.event, black_box(&decision), &known);
                Alert::compose(&report).message()
            });
        });
    }
}

criterion_group!(benches, parsing, deciding, driving, telling);

fn main() -> ExitCode {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // Cargo says `--bench`, and nothing more if all is asked for; a test run measures nothing.
    if std::env::args().skip(1).eq(["--bench"]) { claims::check() } else { ExitCode::SUCCESS }
}
