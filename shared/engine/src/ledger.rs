//! What is remembered of a finding, and what follows from it: told once, counted when it comes back,
//! left alone while it is exempt, not fought over.
//!
//! Pure: the table that keeps it is `shared/aws/src/ledger.rs`.
//!
//! A finding comes whenever an event brings it, and each coming is told once. An event is delivered more than
//! once, late, and to two invocations at the same time; an invocation may be killed anywhere. So whoever deals
//! with an occurrence first writes that it leased it ([`lease`]), then acts and tells, and then writes how it ended
//! ([`Leased::settle`]). A write counts only if nobody wrote meanwhile; whoever lost reads again, and starts over.

mod entry;
mod flapping;
mod key;
mod lease;
mod named;
mod occurrence;
mod reported;
mod resolved;
mod settle;
mod snooze;
mod undo;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::{IngressRule, Protocol};

pub use entry::{COMINGS, Coming, Entry, Held, Kept, State, Told};
pub use key::Key;
pub use lease::{Histories, History, Leased, Recurrence, Turn, lease};
pub use named::{completed, named, subjects};
pub use resolved::{Looked, Open};
pub use settle::{Again, Settled};
pub use snooze::EXEMPT;
pub use undo::{Undo, undo};

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

impl Memory {
    /// Nothing is remembered.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), exemptions: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
