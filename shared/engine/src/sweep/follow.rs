//! Faults that no event told, looked at once more half an hour after the run that saw them first.
//!
//! EC2 does not say when a rule was made. So a run cannot tell a call that was not delivered from one that is still on its
//! way: it leaves what is new, and with it all that it has to tell, to a follow-up. By then the call was delivered, or the
//! event history has it, or nobody called.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Change, Comparison, Found, LateRevisit, Ledgered, Observations};
use crate::event::{Event, Lead, Touched};
use crate::facts::Source;
use crate::finding::rule_of;
use crate::ledger::{Key, Schedule, State, due};
use crate::severity::Severity;
use crate::time::{DAY, MINUTE, iso, seconds};

/// The most findings that wait. What is more is told at once.
const MOST: usize = 1000;

/// So long after a run its follow-up is due, in seconds.
const DELAY: i64 = 30 * MINUTE;

/// CloudTrail's event history has a call within some 15 minutes (user guide, "Working with CloudTrail event history"): what
/// was seen so long ago, in seconds, is in it, or nobody called.
const KNOWN: i64 = 20 * MINUTE;

/// The previous run may have read a group some minutes before it finished, in seconds.
const BEFORE: i64 = 20 * MINUTE;

/// The event history goes back so far, in seconds.
const HISTORY: i64 = 90 * DAY;

/// The `detail-type` of the payload with which the schedule invokes the function.
const FOLLOW_UP: &str = "SweepFollowUp";

/// What a run left to its follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Follow {
    /// When the run looked, ISO 8601.
    pub seen: String,
    /// Since when calls are looked up, ISO 8601: nothing was new then.
    pub since: String,
    /// What it had to tell.
    pub keys: Vec<Key>,
    /// How many findings it could not judge.
    pub unread: usize,
    /// The revisits that it made up for.
    pub late: Vec<LateRevisit>,
}

/// What of a comparison is looked up, and what waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// New, and seen so long ago that the event history has their calls.
    pub look_up: BTreeSet<Key>,
    /// What waits for the follow-up.
    pub wait: BTreeSet<Key>,
}

impl Follow {
    /// Whether the event history has the calls by now. `now` is in seconds since 1970.
    pub fn is_ripe(&self, now: i64) -> bool {
        now.saturating_sub(seconds(&self.seen)) >= KNOWN
    }

    /// What is to be read for it: groups by their ids, caches by kind and id.
    pub fn subjects(&self) -> BTreeSet<String> {
        let both = |key: &Key| {
            let cache = key.parts().2.map(str::to_owned);
            std::iter::once(key.subject.clone()).chain(cache).collect::<Vec<_>>()
        };
        self.keys.iter().flat_map(both).collect()
    }

    /// The schedule that invokes the follow-up of a run at `now`.
    pub fn schedule(now: i64) -> Schedule {
        let at = iso(due(now, DELAY));
        let minute: String =
            at.chars().filter(char::is_ascii_alphanumeric).take("20261129T1001".len()).collect();
        Schedule {
            name: format!("s-{minute}"),
            expression: format!("at({})", at.trim_end_matches('Z')),
            input: json!({ "source": "portcullis", "detail-type": FOLLOW_UP }).to_string(),
        }
    }

    /// Whether the function was invoked for a follow-up.
    pub fn is_asked(payload: &Value) -> bool {
        payload.get("detail-type").and_then(Value::as_str) == Some(FOLLOW_UP)
    }

    /// Since when a run looks calls up. `finished`: when the last whole one finished; `before`: what it left.
    pub fn since(finished: Option<&str>, before: Option<&Self>, now: i64) -> i64 {
        let last = finished.map_or(i64::MIN, seconds).saturating_sub(BEFORE);
        let since = before.map_or(last, |before| last.min(seconds(&before.since)));
        since.max(now.saturating_sub(HISTORY))
    }
}

