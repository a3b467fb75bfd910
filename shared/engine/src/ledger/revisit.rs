//! A revisit: the same event again, at a time of our choosing, because something was left open or undecided.
//!
//! Its record is an item of the ledger, written before its schedule is made, so that it is known of even if no schedule
//! can be made. The schedule only names the record. As the event has the id that it had, occurrences, leases and reports
//! are those of any redelivery.

mod stored;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Key;
use crate::action::{Because, Remedy};
use crate::event::{Event, GroupRef, Lead, RevisitRef};
use crate::time::{DAY, iso, seconds};

/// The partitions of records begin so: nothing else reads them.
pub const REVISITS: &str = "revisit/";

/// How long a record stays after it was due, in seconds: 90 days.
const KEPT: i64 = 90 * DAY;

/// How long a record stays after nothing is left to look at, in seconds: a day.
const KEPT_SETTLED: i64 = DAY;

/// The shortest time in which a schedule can be made, in seconds.
const SOONEST: i64 = 10;

/// Why it is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// More rules were to be revoked than the limit admits.
    Limit,
    /// EC2 does not show yet what the event did.
    Lag,
    /// A cache is not decided yet: it is not shown, or not available.
    Pending,
    /// A finding is flapping: it is closed when it has not recurred for an hour.
    Flapping,
    /// A snooze ends.
    Snooze,
    /// The exceptions or a source could not be read.
    Unknown,
    /// Portcullis was paused when the revisit was due.
    Paused,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Limit,
        Self::Lag,
        Self::Pending,
        Self::Flapping,
        Self::Snooze,
        Self::Unknown,
        Self::Paused,
    ];

    /// Why something with this remedy is looked at again, if it is. `is_paused`: it was looked at again in observe mode.
    pub fn of(remedy: &Remedy, is_paused: bool) -> Option<Self> {
        match remedy {
            Remedy::Pending(_) => Some(Self::Pending),
            Remedy::NotRemediated { because, .. } => match because {
                Because::Observe => is_paused.then_some(Self::Paused),
                Because::Flapping { .. } => Some(Self::Flapping),
                Because::TooMany { .. } => Some(Self::Limit),
                Because::ExceptionsNotKnown
                | Because::ExceptionsUnreadable(_)
                | Because::SourceUnknown(_)
                | Because::SpaceUnknown(_) => Some(Self::Unknown),
                Because::Audit
                | Because::CallerNotKnown
                | Because::TagsNotKnown
                | Because::Protected
                | Because::NotTouched
                | Because::TouchedUnknown(_)
                | Because::SubjectUnknown(_)
                | Because::OtherOwner(_)
                | Because::SharedGroup(_)
                | Because::OthersCarry { .. }
                | Because::OnlyAssociated(_)
                | Because::SharingUnknown(_)
                | Because::ListStays(_)
                | Because::LocalInSome(_)
                | Because::AllTraffic
                | Because::PortIsFixed
                | Because::ClientsMustChange
                | Because::ConnectionIsFixed
                | Because::SubnetsAreShared => None,
            },
            Remedy::Do(_) | Remedy::Manual { .. } | Remedy::Gone(_) => None,
        }
    }

    /// As the ledger and metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Lag => "lag",
            Self::Pending => "pending",
            Self::Flapping => "flapping",
            Self::Snooze => "snooze",
            Self::Unknown => "unknown",
            Self::Paused => "paused",
        }
    }
}

/// A revisit, as its record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "stored::Record", into = "stored::Record")]
pub struct Revisit {
    /// `sg-…`, `security-group-name/web`, `prefix-list/pl-…` or `replication-group/orders`.
    pub subject: String,
    /// The id of the event.
    pub event: String,
    /// When it is due, in seconds since 1970: a whole minute.
    pub due: i64,
    /// Why.
    pub why: Why,
    /// How often it was looked at again for this reason.
    pub tries: u32,
    /// The event, narrowed to the rules that are still undecided.
    pub call: Event,
    /// The number of writes. A write is conditional on the version that was read.
    pub version: u64,
    /// Nothing is left to look at.
    pub settled: bool,
}

/// A schedule that invokes the function once, and then deletes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name. It has the due minute: a schedule is there until its target was invoked, and the next link of a chain
    /// of revisits must not meet it. The same name is the same revisit.
    pub name: String,
    /// `at(2026-11-29T10:01:00)`, in UTC.
    pub expression: String,
    /// What the function is invoked with, as JSON.
    pub input: String,
}

impl Revisit {
    /// The subject of an event: what it is about, as far as the event tells.
    pub fn subject(event: &Event) -> String {
        match &event.lead {
            Lead::Group(lead) => match &lead.group {
                GroupRef::Id(id) => id.clone(),
                GroupRef::Name(name) => format!("security-group-name/{name}"),
            },
            Lead::List(lead) => Key::list_subject(&lead.id),
            Lead::Cache(lead) => Key::cache_subject(lead.kind, &lead.id),
            Lead::Unknown if event.is_of_group() => "security-group/unknown".to_owned(),
            Lead::Unknown => "cache/unknown".to_owned(),
        }
    }

    /// The key of a record.
    pub fn key_of(subject: &str, event: &str) -> Key {
        Key { subject: format!("{REVISITS}{subject}"), finding: event.to_owned() }
    }

    /// The key of its record.
    pub fn key(&self) -> Key {
        Self::key_of(&self.subject, &self.event)
    }

    /// When its record may be deleted, in seconds since 1970. `now` likewise.
    pub fn expires(&self, now: i64) -> i64 {
        if self.settled { now.saturating_add(KEPT_SETTLED) } else { self.due.saturating_add(KEPT) }
    }

    /// Its schedule.
    pub fn schedule(&self) -> Schedule {
        let Self { subject, event, .. } = self;
        let due = iso(self.due);
        let digest = Sha256::digest(format!("{subject}\n{event}"));
        let name =
            digest.iter().take(6).fold("r-".to_owned(), |id, byte| id + &format!("{byte:02x}"));
        let minute: String =
            due.chars().filter(char::is_ascii_alphanumeric).take("20261129T1001".len()).collect();
        let named = RevisitRef { subject: subject.clone(), event: event.clone(), due: due.clone() };
        Schedule {
            name: format!("{name}-{minute}"),
            expression: format!("at({})", due.trim_end_matches('Z')),
            input: named.payload().to_string(),
        }
    }

    /// Whether its schedule can still be made.
    pub fn is_ahead(&self, now: i64) -> bool {
        !self.settled && self.due >= now.saturating_add(SOONEST)
    }
}

/// The first whole minute after `delay` seconds, and at least ten seconds from `now`: schedules have a precision of a
/// minute, and one in the past is refused (EventBridge Scheduler user guide, "Schedule types"; not documented). In
/// seconds since 1970.
pub fn due(now: i64, delay: i64) -> i64 {
    let at = now.saturating_add(delay.max(SOONEST));
    at.saturating_add(59).div_euclid(60).saturating_mul(60)
}

/// The same for a moment.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    match seconds(text) {
        i64::MIN => Err(format!("`{}` is no time", text.escape_default())),
        at => Ok(at),
    }
}

#[cfg(test)]
mod tests;
