//! What the table holds of what an event is about.

use std::collections::BTreeMap;

use super::{Entry, Exemption, Key};
use crate::exceptions::Tolerated;
use crate::finding::{Finding, group_of, rule_of};
use crate::time::seconds;

/// What the table holds of the subjects of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// By key.
    pub entries: BTreeMap<Key, Entry>,
    /// By subject and sort key.
    pub exemptions: BTreeMap<Key, Exemption>,
}

impl Memory {
    /// Nothing is remembered.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), exemptions: BTreeMap::new() }
    }

    /// What tolerates a finding whose rule somebody put back, while that lasts.
    pub fn snoozed(&self, finding: &Finding, now: i64) -> Option<Tolerated> {
        let (group, rule) = (group_of(finding)?, rule_of(finding)?);
        let key = Key { subject: group.to_owned(), finding: Exemption::finding(rule) };
        let exemption = self.exemptions.get(&key).filter(|found| now < seconds(&found.until))?;
        let by = exemption.exception();
        Some(Tolerated { check: finding.check, rule: Some(rule.clone()), by })
    }
}
