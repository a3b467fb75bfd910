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
    /// Every rule at the current port.
    present: BTreeSet<&'a str>,
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
        let most: u128 = members.iter().filter_map(of).map(|c| weight(c, family)).sum();
        if most < threshold(family) || !members.iter().filter_map(of).any(|c| c.touched) {
            return;
        }
        let members = crowded(candidates, family, members);
        if members.is_empty() {
            return;
        }
        let ranges = || members.iter().filter_map(of).flat_map(|c| c.sources.of(family));
        let mut sweep = Sweep {
            candidates,
            family,
            all: Measure::new(family, ranges()),
            untouched: Measure::new(family, ranges()),
            suspects: BTreeSet::new(),
            present: BTreeSet::new(),
        };
        sweep.walk(members, found);
    }

    /// Stops at each port where a rule begins, and behind each where one ends: there an untouched
    /// union may fall below the limit.
    fn walk(&mut self, mut starts: Vec<usize>, found: &mut BTreeMap<usize, Exposure>) {
        let candidates = self.candidates;
        let ports = |at: &usize| candidates.get(*at).map_or((0, 0), |c| c.ports);
        let mut ends = starts.clone();
        starts.sort_unstable_by_key(|at| ports(at).0);
        ends.sort_unstable_by_key(|at| ports(at).1);
        let stops = starts.iter().map(|at| ports(at).0);
        let stops = stops.chain(ends.iter().filter_map(|at| ports(at).1.checked_add(1)));
        let stops: BTreeSet<u16> = stops.collect();
        let mut starts = starts.into_iter().peekable();
        let mut ends = ends.into_iter().peekable();
        for port in stops {
            while let Some(gone) = ends.next_if(|at| ports(at).1 < port) {
                if !found.contains_key(&gone) {
                    self.put(gone, false);
                }
            }
            while let Some(next) = starts.next_if(|at| ports(at).0 <= port) {
                self.put(next, true);
            }
            self.close(port, found);
        }
    }

    /// Takes out touched rules, widest first, until the union is no longer the internet. One that
    /// adds nothing to what the untouched rules admit is no part of the fault.
    fn close(&mut self, port: u16, found: &mut BTreeMap<usize, Exposure>) {
        let limit = threshold(self.family);
        if self.all.total() < limit || self.untouched.total() >= limit {
            return;
        }
        let widest_first: Vec<usize> = self.suspects.iter().rev().map(|(_, _, at)| *at).collect();
        for suspect in widest_first {
            if self.all.total() < limit {
                return;
            }
            if self.adds(suspect) {
                let exposure = self.together(suspect, port);
                self.put(suspect, false);
                found.insert(suspect, exposure);
            }
        }
    }

    /// Whether the rule admits anything public that the untouched rules do not.
    fn adds(&mut self, at: usize) -> bool {
        let Some(candidate) = self.candidates.get(at) else { return false };
        let before = self.untouched.total();
        candidate.sources.of(self.family).for_each(|range| self.untouched.update(range, true));
        let adds = self.untouched.total() > before;
        candidate.sources.of(self.family).for_each(|range| self.untouched.update(range, false));
        adds
    }

    fn put(&mut self, at: usize, add: bool) {
        let Some(candidate) = self.candidates.get(at) else { return };
        if add {
            self.present.insert(candidate.id);
        } else {
            self.present.remove(candidate.id);
        }
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

    fn together(&self, at: usize, port: u16) -> Exposure {
        let own = self.candidates.get(at).map(|c| c.id);
        let others = self.present.iter().filter(|id| Some(**id) != own);
        let with = others.take(NAMED).map(|id| (*id).to_owned()).collect();
        let total = self.all.total();
        let public = match self.family {
            Family::V4 => Count { v4: total, v6: 0 },
            Family::V6 => Count { v4: 0, v6: total },
        };
        Exposure::Together { port, public, with }
    }
}

/// How much a candidate counts where overlaps do not: never more than the threshold, because nine
/// times all of IPv6 is more than fits into 128 bits.
fn weight(candidate: &Candidate<'_>, family: Family) -> u128 {
    candidate.sources.count.of(family).min(threshold(family))
}

/// The members at those ports where the sources, counted without regard to overlaps, reach the
/// threshold: at no other port can they be the internet together.
fn crowded(candidates: &[Candidate<'_>], family: Family, mut members: Vec<usize>) -> Vec<usize> {
    let ports = |c: &Candidate<'_>| (u32::from(c.ports.0), u32::from(c.ports.1) + 1);
    let edges = members.iter().filter_map(|at| candidates.get(*at)).flat_map(|c| {
        let (from, end) = ports(c);
        [(from, true, weight(c, family)), (end, false, weight(c, family))]
    });
    let mut edges: Vec<(u32, bool, u128)> = edges.collect();
    edges.sort_unstable();
    let (mut sum, mut since, mut zones) = (0, None, Vec::new());
    for (port, begins, count) in edges {
        sum = if begins { sum + count } else { sum - count };
        match (sum >= threshold(family), since) {
            (true, None) => since = Some(port),
            (false, Some(from)) => {
                zones.push((from, port));
                since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    members.retain(|at| {
        candidates.get(*at).map(ports).is_some_and(|(from, end)| {
            let zone = zones.get(zones.partition_point(|(_, until)| *until <= from));
            zone.is_some_and(|(begin, _)| *begin < end)
        })
    });
    members
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
        let found = exposed(&candidates);
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
