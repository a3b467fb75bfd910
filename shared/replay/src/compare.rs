//! What changes between two sets of exceptions, finding by finding, over the same history.

use std::collections::BTreeMap;

use crate::finding::{Finding, Verdict};
use crate::replay::Outcome;

/// A finding that the two sets treat differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// What the first makes of it; `None` if with it there is no such finding.
    pub before: Option<&'a Verdict>,
    /// What the second makes of it.
    pub after: Option<&'a Verdict>,
    /// The finding.
    pub finding: &'a Finding,
}

impl Change<'_> {
    /// Whether the second closes a rule that the first does not.
    pub fn closes(&self) -> bool {
        self.after == Some(&Verdict::Closed) && self.before != Some(&Verdict::Closed)
    }

    /// `would be closed -> suppressed by public-web`
    pub fn words(&self) -> String {
        let words = |verdict: Option<&Verdict>| {
            verdict.map_or_else(|| "no finding".to_owned(), Verdict::words)
        };
        format!("{} -> {}", words(self.before), words(self.after))
    }
}

/// What changes from the first to the second.
pub fn compare<'a>(first: &'a Outcome, second: &'a Outcome) -> Vec<Change<'a>> {
    let mut both: BTreeMap<_, (Option<&Finding>, Option<&Finding>)> = BTreeMap::new();
    for one in &first.findings {
        both.entry(one.identity()).or_default().0 = Some(one);
    }
    for one in &second.findings {
        both.entry(one.identity()).or_default().1 = Some(one);
    }
    both.into_values()
        .filter_map(|(first, second)| {
            let finding = second.or(first)?;
            let (before, after) = (first.map(|one| &one.verdict), second.map(|one| &one.verdict));
            (before != after).then_some(Change { before, after, finding })
        })
        .collect()
}
