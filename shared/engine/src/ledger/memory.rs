//! What the table holds of what an event is about.

use std::collections::BTreeMap;

use super::reported::has_risen;
use super::{Entry, Key, Occurrence, RuleRecord, Snooze, State};
use crate::event::{Event, RuleLead};
use crate::exceptions::{Snoozes, Suppressed};
use crate::facts::IngressRule;
use crate::finding::{Evidence, Finding, Subject, group_of, rule_of};
use crate::resolution::{Intent, Resolution, Standing};
use crate::severity::Rating;
use crate::time::seconds;

/// What the table holds of the subjects of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// The findings, by key.
    pub entries: BTreeMap<Key, Entry>,
    /// The snoozes, by subject and sort key.
    pub snoozes: BTreeMap<Key, Snooze>,
    /// The items that cannot be read: why. Of each, nothing is known, and nothing is written.
    pub unreadable: BTreeMap<Key, String>,
}

impl Memory {
    /// The ledger of subjects of which it holds nothing.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), snoozes: BTreeMap::new(), unreadable: BTreeMap::new() }
    }

    /// Adds what was read later.
    pub fn extend(&mut self, later: Self) {
        let Self { entries, snoozes, unreadable } = later;
        self.entries.extend(entries);
        self.snoozes.extend(snoozes);
        self.unreadable.extend(unreadable);
    }

    /// Why the item of a finding, or the snooze of its rule, cannot be read.
    pub fn unreadable(&self, finding: &Finding, subject: &Subject) -> Option<&str> {
        let snooze = || {
            let (group, rule) = (group_of(finding)?, rule_of(finding)?);
            let key = Key { subject: group.to_owned(), finding: Snooze::finding(rule) };
            self.unreadable.get(&key)
        };
        let why = self.unreadable.get(&Key::of(finding, subject)).or_else(snooze);
        why.map(String::as_str)
    }

    /// Whether an attempt of ours went to revoke this rule of a group, or it was reported to be gone; and then, whether it
    /// is known to be gone. An attempt that failed or died may have left it open.
    pub fn went_to_revoke(&self, group: &str, lead: &RuleLead, event: &Event) -> Option<bool> {
        let entries = self.entries.values().filter(|entry| entry.key.subject == group);
        let standings = entries.flat_map(|entry| {
            let is_it = |occurrence: &&Occurrence| match (&lead.id, &entry.rule) {
                (Some(id), _) => occurrence.rule.as_ref() == Some(id),
                (None, record) => {
                    let record = record.as_ref().map(RuleRecord::rule);
                    occurrence.event == event.id && record.is_some_and(|rule| lead.is_about(&rule))
                }
            };
            entry.occurrences.iter().filter(is_it).map(|occurrence| occurrence.outcome)
        });
        standings
            .filter_map(|standing| match standing {
                Standing::Leased(intent) => (intent == Intent::RevokeIngress).then_some(false),
                Standing::Ended(Resolution::Failed) => Some(false),
                Standing::Ended(ended) => ended.is_gone().then_some(true),
            })
            .max()
    }

    /// Whether an earlier pass over this event left the finding open.
    pub fn was_left_open(&self, key: &Key, event: &Event) -> bool {
        let occurrences = self.entries.get(key).into_iter().flat_map(|entry| &entry.occurrences);
        let left = Standing::Ended(Resolution::NotRemediated);
        occurrences.into_iter().any(|one| one.event == event.id && one.outcome == left)
    }

    /// Whether another event left the finding open, and it was reported as no less severe than it is now.
    pub fn was_open_before(&self, key: &Key, event: &Event, rating: Rating) -> bool {
        let Some(entry) = self.entries.get(key).filter(|entry| entry.state == State::Open) else {
            return false;
        };
        let occurrences = &entry.occurrences;
        let reported = entry.latest().and_then(|latest| latest.reported.as_ref());
        !occurrences.iter().any(|occurrence| occurrence.event == event.id)
            && reported.is_some_and(|reported| !has_risen(rating, reported))
    }

    /// When the snooze of a rule ends, if there is one now; in seconds since 1970.
    pub fn snooze_ends(&self, rule: &IngressRule, now: i64) -> Option<i64> {
        let finding = Snooze::finding(rule);
        let of_rule = self.snoozes.values().filter(|snooze| snooze.finding == finding);
        of_rule.map(|snooze| seconds(&snooze.until)).filter(|until| now < *until).min()
    }

    /// The entries of a prefix list that an earlier attempt at this event went to remove, and did not report, or reported
    /// as failed.
    pub fn went_to_remove(&self, list: &str, event: &Event) -> Vec<&Entry> {
        let subject = Key::list_subject(list);
        let went = |occurrence: &Occurrence| {
            let reported = occurrence.reported.as_ref();
            occurrence.event == event.id
                && occurrence.outcome.may_have_revoked()
                && reported.is_none_or(|reported| reported.outcome == Resolution::Failed)
        };
        let of_list = self.entries.values().filter(|entry| entry.key.subject == subject);
        of_list.filter(|entry| entry.list.is_some() && entry.occurrences.iter().any(went)).collect()
    }

    /// The snooze that suppresses a finding now, if there is one.
    pub fn snoozed(&self, finding: &Finding, now: i64) -> Option<Suppressed> {
        if let Evidence::Entries { list, entries, .. } = &finding.evidence {
            let key =
                Key { subject: Key::list_subject(list), finding: Snooze::of_entries(entries) };
            let snooze = self.snoozes.get(&key).filter(|found| now < seconds(&found.until))?;
            return Some(Suppressed { check: finding.check, rule: None, by: snooze.exception() });
        }
        let (group, rule) = (group_of(finding)?, rule_of(finding)?);
        let by = self.snooze(group, rule, now)?.exception();
        Some(Suppressed { check: finding.check, rule: Some(rule.clone()), by })
    }

    /// The snooze of a finding's rule that has ended, if the table has it still.
    pub fn snooze_ended(&self, finding: &Finding, now: i64) -> Option<&Snooze> {
        let (subject, rule) = (group_of(finding)?.to_owned(), rule_of(finding)?);
        let found = self.snoozes.get(&Key { subject, finding: Snooze::finding(rule) })?;
        (seconds(&found.until) <= now).then_some(found)
    }

    fn snooze(&self, group: &str, rule: &IngressRule, now: i64) -> Option<&Snooze> {
        let key = Key { subject: group.to_owned(), finding: Snooze::finding(rule) };
        self.snoozes.get(&key).filter(|found| now < seconds(&found.until))
    }
}

impl Snoozes for Memory {
    fn is_snoozed(&self, group: &str, rule: &IngressRule, now: i64) -> bool {
        !self.snoozes.is_empty() && self.snooze(group, rule, now).is_some()
    }
}
