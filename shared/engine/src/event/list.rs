//! The prefix list that an event is about.

use crate::facts::ListVersions;

/// The prefix list that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLead {
    /// `pl-…`
    pub id: String,
    /// Its version before the call, where the record has it.
    pub before: Option<i64>,
}

impl ListLead {
    /// Whether EC2 shows the list as it was before the call, or while it changes.
    pub fn is_before(&self, shown: &ListVersions) -> bool {
        shown.is_changing() || !shown.is_after(self.before)
    }

    /// Whether that is looked at again. A change that failed, or was never made, is not.
    pub fn is_waited_for(&self, shown: &ListVersions, is_young: bool) -> bool {
        shown.is_changing() || (is_young && !shown.has_failed() && !shown.is_after(self.before))
    }
}
