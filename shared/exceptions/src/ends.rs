//! Which exceptions have ended, or end soon.

use time::OffsetDateTime;

use crate::policies::Policies;
use crate::report::SOON;

/// An exception that ends within 30 days, or has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// `@id`
    pub id: String,
    /// The file that it is in.
    pub file: String,
    /// `@until`, as it is written.
    pub until: String,
    /// It has ended: it suppresses nothing any more.
    pub is_over: bool,
}

impl Policies {
    /// Those that end within 30 days of this moment, in seconds since 1970, or have ended; the earliest first.
    pub fn ends(&self, now: i64) -> Vec<End> {
        let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let soon = self.policies.iter().filter_map(|policy| {
            let remains = policy.remains(now).filter(|remains| *remains <= SOON)?;
            let end = End {
                id: policy.exception.id.clone(),
                file: policy.file.clone(),
                until: policy.exception.until.clone().unwrap_or_default(),
                is_over: policy.has_ended(now),
            };
            Some((remains, end))
        });
        let mut soon: Vec<_> = soon.collect();
        soon.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.id.cmp(&b.id)));
        soon.into_iter().map(|(_, end)| end).collect()
    }
}
