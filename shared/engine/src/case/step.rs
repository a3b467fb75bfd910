//! What a case asks for, and what it is answered. All of it is data.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::action::{Action, AllGranted, Outcomes};
use crate::facts::{
    AddressSpace, CacheFacts, CacheKind, GroupDetails, IngressRule, Interfaces, ListUse,
    ListVersions, PrefixList, PublicSetting, Subnets, Vpc,
};
use crate::ledger::{Entry, Key, Memory, Revisit, RuleTags, Wanted};
use crate::report::Report;
use crate::servers::Server;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Start all of these side by side. It is over when each of `decide` is answered, and what informs, of this step or an
    /// earlier one, was waited for as long as `patience`.
    Read {
        /// What decides: without it nothing goes on.
        decide: Vec<Read>,
        /// What only informs.
        inform: Vec<Read>,
        /// How long it is waited for.
        patience: Duration,
    },
    /// Write these on condition of their version, count the minute beside it, and start what only informs.
    Lease {
        /// What only informs: it is not waited for.
        inform: Vec<Read>,
        /// What is written before: the tags of rules that have many.
        tags: Vec<RuleTags>,
        /// What is written.
        entries: Vec<Entry>,
        /// What is counted; `None` if it was before.
        count: Option<Count>,
    },
    /// Change the account.
    Remediate(Vec<Action>),
    /// Write the record on condition of its version, then make its schedule, unless it is settled.
    Revisit(Box<Revisit>),
    /// Tell people.
    Notify(Box<Notification>),
    /// Write these on condition of their version: how it ended.
    Record(Vec<Entry>),
    /// Do nothing for as long.
    Wait(Duration),
    /// It is over.
    Done(Summary),
    /// It is over, and has to be tried again: why.
    Fail(String),
}

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// The id of a group of the default VPC, by its name.
    GroupNamed(String),
    /// The rules of a group.
    Rules(String),
    /// The entries of a prefix list.
    List(String),
    /// A prefix list as it is now, with its entries before a call: its version then, where that is known.
    Versions(String, Option<i64>),
    /// The groups with an ingress rule that names a prefix list.
    Naming(String),
    /// The rules of groups, 200 at most.
    RulesOf(Vec<String>),
    /// What uses a prefix list, in whatever account.
    Uses(String),
    /// Name, VPC and tags of a group.
    Details(String),
    /// The network interfaces that carry a group.
    Interfaces(String),
    /// VPC block public access.
    PublicAccess,
    /// Whose these VPCs are.
    Vpcs(Vec<String>),
    /// The address space of the VPCs that a group is in.
    Space(String),
    /// A cache.
    Cache(CacheKind, String),
    /// A subnet group of ElastiCache, and where its subnets lead.
    Subnets(String),
    /// What is remembered, as it is now.
    Ledger(Wanted),
    /// What is still open of these groups, as far as one page of each shows: it only informs.
    OpenOf(Vec<String>),
    /// The record of a revisit.
    Revisit {
        /// The subject of the event.
        subject: String,
        /// The id of the event.
        event: String,
    },
    /// The Memcached servers on this instance: it only informs.
    Servers(String),
}