impl Split {
    /// Of a whole run. `before`: what the last one left.
    pub fn of(
        compared: &Comparison,
        looked: &Observations,
        before: Option<&Follow>,
        baseline: bool,
        now: i64,
    ) -> Self {
        if baseline {
            return Self::default();
        }
        // Nothing followed it up.
        let ripe: BTreeSet<&Key> =
            before.filter(|before| before.is_ripe(now)).iter().flat_map(|one| &one.keys).collect();
        let new = || compared.changes.iter().filter(|(_, change)| change.is_new());
        let (look_up, fresh): (Vec<&Key>, Vec<&Key>) =
            new().map(|(key, _)| key).partition(|key| ripe.contains(key));
        let look_up = look_up.into_iter().cloned().collect();
        if fresh.is_empty() {
            return Self { look_up, wait: BTreeSet::new() };
        }
        // One message: what else there is to tell waits too.
        let waits = |key: &Key, change: Change| {
            if ripe.is_empty() { change.is_told() } else { change.is_new() && !ripe.contains(key) }
        };
        let all = compared.changes.iter().filter(|(key, change)| waits(key, **change));
        let mut wait: Vec<(&Key, Change)> = all.map(|(key, change)| (key, *change)).collect();
        let severity = |key: &Key| looked.found.get(key).map(|found| found.rating.severity);
        wait.sort_by_key(|(key, change)| (!change.is_new(), Reverse(severity(key))));
        wait.truncate(MOST);
        Self { look_up, wait: wait.into_iter().map(|(key, _)| key.clone()).collect() }
    }

    /// Of a follow-up: everything new is looked up.
    pub fn of_follow_up(compared: &Comparison) -> Self {
        let new = compared.changes.iter().filter(|(_, change)| change.is_new());
        let look_up = new.map(|(key, _)| key.clone()).collect();
        Self { look_up, wait: BTreeSet::new() }
    }
}

impl Comparison {
    /// Only what a run left to its follow-up.
    pub fn only(&mut self, follow: &Follow) {
        let keys: BTreeSet<&Key> = follow.keys.iter().collect();
        self.changes.retain(|key, _| keys.contains(key));
        self.unknown = follow.unread;
    }

    /// Without these: nothing is told or written of them.
    pub fn without(&mut self, keys: &BTreeSet<Key>) {
        self.changes.retain(|key, _| !keys.contains(key));
    }
}

impl Ledgered {
    /// What is open and not snoozed, by severity, and how many are snoozed.
    pub fn open(&self, now: i64) -> (BTreeMap<&'static str, usize>, usize) {
        let (mut open, mut snoozed) = (BTreeMap::new(), 0);
        for (key, entry) in self.entries.iter().filter(|(_, entry)| entry.state == State::Open) {
            if self.is_snoozed(key, now) {
                snoozed += 1;
            } else if let Some(told) = &entry.told {
                *open.entry(told.severity.unwrap_or(Severity::Low).as_str()).or_default() += 1;
            }
        }
        (open, snoozed)
    }
}

impl Change {
    /// Whether nobody was told of it, or it was gone: a call may have made it.
    pub fn is_new(self) -> bool {
        matches!(self, Self::New | Self::Recurred)
    }

    /// Whether it is told.
    pub fn is_told(self) -> bool {
        self.is_at_fault() || matches!(self, Self::Resolved | Self::Suppressed)
    }
}

impl Found {
    /// Whether a call may have made it: it names the subject, and the rule if it names rules.
    pub fn is_made_by(&self, call: &Event) -> bool {
        match &call.lead {
            Lead::Group(lead) => {
                lead.group.is(&self.key.subject)
                    && match &lead.touched {
                        Touched::Rules(_) => rule_of(&self.finding)
                            .is_some_and(|rule| lead.touched.about(rule).is_some()),
                        Touched::Unknown(_) | Touched::Attached(_) => true,
                    }
            }
            Lead::Cache(lead) => {
                let cache = Key::cache_subject(lead.kind, &lead.id);
                cache == self.key.subject || Some(cache.as_str()) == self.key.parts().2
            }
            Lead::List(lead) => rule_of(&self.finding)
                .is_some_and(|rule| rule.source == Source::PrefixList(lead.id.clone())),
            Lead::Unknown => false,
        }
    }
}
