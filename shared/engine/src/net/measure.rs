//! How many public addresses a changing set of ranges covers. A segment tree over the ends of all ranges: each node
//! has the number of ranges that cover all of it, and the covered addresses below it. To add or to remove a range
//! costs O(log n); to read the total costs nothing.

use super::space::{Family, Range, public_count};

/// A multiset of ranges of one family and the public size of their union.
#[derive(Clone)]
pub(super) struct Measure {
    /// Starts of the elementary intervals, and one end past the last: sorted, no doubles.
    cuts: Vec<u128>,
    /// Leaves of the tree, a power of two.
    leaves: usize,
    /// Per node: ranges that cover it whole, public addresses in it, public addresses covered.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    covers: u32,
    size: u128,
    covered: u128,
}

impl Measure {
    /// An empty set that can hold any of these ranges.
    pub(super) fn new(family: Family, ranges: impl Iterator<Item = Range>) -> Self {
        // An IPv6 range may end at the last address: its cut saturates, and loses one address of ff00::/8.
        let mut cuts: Vec<u128> = ranges.flat_map(|(a, b)| [a, b.saturating_add(1)]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let leaves = cuts.len().max(1).next_power_of_two();
        let mut nodes = vec![Node::default(); leaves * 2];
        for (node, pair) in nodes.iter_mut().skip(leaves).zip(cuts.windows(2)) {
            if let [first, next] = *pair {
                node.size = public_count(family, (first, next - 1));
            }
        }
        for at in (1..leaves).rev() {
            let size = size(&nodes, at * 2) + size(&nodes, at * 2 + 1);
            if let Some(node) = nodes.get_mut(at) {
                node.size = size;
            }
        }
        Self { cuts, leaves, nodes }
    }

    /// Public addresses in the union.
    pub(super) fn total(&self) -> u128 {
        self.nodes.get(1).map_or(0, |root| root.covered)
    }

    /// Adds a range, or removes one that was added.
    pub(super) fn update(&mut self, range: Range, add: bool) {
        let first = self.cuts.partition_point(|cut| *cut < range.0);
        let end = self.cuts.partition_point(|cut| *cut < range.1.saturating_add(1));
        self.descend(1, (0, self.leaves), (first, end), add);
    }

    /// Adds or removes the leaves `want` in the subtree of `node`, which has the leaves `span` (ends excluded).
    fn descend(&mut self, node: usize, span: (usize, usize), want: (usize, usize), add: bool) {
        if want.1 <= span.0 || span.1 <= want.0 {
            return;
        }
        let whole = want.0 <= span.0 && span.1 <= want.1;
        if !whole {
            let middle = (span.0 + span.1) / 2;
            self.descend(node * 2, (span.0, middle), want, add);
            self.descend(node * 2 + 1, (middle, span.1), want, add);
        }
        let below = if node >= self.leaves {
            0
        } else {
            self.covered(node * 2) + self.covered(node * 2 + 1)
        };
        if let Some(node) = self.nodes.get_mut(node) {
            if whole {
                node.covers = if add { node.covers + 1 } else { node.covers.saturating_sub(1) };
            }
            node.covered = if node.covers > 0 { node.size } else { below };
        }
    }

    fn covered(&self, node: usize) -> u128 {
        self.nodes.get(node).map_or(0, |node| node.covered)
    }
}

fn size(nodes: &[Node], at: usize) -> u128 {
    nodes.get(at).map_or(0, |node| node.size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 64 addresses around an edge of public space, so that each can be counted.
    const UNIVERSE: u128 = 64;

    /// The first of them: half of 9.255.255.224 - 10.0.0.31 is private, half of
    /// 2001:db7:…:ffe0 - 2001:db8::1f is documentation.
    fn start(family: Family) -> u128 {
        match family {
            Family::V4 => (10 << 24) - UNIVERSE / 2,
            Family::V6 => (0x2001_0db8 << 96) - UNIVERSE / 2,
        }
    }

    /// Public addresses of the union, one by one.
    fn counted(family: Family, ranges: &[Range]) -> u128 {
        let first = start(family);
        let covered = (first..first + UNIVERSE)
            .filter(|at| ranges.iter().any(|(from, to)| from <= at && at <= to));
        covered.map(|at| public_count(family, (at, at))).sum()
    }

    fn family() -> impl Strategy<Value = Family> {
        prop::sample::select(vec![Family::V4, Family::V6])
    }

    proptest! {
        #[test]
        fn the_total_is_that_of_the_union_after_every_step(
            family in family(),
            ranges in prop::collection::vec((0..UNIVERSE, 0..UNIVERSE), 1..10),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..40),
        ) {
            let first = start(family);
            let ranges: Vec<Range> =
                ranges.into_iter().map(|(a, b)| (first + a.min(b), first + a.max(b))).collect();
            let mut measure = Measure::new(family, ranges.iter().copied());
            let mut inside: Vec<Range> = Vec::new();
            prop_assert_eq!(measure.total(), 0);
            for (which, add) in steps {
                if add {
                    let range = *which.get(&ranges);
                    inside.push(range);
                    measure.update(range, true);
                } else if !inside.is_empty() {
                    let range = inside.swap_remove(which.index(inside.len()));
                    measure.update(range, false);
                }
                prop_assert_eq!(measure.total(), counted(family, &inside));
            }
        }
    }

    #[test]
    fn a_set_of_nothing_is_empty() {
        assert_eq!(Measure::new(Family::V4, std::iter::empty()).total(), 0);
    }

    #[test]
    fn a_range_that_is_in_twice_stays_until_it_is_out_twice() {
        let range = (start(Family::V4), start(Family::V4) + 7);
        let mut measure = Measure::new(Family::V4, [range, range].into_iter());
        let mut total = |add| {
            measure.update(range, add);
            measure.total()
        };
        assert_eq!([total(true), total(true), total(false), total(false)], [8, 8, 8, 0]);
    }

    #[test]
    fn both_ends_of_address_space_are_in_it() {
        for (family, all) in [(Family::V4, (0, u32::MAX.into())), (Family::V6, (0, u128::MAX))] {
            let mut measure = Measure::new(family, std::iter::once(all));
            measure.update(all, true);
            assert_eq!(measure.total(), public_count(family, all), "{family:?}");
            measure.update(all, false);
            assert_eq!(measure.total(), 0, "{family:?}");
        }
    }
}
