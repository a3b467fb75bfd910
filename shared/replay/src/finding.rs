//! One finding of a replay: what would have been done about it, and what became of it in fact.

use std::sync::Arc;

use portcullis_engine::action::{Because, Remedy};
use portcullis_engine::finding::Check;
use portcullis_engine::report::Reported;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::severity::Severity;

use crate::history::{Place, UNTOLD};

/// What would have been done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The rule would have been closed.
    Closed,
    /// It would have been reported only.
    Reported,
    /// The exception of this id suppresses it.
    Suppressed(String),
    /// A limit was reached, and its turn did not come any more.
    Limit,
    /// It was flapping, and would have been left open.
    Flapping,
    /// It depends on what the history does not tell.
    Unknown,
}

impl Verdict {
    /// Each word, in the order of the report.
    pub const WORDS: [&'static str; 6] =
        ["closed", "reported", "suppressed", "limit", "flapping", "unknown"];

    /// In one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reported => "reported",
            Self::Suppressed(_) => "suppressed",
            Self::Limit => "limit",
            Self::Flapping => "flapping",
            Self::Unknown => "unknown",
        }
    }

    /// In words: `suppressed by public-web`.
    pub fn words(&self) -> String {
        match self {
            Self::Closed => "would be closed".to_owned(),
            Self::Reported => "would be reported only".to_owned(),
            Self::Suppressed(by) => format!("suppressed by {by}"),
            Self::Limit => "not remediated: limit".to_owned(),
            Self::Flapping => "not remediated: flapping".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }

    /// The exception that suppresses it.
    pub fn suppressed_by(&self) -> Option<&str> {
        match self {
            Self::Suppressed(by) => Some(by),
            Self::Closed | Self::Reported | Self::Limit | Self::Flapping | Self::Unknown => None,
        }
    }

    /// Of a finding that was carried out.
    pub(crate) fn of(reported: &Reported) -> Self {
        match (reported.resolution, &reported.finding.remedy) {
            (Resolution::Done, _) => Self::Closed,
            (Resolution::Pending, _) => Self::Unknown,
            (_, Remedy::NotRemediated { because, .. } | Remedy::Manual { because, .. }) => {
                match because {
                    Because::TooMany { .. } => Self::Limit,
                    Because::Flapping { .. } => Self::Flapping,
                    Because::ExceptionsUnreadable(_)
                    | Because::ExceptionsNotKnown
                    | Because::TagsNotKnown
                    | Because::TouchedUnknown(_)
                    | Because::SubjectUnknown(_)
                    | Because::SourceUnknown(_)
                    | Because::SpaceUnknown(_)
                    | Because::SharingUnknown(_) => Self::Unknown,
                    Because::Observe
                    | Because::Audit
                    | Because::CallerNotKnown
                    | Because::Protected
                    | Because::NotTouched
                    | Because::LocalInSome(_)
                    | Because::OtherOwner(_)
                    | Because::SharedGroup(_)
                    | Because::OthersCarry { .. }
                    | Because::OnlyAssociated(_)
                    | Because::ListStays(_)
                    | Because::AllTraffic
                    | Because::PortIsFixed
                    | Because::ClientsMustChange
                    | Because::ConnectionIsFixed
                    | Because::SubnetsAreShared => Self::Reported,
                }
            }
            (_, Remedy::Do(_) | Remedy::Pending(_) | Remedy::Gone(_)) => Self::Reported,
        }
    }
}

/// Who called: of many findings the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// A name for people.
    pub name: Arc<str>,
    /// The role of the session.
    pub role: Option<String>,
    /// What the call came through.
    pub via: Option<String>,
    /// The ARN.
    pub arn: String,
}

/// Whom a resource belongs to, as an audit has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// As in an alert: `cloudformation`, `terraform`, ….
    pub kind: &'static str,
    /// For people.
    pub who: String,
    /// How it was told.
    pub by: String,
}

/// What became of the rule in fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// When it was closed and by whom, if a record tells.
    pub closed: Option<(i64, Arc<str>)>,
    /// When somebody opened the same again after that.
    pub again: Option<i64>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `f-…`, as alerts would have it; empty if it is suppressed.
    pub id: String,
    /// Where.
    pub place: Place,
    /// The check.
    pub check: Check,
    /// How bad, by what the history tells.
    pub severity: Option<Severity>,
    /// The group or the cache.
    pub subject: Arc<str>,
    /// The group of the rule, if it is about one.
    pub group: Option<Arc<str>>,
    /// The id of the rule, if it is about one.
    pub rule: Option<String>,
    /// What was found.
    pub evidence: String,
    /// The event's id.
    pub event: Arc<str>,
    /// The call.
    pub name: &'static str,
    /// When, in seconds since 1970.
    pub at: i64,
    /// Who called.
    pub actor: Arc<Caller>,
    /// Whom the resource belongs to, if its tags, its name or the call tell: as an audit has it.
    pub owner: Option<Arc<Owner>>,
    /// What would have been done.
    pub verdict: Verdict,
    /// Why, where there is a reason.
    pub why: Option<String>,
    /// What the history does not tell of it.
    pub unknown: Vec<String>,
    /// What of it is as it is today, because the history does not tell.
    pub as_of_today: Vec<&'static str>,
    /// When the rule would have been closed.
    pub would_close: Option<i64>,
    /// What became of it.
    pub life: Life,
}

/// Below this a rule lived shortly, in seconds.
pub const SHORT: i64 = 3600;

impl Finding {
    /// The id of its rule, if a record tells it.
    pub fn told_rule(&self) -> Option<&str> {
        self.rule.as_deref().filter(|rule| !rule.starts_with(UNTOLD))
    }

    /// Whose it is, in a word or two.
    pub fn whose(&self) -> &str {
        self.owner.as_ref().map_or("unknown", |owner| &owner.who)
    }

    /// What makes it the same finding, whatever the exceptions make of it.
    pub(crate) fn identity(&self) -> impl Ord + use<'_> {
        let Self { at, place, event, check, group, rule, subject, .. } = self;
        (*at, place, event, *check, subject, group, rule)
    }

    /// The group, or the cache.
    pub(crate) fn about(&self) -> &str {
        self.group.as_ref().unwrap_or(&self.subject)
    }

    /// The place in a report.
    pub(crate) fn order(&self) -> impl Ord + use<'_> {
        let rule = self.rule.as_deref().unwrap_or_default();
        (self.at, &self.place, &self.event, self.about(), rule, self.check.as_str())
    }

    /// How long it really stayed open, in seconds; until `end` if no record closes it.
    pub fn open(&self, end: i64) -> i64 {
        self.life.closed.as_ref().map_or(end, |(at, _)| *at).saturating_sub(self.at).max(0)
    }

    /// How long it would not have been open any more, in seconds; 0 if it would not have been closed.
    pub fn saved(&self, end: i64) -> i64 {
        let Some(would_close) = self.would_close.filter(|_| self.verdict == Verdict::Closed) else {
            return 0;
        };
        let until = self.life.closed.as_ref().map_or(end, |(at, _)| *at);
        until.saturating_sub(would_close).max(0)
    }

    /// Whether the same caller closed it within an hour: somebody who works with temporary rules.
    pub fn was_short_lived(&self) -> bool {
        self.life
            .closed
            .as_ref()
            .is_some_and(|(at, by)| *by == self.actor.name && at.saturating_sub(self.at) < SHORT)
    }
}
