//! Entries of a prefix list, and why they are left there.

use std::fmt;

use crate::facts::{ListEntry, ListedGroup, PROTECT};

/// Removes entries of a prefix list: everything that names the list keeps its other entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveEntries {
    /// `pl-…`
    pub list: String,
    /// The version that was read. EC2 refuses the change if there is a later one.
    pub version: i64,
    /// The entries, with the descriptions that undo restores.
    pub entries: Vec<ListEntry>,
    /// The groups that they let the internet into.
    pub groups: Vec<ListedGroup>,
}

/// Why entries of a prefix list are left to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStays {
    /// `PORTCULLIS_PREFIX_LISTS=report`
    OnlyReported,
    /// It belongs to this other account.
    OtherOwner(String),
    /// IPAM writes its entries.
    Synchronised,
    /// It has the tag [`PROTECT`].
    Protected,
    /// Resources of other accounts use it.
    UsedElsewhere(Vec<String>),
    /// It could not be read what uses it: why.
    UseUnknown(String),
    /// The entries are no fault in these groups, which name it too.
    NeededBy(Vec<String>),
    /// It could not be read which entries the call added: why.
    AddedUnknown(String),
}

impl fmt::Display for ListStays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |ids: &[String]| {
            let shown: Vec<&str> = ids.iter().take(5).map(String::as_str).collect();
            match ids.len().saturating_sub(shown.len()) {
                0 => shown.join(", "),
                more => format!("{} and {more} more", shown.join(", ")),
            }
        };
        match self {
            Self::OnlyReported => f.write_str("Portcullis changes no prefix list"),
            Self::OtherOwner(owner) => write!(f, "the prefix list belongs to account {owner}"),
            Self::Synchronised => {
                f.write_str("IPAM writes the entries of this prefix list: change its resolver")
            }
            Self::Protected => write!(f, "the prefix list has the tag {PROTECT}"),
            Self::UsedElsewhere(ids) => {
                write!(f, "resources of other accounts use the prefix list too: {}", some(ids))
            }
            Self::UseUnknown(why) => {
                write!(
                    f,
                    "it is unknown whether resources of other accounts use the prefix list: {why}"
                )
            }
            Self::NeededBy(groups) => {
                write!(
                    f,
                    "groups name the prefix list in which the entries are no fault: {}",
                    some(groups)
                )
            }
            Self::AddedUnknown(why) => {
                write!(f, "it could not be read which entries the call added: {why}")
            }
        }
    }
}
