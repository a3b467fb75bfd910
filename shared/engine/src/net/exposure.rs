//! What a rule admits, and why it is at fault.

use ipnet::IpNet;

use super::space::{Count, Family, Range, public_count, range_of};
use crate::facts::{IngressRule, Protocol};

/// The addresses that one rule admits.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    ranges: Vec<(Family, Range)>,
    count: Count,
}

impl Sources {
    /// The union of these networks; none, for a group reference.
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut ranges: Vec<_> = nets.into_iter().map(range_of).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(Family, Range)> = Vec::with_capacity(ranges.len());
        for (family, range) in ranges {
            match merged.last_mut() {
                Some((last, (_, end))) if *last == family && range.0 <= end.saturating_add(1) => {
                    *end = range.1.max(*end);
                }
                Some(_) | None => merged.push((family, range)),
            }
        }
        let mut count = Count::default();
        for (family, range) in &merged {
            match family {
                Family::V4 => count.v4 += public_count(*family, *range),
                Family::V6 => count.v6 += public_count(*family, *range),
            }
        }
        Self { ranges: merged, count }
    }

    /// How many public addresses.
    pub fn count(&self) -> Count {
        self.count
    }

    pub(super) fn of(&self, family: Family) -> impl Iterator<Item = Range> {
        self.ranges.iter().filter(move |(own, _)| *own == family).map(|(_, range)| *range)
    }
}

/// A rule as the arithmetic sees it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// `sgr-…`, for the names of those that admit the internet together.
    pub id: &'a str,
    /// Its protocol.
    pub protocol: &'a Protocol,
    /// Its ports, both ends included.
    pub ports: (u16, u16),
    /// Its addresses.
    pub sources: &'a Sources,
    /// Whether it may be found at fault. The others only count in unions.
    pub touched: bool,
}

impl<'a> Candidate<'a> {
    /// A rule that may be found at fault, at all of its ports.
    pub fn of(rule: &'a IngressRule, sources: &'a Sources) -> Self {
        let IngressRule { id, protocol, .. } = rule;
        Self { id, protocol, ports: rule.ports(), sources, touched: true }
    }
}

/// Why a rule is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// It admits the internet by itself.
    Alone(Count),
    /// With others it does.
    Together {
        /// The first port where they admit most.
        port: u16,
        /// What they admit there together, of the family that makes it the internet.
        public: Count,
        /// Ids of some of the others.
        with: Vec<String>,
    },
}

/// The exceptions that tolerate a candidate, by its index, if it admits these public addresses: its own, or those
/// of a union that it is part of. None: it is at fault.
///
/// It is asked about the union of one family at a time; of the other family the count is the rule's own. An
/// exception that tolerates many addresses is taken to tolerate fewer as well.
pub type Tolerate<'a> = dyn FnMut(usize, Count) -> Vec<String> + 'a;
