//! A replay as it is shown: what the formats have in common.

use portcullis_engine::time::{DAY, HOUR, MINUTE, iso};

use crate::compare::Change;
use crate::finding::Finding;
use crate::replay::{Facts, Outcome};
use crate::summary::Summary;

/// All that is shown.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    /// `enforce` or `observe`.
    pub mode: &'a str,
    /// How long it takes until a rule is closed, in seconds.
    pub delay: i64,
    /// Where the exceptions are.
    pub exceptions: String,
    /// Whether what the history does not tell was read as it is today.
    pub is_live: bool,
    /// What was read.
    pub facts: &'a Facts,
    /// What would have been done.
    pub outcome: &'a Outcome,
    /// The figures.
    pub summary: Summary,
    /// With other exceptions: where they are, and what changes.
    pub compared: Option<(String, Vec<Change<'a>>)>,
}

/// What no finding can say, because the records do not.
const LIMITS: [&str; 4] = [
    "The entries of prefix lists, network interfaces and VPC block public access are not in the records: severity is by the rule alone.",
    "Rules from before the first record are unknown, so a union admits at least what is said here.",
    "Tags are known only of groups whose creation is among the records: elsewhere `portcullis:protect` may forbid a closure.",
    "Cluster settings that only Describe shows, and the subnets of caches, are unknown.",
];

/// The same where the account was read as it is today.
const LIVE: [&str; 3] = [
    "Where a finding says so, prefix lists, network interfaces, VPCs, names and tags, and rules from before the first record are those of today: they may have been others then.",
    "What is gone today, and what is of another account, is unknown. A rule from before the first record that is gone today is unknown, so a union admits at least what is said here.",
    LIMITS[3],
];

impl Shown<'_> {
    /// What no finding can say.
    pub fn limits(&self) -> &'static [&'static str] {
        if self.is_live { &LIVE } else { &LIMITS }
    }

    /// The end of the history, in seconds since 1970.
    pub fn end(&self) -> i64 {
        self.facts.span.map_or(0, |(_, last)| last)
    }

    /// What a closure by people after one of ours tells; without ours nothing can be told.
    pub fn undone(&self) -> String {
        match self.facts.own {
            Some((closed, undone)) => format!(
                "{undone} of {closed} rules that Portcullis closed in this history were opened again by others within an hour"
            ),
            None => {
                "not measurable from this history: Portcullis has closed nothing in it".to_owned()
            }
        }
    }

    /// For how long a rule was really open: `3 h`, or `2 d, still open`.
    pub fn open(&self, finding: &Finding) -> String {
        let lasted = duration(finding.open(self.end()));
        match &finding.life.closed {
            Some(_) => lasted,
            None if finding.rule.is_none() => format!("{lasted}, still there"),
            None => format!("{lasted}, still open"),
        }
    }
}

/// `40 s`, `12 min`, `3.5 h`, `2.1 d`
pub fn duration(seconds: i64) -> String {
    let tenth = |unit: i64, name: &str| {
        let tenths = seconds.saturating_mul(10) / unit;
        match tenths % 10 {
            0 => format!("{} {name}", tenths / 10),
            rest => format!("{}.{rest} {name}", tenths / 10),
        }
    };
    match seconds {
        _ if seconds < 2 * MINUTE => format!("{seconds} s"),
        _ if seconds < 2 * HOUR => format!("{} min", seconds / MINUTE),
        _ if seconds < 2 * DAY => tenth(HOUR, "h"),
        _ => tenth(DAY, "d"),
    }
}

/// `2026-11-21 10:00`
pub fn minute(at: i64) -> String {
    let time = iso(at);
    let part = |range: std::ops::Range<usize>| time.get(range).unwrap_or_default().to_owned();
    format!("{} {}", part(0..10), part(11..16))
}