/// What was read. Each says what it is about, so that their order does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The id of a group; `None` if no group has this name.
    GroupNamed(Result<Option<String>, String>),
    /// The rules of this group.
    Rules(String, Result<Shown, String>),
    /// The entries of this prefix list.
    List(String, PrefixList),
    /// The prefix list; `None` if it is not shown.
    Versions(String, Result<Option<Box<ListVersions>>, String>),
    /// The groups that name this prefix list, with name, VPC and tags.
    Naming(String, Result<Vec<(String, GroupDetails)>, String>),
    /// The rules of these groups.
    RulesOf(Vec<String>, Result<Vec<(String, Shown)>, String>),
    /// What uses this prefix list.
    Uses(String, ListUse),
    /// Name, VPC and tags of this group.
    Details(String, Result<GroupDetails, String>),
    /// What carries this group.
    Interfaces(String, Interfaces),
    /// VPC block public access.
    PublicAccess(Result<PublicSetting, String>),
    /// Whose the VPCs are.
    Vpcs(Result<Vec<Vpc>, String>),
    /// The address space of the VPCs that this group is in.
    Space(String, AddressSpace),
    /// The cache; `None` if it is not shown.
    Cache(Result<Option<Box<CacheShown>>, String>),
    /// The VPC of the subnet group, and its subnets.
    Subnets(Option<String>, Subnets),
    /// What is remembered.
    Ledger(Wanted, Result<Memory, String>),
    /// What is still open.
    OpenOf(Result<Vec<Entry>, String>),
    /// The record of a revisit; `None` if there is none.
    Revisit(Result<Option<Box<Revisit>>, String>),
    /// The Memcached servers on this instance.
    Servers(String, Result<Vec<Server>, String>),
}

/// The rules of a group as EC2 shows them. A group that is gone has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// `GroupOwnerId`
    pub owner: Option<String>,
    /// The ingress rules.
    pub rules: Vec<IngressRule>,
    /// Ids of the egress rules.
    pub egress: Vec<String>,
}

/// A cache as ElastiCache shows it, without what is read of its groups and subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheShown {
    /// The cache.
    pub facts: CacheFacts,
    /// The ids of its security groups, as far as they are shown.
    pub groups: Vec<String>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Something was read.
    Fact(Fact),
    /// The time is over.
    Waited,
    /// What was to be leased was written, or not; and what that makes in this minute, if that could be counted.
    Leased {
        /// What became of the writes.
        written: Written,
        /// What has been counted in this minute.
        counted: Option<Counted>,
    },
    /// What became of the grants of the actions; before what came of the actions.
    Granted(AllGranted),
    /// What came of the actions.
    Remediated(Outcomes),
    /// Whether it is looked at again.
    Arranged(Arranged),
    /// People were told so, or not: why.
    Notified(Result<Channel, String>),
    /// What became of the record.
    Recorded(Written),
}

/// What became of writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Every entry is in the table.
    All,
    /// Another invocation wrote these meanwhile, and theirs stay; the others are in the table.
    Conflict(Vec<Key>),
    /// The table did not answer: why.
    Unavailable(String),
}

/// Whether something is looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arranged {
    /// The record is written, and its schedule is made; or nothing is left that needs one.
    Scheduled,
    /// The record is written, and no schedule could be made: why. It stays due.
    OnlyRecorded(String),
    /// Another invocation wrote the record meanwhile, and its record stays.
    Lost,
    /// The record could not be written: why.
    Not(String),
}

/// What is counted of a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Which, as `2026-11-21T16:40`.
    pub minute: String,
    /// Changes to the account.
    pub remediations: usize,
    /// Messages to people.
    pub alerts: usize,
}

/// What has been counted of a minute, everybody's together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Changes to the account.
    pub remediations: usize,
    /// Messages to people.
    pub alerts: usize,
}

/// How people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By a message of its own.
    Alert,
    /// With others, in one message. Where that cannot be, by a message of its own.
    Digest,
    /// With others, or not at all: a message of its own was refused.
    Later,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What happened.
    pub report: Report,
    /// How it is told.
    pub channel: Channel,
}

/// How an event ended, in one text: for the log, and for whoever invoked the function by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary(pub String);

/// Each read once, in order.
pub(super) fn unread(reads: impl IntoIterator<Item = Read>) -> Option<Step> {
    let reads: BTreeSet<Read> = reads.into_iter().collect();
    (!reads.is_empty()).then(|| reading(reads.into_iter().collect()))
}

/// These have to be read before anything else is done.
pub(super) fn reading(decide: Vec<Read>) -> Step {
    Step::Read { decide, inform: Vec::new(), patience: Duration::ZERO }
}
