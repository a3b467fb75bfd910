//! A rule that somebody put back is left alone for a while: it is snoozed.

use time::Duration;

use super::{Exemption, Key, Memory};
use crate::event::Event;
use crate::exceptions::{Exception, Tolerated};
use crate::facts::IngressRule;
use crate::finding::{Finding, group_of, rule_of};
use crate::time::{iso, seconds};

/// How long a rule is left alone that is put back by the alert's command: long enough to find out in daylight what
/// it is for, and to write an exception.
pub const EXEMPT: Duration = Duration::hours(24);

impl Memory {
    /// What tolerates a finding whose rule somebody put back, while that lasts.
    pub fn snoozed(&self, finding: &Finding, now: i64) -> Option<Tolerated> {
        let (group, rule) = (group_of(finding)?, rule_of(finding)?);
        let key = Key { subject: group.to_owned(), finding: Exemption::finding(rule) };
        let exemption = self.exemptions.get(&key).filter(|found| now < seconds(&found.until))?;
        let by = exception(exemption);
        Some(Tolerated { check: finding.check, rule: Some(rule.clone()), by })
    }
}

fn exception(exemption: &Exemption) -> Exception {
    Exception {
        id: format!("snooze by {}", exemption.by),
        reason: exemption.reason.clone(),
        until: Some(exemption.until.clone()),
    }
}

impl Exemption {
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
