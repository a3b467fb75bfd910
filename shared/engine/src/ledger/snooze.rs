//! Snoozes: findings about a rule that somebody restored are suppressed for a while.

use serde::{Deserialize, Serialize};
use time::Duration;

use super::shape;
use crate::event::Event;
use crate::exceptions::Exception;
use crate::facts::{IngressRule, ListEntry};
use crate::time::{iso, seconds};

/// How long a rule is snoozed that was restored by the command of an alert: long enough to find out during the day
/// what the rule is for, and to write an exception.
pub const SNOOZE: Duration = Duration::hours(24);

/// A snooze: findings about this rule are suppressed until it ends, because somebody restored the rule.
///
/// It is an item of its own in the partition of the rule's group, under [`Snooze::finding`]. It holds for every
/// check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snooze {
    /// `sg-…` or `prefix-list/pl-…`
    pub subject: String,
    /// `exempt#tcp#6379#6379#0.0.0.0/0`, or of entries `exempt#entries-3c9909afec25`
    pub finding: String,
    /// Until when, ISO 8601 in UTC.
    pub until: String,
    /// Why, in the words of who snoozed it.
    pub reason: String,
    /// Who snoozed it.
    pub by: String,
}

impl Snooze {
    /// The sort key of the snooze of a rule.
    pub fn finding(rule: &IngressRule) -> String {
        Self::of_shape(&shape(rule))
    }

    /// The sort key of the snooze of entries of a prefix list.
    pub fn of_entries(entries: &[ListEntry]) -> String {
        Self::of_shape(&ListEntry::digest(entries))
    }

    /// The same by the shape of the rule.
    pub(crate) fn of_shape(shape: &str) -> String {
        format!("exempt#{shape}")
    }

    /// As what tolerates the rule.
    pub(super) fn exception(&self) -> Exception {
        Exception {
            id: format!("snooze by {}", self.by),
            reason: self.reason.clone(),
            until: Some(self.until.clone()),
        }
    }

    /// The snooze that the command of an alert writes when it restores a rule, and its end in seconds since 1970.
    pub fn by_alert(event: &Event, group: &str, rule: &IngressRule) -> Option<(Self, i64)> {
        let called = seconds(&event.time);
        let ends = called.checked_add(SNOOZE.whole_seconds()).filter(|_| called != i64::MIN)?;
        let snooze = Self {
            subject: group.to_owned(),
            finding: Self::finding(rule),
            until: iso(ends),
            reason: "restored by the command of the alert".to_owned(),
            by: "the person who ran it".to_owned(),
        };
        Some((snooze, ends))
    }
}
