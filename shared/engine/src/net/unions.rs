//! Which touched rules are at fault: alone, or together with others that rest on the same exception.
//!
//! For each protocol and address family: (1) the *suspects* are found by a cheap upper bound, the sum of all sizes at
//! a port; a usual group has none and is done. (2) The rules that meet a suspect are put into one class for each
//! exception that they rest on. (3) For each suspect, the union of its class is measured port by port, widest first,
//! and the exceptions are asked whether they permit it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::exposure::{Candidate, Exposure, Tolerate};
use super::measure::Measure;
use super::space::{Count, Family, everything};
use crate::facts::Protocol;

/// How many of the other rules of a union an alert names.
const NAMED: usize = 5;

/// The touched candidates that are at fault, by index.
///
/// A touched rule is at fault alone if no exception permits what it admits by itself. Otherwise it *rests on* the
/// exceptions that permit it. It is at fault together if at one of its ports none of these exceptions permits the
/// union of the rules that rest on the same exception: the rules that are not touched, and the touched ones that are
/// not wider than the rule itself. So the widest touched rules are revoked first, rules of one width are revoked
/// together or not at all, and what stays is what the exception permits. Two kinds of rules count in no union: those
/// that are at fault alone (they are revoked anyhow), and those that an exception permits whatever others admit.
pub fn exposed(
    candidates: &[Candidate<'_>],
    tolerate: &mut Tolerate<'_>,
) -> BTreeMap<usize, Exposure> {
    let mut found = BTreeMap::new();
    let mut rests_on: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let count = candidate.sources.count();
        if !candidate.touched || !count.any() {
            continue;
        }
        let by = tolerate(at, count);
        if by.is_empty() {
            found.insert(at, Exposure::Alone(count));
        }
        rests_on.insert(at, by);
    }
    for family in [Family::V4, Family::V6] {
        for protocol in protocols(candidates) {
            let joins =
                |c: &Candidate<'_>| *c.protocol == *protocol || *c.protocol == Protocol::All;
            let members = candidates
                .iter()
                .enumerate()
                .filter(|(at, c)| {
                    joins(c)
                        && c.sources.count().of(family) > 0
                        && rests_on.get(at).is_none_or(|by| !by.is_empty())
                })
                .map(|(at, _)| at)
                .collect();
            let unions = Unions::new(candidates, family, members);
            for (at, exposure) in unions.at_fault(&mut rests_on, tolerate) {
                found.entry(at).or_insert(exposure);
            }
        }
    }
    found
}

/// The protocols to look at one by one. A rule for all protocols joins each of them.
fn protocols<'a>(candidates: &[Candidate<'a>]) -> BTreeSet<&'a Protocol> {
    let mut protocols: BTreeSet<_> = candidates.iter().map(|c| c.protocol).collect();
    if protocols.len() > 1 {
        protocols.remove(&Protocol::All);
    }
    protocols
}

/// The rules of one protocol and family that may admit too much together.
struct Unions<'a> {
    candidates: &'a [Candidate<'a>],
    family: Family,
    members: Vec<usize>,
}

/// The rules that rest on one exception.
struct Class {
    members: Vec<usize>,
    /// An empty set that can hold the ranges of all members.
    nothing: Measure,
    /// For each width of a suspect: the ports where the union changes, each with the size from that port on. Suspects
    /// of one width share it.
    steps: BTreeMap<u128, Vec<(u16, u128)>>,
}

