//! What is remembered of a finding, and what follows from it: told once, counted when it comes back,
//! left alone while it is exempt, not fought over.
//!
//! Pure: the table that keeps it is `shared/aws/src/ledger.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::{IngressRule, Protocol};

/// Which finding it is, however often it comes: the same fault of the same thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// `sg-…`, or the kind and id of a cache as `replication-group/orders`.
    pub subject: String,
    /// The check, and for a rule its shape: `open-ingress#tcp#6379#6379#0.0.0.0/0`.
    pub finding: String,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there.
    Open,
    /// We closed it, and saw it gone.
    Closed,
    /// It went, and not by us.
    Recovered,
}

/// One finding as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Which finding.
    #[serde(flatten)]
    pub key: Key,
    /// Its id for people: `f-` and twelve hexadecimal digits, told by the key alone.
    pub id: String,
    /// The check's id.
    pub check: String,
    /// The severity when it was last seen.
    pub severity: String,
    /// What it is, in a line.
    pub title: String,
    /// What became of it.
    pub state: State,
    /// When it first came, ISO 8601, by the event.
    pub first_seen: String,
    /// When it last came.
    pub last_seen: String,
    /// How often it came.
    pub times: u64,
    /// How often it came back after we had closed it.
    pub returns: u64,
    /// The latest times that it came, at most [`COMINGS`], oldest first.
    pub comings: Vec<Coming>,
    /// The rule as it was before anything was done.
    pub rule: Option<Kept>,
    /// Counts the writes: a writer that read an older one has lost.
    pub version: u64,
}

/// How many comings are remembered one by one. A fight is over after a few, and an event is delivered again
/// within hours: that of a coming that is forgotten would count as one more.
pub const COMINGS: usize = 10;

impl Entry {
    /// When it came last, and what came of that. Every entry has one.
    pub fn latest(&self) -> Option<&Coming> {
        self.comings.last()
    }
}

/// One of the times that a finding came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coming {
    /// The id of the event that brought it.
    pub event: String,
    /// When, ISO 8601, by the event.
    pub at: String,
    /// `sgr-…`, if it is about a rule.
    pub rule: Option<String>,
    /// The name of who brought it.
    pub by: String,
    /// What the call came through, where that can be told.
    pub via: Option<String>,
    /// Whether we had closed it before.
    pub back: bool,
    /// What came of it, in the alert's words: `done`, `failed`, `withheld`, …. While somebody deals with it, what
    /// is about to be done: `revoke-ingress`.
    pub outcome: String,
    /// The alert of it. Until there is one, whoever deals with it has to tell.
    pub told: Option<Told>,
    /// Which invocation deals with it, and until when nobody else does.
    pub held: Option<Held>,
}

/// That a finding was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// When the alert went out, ISO 8601.
    pub at: String,
    /// What it said had come of it.
    pub outcome: String,
    /// How bad it said it was.
    pub severity: String,
}

/// A rule as it is put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// `sg-…`
    pub group: String,
    /// `sgr-…`
    pub rule: String,
    /// EC2's spelling: `tcp`, `-1`.
    pub protocol: String,
    /// `FromPort`, -1 where there is none.
    pub from_port: i32,
    /// `ToPort`, -1 where there is none.
    pub to_port: i32,
    /// A CIDR, `pl-…` or `sg-…`.
    pub source: String,
    /// Its description.
    pub description: Option<String>,
    /// Keys and values of its tags.
    pub tags: BTreeMap<String, String>,
}

/// Who deals with a finding now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// An id of the invocation.
    pub by: String,
    /// Seconds since 1970.
    pub until: i64,
}

/// A rule that is left alone for a while, because somebody put it back.
///
/// It is an item of its own, of the rule's group and under [`Exemption::finding`], whatever checks find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// `sg-…`
    pub subject: String,
    /// `exempt#tcp#6379#6379#0.0.0.0/0`
    pub finding: String,
    /// Until when, ISO 8601 in UTC.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
}

impl Exemption {
    /// The sort key of the exemption of a rule.
    pub fn finding(rule: &IngressRule) -> String {
        format!("exempt#{}", shape(rule))
    }
}

/// What makes two rules of a group the same rule, whatever its id: EC2 refuses a second one of it.
pub fn shape(rule: &IngressRule) -> String {
    let (from, to) = match rule.protocol {
        Protocol::All | Protocol::Other(_) => (-1, -1),
        Protocol::Tcp | Protocol::Udp | Protocol::Icmp | Protocol::Icmpv6 => {
            (rule.from_port, rule.to_port)
        }
    };
    format!("{}#{from}#{to}#{}", rule.protocol.as_str(), rule.source)
}

/// What the table holds of the subjects of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// By key.
    pub entries: BTreeMap<Key, Entry>,
    /// By subject and sort key.
    pub exemptions: BTreeMap<Key, Exemption>,
}
