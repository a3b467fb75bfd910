//! One event, from its delivery to its record: what is known and what is done decides the next step.
//!
//! [`Case::next`] says what to do, [`Case::answer`] hands in what came of it. Both are total: an answer that nobody
//! asked for is noted and harmless, a step without an answer comes again, and after [`STEPS`] steps the case fails. A step
//! is data, so that the functions, the model of an account, the corpus and `portcullis explain` drive the same case.

mod finish;
mod known;
mod look;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::action::{Action, Outcomes};
use crate::decide::Decision;
use crate::event::Event;
use crate::exceptions::Exceptions;
use crate::facts::{
    CacheFacts, CacheKind, GroupDetails, GroupFacts, IngressRule, Interfaces, PrefixList,
    PublicSetting, Subnets, Vpc,
};
use crate::ledger::{Entry, Key, Leased, Memory};
use crate::report::Report;
use crate::settings::Settings;
use known::Known;

pub use finish::words;

/// After so many steps something answers wrongly, or not at all. The usual event has seven.
pub const STEPS: u32 = 100;

/// What a case depends on that outlives every event.
#[derive(Debug, Clone, Copy)]
pub struct PolicyContext<'a> {
    /// The settings of the function.
    pub settings: &'a Settings,
    /// What is tolerated.
    pub exceptions: &'a dyn Exceptions,
}

/// One event, from its delivery to its record.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    policy: PolicyContext<'a>,
    event: Event,
    /// Who leases: the id of the invocation, the same in Lambda's retries of it.
    invocation: String,
    known: Known,
    /// How often it started over, because another invocation held a lease or wrote meanwhile.
    rounds: usize,
    /// How often it looked again for what was not shown.
    looks: usize,
    steps: u32,
    /// What was counted of this minute, this event included: once an invocation.
    counted: Option<Counted>,
    /// What is being leased.
    leasing: Option<Leasing>,
    /// What is carried out; `None` while it looks.
    plan: Option<Plan>,
}

#[derive(Debug, Clone)]
struct Leasing {
    decision: Decision,
    leased: Leased,
    written: Option<Written>,
}

/// What was decided and leased, and how far it is carried out: what is `None` is left to do.
#[derive(Debug, Clone)]
struct Plan {
    decision: Decision,
    leased: Leased,
    /// Why the ledger was not there.
    unremembered: Option<String>,
    outcomes: Option<Outcomes>,
    report: Option<Report>,
    notified: Option<Result<Channel, String>>,
    /// A message of its own was refused, and the digest was tried.
    later: bool,
    /// What is to be recorded, once it is known.
    entries: Option<Vec<Entry>>,
    /// How often others wrote what was to be recorded.
    conflicts: usize,
    recorded: Option<Written>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read these, side by side.
    Read(Vec<Read>),
    /// Write these on condition of their version, and count the minute beside it.
    Lease {
        /// What is written.
        entries: Vec<Entry>,
        /// What is counted; `None` if it was before.
        count: Option<Count>,
    },
    /// Change the account.
    Remediate(Vec<Action>),
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
    /// Name, VPC and tags of a group.
    Details(String),
    /// The network interfaces that carry a group.
    Interfaces(String),
    /// VPC block public access.
    PublicAccess,
    /// Whose these VPCs are.
    Vpcs(Vec<String>),
    /// A cache.
    Cache(CacheKind, String),
    /// A subnet group of ElastiCache, and where its subnets lead.
    Subnets(String),
    /// What is remembered of these subjects.
    Ledger(Vec<String>),
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
    /// Name, VPC and tags of this group.
    Details(String, Result<GroupDetails, String>),
    /// What carries this group.
    Interfaces(String, Interfaces),
    /// VPC block public access.
    PublicAccess(Result<PublicSetting, String>),
    /// Whose the VPCs are.
    Vpcs(Result<Vec<Vpc>, String>),
    /// The cache; `None` if it is not shown.
    Cache(Result<Option<Box<CacheShown>>, String>),
    /// The VPC of the subnet group, and its subnets.
    Subnets(Option<String>, Subnets),
    /// What is remembered.
    Ledger(Result<Memory, String>),
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
    /// What came of the actions.
    Remediated(Outcomes),
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

impl<'a> Case<'a> {
    /// A new event. `invocation` is the same in each try of it by the same invocation.
    pub fn new(event: Event, invocation: &str, policy: PolicyContext<'a>) -> Self {
        Self {
            policy,
            event,
            invocation: invocation.to_owned(),
            known: Known::default(),
            rounds: 0,
            looks: 0,
            steps: 0,
            counted: None,
            leasing: None,
            plan: None,
        }
    }

    /// What to do next. `now` is in seconds since 1970.
    pub fn next(&mut self, now: i64) -> Step {
        self.steps += 1;
        if self.steps > STEPS {
            return Step::Fail(format!("it is not over after {STEPS} steps"));
        }
        match self.plan.is_some() {
            true => self.finish(now),
            false => self.look(now),
        }
    }

    /// What came of the step.
    pub fn answer(&mut self, answered: Answered) {
        match answered {
            Answered::Fact(fact) => self.known.note(fact),
            Answered::Waited => {}
            Answered::Leased { written, counted } => {
                self.counted = self.counted.or(counted);
                if let Some(leasing) = &mut self.leasing {
                    leasing.written = Some(written);
                }
            }
            Answered::Remediated(outcomes) => {
                if let Some(plan) = &mut self.plan {
                    plan.outcomes.get_or_insert(outcomes);
                }
            }
            Answered::Notified(notified) => {
                if let Some(plan) = &mut self.plan
                    && (!plan.later || notified.is_ok())
                {
                    plan.notified = Some(notified);
                }
            }
            Answered::Recorded(written) => {
                if let Some(plan) = &mut self.plan {
                    plan.recorded = Some(written);
                }
            }
        }
    }

    /// What is told, once it is known: for metrics and for who explains.
    pub fn report(&self) -> Option<&Report> {
        self.plan.as_ref()?.report.as_ref()
    }

    /// The group that the event is about, as far as it was read.
    pub fn group(&self) -> Option<GroupFacts> {
        match self.facts()? {
            look::Facts::Group(facts, _) => Some(facts),
            look::Facts::Cache(..) => None,
        }
    }

    /// The cache that the event is about, as far as it was read.
    pub fn cache(&self) -> Option<CacheFacts> {
        match self.facts()? {
            look::Facts::Group(..) => None,
            look::Facts::Cache(facts, ..) => Some(*facts),
        }
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }
}

/// Each read once, in order.
fn unread(reads: impl IntoIterator<Item = Read>) -> Option<Step> {
    let reads: BTreeSet<Read> = reads.into_iter().collect();
    (!reads.is_empty()).then(|| Step::Read(reads.into_iter().collect()))
}
