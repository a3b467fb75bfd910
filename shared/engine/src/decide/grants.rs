//! What the known networks get in place of the rules that are revoked.
//!
//! A grant is judged as the event of it will be: all grants touched at once, beside the rules that stay, and asked by nobody
//! in particular. What would be a fault is not granted, so no grant leads to another remediation.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::context::DecisionContext;
use super::decision::Decision;
use super::group::group_findings;
use crate::action::{Action, Grants, NoGrant, Remedy};
use crate::checks::GroupRule;
use crate::event::{Actor, Event};
use crate::facts::{GroupFacts, IngressRule, PrefixList, Protocol, Source};
use crate::finding::{Check, Evidence, Finding, rule_of};
use crate::ledger::Key;
use crate::net::Family;

/// A rule that is, or would be, revoked, with its grants.
struct Replaced {
    rule: IngressRule,
    is_replaceable: bool,
    grants: Grants,
}

/// Writes into each revoke of the decision what the known networks get before it; and into each that is not carried out what
/// they would get. `granted`: rules that were granted since the group was read.
pub fn grant(
    decision: &mut Decision,
    event: &Event,
    facts: &GroupFacts,
    granted: &[IngressRule],
    context: &DecisionContext<'_>,
) {
    if context.networks.is_empty() {
        return;
    }
    let mut stay: Vec<IngressRule> = facts.rules.iter().chain(granted).cloned().collect();
    let is_done = |remedy: &Remedy| matches!(remedy, Remedy::Do(_));
    let is_left = |remedy: &Remedy| matches!(remedy, Remedy::NotRemediated { .. });
    for counts in [is_done as fn(&Remedy) -> bool, is_left] {
        let mut replaced = replaced(decision, counts);
        stay.retain(|rule| !replaced.iter().any(|replaced| replaced.rule.id == rule.id));
        choose(&mut replaced, event, facts, &mut stay, context);
        for finding in decision.findings.iter_mut().filter(|finding| counts(&finding.remedy)) {
            if let Remedy::Do(action) | Remedy::NotRemediated { action, .. } = &mut finding.remedy
                && let Action::RevokeIngress { rule, grants, .. } = action
                && let Some(found) = replaced.iter().find(|replaced| replaced.rule.id == rule.id)
            {
                *grants = found.grants.clone();
            }
        }
    }
}

/// The rules that findings are about, each once.
fn replaced(decision: &Decision, counts: fn(&Remedy) -> bool) -> Vec<Replaced> {
    let mut all: Vec<Replaced> = Vec::new();
    for finding in decision.findings.iter().filter(|finding| counts(&finding.remedy)) {
        let Evidence::Rule { rule, .. } = &finding.evidence else { continue };
        let is_replaceable = finding.check == Check::OpenIngress && may_be_replaced(rule);
        if let Some(there) = all.iter_mut().find(|there| there.rule.id == rule.id) {
            there.is_replaceable &= is_replaceable;
            continue;
        }
        let finding = Key::of(finding, &decision.subject).id();
        let grants = Grants { finding, ..Grants::default() };
        all.push(Replaced { rule: rule.clone(), is_replaceable, grants });
    }
    all
}

/// Whether a rule is narrow enough in its ports that somebody may have meant their own networks: TCP, UDP and ICMP with
/// ports, without UDP 11211.
fn may_be_replaced(rule: &IngressRule) -> bool {
    let (from, to) = rule.ports();
    rule.protocol.has_ports()
        && rule.from_port >= 0
        && !(from <= 1 && to == u16::MAX)
        && !rule.covers(&Protocol::Udp, 11_211)
}

/// Chooses the grants, and adds them to the rules that stay.
fn choose(
    replaced: &mut [Replaced],
    event: &Event,
    facts: &GroupFacts,
    stay: &mut Vec<IngressRule>,
    context: &DecisionContext<'_>,
) {
    let mut refused: BTreeSet<(String, Source)> = BTreeSet::new();
    // Each round refuses one more, or is the last.
    loop {
        let mut with = stay.clone();
        for replaced in replaced.iter_mut() {
            replaced.grants.to.clear();
            replaced.grants.none.clear();
            for network in context.networks {
                let is_refused = refused.contains(&(replaced.rule.id.clone(), network.clone()));
                match none(replaced, network, is_refused, facts, &with, context) {
                    Some(why) => {
                        replaced.grants.none.insert(network.clone(), why);
                    }
                    None => {
                        let grant = replaced.grants.rule(&replaced.rule, network.clone());
                        let id = format!("grant {} {network}", replaced.rule.id);
                        with.push(IngressRule { id, ..grant });
                        replaced.grants.to.push(network.clone());
                    }
                }
            }
        }
        let faults = at_fault(with.clone(), stay.len(), event, facts, context);
        if faults.is_empty() {
            *stay = with;
            return;
        }
        for replaced in replaced.iter() {
            let id = &replaced.rule.id;
            let of = |network: &&Source| faults.contains(&format!("grant {id} {network}"));
            refused.extend(
                replaced.grants.to.iter().filter(of).map(|network| (id.clone(), network.clone())),
            );
        }
    }
}

