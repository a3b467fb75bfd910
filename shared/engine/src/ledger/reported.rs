//! What was reported already: an occurrence is reported once, and again if its outcome changes or its severity rises.

use super::{Entry, Key, Leased, Occurrence, ReportedAs, State};
use crate::resolution::Resolution;
use crate::severity::{Rating, Severity};

impl Leased {
    /// Whether a report of this occurrence gave an equivalent outcome, and no lower severity.
    pub fn is_known(&self, key: &Key, rating: Rating, resolution: Resolution) -> bool {
        let entry = self.entries.iter().find(|entry| entry.key == *key);
        let known = entry.is_some_and(|entry| {
            let occurrence = self.leased(entry);
            let reported = occurrence.and_then(|occurrence| occurrence.reported.as_ref());
            reported.is_some_and(|reported| {
                let late = resolution == Resolution::Failed && is_over(entry, occurrence, reported);
                (late || resolution.is_same_as(reported.outcome)) && !has_risen(rating, reported)
            })
        });
        self.silent.contains(key) || known
    }

    /// The occurrence that this invocation has leased.
    fn leased<'a>(&self, entry: &'a Entry) -> Option<&'a Occurrence> {
        let event = self.taken.get(&entry.key)?;
        entry.occurrences.iter().find(|occurrence| occurrence.event == *event)
    }
}

/// Whether the occurrence was reported as gone before. Then EC2 showed the revoked rule for some seconds more, this
/// invocation tried to revoke it again, and the error of that is not worth a second alert.
fn is_over(entry: &Entry, occurrence: Option<&Occurrence>, reported: &ReportedAs) -> bool {
    let newest = entry.latest() == occurrence;
    reported.outcome.is_gone() && (entry.state == State::Closed || !newest)
}

/// Whether the severity is higher than the reported one: a group that no interface had then may have a server now. A
/// severity that is high because the interfaces were not read has not risen.
pub(super) fn has_risen(rating: Rating, reported: &ReportedAs) -> bool {
    Severity::parse(&reported.severity).is_some_and(|before| before < rating.at_least)
}