impl<'a> Unions<'a> {
    /// Keeps the members that share a port with a touched one: no other can be in its union.
    fn new(candidates: &'a [Candidate<'a>], family: Family, members: Vec<usize>) -> Self {
        let mut unions = Self { candidates, family, members };
        let touched = unions.members.iter().copied().filter(|at| unions.is_touched(*at)).collect();
        unions.members = unions.meeting(touched);
        unions
    }

    /// The touched members that are at fault together with others. Adds to `rests_on` the rules that it asks about.
    fn at_fault(
        &self,
        rests_on: &mut BTreeMap<usize, Vec<String>>,
        tolerate: &mut Tolerate<'_>,
    ) -> Vec<(usize, Exposure)> {
        let suspects = self.suspects(rests_on, tolerate);
        if suspects.is_empty() {
            return Vec::new();
        }
        let mut classes = self.classes(&suspects, rests_on, tolerate);
        let found = suspects.into_iter().filter_map(|at| {
            let by = rests_on.get(&at)?;
            Some((at, self.together(at, by, &mut classes, tolerate)?))
        });
        found.collect()
    }

    /// The touched members that their exceptions would not permit if the sizes of all rules at their ports were added
    /// up. The sum is at least the size of any union, so whoever is permitted here is not at fault.
    fn suspects(
        &self,
        rests_on: &BTreeMap<usize, Vec<String>>,
        tolerate: &mut Tolerate<'_>,
    ) -> Vec<usize> {
        let touched = self.members.iter().copied().filter(|at| self.is_touched(*at));
        let sums = self.sums();
        let refused = touched.filter(|at| {
            let bound = most(&sums, self.ports(*at));
            let Some(by) = rests_on.get(at) else { return false };
            bound > self.own(*at) && !self.is_tolerated(*at, by, bound, tolerate)
        });
        refused.collect()
    }

    /// For each exception, the rules that rest on it, of those that share a port with a suspect. Left out is a rule
    /// that an exception would permit even if it admitted everything: the amount does not matter to that exception.
    fn classes(
        &self,
        suspects: &[usize],
        rests_on: &mut BTreeMap<usize, Vec<String>>,
        tolerate: &mut Tolerate<'_>,
    ) -> BTreeMap<String, Class> {
        let mut members: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for at in self.meeting(suspects.to_vec()) {
            let own = self.candidates.get(at).map(|c| c.sources.count()).unwrap_or_default();
            let by = rests_on.entry(at).or_insert_with(|| tolerate(at, own));
            let limited = suspects.contains(&at)
                || tolerate(at, self.as_part_of(at, everything(self.family))).is_empty();
            for exception in by.iter().filter(|_| limited) {
                members.entry(exception.clone()).or_default().push(at);
            }
        }
        let class = |members: Vec<usize>| {
            let sources = members.iter().filter_map(|at| self.candidates.get(*at));
            let ranges = sources.flat_map(|c| c.sources.of(self.family));
            let nothing = Measure::new(self.family, ranges);
            Class { members, nothing, steps: BTreeMap::new() }
        };
        members.into_iter().map(|(exception, members)| (exception, class(members))).collect()
    }

    /// Why a suspect is at fault: a port at which none of its exceptions permits the union of the class.
    fn together(
        &self,
        at: usize,
        by: &[String],
        classes: &mut BTreeMap<String, Class>,
        tolerate: &mut Tolerate<'_>,
    ) -> Option<Exposure> {
        let (from, to) = self.ports(at);
        for exception in by {
            self.sweep(classes.get_mut(exception)?, self.own(at));
        }
        let steps = |exception: &String| classes.get(exception)?.steps.get(&self.own(at));
        let within = |(port, _): &&(u16, u128)| (from..=to).contains(port);
        let ports: BTreeSet<u16> = by
            .iter()
            .filter_map(steps)
            .flatten()
            .filter(within)
            .map(|(port, _)| *port)
            .chain([from])
            .collect();
        let unions = |port: u16| {
            by.iter().map(move |e| (e, steps(e).map_or(0, |steps| most(steps, (port, port)))))
        };
        // The port with the largest union first: an exception that permits that one permits the smaller ones, too.
        let widest = |port: u16| unions(port).max_by_key(|(_, union)| *union);
        let mut ports: Vec<_> = ports.into_iter().filter_map(|p| Some((p, widest(p)?))).collect();
        ports.sort_by_key(|(port, (_, union))| (std::cmp::Reverse(*union), *port));
        let mut suppressed: BTreeMap<&String, u128> = BTreeMap::new();
        for (port, (exception, public)) in ports {
            let refused = unions(port).all(|(exception, union)| {
                let known = suppressed.get(exception).is_some_and(|most| union <= *most);
                let one = std::slice::from_ref(exception);
                let refused = !known && !self.is_tolerated(at, one, union, tolerate);
                if !refused {
                    suppressed.insert(
                        exception,
                        union.max(suppressed.get(exception).copied().unwrap_or(0)),
                    );
                }
                refused
            });
            if refused {
                let with = self.others(at, port, classes.get(exception)?);
                return Some(Exposure::Together { port, public: self.count(public), with });
            }
        }
        None
    }

    /// Measures, port by port, the union of the members that are not touched or not wider than `width`.
    fn sweep(&self, class: &mut Class, width: u128) {
        if class.steps.contains_key(&width) {
            return;
        }
        let mut union = class.nothing.clone();
        let members = class.members.iter().filter(|at| self.counts(**at, width));
        let put = |union: &mut Measure, at: &usize, add| {
            let ranges = self.candidates.get(*at).map(|c| c.sources.of(self.family));
            ranges.into_iter().flatten().for_each(|range| union.update(range, add));
        };
        let stops = stops(members.map(|at| (*at, self.ports(*at))));
        let steps = stops
            .into_iter()
            .map(|(port, (leaving, coming))| {
                leaving.iter().for_each(|at| put(&mut union, at, false));
                coming.iter().for_each(|at| put(&mut union, at, true));
                (port, union.total())
            })
            .collect();
        class.steps.insert(width, steps);
    }

    /// The sum of the sizes of all members, port by port: at least the size of any union, and cheap.
    fn sums(&self) -> Vec<(u16, u128)> {
        let mut sum = 0;
        // In units of 256 addresses: nine times the whole of IPv6 would not fit into 128 bits.
        const UNIT: u128 = 1 << 8;
        let size = |at: &usize| self.own(*at).div_ceil(UNIT);
        let stops = stops(self.members.iter().map(|at| (*at, self.ports(*at))));
        let steps = stops.into_iter().map(|(port, (leaving, coming))| {
            sum = sum + coming.iter().map(size).sum::<u128>()
                - leaving.iter().map(size).sum::<u128>();
            (port, sum.saturating_mul(UNIT))
        });
        steps.collect()
    }

    /// The ids of some other rules of the union at this port.
    fn others(&self, at: usize, port: u16, class: &Class) -> Vec<String> {
        let there = class.members.iter().filter(|other| {
            let (from, to) = self.ports(**other);
            **other != at && self.counts(**other, self.own(at)) && (from..=to).contains(&port)
        });
        let ids: BTreeSet<&str> =
            there.filter_map(|other| self.candidates.get(*other)).map(|c| c.id).collect();
        ids.into_iter().take(NAMED).map(str::to_owned).collect()
    }

    fn is_tolerated(
        &self,
        at: usize,
        by: &[String],
        union: u128,
        tolerate: &mut Tolerate<'_>,
    ) -> bool {
        tolerate(at, self.as_part_of(at, union)).iter().any(|exception| by.contains(exception))
    }

    /// What the rule admits as part of a union: the union in this family, its own in the other.
    fn as_part_of(&self, at: usize, union: u128) -> Count {
        let own = self.candidates.get(at).map(|c| c.sources.count()).unwrap_or_default();
        match self.family {
            Family::V4 => Count { v4: union, ..own },
            Family::V6 => Count { v6: union, ..own },
        }
    }

    fn count(&self, public: u128) -> Count {
        match self.family {
            Family::V4 => Count { v4: public, v6: 0 },
            Family::V6 => Count { v4: 0, v6: public },
        }
    }

    /// The members that share a port with one of these.
    fn meeting(&self, these: Vec<usize>) -> Vec<usize> {
        let ports: Vec<(u16, u16)> = these.into_iter().map(|at| self.ports(at)).collect();
        let meets = |at: &usize| {
            let (from, to) = self.ports(*at);
            ports.iter().any(|(begin, end)| *begin <= to && from <= *end)
        };
        self.members.iter().copied().filter(meets).collect()
    }

    fn counts(&self, at: usize, width: u128) -> bool {
        !self.is_touched(at) || self.own(at) <= width
    }

    fn ports(&self, at: usize) -> (u16, u16) {
        self.candidates.get(at).map_or((0, 0), |c| c.ports)
    }

    fn is_touched(&self, at: usize) -> bool {
        self.candidates.get(at).is_some_and(|c| c.touched)
    }

    fn own(&self, at: usize) -> u128 {
        self.candidates.get(at).map_or(0, |c| c.sources.count().of(self.family))
    }
}

/// The largest size at any of these ports, both ends included.
fn most(steps: &[(u16, u128)], (from, to): (u16, u16)) -> u128 {
    let begin = steps.partition_point(|(port, _)| *port <= from).saturating_sub(1);
    let within = steps.iter().skip(begin).take_while(|(port, _)| *port <= to);
    within.map(|(_, size)| *size).max().unwrap_or_default()
}

/// The rules that ended before a port, and those that begin at it.
type Stop = (Vec<usize>, Vec<usize>);

/// The ports where the set of rules changes: where one begins, and one behind where one ends.
fn stops(rules: impl Iterator<Item = (usize, (u16, u16))>) -> BTreeMap<u16, Stop> {
    let mut stops: BTreeMap<u16, Stop> = BTreeMap::new();
    for (at, (begin, end)) in rules {
        stops.entry(begin).or_default().1.push(at);
        if let Some(behind) = end.checked_add(1) {
            stops.entry(behind).or_default().0.push(at);
        }
    }
    stops
}
