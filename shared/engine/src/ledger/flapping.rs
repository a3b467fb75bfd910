//! Flapping: a rule that is revoked and recurs again and again.

use super::Entry;
use super::occurrence::HOUR;
use crate::action::Because;
use crate::time::seconds;

/// The reason not to revoke a rule any more: it recurred `most` times or more within the hour that ends at `time`. 0
/// counts as 1.
pub(super) fn flapping(entry: &Entry, time: &str, most: u32) -> Option<Because> {
    let now = seconds(time);
    let hour = now.saturating_sub(HOUR).saturating_add(1)..now.saturating_add(1);
    let back: Vec<_> = entry
        .occurrences
        .iter()
        .filter(|occurrence| occurrence.recurred && hour.contains(&seconds(&occurrence.at)))
        .collect();
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    let last = back.last().filter(|_| back.len() >= most)?;
    Some(Because::Flapping { times: back.len(), who: last.by.clone(), through: last.via.clone() })
}