/// Why a network gets nothing in place of a rule. `there`: the rules that stay, and the grants so far.
fn none(
    replaced: &Replaced,
    network: &Source,
    is_refused: bool,
    facts: &GroupFacts,
    there: &[IngressRule],
    context: &DecisionContext<'_>,
) -> Option<NoGrant> {
    if !replaced.is_replaceable {
        return Some(NoGrant::Kind);
    }
    let nets = match nets(network, facts, context) {
        Ok(nets) => nets,
        Err(why) => return Some(NoGrant::Unread(why)),
    };
    let own = self::nets(&replaced.rule.source, facts, context).unwrap_or_default();
    let meets = |net: &IpNet| own.iter().any(|own| family(*own) == family(*net));
    if !nets.iter().all(meets) {
        return Some(NoGrant::Family);
    }
    let covers = |rule: &&IngressRule| {
        covers_ports(rule, &replaced.rule)
            && (rule.source == *network
                || self::nets(&rule.source, facts, context).is_ok_and(|has| {
                    nets.iter().all(|net| has.iter().any(|wide| wide.contains(net)))
                }))
    };
    if let Some(rule) = there.iter().find(covers) {
        return Some(NoGrant::Covered(rule.id.clone()));
    }
    is_refused.then_some(NoGrant::Fault)
}

fn family(net: IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

/// The networks of a source; of a list, its entries. A group reference has none.
fn nets(
    source: &Source,
    facts: &GroupFacts,
    context: &DecisionContext<'_>,
) -> Result<Vec<IpNet>, String> {
    let list = match source {
        Source::Ipv4(net) => return Ok(vec![(*net).into()]),
        Source::Ipv6(net) => return Ok(vec![(*net).into()]),
        Source::Group(_) => return Err("it is a group".to_owned()),
        Source::Unreadable(what) => return Err(what.clone()),
        Source::PrefixList(list) => list,
    };
    match facts.prefix_lists.get(list).or_else(|| context.lists.get(list)) {
        Some(PrefixList::Entries(entries)) if entries.is_empty() => {
            Err("it has no entries".to_owned())
        }
        Some(PrefixList::Entries(entries)) => Ok(entries.clone()),
        Some(PrefixList::Unknown(why)) => Err(why.clone()),
        None => Err("they were not read in time".to_owned()),
    }
}

/// Whether a rule admits at all the ports of another.
fn covers_ports(rule: &IngressRule, other: &IngressRule) -> bool {
    let ((from, to), (first, last)) = (rule.ports(), other.ports());
    let codes = rule.icmp_code().is_none() || rule.icmp_code() == other.icmp_code();
    rule.protocol == Protocol::All
        || (rule.protocol == other.protocol && from <= first && last <= to && codes)
}

/// The ids of the grants that would be at fault: the rules from `from` on.
fn at_fault(
    rules: Vec<IngressRule>,
    from: usize,
    event: &Event,
    facts: &GroupFacts,
    context: &DecisionContext<'_>,
) -> BTreeSet<String> {
    if from == rules.len() {
        return BTreeSet::new();
    }
    // What an exception permits to one caller, it may not permit to Portcullis.
    let by_nobody = Event { name: None, actor: Actor::default(), ..event.clone() };
    let mut lists: BTreeMap<String, PrefixList> = facts.prefix_lists.clone();
    lists.extend(context.lists.iter().map(|(id, list)| (id.clone(), list.clone())));
    let then = GroupFacts { rules, prefix_lists: lists, ..facts.clone() };
    let mut inquiry = context.inquiry(&by_nobody, None);
    let judged: Vec<GroupRule<'_>> =
        then.rules.iter().enumerate().map(|(at, rule)| (rule, at >= from)).collect();
    let findings = group_findings(&then, &judged, &mut inquiry);
    let id = |finding: &Finding| rule_of(finding).map(|rule| rule.id.clone());
    findings.iter().filter_map(id).collect()
}
