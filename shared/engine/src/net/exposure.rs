//! What a rule admits, and the reasons why a rule can be at fault. [`super::unions`] decides which rules are.

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

    /// Whether all of its public addresses are among the others.
    pub fn is_inside(&self, others: &Self) -> bool {
        let shared = |family| {
            let pairs =
                self.of(family).flat_map(|own| others.of(family).map(move |other| (own, other)));
            let both = pairs.map(|(own, other)| (own.0.max(other.0), own.1.min(other.1)));
            both.filter(|(first, last)| first <= last)
                .map(|range| public_count(family, range))
                .sum::<u128>()
        };
        [Family::V4, Family::V6].iter().all(|family| shared(*family) == self.count.of(*family))
    }

    pub(super) fn of(&self, family: Family) -> impl Iterator<Item = Range> {
        self.ranges.iter().filter(move |(own, _)| *own == family).map(|(_, range)| *range)
    }
}

/// A rule, reduced to what the arithmetic needs: which addresses it admits at which ports.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// `sgr-…`: names the rule in [`Exposure::Together`].
    pub id: &'a str,
    /// Its protocol.
    pub protocol: &'a Protocol,
    /// Its ports, both ends included.
    pub ports: (u16, u16),
    /// Its addresses.
    pub sources: &'a Sources,
    /// Whether the event touched the rule. Only a touched rule can be at fault; the others count in unions.
    pub touched: bool,
}

impl<'a> Candidate<'a> {
    /// A touched rule, at all of its ports.
    pub fn of(rule: &'a IngressRule, sources: &'a Sources) -> Self {
        let IngressRule { id, protocol, .. } = rule;
        Self { id, protocol, ports: rule.ports(), sources, touched: true }
    }
}

/// Why a rule is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// The rule by itself admits more than the exceptions permit.
    Alone(Count),
    /// Only the union of this rule and others admits more than the exceptions permit.
    Together {
        /// The port where the union is largest; of several, the first.
        port: u16,
        /// The public addresses of the union at that port, of the family that is too large.
        public: Count,
        /// Ids of some of the other rules.
        with: Vec<String>,
    },
}

impl Exposure {
    /// Whether it may be due to sources that lie in the address space of a VPC.
    pub fn may_be_of_a_vpc(&self) -> bool {
        match self {
            Self::Alone(count) => count.fits_into_a_vpc(),
            Self::Together { .. } => true,
        }
    }
}

/// Asks the exceptions: which of them permit this candidate (by its index) to admit so many public addresses? The
/// addresses are the rule's own, or those of a union that it is part of. An empty answer: the rule is at fault.
///
/// A question about a union has the union's count for one family, and the rule's own count for the other. The caller
/// assumes that an exception that permits many addresses permits fewer as well.
pub type Tolerate<'a> = dyn FnMut(usize, Count) -> Vec<String> + 'a;
