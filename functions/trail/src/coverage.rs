//! Whether anything can be seen at all: EventBridge gets API calls only from a trail that logs them
//! (EventBridge user guide, "AWS service events delivered via AWS CloudTrail").
//!
//! INVARIANT: what cannot be told is never taken for "stopped", and a call that every trail leaves
//! out is never taken for "seen".

use std::fmt;

use portcullis_engine::arn::Arn;
use portcullis_engine::event::EventName;

use crate::verdict::Verdict;

/// A trail that covers the Region, as CloudTrail shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trail {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN, with its home Region and the account that owns it.
    pub(crate) arn: String,
    /// `IsLogging` of GetTrailStatus.
    pub(crate) logging: Reading<bool>,
    /// What it logs.
    pub(crate) selectors: Reading<Selectors>,
}

/// How far reading got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading<T> {
    /// It was read.
    Read(T),
    /// It may not be read here, as of an organization's trail: why.
    Denied(String),
    /// It could not be read this time: why.
    Failed(String),
}

/// What a trail logs: it has selectors of the one kind or of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selectors {
    /// `EventSelectors`. A trail without any logs all management events.
    Basic(Vec<BasicSelector>),
    /// `AdvancedEventSelectors`: an event is logged if one of them has it, and a selector has it
    /// if all of its fields do.
    Advanced(Vec<Vec<FieldSelector>>),
}

/// One of `EventSelectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BasicSelector {
    /// `IncludeManagementEvents`
    pub(crate) management: bool,
    /// `ReadWriteType` is not `ReadOnly`.
    pub(crate) writes: bool,
    /// `ExcludeManagementEventSources`, as `kms.amazonaws.com`.
    pub(crate) excluded: Vec<String>,
}

/// A condition on one field of an event: one of the values of each operator that says what is
/// wanted, and none of those that say what is not. An empty list is an operator that is not used.
/// The names are AWS's own (API reference, AdvancedFieldSelector).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FieldSelector {
    pub(crate) field: String,
    pub(crate) equals: Vec<String>,
    pub(crate) starts_with: Vec<String>,
    pub(crate) ends_with: Vec<String>,
    pub(crate) not_equals: Vec<String>,
    pub(crate) not_starts_with: Vec<String>,
    pub(crate) not_ends_with: Vec<String>,
}

/// Whether the trails log every call that is watched.
pub(crate) fn verdict(trails: &[Trail]) -> Verdict {
    let best = EventName::ALL.map(|call| (call, best(trails, call)));
    let missed: Vec<EventName> = best
        .iter()
        .filter(|(_, found)| matches!(found, None | Some((_, Logs::No(_)))))
        .map(|(call, _)| *call)
        .collect();
    if !missed.is_empty() {
        return Verdict::Wrong(blind(trails, &missed));
    }
    let mut by = Vec::new();
    let mut unread = Vec::new();
    for (trail, logs) in best.iter().filter_map(|(_, found)| found.as_ref()) {
        let (list, text) = match logs {
            Logs::Unread(why) => (&mut unread, format!("{trail}: {why}")),
            Logs::OnTrust(why) => (&mut by, format!("{trail}, taken on trust: {why}")),
            Logs::Yes | Logs::No(_) => (&mut by, trail.to_string()),
        };
        if !list.contains(&text) {
            list.push(text);
        }
    }
    if unread.is_empty() {
        Verdict::Right(by.join("; "))
    } else {
        Verdict::Unknown(unread.join("; "))
    }
}

/// Whether a trail logs a call. The order is that of worth.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Logs {
    No(Miss),
    Unread(String),
    OnTrust(String),
    Yes,
}

/// Why a trail does not log a call. The order is how far the call got.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Miss {
    Stopped,
    NoManagement,
    ReadsOnly,
    LeftOut(&'static str),
}

/// The trail that is best at logging the call, the first of them.
fn best(trails: &[Trail], call: EventName) -> Option<(&Trail, Logs)> {
    let logs = trails.iter().rev().map(|trail| (trail, trail.logs(call)));
    logs.max_by(|(_, one), (_, other)| one.cmp(other))
}

impl Trail {
    fn logs(&self, call: EventName) -> Logs {
        let trusted = match &self.logging {
            Reading::Read(true) => None,
            Reading::Read(false) => return Logs::No(Miss::Stopped),
            Reading::Denied(why) => Some(format!("whether it is started may not be read, {why}")),
            Reading::Failed(why) => return Logs::Unread(why.clone()),
        };
        let selected = match &self.selectors {
            Reading::Read(selectors) => selectors.select(call),
            Reading::Denied(why) => {
                Logs::OnTrust(format!("what it logs may not be read here, {why}"))
            }
            Reading::Failed(why) => Logs::Unread(why.clone()),
        };
        match (trusted, selected) {
            (Some(why), Logs::Yes) => Logs::OnTrust(why),
            (_, selected) => selected,
        }
    }

