//! What of a decision is news: each coming is told once, and again if something else comes of it.

use super::{Coming, Entry, Key, Remembered, State, Told};
use crate::alert::{self, Outcomes};
use crate::checks::{Finding, Severity};
use crate::decide::Decision;

impl Remembered {
    /// The decision with what is to be told, after it was acted on. It may hold no finding.
    pub fn news(&self, decision: &Decision, outcomes: &Outcomes) -> Decision {
        let mut news = decision.clone();
        news.findings.retain(|finding| {
            !self.is_known(finding, &Key::of(finding, &decision.subject), outcomes)
        });
        news
    }

    /// Whether it was told before that this came of it.
    pub(super) fn is_known(&self, finding: &Finding, key: &Key, outcomes: &Outcomes) -> bool {
        let entry = self.writes.iter().find(|entry| entry.key == *key);
        let outcome = alert::end(finding, outcomes);
        let known = entry.is_some_and(|entry| {
            let coming = self.dealt_with(entry);
            let told = coming.and_then(|coming| coming.told.as_ref());
            told.is_some_and(|told| {
                let late = outcome == "failed" && is_over(entry, coming, told);
                (late || is_same(&told.outcome, outcome)) && !has_risen(finding, told)
            })
        });
        self.silent.contains(key) || known
    }

    fn dealt_with<'a>(&self, entry: &'a Entry) -> Option<&'a Coming> {
        let event = self.taken.get(&entry.key)?;
        entry.comings.iter().find(|coming| coming.event == *event)
    }
}

/// Whether the rule of a coming was seen gone, and told so: then it was only shown late, and what EC2 says when
/// it is revoked once more is no news.
fn is_over(entry: &Entry, coming: Option<&Coming>, told: &Told) -> bool {
    let newest = entry.latest() == coming;
    class(&told.outcome) == "gone" && (entry.state == State::Closed || !newest)
}

/// Whether this is no news to whoever was told that. That something cannot be told (any more) never is.
pub(super) fn is_same(told: &str, now: &str) -> bool {
    now == "pending" || class(told) == class(now)
}

fn class(outcome: &str) -> &str {
    match outcome {
        "done" | "already-gone" | "recovered" => "gone",
        "started" | "already-started" => "started",
        "withheld" | "by-hand" => "left",
        other => other,
    }
}

/// Whether it is worse now than what was told: what nothing carried then may carry a server now.
pub(super) fn has_risen(finding: &Finding, told: &Told) -> bool {
    let known = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let before = known.iter().find(|severity| severity.as_str() == told.severity);
    before.is_some_and(|before| *before < finding.severity)
}
