//! Which of many open rules does the most harm.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::checks::admits;
use crate::facts::{GroupFacts, IngressRule, Protocol, Source};
use crate::finding::{Check, Finding};
use crate::ledger::shape;
use crate::net::{Count, Family, Sources, everything};
use crate::reach::Reach;
use crate::severity::Reaches;

/// Ports of administration and of stores of data. First those that Security Hub calls high-risk (control EC2.19), then what
/// gives whole hosts away without a password, or often does: Docker, WinRM, Redis, the APIs of Kubernetes, Memcached,
/// MongoDB.
const ADMINISTRATION: [u16; 34] = [
    20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500,
    5601, 8080, 8088, 8888, 9200, 9300, // EC2.19
    2375, 2376, 5985, 5986, 6379, 6380, 6443, 10250, 11211, 27017,
];

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// A rule that is to be revoked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    /// The id of its group.
    pub(super) group: &'a str,
    rule: &'a IngressRule,
    /// What it admits by itself.
    admits: Count,
    reach: u8,
}

/// Harm in the order in which rules are revoked: the lowest first. What each part is about is in `docs/operations.md`, under
/// "Limits".
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Harm<'a> {
    traffic: u8,
    width: Reverse<i64>,
    company: usize,
    ports: Reverse<u16>,
    reach: u8,
    shape: String,
    group: &'a str,
}

impl<'a> Harm<'a> {
    fn of(rule: &Rule<'a>, crowds: &PortCounts<'a>) -> Self {
        let (from, to) = rule.rule.ports();
        Self {
            traffic: rule.traffic(),
            width: Reverse(rule.width()),
            company: crowds.company(rule),
            ports: Reverse(to.saturating_sub(from)),
            reach: rule.reach,
            shape: shape(rule.rule),
            group: rule.group,
        }
    }
}

impl<'a> Rule<'a> {
    /// The rules that these findings would have revoked, each once.
    pub(super) fn all(
        findings: &'a [Finding],
        groups: &'a [GroupFacts],
        reaches: &Reaches,
    ) -> Vec<Self> {
        let counts: BTreeMap<&str, BTreeMap<&str, Count>> =
            groups.iter().map(|group| (group.id.as_str(), admits(group))).collect();
        let mut rules: BTreeMap<(&str, &str), Self> = BTreeMap::new();
        for finding in findings {
            let crate::action::Remedy::Do(action) = &finding.remedy else { continue };
            let Some((group, rule)) = action.revokes() else { continue };
            let admits = counts.get(group).and_then(|counts| counts.get(rule.id.as_str()));
            let (admits, reach) = (admits.copied().unwrap_or_default(), reach(finding, reaches));
            let one = Self { group, rule, admits, reach };
            let known = rules.entry((group, rule.id.as_str())).or_insert(one);
            known.reach = known.reach.min(reach);
        }
        rules.into_values().collect()
    }

    pub(super) fn id(&self) -> &'a str {
        &self.rule.id
    }

    fn traffic(&self) -> u8 {
        let (from, to) = self.rule.ports();
        match self.rule.protocol {
            Protocol::All => 0,
            Protocol::Tcp | Protocol::Udp => match (from, to) {
                (0, u16::MAX) => 0,
                _ if ADMINISTRATION.iter().any(|port| (from..=to).contains(port)) => 1,
                _ => 2,
            },
            Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => 2,
        }
    }

    /// The binary logarithm of the share of a family that it admits; of the family of which it admits more.
    fn width(&self) -> i64 {
        let share = |family| {
            let log = |count: u128| count.checked_ilog2().map(i64::from);
            Some(log(self.admits.of(family))? - log(everything(family))?)
        };
        FAMILIES.into_iter().filter_map(share).max().unwrap_or(i64::MIN)
    }

    fn is_in(&self, family: Family) -> bool {
        self.admits.of(family) > 0
    }
}

/// Where the interfaces decide, and so are known: those of caches. Of a group they only inform.
fn reach(finding: &Finding, reaches: &Reaches) -> u8 {
    if finding.check != Check::OpenCache {
        return 0;
    }
    rank(reaches.behind(finding).as_ref())
}

