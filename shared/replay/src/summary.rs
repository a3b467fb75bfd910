//! The figures that decide whether enforce mode can be switched on.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Finding, Verdict};
use crate::replay::{Facts, Outcome, day};
use portcullis_engine::time::DAY;

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many findings of each verdict, in the order of [`Verdict::WORDS`]; of suppressed ones by exception.
    pub verdicts: Vec<(String, u64)>,
    /// How many rules would be closed: two findings may be about one rule.
    pub closures: u64,
    /// Closures by caller, by role, by tool, by owner, by check and by day; the most first, days in their order.
    pub by: [(&'static str, Vec<(String, u64)>); 6],
    /// Of the closed rules: how many the same caller closed within an hour anyway.
    pub short_lived: u64,
    /// Of the closed rules: how many somebody opened again after they were closed in fact.
    pub again: u64,
    /// For how long the closed rules would not have been open, in seconds, as far as a record closes them.
    pub saved: i64,
    /// The same of rules that no record closes, until the end of the history.
    pub saved_still_open: i64,
    /// Messages a day: median, 95th percentile, and the most.
    pub messages: [u64; 3],
    /// How many days there are.
    pub days: usize,
}

impl Summary {
    /// Of a replay.
    pub fn new(facts: &Facts, outcome: &Outcome) -> Self {
        let mut verdicts: BTreeMap<&Verdict, u64> = BTreeMap::new();
        for finding in &outcome.findings {
            *verdicts.entry(&finding.verdict).or_default() += 1;
        }
        let closed = closures(&outcome.findings);
        let (first, last) = facts.span.unwrap_or_default();
        let end = last;
        let saved = |is_open: bool| -> i64 {
            let of = closed.iter().filter(|one| one.life.closed.is_none() == is_open);
            of.map(|one| one.saved(end)).sum()
        };
        let count =
            |of: &dyn Fn(&&Finding) -> bool| closed.iter().filter(|one| of(one)).count() as u64;
        let days = days(first, last);
        Self {
            verdicts: verdicts
                .into_iter()
                .map(|(verdict, count)| (verdict.words(), count))
                .collect(),
            closures: closed.len() as u64,
            by: [
                ("caller", top(&closed, |one| one.actor.name.to_string())),
                ("role", top(&closed, |one| one.actor.role.clone().unwrap_or_else(none))),
                ("tool", top(&closed, |one| one.actor.via.clone().unwrap_or_else(none))),
                ("owner", top(&closed, |one| one.whose().to_owned())),
                ("check", top(&closed, |one| one.check.as_str().to_owned())),
                ("day", {
                    let mut by_day = top(&closed, |one| day(one.at));
                    by_day.sort();
                    by_day
                }),
            ],
            short_lived: count(&|one| one.was_short_lived()),
            again: count(&|one| one.life.again.is_some()),
            saved: saved(false),
            saved_still_open: saved(true),
            messages: messages(outcome, &days),
            days: days.len(),
        }
    }
}

fn none() -> String {
    "(not told)".to_owned()
}

/// The closed findings, one for each rule and event.
fn closures(findings: &[Finding]) -> Vec<&Finding> {
    let mut seen = BTreeSet::new();
    let closed = findings.iter().filter(|one| one.verdict == Verdict::Closed);
    closed.filter(|one| seen.insert((&one.place, &one.group, &one.rule, &one.event))).collect()
}

fn top(closed: &[&Finding], by: impl Fn(&Finding) -> String) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for one in closed {
        *counts.entry(by(one)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    counts
}

/// Every day of the history, also those without an event. A history of more than a thousand years has none.
pub(crate) fn days(first: i64, last: i64) -> Vec<String> {
    let (first, last) = (first.div_euclid(DAY), last.div_euclid(DAY));
    let is_sound = last.saturating_sub(first) < 366_000;
    (first..=last).filter(|_| is_sound).map(|number| day(number.saturating_mul(DAY))).collect()
}

fn messages(outcome: &Outcome, days: &[String]) -> [u64; 3] {
    let told: BTreeMap<&String, u64> =
        outcome.told.iter().map(|(day, told)| (day, told.alerts + told.digests)).collect();
    let mut all: Vec<u64> =
        days.iter().map(|day| told.get(day).copied().unwrap_or_default()).collect();
    all.sort_unstable();
    // The value below which so many of a hundred days are.
    let at = |percent: usize| {
        let rank = (all.len() * percent).div_ceil(100).max(1) - 1;
        all.get(rank).copied().unwrap_or_default()
    };
    [at(50), at(95), at(100)]
}
