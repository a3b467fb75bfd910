//! Which rules let the internet in: alone, or by completing a union with others.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::measure::Measure;
use super::space::{Count, Family, Range, public_count, range_of};
use crate::facts::{IngressRule, Protocol};

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
        /// A port where they meet.
        port: u16,
        /// What they admit there together, of the family that makes it the internet.
        public: Count,
        /// Ids of some of the others.
        with: Vec<String>,
    },
}

/// Whether a candidate, by its index, may admit these public addresses: its own, or those of the union that it
/// is part of.
///
/// It is asked about the union of one family at a time; of the other family the count is the rule's own. Who
/// admits many is taken to admit fewer as well.
pub type Tolerates<'a> = dyn FnMut(usize, Count) -> bool + 'a;

/// The touched candidates that are at fault, by index.
///
/// A touched rule is at fault that may not admit what it admits by itself. Of the other touched rules, as
/// few as possible are, widest first, so that at no port they complete a union that they may not be part of.
/// Where the others are such a union already, a touched one completes nothing.
pub fn exposed(
    candidates: &[Candidate<'_>],
    tolerates: &mut Tolerates<'_>,
) -> BTreeMap<usize, Exposure> {
    let mut found = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let count = candidate.sources.count;
        if candidate.touched && count.any() && !tolerates(at, count) {
            found.insert(at, Exposure::Alone(count));
        }
    }
    for family in [Family::V4, Family::V6] {
        for protocol in protocols(candidates) {
            let joins =
                |c: &Candidate<'_>| *c.protocol == *protocol || *c.protocol == Protocol::All;
            let members = candidates.iter().enumerate().filter(|(at, c)| {
                joins(c) && c.sources.count.of(family) > 0 && !found.contains_key(at)
            });
            let members: Vec<usize> = members.map(|(at, _)| at).collect();
            Unions::new(candidates, family, members).close(tolerates, &mut found);
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

/// The unions of one protocol and family, port by port.
struct Unions<'a> {
    candidates: &'a [Candidate<'a>],
    family: Family,
    members: Vec<usize>,
}

/// What a rule may be part of, as far as it was asked.
struct Limit {
    at: usize,
    /// The most that is tolerated.
    most: u128,
    /// The least that is not.
    refused: u128,
}

impl<'a> Unions<'a> {
    /// Of these members, those that may meet a touched one.
    fn new(candidates: &'a [Candidate<'a>], family: Family, mut members: Vec<usize>) -> Self {
        let ports = |at: &usize| candidates.get(*at).map_or((0, 0), |c| c.ports);
        let touched = members.iter().filter(|at| candidates.get(**at).is_some_and(|c| c.touched));
        let touched: Vec<(u16, u16)> = touched.map(ports).collect();
        members.retain(|at| {
            let (from, to) = ports(at);
            touched.iter().any(|(begin, end)| *begin <= to && from <= *end)
        });
        Self { candidates, family, members }
    }

    /// Finds the touched rules that complete a union which they may not be part of.
    fn close(&self, tolerates: &mut Tolerates<'_>, found: &mut BTreeMap<usize, Exposure>) {
        if self.members.len() < 2 {
            return;
        }
        let mut suspects = Vec::new();
        let bounds = self.most(Total::Sum(0));
        for (at, bound) in &bounds {
            if *bound > self.own(*at) && !self.ask(tolerates, *at, *bound) {
                suspects.push(*at);
            }
        }
        if suspects.is_empty() {
            return;
        }
        let members = self.members.iter().filter_map(|at| self.candidates.get(*at));
        let ranges = members.flat_map(|c| c.sources.of(self.family));
        let nothing = Measure::new(self.family, ranges);
        let unions = self.most(Total::Union(nothing.clone()));
        suspects.retain(|at| {
            let union = unions.get(at).copied().unwrap_or_default();
            union > self.own(*at) && !self.ask(tolerates, *at, union)
        });
        suspects.sort_unstable_by_key(|at| (self.own(*at), self.id(*at)));
        let mut base: BTreeSet<usize> =
            self.members.iter().copied().filter(|at| !suspects.contains(at)).collect();
        for at in suspects {
            match self.completes(at, &base, nothing.clone(), tolerates) {
                Some(exposure) => found.insert(at, exposure).map_or((), drop),
                None => _ = base.insert(at),
            }
        }
    }

    fn ask(&self, tolerates: &mut Tolerates<'_>, at: usize, union: u128) -> bool {
        let own = self.candidates.get(at).map(|c| c.sources.count).unwrap_or_default();
        let union = match self.family {
            Family::V4 => Count { v4: union, ..own },
            Family::V6 => Count { v6: union, ..own },
        };
        tolerates(at, union)
    }

    /// For each touched rule the most that it may be part of at any of its ports.
    fn most(&self, mut total: Total) -> BTreeMap<usize, u128> {
        let members = self.members.iter().map(|at| (*at, self.ports(*at)));
        let totals = stops(members).into_iter().map(|(port, (leaving, coming))| {
            leaving.into_iter().for_each(|at| self.put(&mut total, at, false));
            coming.into_iter().for_each(|at| self.put(&mut total, at, true));
            (port, total.total())
        });
        let totals: Vec<(u16, u128)> = totals.collect();
        let touched = self.members.iter().filter(|at| self.is_touched(**at));
        let most = touched.map(|at| {
            let (from, to) = self.ports(*at);
            let begin = totals.partition_point(|(port, _)| *port < from);
            let own = totals.iter().skip(begin).take_while(|(port, _)| *port <= to);
            (*at, own.map(|(_, total)| *total).max().unwrap_or_default())
        });
        most.collect()
    }

    /// How a rule completes a union that it may not be part of with those in `base`, at the first port where
    /// it does. One that adds nothing there, or comes to a union that was as bad without it, completes none.
    fn completes(
        &self,
        at: usize,
        base: &BTreeSet<usize>,
        nothing: Measure,
        tolerates: &mut Tolerates<'_>,
    ) -> Option<Exposure> {
        let (from, to) = self.ports(at);
        let mut limit = Limit { at, most: self.own(at), refused: u128::MAX };
        let mut present = BTreeSet::new();
        let mut total = Total::Union(nothing);
        let near = base.iter().map(|other| (*other, self.ports(*other)));
        let near = near.filter(|(_, (begin, end))| *begin <= to && from <= *end);
        // Behind its last port the rule meets nobody.
        let near = near.map(|(other, (begin, end))| (other, (begin.max(from), end)));
        for (port, (leaving, coming)) in stops(near).into_iter().take_while(|(port, _)| *port <= to)
        {
            for other in leaving {
                present.remove(self.id(other));
                self.put(&mut total, other, false);
            }
            for other in coming {
                present.insert(self.id(other));
                self.put(&mut total, other, true);
            }
            let without = total.total();
            self.put(&mut total, at, true);
            let with = total.total();
            self.put(&mut total, at, false);
            if with > without
                && !self.admits(&mut limit, with, tolerates)
                && self.admits(&mut limit, without, tolerates)
            {
                let named = present.iter().take(NAMED).map(|id| (*id).to_owned()).collect();
                let public = match self.family {
                    Family::V4 => Count { v4: with, v6: 0 },
                    Family::V6 => Count { v4: 0, v6: with },
                };
                return Some(Exposure::Together { port, public, with: named });
            }
        }
        None
    }

    /// Whether the rule may be part of this union, asked only where it does not follow from what is known.
    fn admits(&self, limit: &mut Limit, union: u128, tolerates: &mut Tolerates<'_>) -> bool {
        if union <= limit.most || union >= limit.refused {
            return union <= limit.most;
        }
        let admits = self.ask(tolerates, limit.at, union);
        let known = if admits { &mut limit.most } else { &mut limit.refused };
        *known = union;
        admits
    }

    fn ports(&self, at: usize) -> (u16, u16) {
        self.candidates.get(at).map_or((0, 0), |c| c.ports)
    }

    fn is_touched(&self, at: usize) -> bool {
        self.candidates.get(at).is_some_and(|c| c.touched)
    }

    fn own(&self, at: usize) -> u128 {
        self.candidates.get(at).map_or(0, |c| c.sources.count.of(self.family))
    }

    fn id(&self, at: usize) -> &'a str {
        self.candidates.get(at).map_or("", |c| c.id)
    }

    fn put(&self, total: &mut Total, at: usize, add: bool) {
        if let Some(candidate) = self.candidates.get(at) {
            total.update(candidate.sources, self.family, add);
        }
    }
}

