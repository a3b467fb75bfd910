//! What is news: each occurrence is reported once, and again if something else comes of it.

use super::{Coming, Entry, Key, Leased, State, Told};
use crate::resolution::Resolution;
use crate::severity::Severity;

impl Leased {
    /// Whether it was reported before that a finding ended like this, and was as bad.
    pub fn is_known(&self, key: &Key, severity: Severity, resolution: Resolution) -> bool {
        let entry = self.entries.iter().find(|entry| entry.key == *key);
        let known = entry.is_some_and(|entry| {
            let coming = self.leased(entry);
            let told = coming.and_then(|coming| coming.told.as_ref());
            told.is_some_and(|told| {
                let late = resolution == Resolution::Failed && is_over(entry, coming, told);
                (late || resolution.is_same_as(told.outcome)) && !has_risen(severity, told)
            })
        });
        self.silent.contains(key) || known
    }

    /// The occurrence that this invocation leased.
    fn leased<'a>(&self, entry: &'a Entry) -> Option<&'a Coming> {
        let event = self.taken.get(&entry.key)?;
        entry.comings.iter().find(|coming| coming.event == *event)
    }
}

/// Whether the rule of an occurrence was seen gone, and reported so: then it was only shown late, and what EC2 says
/// when it is revoked once more is no news.
fn is_over(entry: &Entry, coming: Option<&Coming>, told: &Told) -> bool {
    let newest = entry.latest() == coming;
    told.outcome.is_gone() && (entry.state == State::Closed || !newest)
}

/// Whether it is worse now than what was reported: what nothing carried then may carry a server now.
pub(super) fn has_risen(severity: Severity, told: &Told) -> bool {
    Severity::parse(&told.severity).is_some_and(|before| before < severity)
}
