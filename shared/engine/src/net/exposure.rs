//! Which rules let the internet in: alone, or by completing a union with others.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::measure::Measure;
use super::space::{Count, Family, Range, public_count, range_of};
use crate::facts::Protocol;

/// From this many public IPv4 addresses on, a union of sources is "the internet": a /8. No partner
/// or office has as many: a /8 is the largest block that was ever given to one organisation, and
/// AWS's CloudFront origin list, the widest list that people admit in good faith, is a tenth of it.
const INTERNET_V4: u128 = 1 << 24;

/// The same for IPv6: a /32, which is what a registry gives to a whole provider with all its
/// customers (RIPE-738, section 5.1.1). One site has a /48.
const INTERNET_V6: u128 = 1 << (128 - 32);

/// How many companions of a union are named.
const NAMED: usize = 5;

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

    fn of(&self, family: Family) -> impl Iterator<Item = Range> {
        self.ranges.iter().filter(move |(own, _)| *own == family).map(|(_, range)| *range)
    }
}

/// A rule as the arithmetic sees it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// `sgr-…`; breaks ties, so that the order of rules does not matter.
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

/// Why a rule is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// It admits the internet by itself.
    Alone(Count),
    /// With others it does.
    Together {
        /// A port where they meet.
        port: u16,
        /// What they admit there together, of the family that makes it the internet.
        public: Count,
        /// Ids of some of the others.
        with: Vec<String>,
    },
}

fn threshold(family: Family) -> u128 {
    match family {
        Family::V4 => INTERNET_V4,
        Family::V6 => INTERNET_V6,
    }
}

/// The touched candidates that let the internet in, by index.
///
/// A touched rule that admits the internet by itself is at fault. Of the other touched rules, as
/// few as possible are, widest first, so that at no port they complete a union that is the
/// internet. Where the untouched rules already are the internet, a touched one completes nothing.
pub fn exposed(candidates: &[Candidate<'_>]) -> BTreeMap<usize, Exposure> {
    let families = [Family::V4, Family::V6];
    let mut found = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, c)| c.touched) {
        let count = candidate.sources.count;
        if families.iter().any(|family| count.of(*family) >= threshold(*family)) {
            found.insert(at, Exposure::Alone(count));
        }
    }
    for family in families {
        for protocol in protocols(candidates) {
            Sweep::run(candidates, family, protocol, &mut found);
        }
    }
    found
}

/// The protocols to look at one by one. Rules for all protocols join each of them.
fn protocols<'a>(candidates: &[Candidate<'a>]) -> BTreeSet<&'a Protocol> {
    let mut protocols: BTreeSet<_> = candidates.iter().map(|c| c.protocol).collect();
    if protocols.len() > 1 {
        protocols.remove(&Protocol::All);
    }
    protocols
}

/// A walk over the ports of one protocol, with the union of the sources at the current port.
struct Sweep<'a> {
    candidates: &'a [Candidate<'a>],
    family: Family,
    all: Measure,
    untouched: Measure,
    /// Touched rules at the current port, narrowest first.
    suspects: BTreeSet<(u128, &'a str, usize)>,
}

impl<'a> Sweep<'a> {
    fn run(
        candidates: &'a [Candidate<'a>],
        family: Family,
        protocol: &Protocol,
        found: &mut BTreeMap<usize, Exposure>,
    ) {
        let joins = |c: &Candidate<'_>| *c.protocol == *protocol || *c.protocol == Protocol::All;
        let members: Vec<usize> = candidates
            .iter()
            .enumerate()
            .filter(|(at, c)| joins(c) && c.sources.count.of(family) > 0 && !found.contains_key(at))
            .map(|(at, _)| at)
            .collect();
        let of = |at: &usize| candidates.get(*at);
        let most: u128 = members.iter().filter_map(of).map(|c| c.sources.count.of(family)).sum();
        if most < threshold(family) || !members.iter().filter_map(of).any(|c| c.touched) {
            return;
        }
        let ranges = || members.iter().filter_map(of).flat_map(|c| c.sources.of(family));
        let mut sweep = Sweep {
            candidates,
            family,
            all: Measure::new(family, ranges()),
            untouched: Measure::new(family, ranges()),
            suspects: BTreeSet::new(),
        };
        sweep.walk(members, found);
    }

    fn walk(&mut self, mut starts: Vec<usize>, found: &mut BTreeMap<usize, Exposure>) {
        let candidates = self.candidates;
        let ports = |at: &usize| candidates.get(*at).map_or((0, 0), |c| c.ports);
        let mut ends = starts.clone();
        starts.sort_unstable_by_key(|at| ports(at).0);
        ends.sort_unstable_by_key(|at| ports(at).1);
        let mut ends = ends.into_iter().peekable();
        for group in starts.chunk_by(|a, b| ports(a).0 == ports(b).0) {
            let port = group.first().map_or(0, |at| ports(at).0);
            while let Some(gone) = ends.next_if(|at| ports(at).1 < port) {
                if !found.contains_key(&gone) {
                    self.put(gone, false);
                }
            }
            for at in group {
                self.put(*at, true);
            }
            let limit = threshold(self.family);
            while self.all.total() >= limit && self.untouched.total() < limit {
                let Some((_, _, widest)) = self.suspects.last().copied() else { break };
                let exposure = self.together(widest, port, found);
                self.put(widest, false);
                found.insert(widest, exposure);
            }
        }
    }

    fn put(&mut self, at: usize, add: bool) {
        let Some(candidate) = self.candidates.get(at) else { return };
        for range in candidate.sources.of(self.family) {
            self.all.update(range, add);
            if !candidate.touched {
                self.untouched.update(range, add);
            }
        }
        if candidate.touched {
            let suspect = (candidate.sources.count.of(self.family), candidate.id, at);
            if add {
                self.suspects.insert(suspect);
            } else {
                self.suspects.remove(&suspect);
            }
        }
    }

    fn together(&self, at: usize, port: u16, found: &BTreeMap<usize, Exposure>) -> Exposure {
        let protocol = self.candidates.get(at).map(|c| c.protocol);
        let others = self.candidates.iter().enumerate().filter(|(other, c)| {
            let meets = c.ports.0 <= port
                && port <= c.ports.1
                && (protocol == Some(c.protocol)
                    || *c.protocol == Protocol::All
                    || protocol == Some(&Protocol::All));
            *other != at
                && meets
                && c.sources.count.of(self.family) > 0
                && !found.contains_key(other)
        });
        let mut with: Vec<String> = others.map(|(_, c)| c.id.to_owned()).collect();
        with.sort_unstable();
        with.truncate(NAMED);
        let total = self.all.total();
        let public = match self.family {
            Family::V4 => Count { v4: total, v6: 0 },
            Family::V6 => Count { v4: 0, v6: total },
        };
        Exposure::Together { port, public, with }
    }
}