/// Each port where a rule begins, and each behind one where a rule ends, with the rules that left before it and
/// those that begin there.
fn stops(
    rules: impl Iterator<Item = (usize, (u16, u16))>,
) -> BTreeMap<u16, (Vec<usize>, Vec<usize>)> {
    let mut stops: BTreeMap<u16, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, (begin, end)) in rules {
        stops.entry(begin).or_default().1.push(at);
        if let Some(behind) = end.checked_add(1) {
            stops.entry(behind).or_default().0.push(at);
        }
    }
    stops
}

/// The public addresses of the rules at the current port.
enum Total {
    /// Each rule for itself: at least as much as the union, and cheap.
    Sum(u128),
    /// Each address once.
    Union(Measure),
}

/// Sums are kept in units of this: as they are, nine times all of IPv6 is more than fits into 128 bits.
const UNIT: u128 = 1 << 8;

impl Total {
    fn update(&mut self, sources: &Sources, family: Family, add: bool) {
        match self {
            Self::Sum(sum) => {
                let count = sources.count.of(family).div_ceil(UNIT);
                *sum = if add { *sum + count } else { *sum - count };
            }
            Self::Union(measure) => {
                sources.of(family).for_each(|range| measure.update(range, add));
            }
        }
    }

    fn total(&self) -> u128 {
        match self {
            Self::Sum(sum) => sum.saturating_mul(UNIT),
            Self::Union(measure) => measure.total(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule for these ports from these networks; an id in capitals was not touched.
    type Given<'a> = (&'a str, &'a str, (u16, u16), &'a [&'a str]);

    const WELL_KNOWN: (u16, u16) = (0, 1023);
    const SSH: (u16, u16) = (22, 22);

    /// What is at fault, by id.
    fn found(given: &[Given<'_>]) -> BTreeMap<String, Exposure> {
        let protocols: Vec<_> = given.iter().map(|(_, name, ..)| Protocol::parse(name)).collect();
        let sources: Vec<_> = given
            .iter()
            .map(|(.., nets)| Sources::new(nets.iter().map(|net| net.parse().unwrap())))
            .collect();
        let candidates: Vec<_> = given
            .iter()
            .zip(protocols.iter().zip(&sources))
            .map(|((id, _, ports, _), (protocol, sources))| Candidate {
                id,
                protocol,
                ports: *ports,
                sources,
                touched: id.chars().all(|char| !char.is_ascii_uppercase()),
            })
            .collect();
        let found = exposed(&candidates, &mut |_, union| union.v4 < 1 << 24 && union.v6 < 1 << 96);
        found.into_iter().map(|(at, exposure)| (given[at].0.to_owned(), exposure)).collect()
    }

    fn ids(given: &[Given<'_>]) -> Vec<String> {
        found(given).into_keys().collect()
    }

    fn ssh<'a>(id: &'a str, nets: &'a [&'a str]) -> Given<'a> {
        (id, "tcp", SSH, nets)
    }

    #[test]
    fn narrow_rules_that_are_not_the_internet_together_are_clean() {
        assert!(ids(&[]).is_empty());
        let three_quarters = [
            ssh("a", &["11.0.0.0/10"]),
            ssh("b", &["11.64.0.0/10"]),
            ssh("c", &["11.128.0.0/10"]),
            ssh("d", &["10.0.0.0/8"]),
            ssh("e", &[]),
        ];
        assert!(ids(&three_quarters).is_empty());
    }

    #[test]
    fn a_rule_that_is_the_internet_by_itself_says_so() {
        let count = Count { v4: 16_777_216, v6: 0 };
        let found = found(&[ssh("a", &["11.0.0.0/8"]), ssh("b", &["12.0.0.0/9"])]);
        assert_eq!(found, BTreeMap::from([("a".to_owned(), Exposure::Alone(count))]));
    }

    #[test]
    fn of_a_union_the_widest_rule_goes_and_no_more_than_needed() {
        let given =
            [ssh("a", &["11.128.0.0/10"]), ssh("b", &["11.0.0.0/9"]), ssh("c", &["11.192.0.0/10"])];
        assert_eq!(ids(&given), ["b"]);
    }

    #[test]
    fn as_many_go_as_it_takes() {
        // Five quarters of what is enough: one less is still enough.
        let given = [
            ssh("a", &["11.0.0.0/10"]),
            ssh("b", &["11.64.0.0/10"]),
            ssh("c", &["11.128.0.0/10"]),
            ssh("d", &["11.192.0.0/10"]),
            ssh("e", &["12.0.0.0/10"]),
        ];
        assert_eq!(ids(&given), ["d", "e"]);
    }

    #[test]
    fn of_rules_equally_wide_the_one_with_the_last_id_goes() {
        let (first, second): (&[&str], &[&str]) = (&["11.0.0.0/9"], &["11.128.0.0/9"]);
        for (a, b) in [(first, second), (second, first)] {
            assert_eq!(ids(&[ssh("a", a), ssh("b", b)]), ["b"]);
            assert_eq!(ids(&[ssh("b", b), ssh("a", a)]), ["b"]);
        }
    }

    #[test]
    fn the_order_in_which_rules_come_changes_nothing() {
        let mut given = [
            ("a", "tcp", WELL_KNOWN, &["11.0.0.0/10"][..]),
            ("b", "tcp", SSH, &["11.64.0.0/10"]),
            ("c", "-1", (0, u16::MAX), &["11.128.0.0/10"]),
            ("d", "tcp", (20, 30), &["11.192.0.0/10", "2600::/33"]),
            ("e", "tcp", SSH, &["2600:0:8000::/33", "12.0.0.0/11"]),
            ("F", "udp", WELL_KNOWN, &["0.0.0.0/0"]),
        ];
        let expected = found(&given);
        assert!(!expected.is_empty());
        for _ in 0..given.len() {
            given.rotate_left(1);
            assert_eq!(found(&given), expected);
            given.swap(0, 3);
            assert_eq!(found(&given), expected);
        }
    }

    #[test]
    fn ipv6_rules_complete_a_union_too() {
        let (first, second) = (ssh("a", &["2600::/33"]), ssh("b", &["2600:0:8000::/33"]));
        assert!(ids(&[first]).is_empty());
        let public = Count { v4: 0, v6: 1 << 96 };
        let with = vec!["a".to_owned()];
        let expected = Exposure::Together { port: 22, public, with };
        assert_eq!(found(&[first, second]), BTreeMap::from([("b".to_owned(), expected)]));
    }

    #[test]
    fn many_rules_for_the_whole_internet_do_not_overflow_the_counting() {
        let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];
        let mut given = names.map(|name| ssh(name, &["::/0", "0.0.0.0/0"])).to_vec();
        given.push(ssh("a", &["2600::/48", "52.94.76.0/24"]));
        assert!(ids(&given).is_empty());
    }

    #[test]
    fn the_families_do_not_complete_each_other() {
        let given = [ssh("a", &["11.0.0.0/9", "2600::/33"]), ssh("b", &["11.0.0.0/9"])];
        assert!(ids(&given).is_empty());
    }

    #[test]
    fn an_address_that_two_rules_admit_counts_once() {
        assert!(ids(&[ssh("a", &["11.0.0.0/9"]), ssh("b", &["11.0.0.0/9"])]).is_empty());
        assert!(ids(&[ssh("a", &["11.0.0.0/9"]), ssh("b", &["11.64.0.0/10"])]).is_empty());
    }

    #[test]
    fn untouched_rules_count_in_unions_and_are_never_at_fault() {
        let (touched, untouched) = (ssh("a", &["11.0.0.0/9"]), ssh("B", &["11.128.0.0/9"]));
        assert_eq!(ids(&[touched, untouched]), ["a"]);
        assert!(ids(&[ssh("A", &["0.0.0.0/0"]), untouched]).is_empty());
    }

    #[test]
    fn where_untouched_rules_are_the_internet_nothing_is_completed() {
        let older = [ssh("B", &["11.0.0.0/9"]), ssh("C", &["11.128.0.0/9"])];
        let touched = ssh("a", &["12.0.0.0/9"]);
        assert!(ids(&[older[0], older[1], touched]).is_empty());
        // The internet by itself is at fault all the same.
        assert_eq!(ids(&[older[0], older[1], ssh("a", &["0.0.0.0/0"])]), ["a"]);
    }

    #[test]
    fn where_untouched_rules_are_the_internet_at_one_port_others_still_count() {
        let given = [
            ("B", "tcp", SSH, &["0.0.0.0/0"][..]),
            ("C", "tcp", WELL_KNOWN, &["11.0.0.0/9"]),
            ("a", "tcp", (22, 23), &["11.128.0.0/9"]),
        ];
        assert_eq!(ids(&given), ["a"]);
    }

    #[test]
    fn a_rule_that_adds_nothing_to_the_union_stays() {
        let given = [
            ("B", "tcp", SSH, &["11.0.0.0/9"][..]),
            ("c", "tcp", WELL_KNOWN, &["11.0.0.0/9"]),
            ("a", "tcp", SSH, &["11.128.0.0/9"]),
        ];
        assert_eq!(ids(&given), ["a"]);
    }

    #[test]
    fn what_ended_before_the_next_begins_does_not_meet_it() {
        let halves = |first, second| {
            ids(&[
                ("a", "tcp", first, &["11.0.0.0/9"][..]),
                ("b", "tcp", second, &["11.128.0.0/9"]),
            ])
        };
        assert_eq!(halves((0, 22), (22, 30)), ["b"]);
        assert!(halves((0, 21), (22, 30)).is_empty());
        assert_eq!(halves((65_535, 65_535), (0, 65_535)), ["b"]);
        assert_eq!(halves((0, 0), (0, 65_535)), ["b"]);
    }

    #[test]
    fn rules_for_all_protocols_join_each_of_them() {
        let all = ("a", "-1", (0, u16::MAX), &["11.0.0.0/9"][..]);
        for protocol in ["tcp", "udp", "icmp", "50", "-1"] {
            let other = ("b", protocol, (0, u16::MAX), &["11.128.0.0/9"][..]);
            assert_eq!(ids(&[all, other]), ["b"], "{protocol}");
        }
        let (tcp, udp) = (ssh("a", &["11.0.0.0/9"]), ("b", "udp", SSH, &["11.128.0.0/9"][..]));
        assert!(ids(&[tcp, udp]).is_empty());
    }

    #[test]
    fn at_most_five_companions_are_named_in_order() {
        let nets: Vec<[String; 1]> = (0..8).map(|at| [format!("11.{}.0.0/11", at * 32)]).collect();
        let nets: Vec<[&str; 1]> = nets.iter().map(|[net]| [net.as_str()]).collect();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let given: Vec<_> = names.iter().zip(&nets).map(|(id, nets)| ssh(id, nets)).collect();
        let with = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let public = Count { v4: 16_777_216, v6: 0 };
        let expected = Exposure::Together { port: 22, public, with };
        assert_eq!(found(&given), BTreeMap::from([("h".to_owned(), expected)]));
    }

    #[test]
    fn networks_of_one_rule_are_merged_before_they_are_counted() {
        let count =
            |nets: &[&str]| Sources::new(nets.iter().map(|net| net.parse().unwrap())).count();
        assert_eq!(count(&[]), Count::default());
        assert_eq!(count(&["11.0.0.0/9", "11.128.0.0/9"]).v4, 1 << 24);
        assert_eq!(count(&["11.0.0.0/8", "11.0.0.0/9", "11.0.0.0/8"]).v4, 1 << 24);
        assert_eq!(count(&["11.0.0.0/9", "2600::/48"]), Count { v4: 1 << 23, v6: 1 << 80 });
        // The last IPv4 address and the first IPv6 one do not touch.
        assert_eq!(count(&["255.255.255.255/32", "::/128"]), Count::default());
    }
}
