//! What a run looked at, and what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use super::found::suppressed;
use super::{Change, Found, Ledgered, Observed, change};
use crate::exceptions::Exception;
use crate::facts::{CacheFacts, CacheKind};
use crate::finding::Check;
use crate::ledger::{Key, LiveState};
use crate::report::Report;

/// What a run looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observations {
    /// What is at fault.
    pub found: BTreeMap<Key, Found>,
    /// What exceptions and snoozes suppress.
    pub suppressed: BTreeMap<Key, Exception>,
    /// The shapes of the rules of the groups that were decided, and the settings of the caches.
    live: LiveState,
    /// The subjects that are listed.
    there: BTreeSet<String>,
    /// The kinds of subjects that were listed to the end: `sg`, `replication-group`, ….
    listed: BTreeSet<String>,
    /// Nothing was refused.
    complete: bool,
}

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Each finding about which there is something to say or to count.
    pub changes: BTreeMap<Key, Change>,
    /// Findings about which nothing can be said: what decides was not read.
    pub unknown: usize,
}

impl Observations {
    /// Notes what is told of a subject.
    pub fn add(&mut self, report: &Report, owner: Option<&str>) {
        let found = Found::of(report, owner).into_iter();
        self.found.extend(found.map(|found| (found.key.clone(), found)));
        self.suppressed.extend(suppressed(report));
    }

    /// A group that was decided: every rule of it was in question.
    pub fn add_group(&mut self, id: &str, shapes: BTreeSet<String>) {
        self.live.add_group(id, shapes);
    }

    /// A cache that was decided, as far as it was read.
    pub fn add_cache(&mut self, facts: &CacheFacts) {
        self.live.add_settings(&LiveState::at_cache(facts, None));
    }

    /// Everything of a kind that was listed to the end: groups, or caches of a kind.
    pub fn listed(&mut self, kind: Option<CacheKind>, ids: impl IntoIterator<Item = String>) {
        let subject = |id: String| match kind {
            None => id,
            Some(kind) => Key::cache_subject(kind, &id),
        };
        self.there.extend(ids.into_iter().map(subject));
        self.listed.insert(
            kind.map_or_else(|| "sg".to_owned(), |kind| kind_of(&Key::cache_subject(kind, ""))),
        );
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.found.extend(other.found);
        self.suppressed.extend(other.suppressed);
        self
    }

    /// Whether nothing was refused.
    pub fn read_all(&mut self, complete: bool) {
        self.complete = complete;
    }

    fn sight(&self, key: &Key, ledger: &Ledgered, now: i64) -> Observed {
        if ledger.is_snoozed(key, now)
            && (self.found.contains_key(key) || self.suppressed.contains_key(key))
        {
            return Observed::Snoozed;
        }
        match (self.found.get(key), self.suppressed.get(key)) {
            (Some(found), _) if found.may_be_suppressed() => Observed::Unread,
            (Some(found), _) => Observed::Fault {
                rating: found.rating,
                snooze_ended: ledger.snooze_ended(key, now),
            },
            (None, Some(_)) => Observed::Suppressed,
            (None, None) if self.is_gone(key) => Observed::Gone,
            (None, None) => Observed::Unread,
        }
    }

    /// Whether what a key is about was read, and is not at fault.
    fn is_gone(&self, key: &Key) -> bool {
        let is_missing = |subject: &str| {
            self.listed.contains(&kind_of(subject)) && !self.there.contains(subject)
        };
        if is_missing(&key.subject) {
            return true;
        }
        let (check, shape, cache) = key.parts();
        let Some(shape) = shape else { return self.live.shows_settings(&key.subject, check) };
        if self.live.has_rules(&key.subject) && !self.live.has_rule(&key.subject, &shape) {
            return true;
        }
        // The rule is there, and not at fault any more: what else decides has to be known.
        match cache {
            None => self.complete && self.live.has_rules(&key.subject),
            Some(cache) => {
                is_missing(cache)
                    || (self.complete && self.live.shows_settings(cache, Check::OpenCache.as_str()))
            }
        }
    }
}

/// `sg` of `sg-…`, else what is before the slash.
fn kind_of(subject: &str) -> String {
    match subject.split_once('/') {
        Some((kind, _)) => kind.to_owned(),
        None => subject.split('-').next().unwrap_or_default().to_owned(),
    }
}

/// Compares all that was seen with all that is remembered. `now` is in seconds since 1970.
pub fn compare(looked: &Observations, ledger: &Ledgered, now: i64) -> Comparison {
    let keys: BTreeSet<&Key> = looked.found.keys().chain(ledger.entries.keys()).collect();
    let mut compared = Comparison::default();
    for key in keys {
        let sight = looked.sight(key, ledger, now);
        let before = ledger.entries.get(key);
        let is_found = looked.found.contains_key(key);
        let unknown = ledger.unreadable.contains(key) || (is_found && sight == Observed::Unread);
        let change = if unknown {
            Some(Change::Unknown)
        } else if ledger.is_revisited(&key.subject, now) && is_found {
            Some(Change::Busy)
        } else {
            change(before, sight, now)
        };
        compared.unknown += usize::from(change == Some(Change::Unknown));
        compared.changes.extend(change.map(|change| (key.clone(), change)));
    }
    compared
}