fn rank(reach: Option<&Reach>) -> u8 {
    match reach {
        Some(Reach::Public { .. }) => 0,
        Some(Reach::LoadBalanced { .. }) => 1,
        Some(Reach::Private(_) | Reach::Blocked { .. } | Reach::Unknown(_)) => 2,
        Some(Reach::Nothing) | None => 3,
    }
}

/// The rules in the order in which they are revoked.
pub(super) fn most_harmful_first<'a>(rules: &[Rule<'a>]) -> Vec<Rule<'a>> {
    let crowds = PortCounts::of(rules);
    let mut order: Vec<_> = rules.iter().map(|rule| (Harm::of(rule, &crowds), *rule)).collect();
    order.sort_by(|(a, _), (b, _)| a.cmp(b));
    order.into_iter().map(|(_, rule)| rule).collect()
}

/// The order in which the sweep revokes older rules: their reach is known, so it is the first part; of rules that are alike,
/// the one that was reported first. `rule` gives the group, the rule and what stands behind the group.
pub(crate) fn oldest_and_most_harmful_first<T>(
    all: &[T],
    rule: impl for<'a> Fn(&'a T) -> (&'a str, &'a IngressRule, Option<&'a Reach>),
    told: impl Fn(&T) -> i64,
) -> Vec<&T> {
    let rules: Vec<Rule<'_>> = all
        .iter()
        .map(|one| {
            let (group, rule, reach) = rule(one);
            let net: Option<ipnet::IpNet> = match rule.source {
                Source::Ipv4(net) => Some(net.into()),
                Source::Ipv6(net) => Some(net.into()),
                Source::Group(_) | Source::PrefixList(_) | Source::Unreadable(_) => None,
            };
            Rule { group, rule, admits: Sources::new(net).count(), reach: rank(reach) }
        })
        .collect();
    let crowds = PortCounts::of(&rules);
    let mut order: Vec<_> = all
        .iter()
        .zip(&rules)
        .map(|(one, rule)| {
            let Harm { traffic, width, company, ports, reach, shape, group } =
                Harm::of(rule, &crowds);
            ((reach, traffic, width, company, ports, told(one), shape, group), one)
        })
        .collect();
    order.sort_by(|(a, _), (b, _)| a.cmp(b));
    order.into_iter().map(|(_, one)| one).collect()
}

/// For each group, family and protocol: the ports at which the number of rules changes, with that number from there on.
struct PortCounts<'a>(BTreeMap<Crowd<'a>, Vec<(u16, usize)>>);

/// The id of a group, whether it is of IPv6, and a protocol.
type Crowd<'a> = (&'a str, bool, &'a Protocol);

impl<'a> PortCounts<'a> {
    fn of(rules: &[Rule<'a>]) -> Self {
        let mut edges: BTreeMap<_, BTreeMap<u32, (usize, usize)>> = BTreeMap::new();
        for rule in rules {
            let (from, to) = rule.rule.ports();
            for family in FAMILIES.into_iter().filter(|family| rule.is_in(*family)) {
                let of = (rule.group, family == Family::V6, &rule.rule.protocol);
                let edges = edges.entry(of).or_default();
                edges.entry(from.into()).or_default().0 += 1;
                edges.entry(u32::from(to) + 1).or_default().1 += 1;
            }
        }
        let steps = |edges: BTreeMap<u32, (usize, usize)>| {
            let mut number = 0_usize;
            let steps = edges.into_iter().filter_map(|(port, (begin, end))| {
                number = (number + begin).saturating_sub(end);
                Some((u16::try_from(port).ok()?, number))
            });
            steps.collect()
        };
        Self(edges.into_iter().map(|(of, edges)| (of, steps(edges))).collect())
    }

    /// The fewest rules of its group, protocol and family that cover one port of it: so many revokes close a whole port.
    fn company(&self, rule: &Rule<'a>) -> usize {
        let (from, to) = rule.rule.ports();
        let fewest = |family: Family| {
            let steps = self.0.get(&(rule.group, family == Family::V6, &rule.rule.protocol))?;
            let begin = steps.partition_point(|(port, _)| *port <= from).saturating_sub(1);
            let within = steps.iter().skip(begin).take_while(|(port, _)| *port <= to);
            within.map(|(_, number)| *number).min()
        };
        let families = FAMILIES.into_iter().filter(|family| rule.is_in(*family));
        families.filter_map(fewest).min().unwrap_or_default()
    }
}
