//! What the table holds of what an event is about.

use std::collections::BTreeMap;

use super::{Entry, Key, Snooze};
use crate::exceptions::Tolerated;
use crate::finding::{Finding, group_of, rule_of};
use crate::time::seconds;

/// What the table holds of the subjects of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// The findings, by key.
    pub entries: BTreeMap<Key, Entry>,
    /// The snoozes, by subject and sort key.
    pub snoozes: BTreeMap<Key, Snooze>,
}

impl Memory {
    /// The ledger of subjects of which it holds nothing.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), snoozes: BTreeMap::new() }
    }

    /// The snooze that suppresses a finding now, if there is one.
    pub fn snoozed(&self, finding: &Finding, now: i64) -> Option<Tolerated> {
        let (group, rule) = (group_of(finding)?, rule_of(finding)?);
        let key = Key { subject: group.to_owned(), finding: Snooze::finding(rule) };
        let snooze = self.snoozes.get(&key).filter(|found| now < seconds(&found.until))?;
        let by = snooze.exception();
        Some(Tolerated { check: finding.check, rule: Some(rule.clone()), by })
    }
}
