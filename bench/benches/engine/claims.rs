//! What is claimed of the engine, checked, and growth, shown. Medians of repeated runs.
#![expect(clippy::print_stdout, reason = "a table for people")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use crate::decided;
use crate::groups::{self, Case};

/// A group of so many rules with a prefix list of so many entries.
type Make = fn(usize, usize) -> Case;

/// The groups, and the time that a decision may take at each of the two sizes; the claims are about those that people
/// write, the others show the worst. Where anything is at fault, the policies are asked about every public rule of
/// the group, twice, for the older faults that are told beside it.
const KINDS: [(&str, Option<[Duration; 2]>, Make); 5] = [
    ("usual, clean", Some([Duration::from_micros(50), Duration::from_millis(2)]), groups::clean),
    ("usual, one open", Some([Duration::from_millis(3), Duration::from_millis(60)]), groups::open),
    ("walked, clean", None, groups::walked),
    ("unions at fault", None, groups::unions),
    ("all at one port", None, groups::one_port),
];

/// Rules, and entries of the prefix list.
const CLAIMED: [(usize, usize); 2] = [(60, 20), (1000, 1000)];

const SIZES: [usize; 6] = [125, 250, 500, 1000, 2000, 4000];

pub(crate) fn check() -> ExitCode {
    let mut held = true;
    println!(
        "\n{:<18} {:>6} {:>8} {:>9} {:>12} {:>8}",
        "group", "rules", "at fault", "list", "decided in", "claim"
    );
    for (size, (rules, entries)) in CLAIMED.into_iter().enumerate() {
        for (name, limits, make) in KINDS {
            let case = make(rules, entries);
            let faults = decided(&case).findings.len();
            let time = median(&case);
            let limit = limits.and_then(|limits| limits.get(size).copied());
            let verdict = match limit.map(|limit| time < limit) {
                Some(true) => "holds",
                Some(false) => "MISSED",
                None => "-",
            };
            held &= verdict != "MISSED";
            let limit = limit.map_or(String::new(), |limit| format!("{limit:?}"));
            println!(
                "{name:<18} {rules:>6} {faults:>8} {entries:>9} {time:>12.1?} {limit:>8}  {verdict}"
            );
        }
    }
    println!("\nGrowth: n rules and a list of n entries; n log n would be a factor of 2.2 a step.");
    println!("{:<18} {}", "group", SIZES.map(|n| format!("{n:>10}       ")).concat());
    for (name, _, make) in KINDS {
        let mut before: Option<Duration> = None;
        let steps = SIZES.map(|n| {
            let time = median(&make(n, n));
            let factor = before
                .map_or(String::new(), |b| format!("x{:.1}", time.as_secs_f64() / b.as_secs_f64()));
            before = Some(time);
            format!("{time:>10.1?} {factor:<6}")
        });
        println!("{name:<18} {}", steps.concat());
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The median over a quarter of a second.
fn median(case: &Case) -> Duration {
    let (mut times, begin) = (Vec::new(), now());
    while begin.elapsed() < Duration::from_millis(250) {
        let start = now();
        black_box(decided(black_box(case)));
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn now() -> std::time::Instant {
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    std::time::Instant::now()
}
