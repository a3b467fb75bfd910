//! A rule that somebody put back is left alone for a while: it is snoozed.

use serde::{Deserialize, Serialize};
use time::Duration;

use super::shape;
use crate::event::Event;
use crate::exceptions::Exception;
use crate::facts::IngressRule;
use crate::time::{iso, seconds};

/// How long a rule is left alone that is put back by the alert's command: long enough to find out in daylight what
/// it is for, and to write an exception.
pub const EXEMPT: Duration = Duration::hours(24);

/// A rule that is left alone for a while, because somebody put it back.
///
/// It is an item of its own, of the rule's group and under [`Exemption::finding`], whatever checks find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// `sg-…`
    pub subject: String,
    /// `exempt#tcp#6379#6379#0.0.0.0/0`
    pub finding: String,
    /// Until when, ISO 8601 in UTC.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
}

impl Exemption {
    /// The sort key of the exemption of a rule.
    pub fn finding(rule: &IngressRule) -> String {
        format!("exempt#{}", shape(rule))
    }

    /// As what tolerates the rule.
    pub(super) fn exception(&self) -> Exception {
        Exception {
            id: format!("snooze by {}", self.by),
            reason: self.reason.clone(),
            until: Some(self.until.clone()),
        }
    }

    /// What has a rule left alone when it is put back by the command of an alert, with its end in seconds since 1970.
    pub fn by_alert(event: &Event, group: &str, rule: &IngressRule) -> Option<(Self, i64)> {
        let called = seconds(&event.time);
        let ends = called.checked_add(EXEMPT.whole_seconds()).filter(|_| called != i64::MIN)?;
        let exemption = Self {
            subject: group.to_owned(),
            finding: Self::finding(rule),
            until: iso(ends),
            reason: "restored by the command of the alert".to_owned(),
            by: "the person who ran it".to_owned(),
        };
        Some((exemption, ends))
    }
}
