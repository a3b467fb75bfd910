//! What is excepted, in plain words.

use std::fmt::Write;

use portcullis_engine::finding::Check;
use portcullis_engine::text::harmless;
use time::{Duration, OffsetDateTime};

use crate::policies::{Policies, Policy};

/// From how long before its end on an exception is marked: time enough to decide what comes after it.
pub(crate) const SOON: Duration = Duration::days(30);

/// What a piece of the text is, for whoever gives it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A heading, or the id of an exception.
    Heading,
    /// What somebody should do something about.
    Warning,
    /// Everything else.
    Plain,
}

/// The sections, in their order.
const SECTIONS: [(&str, Kind); 3] = [
    ("Suppressed", Kind::Permit),
    ("Never suppressed, whatever the policies above permit", Kind::Forbid),
    ("Expired: these have no effect any more, and can be removed", Kind::Ended),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Permit,
    Forbid,
    Ended,
}

/// What is excepted at this moment, in seconds since 1970.
pub fn report(policies: &Policies, now: i64, paint: &dyn Fn(Tone, &str) -> String) -> String {
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let kind = |policy: &&Policy| match (policy.has_ended(now), policy.forbids()) {
        (true, _) => Kind::Ended,
        (false, true) => Kind::Forbid,
        (false, false) => Kind::Permit,
    };
    let mut by_id: Vec<&Policy> = policies.policies.iter().collect();
    by_id.sort_by_key(|policy| &policy.exception.id);
    let mut text = String::new();
    if !by_id.iter().any(|policy| kind(policy) == Kind::Permit) {
        text += "Nothing is suppressed.\n";
    }
    for (title, section) in SECTIONS {
        let mut of_section = by_id.iter().filter(|policy| kind(policy) == section).peekable();
        if of_section.peek().is_some() {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", paint(Tone::Heading, title));
        }
        for policy in of_section {
            text += &entry(policy, now, paint);
        }
    }
    text
}

fn entry(policy: &Policy, now: OffsetDateTime, paint: &dyn Fn(Tone, &str) -> String) -> String {
    let exception = &policy.exception;
    let mut text = format!("  {}: {}", paint(Tone::Heading, &exception.id), about(policy));
    if let Some(until) = &exception.until {
        let _ = write!(text, ", {}", paint(tone(policy, now), &end(policy, until, now)));
    }
    let _ = writeln!(text, " ({})\n    {}", harmless(&policy.file), exception.reason);
    text
}

fn about(policy: &Policy) -> String {
    if policy.checks.len() == Check::ALL.len() {
        return "every check".to_owned();
    }
    policy.checks.iter().map(|check| check.as_str()).collect::<Vec<_>>().join(", ")
}

fn tone(policy: &Policy, now: OffsetDateTime) -> Tone {
    match policy.remains(now) {
        Some(remains) if remains <= SOON => Tone::Warning,
        Some(_) | None => Tone::Plain,
    }
}

fn end(policy: &Policy, until: &str, now: OffsetDateTime) -> String {
    match policy.remains(now).map(|remains| (remains <= Duration::ZERO, remains <= SOON, remains)) {
        Some((true, ..)) => format!("EXPIRED {until}"),
        Some((false, true, remains)) => match remains.whole_days() {
            0 => format!("until {until}: EXPIRES TODAY"),
            1 => format!("until {until}: EXPIRES IN 1 DAY"),
            days => format!("until {until}: EXPIRES IN {days} DAYS"),
        },
        Some(_) | None => format!("until {until}"),
    }
}
