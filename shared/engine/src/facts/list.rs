//! A prefix list before and after a call, and the groups that name it.

use std::fmt;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::{GroupFacts, PROTECT, Tag};

/// An entry of a prefix list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListEntry {
    /// `Cidr`
    pub cidr: IpNet,
    /// `Description`, which users control.
    pub description: Option<String>,
}

impl ListEntry {
    /// A word for these entries, whatever their order and descriptions: `entries-3c9909afec25`.
    pub fn digest(entries: &[Self]) -> String {
        let mut cidrs: Vec<String> = entries.iter().map(|entry| entry.cidr.to_string()).collect();
        cidrs.sort();
        let digest = Sha256::digest(cidrs.join("\n"));
        let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
        digest.iter().take(6).fold("entries-".to_owned(), hex)
    }

    /// The first of them, and how many more there are: `0.0.0.0/0 and 2 more entries`.
    pub fn words(entries: &[Self]) -> String {
        let [first, rest @ ..] = entries else { return "no entry".to_owned() };
        match rest.len() {
            0 => first.to_string(),
            1 => format!("{first} and 1 more entry"),
            more => format!("{first} and {more} more entries"),
        }
    }
}

impl fmt::Display for ListEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cidr.fmt(f)
    }
}

/// A prefix list as EC2 shows it now, with its entries before a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListVersions {
    /// `PrefixListName`, which users control.
    pub name: String,
    /// `OwnerId`
    pub owner: Option<String>,
    /// `State`: `modify-complete`, `restore-in-progress`, ….
    pub state: String,
    /// `Version`
    pub version: i64,
    /// Tags, which users control.
    pub tags: Vec<Tag>,
    /// `IpamPrefixListResolverSyncEnabled`: IPAM writes its entries, and nobody else can.
    pub synchronised: bool,
    /// The entries of `version`: read where the list is not changing, and the version came with the call.
    pub now: Vec<ListEntry>,
    /// The entries of the version before the call, or why they could not be read.
    pub before: Result<Vec<ListEntry>, String>,
}

impl ListVersions {
    /// Whether a change of it is not complete yet.
    pub fn is_changing(&self) -> bool {
        self.state.ends_with("-in-progress")
    }

    /// Whether the last change of it failed.
    pub fn has_failed(&self) -> bool {
        self.state.ends_with("-failed")
    }

    /// Whether it has the version that follows `before`, or a later one.
    pub fn is_after(&self, before: Option<i64>) -> bool {
        before.is_none_or(|before| self.version > before)
    }

    /// The entries that it has now and had not before; all of them, where those before are not known.
    pub fn added(&self) -> Vec<ListEntry> {
        let before = self.before.as_deref().unwrap_or_default();
        let is_new = |entry: &&ListEntry| before.iter().all(|there| there.cidr != entry.cidr);
        self.now.iter().filter(is_new).cloned().collect()
    }

    /// Whether its owner says to leave it alone, as [`GroupFacts::is_protected`].
    pub fn is_protected(&self) -> bool {
        self.tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(PROTECT))
    }
}

/// A prefix list that a call gave entries to, and the groups that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFacts {
    /// `pl-…`
    pub id: String,
    /// The list.
    pub shown: ListVersions,
    /// The groups with a rule that names it; none where nothing public was added.
    pub groups: Vec<GroupFacts>,
    /// What uses it.
    pub used: ListUse,
}

/// What uses a prefix list, in whatever account: route tables, groups and others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListUse {
    /// Not read: nothing was at fault.
    #[default]
    NotRead,
    /// It could not be read: why.
    Unknown(String),
    /// These.
    Read(Vec<ListUser>),
}

/// Something that uses a prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUser {
    /// `ResourceId`
    pub resource: String,
    /// `ResourceOwner`
    pub owner: String,
}

/// A group that names a prefix list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedGroup {
    /// `sg-…`
    pub id: String,
    /// The ids of its rules that name the list and are at fault.
    pub rules: Vec<String>,
}