    /// Trails are started and edited in the Region that they were made in.
    fn home(&self) -> &str {
        Arn::region_of(&self.arn).unwrap_or_default()
    }
}

impl Selectors {
    fn select(&self, call: EventName) -> Logs {
        let nothing = Logs::No(Miss::NoManagement);
        match self {
            Self::Basic(selectors) if selectors.is_empty() => Logs::Yes,
            Self::Basic(selectors) => {
                selectors.iter().map(|selector| selector.select(call)).max().unwrap_or(nothing)
            }
            Self::Advanced(selectors) => {
                selectors.iter().map(|fields| advanced(fields, call)).max().unwrap_or(nothing)
            }
        }
    }
}

impl BasicSelector {
    fn select(&self, call: EventName) -> Logs {
        if !self.management {
            Logs::No(Miss::NoManagement)
        } else if !self.writes {
            Logs::No(Miss::ReadsOnly)
        } else if self.excluded.iter().any(|source| source == call.source()) {
            Logs::No(Miss::LeftOut(call.source()))
        } else {
            Logs::Yes
        }
    }
}

/// One advanced selector. A field that says more of an event than that it is such a call may keep
/// out some callers: then nobody can be sure.
fn advanced(fields: &[FieldSelector], call: EventName) -> Logs {
    let keeps_out = |name: &str, value: &str| {
        fields.iter().any(|field| field.field == name && !field.admits(value))
    };
    let known = ["eventCategory", "eventType", "readOnly", "eventSource", "eventName"];
    if keeps_out("eventCategory", "Management") || keeps_out("eventType", "AwsApiCall") {
        Logs::No(Miss::NoManagement)
    } else if keeps_out("readOnly", "false") {
        Logs::No(Miss::ReadsOnly)
    } else if keeps_out("eventSource", call.source()) {
        Logs::No(Miss::LeftOut(call.source()))
    } else if keeps_out("eventName", call.as_str()) {
        Logs::No(Miss::LeftOut(call.as_str()))
    } else if let Some(other) = fields.iter().find(|field| !known.contains(&field.field.as_str())) {
        Logs::OnTrust(format!("it selects by `{}` too", other.field.escape_default()))
    } else {
        Logs::Yes
    }
}

impl FieldSelector {
    fn admits(&self, value: &str) -> bool {
        let Self { field: _, equals, starts_with, ends_with, .. } = self;
        let any = |list: &[String], holds: fn(&str, &str) -> bool| {
            list.iter().any(|wanted| holds(value, wanted))
        };
        let equal: fn(&str, &str) -> bool = |value, other| value == other;
        let begins: fn(&str, &str) -> bool = |value, other| value.starts_with(other);
        let ends: fn(&str, &str) -> bool = |value, other| value.ends_with(other);
        let unasked = equals.is_empty() && starts_with.is_empty() && ends_with.is_empty();
        let wanted = any(equals, equal) || any(starts_with, begins) || any(ends_with, ends);
        let unwanted = any(&self.not_equals, equal)
            || any(&self.not_starts_with, begins)
            || any(&self.not_ends_with, ends);
        (unasked || wanted) && !unwanted
    }
}

/// What is not seen, what is wrong with each trail, and what to do.
fn blind(trails: &[Trail], missed: &[EventName]) -> String {
    let calls = missed.iter().map(|call| call.as_str()).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "Portcullis is blind: EventBridge gets API calls only from a trail that logs write management \
         events, and no trail of this Region logs {calls}"
    );
    if trails.is_empty() {
        text.push_str(
            ". There is no trail: create one (aws cloudtrail create-trail --is-multi-region-trail, then \
             aws cloudtrail start-logging)",
        );
    }
    for trail in trails {
        let misses = missed.iter().filter_map(|call| match trail.logs(*call) {
            Logs::No(miss) => Some(miss),
            Logs::Unread(_) | Logs::OnTrust(_) | Logs::Yes => None,
        });
        let mut told = Vec::new();
        for miss in misses.map(|miss| miss.to_string()) {
            if !told.contains(&miss) {
                told.push(miss);
            }
        }
        let (home, arn) = (trail.home(), &trail.arn);
        let fix = match trail.logging {
            Reading::Read(false) => {
                format!("start it (aws cloudtrail start-logging --region {home} --name {arn})")
            }
            Reading::Read(true) | Reading::Denied(_) | Reading::Failed(_) => format!(
                "let it log write management events of EC2 and ElastiCache \
                 (aws cloudtrail put-event-selectors --region {home} --trail-name {arn} …)"
            ),
        };
        text.push_str(&format!(". The {trail} {}: {fix}", told.join(", ")));
    }
    text
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trail `{}` ({})", self.name.escape_default(), self.arn.escape_default())
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("is stopped"),
            Self::NoManagement => f.write_str("logs no management events"),
            Self::ReadsOnly => f.write_str("logs read events only"),
            Self::LeftOut(what) => write!(f, "leaves out {what}"),
        }
    }
}

#[cfg(test)]
mod tests;
