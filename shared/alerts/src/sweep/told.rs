//! What there is to tell of a run.

use std::collections::BTreeMap;

use portcullis_engine::ledger::Entry;
use portcullis_engine::scan::{Counts, NotRead};
use portcullis_engine::settings::stack_option;
use portcullis_engine::severity::Severity;
use portcullis_engine::sweep::{Found, LateRevisit};
use portcullis_engine::text::counted;

/// What a run tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// The id of the run: when it began, ISO 8601 in UTC.
    pub run: String,
    /// When it finished.
    pub finished: String,
    /// The first run, or the first one for a month: what is found was there before.
    pub baseline: bool,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// `enforce` or `observe`.
    pub mode: &'static str,
    /// The stack, for the commands.
    pub stack: Option<String>,
    /// What was looked at.
    pub counts: Counts,
    /// How many findings are open, by severity.
    pub open: BTreeMap<&'static str, usize>,
    /// How many of them are snoozed.
    pub snoozed: usize,
    /// How many findings nobody can judge, because something was not read.
    pub unread: usize,
    /// At fault, and nobody was told.
    pub new: Vec<Row>,
    /// At fault, and told before: worse now, or a snooze is over.
    pub risen: Vec<Row>,
    /// Told before, and gone.
    pub resolved: Vec<Row>,
    /// Told before, and suppressed by an exception now.
    pub suppressed_now: Vec<Row>,
    /// Revisits that were due and are done now.
    pub due_late: Vec<LateRevisit>,
    /// Older faults that this run closed.
    pub remediated: Vec<Row>,
    /// Those that it could have closed, by their ids: why not.
    pub not_remediated: Vec<NotRemediated>,
    /// With `Sweep=enforce`, something is said of what stays open: it is the first such run, or it stops.
    pub enforces: bool,
    /// With `Sweep=enforce`, some of what is new will be closed.
    pub closes: bool,
    /// With `Sweep=enforce`, whether nothing is closed any more.
    pub stopped: Option<bool>,
    /// What could not be read.
    pub unknown: Vec<NotRead>,
    /// Exceptions that have ended, or end within 30 days.
    pub ending: Vec<Ending>,
    /// It is Monday, and what is still open is said whatever the run found.
    pub monday: bool,
}

/// A finding, in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `f-…`
    pub id: String,
    /// Its check.
    pub check: String,
    /// Its severity.
    pub severity: Severity,
    /// `sg-…` or `replication-group/orders`.
    pub subject: String,
    /// What the fault is.
    pub title: String,
    /// Whom the resource belongs to, in words.
    pub owner: Option<String>,
    /// When it was first seen, ISO 8601.
    pub first_seen: String,
    /// What else there is to say of it.
    pub note: Option<String>,
}

/// An older fault that stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRemediated {
    /// `f-…`
    pub id: String,
    /// Its severity.
    pub severity: Severity,
    /// Why.
    pub because: String,
    /// It was tried, and failed.
    pub failed: bool,
}

/// An exception that has ended, or ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Its id.
    pub id: String,
    /// The file that it is in.
    pub file: String,
    /// Until when it counts, as it is written.
    pub until: String,
    /// It has ended.
    pub is_over: bool,
}

impl Row {
    /// Of something that is at fault, with its entry.
    pub fn of_found(found: &Found, entry: &Entry, note: Option<String>) -> Self {
        let asks =
            "an exception suppresses it for some callers only, and who opened it is not known";
        let asks = found.depends_on_caller().then(|| asks.to_owned());
        Self {
            severity: found.rating.severity,
            title: found.finding.title(),
            owner: found.owner.clone(),
            note: note.or(asks),
            ..Self::of_entry(entry, None)
        }
    }

    /// Of something that the ledger has.
    pub fn of_entry(entry: &Entry, note: Option<String>) -> Self {
        Self {
            id: entry.id.clone(),
            check: entry.check.clone(),
            severity: Severity::parse(&entry.severity).unwrap_or(Severity::Low),
            subject: entry.key.subject.clone(),
            title: entry.title.clone(),
            owner: None,
            first_seen: entry.first_seen.clone(),
            note,
        }
    }
}

impl SweepReport {
    /// Whether there is nothing to say. What could not be read is said with the rest, and counted in any case.
    pub fn is_silent(&self) -> bool {
        self.new.is_empty()
            && self.risen.is_empty()
            && self.resolved.is_empty()
            && self.suppressed_now.is_empty()
            && self.due_late.is_empty()
            && self.remediated.is_empty()
            && !self.not_remediated.iter().any(|one| one.failed)
            && (!self.enforces || self.not_remediated.is_empty())
            && !self.baseline
            && !(self.monday && (self.open() > 0 || !self.ending.is_empty()))
    }

    /// The highest of what is new, risen and not remediated.
    pub fn severity(&self) -> Severity {
        let news = self.new.iter().chain(&self.risen).map(|row| row.severity);
        let left = self.not_remediated.iter().map(|one| one.severity);
        news.chain(left).max().unwrap_or(Severity::Low)
    }

    /// For the log, in a line.
    pub fn log(&self) -> String {
        let Self { counts, unread, snoozed, .. } = self;
        format!(
            "{}; {} open, {snoozed} snoozed, {unread} unknown, of {} groups and {} caches",
            self.headline(),
            self.open(),
            counts.groups,
            counts.caches
        )
    }

    pub(super) fn open(&self) -> usize {
        self.open.values().sum()
    }

    /// `3 new, 1 risen, 2 resolved`
    pub(super) fn headline(&self) -> String {
        let open = self.open();
        if self.baseline {
            return format!("first sweep: {}", counted(open, "open finding"));
        }
        let lists = [
            (self.new.len(), "new"),
            (self.risen.len(), "risen"),
            (self.resolved.len(), "resolved"),
            (self.suppressed_now.len(), "suppressed now"),
            (self.due_late.len(), "revisited late"),
            (self.remediated.len(), "closed"),
            (self.not_remediated.len(), "not closed"),
        ];
        let parts: Vec<String> = lists
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        match parts.as_slice() {
            [] => format!("sweep: {} still open", counted(open, "finding")),
            _ => format!("sweep: {}", parts.join(", ")),
        }
    }

    /// ` --region eu-west-1 --stack guard`: where `portcullis` is to look, from wherever it is run.
    pub(super) fn option(&self) -> String {
        let stack = self.stack.as_deref().map(stack_option).unwrap_or_default();
        format!(" --region {}{stack}", self.region)
    }
}
