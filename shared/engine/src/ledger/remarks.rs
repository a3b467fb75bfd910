//! What an alert says of memory.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::time::seconds;
use super::{Comeback, Entry, Exemption, Key};
use crate::event::Event;
use crate::facts::IngressRule;

/// How long a rule is left alone that is put back by the alert's command: long enough to find out in daylight what
/// it is for, and to write an exception.
pub const EXEMPT: Duration = Duration::hours(24);

/// What an alert says of memory, beside the findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remarks {
    /// The name of the table; `None` if there is none.
    pub table: Option<String>,
    /// Why there was no memory, where there should have been one.
    pub lost: Option<String>,
    /// What came back.
    pub comebacks: BTreeMap<Key, Comeback>,
    /// What was told before, and is gone.
    pub recovered: Vec<Entry>,
}

impl Remarks {
    /// The exemption that has a rule left alone when it is put back, with its end in seconds since 1970; `None`
    /// without a table.
    pub fn exemption(
        &self,
        event: &Event,
        group: &str,
        rule: &IngressRule,
    ) -> Option<(&str, Exemption, i64)> {
        let table = self.table.as_deref()?;
        let ends = OffsetDateTime::from_unix_timestamp(seconds(&event.time)).ok()? + EXEMPT;
        let exemption = Exemption {
            subject: group.to_owned(),
            finding: Exemption::finding(rule),
            until: iso(ends),
            reason: "put back by the command of the alert".to_owned(),
            by: "whoever ran it".to_owned(),
        };
        Some((table, exemption, ends.unix_timestamp()))
    }
}

fn iso(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
