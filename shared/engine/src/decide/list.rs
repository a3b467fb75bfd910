//! A decision about entries that a call added to a prefix list.
//!
//! Every group that names the list is decided as if its rules that do were touched: with the list as it is now, as it was
//! before, and with single entries. What is removed are the entries, at the list, so that its other entries stay.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::context::DecisionContext;
use super::decision::Decision;
use super::group::group;
use super::remember::remember;
use crate::action::{Action, Because, ListStays, Remedy, RemoveEntries};
use crate::arn::Arn;
use crate::event::{Event, GroupLead, GroupRef, Lead, ListLead, RuleLead, Touched};
use crate::facts::{GroupFacts, ListEntry, ListFacts, ListUse, ListedGroup, PrefixList, Source};
use crate::finding::{Check, Evidence, Finding, Subject, rule_of};
use crate::ledger::Why;
use crate::limits::Limits;
use crate::net::Sources;
use crate::severity::Reaches;

/// So many added entries are judged one by one in each group. Of more, all that are public are taken together.
const ONE_BY_ONE: usize = 100;

/// The entries that a call added and that may let the internet in.
pub fn added(facts: &ListFacts) -> Vec<ListEntry> {
    let is_public = |entry: &ListEntry| Sources::new([entry.cidr]).count().any();
    facts.shown.added().into_iter().filter(is_public).collect()
}

/// Decides about a prefix list that a call changed.
pub fn list(
    event: &Event,
    lead: &ListLead,
    facts: &ListFacts,
    context: &DecisionContext<'_>,
) -> Decision {
    let mut decision = Decision {
        mode: context.mode,
        subject: subject(event, facts),
        findings: Vec::new(),
        suppressed: Vec::new(),
        leased: Vec::new(),
        unseen: Vec::new(),
        spaces: BTreeSet::new(),
        notes: Vec::new(),
    };
    if lead.is_before(&facts.shown) {
        decision.notes.push(format!("version {} is {}", facts.shown.version, facts.shown.state));
        return decision;
    }
    let added = added(facts);
    if !added.is_empty() {
        let judge = Judge { event, list: &facts.id, context };
        let found = judge.found(facts, &added, &mut decision);
        decision.findings.extend(found);
    }
    decision.findings.extend(gone(event, facts, context));
    remember(&mut decision, event, &facts.groups, &Reaches::of(&facts.groups), context);
    decision
}

/// What an earlier attempt at the event removed and did not report. The event does not name the entries.
fn gone(event: &Event, facts: &ListFacts, context: &DecisionContext<'_>) -> Vec<Finding> {
    let nets = facts.shown.now.iter().map(|entry| entry.cidr.to_string()).collect();
    let went = context.memory.went_to_remove(&facts.id, event).into_iter();
    let gone = went.filter_map(|entry| {
        let record = entry.list.as_ref().filter(|record| !record.is_in(&nets))?;
        let removal = record.removal();
        let check = Check::ALL.into_iter().find(|check| check.as_str() == entry.check)?;
        Some(Finding {
            check,
            evidence: Evidence::Entries {
                list: facts.id.clone(),
                entries: removal.entries.clone(),
                groups: removal.groups.clone(),
            },
            remedy: Remedy::Gone(Action::RemoveEntries(removal)),
        })
    });
    gone.collect()
}

fn subject(event: &Event, facts: &ListFacts) -> Subject {
    let arn = Arn {
        partition: event.partition(),
        service: "ec2",
        region: &event.region,
        account: facts.shown.owner.as_deref().unwrap_or(&event.account),
        resource: &format!("prefix-list/{}", facts.id),
    };
    Subject { kind: "prefix-list", id: facts.id.clone(), arn: arn.to_string() }
}

struct Judge<'a> {
    event: &'a Event,
    list: &'a str,
    context: &'a DecisionContext<'a>,
}

impl Judge<'_> {
    /// What is found of a group, if the list had these entries. No limit holds here: the list is one remediation.
    fn decide(&self, facts: &GroupFacts, entries: Vec<IpNet>) -> Decision {
        let mut facts = facts.clone();
        facts.prefix_lists.insert(self.list.to_owned(), PrefixList::Entries(entries));
        let names = Source::PrefixList(self.list.to_owned());
        let named = facts.rules.iter().filter(|rule| rule.source == names);
        let lead = |id: &String| RuleLead { id: Some(id.clone()), shape: None, edit: false };
        let lead = GroupLead {
            group: GroupRef::Id(facts.id.clone()),
            touched: Touched::Rules(named.map(|rule| lead(&rule.id)).collect()),
        };
        let event = Event { lead: Lead::Group(lead.clone()), ..self.event.clone() };
        let limits = Limits { actions_per_event: usize::MAX, ..self.context.limits };
        group(&event, &lead, &facts, &DecisionContext { limits, ..*self.context })
    }

    fn found(
        &self,
        facts: &ListFacts,
        added: &[ListEntry],
        decision: &mut Decision,
    ) -> Option<Finding> {
        let nets = |entries: &[ListEntry]| -> Vec<IpNet> {
            entries.iter().map(|entry| entry.cidr).collect()
        };
        let before = facts.shown.before.as_deref().unwrap_or_default();
        let (before, now) = (nets(before), nets(&facts.shown.now));
        let is_new = |entry: &&ListEntry| {
            !Sources::new([entry.cidr]).is_inside(&Sources::new(before.iter().copied()))
        };
        let new: Vec<&ListEntry> = added.iter().filter(is_new).collect();
        let mut open = Vec::new();
        for group in &facts.groups {
            let with = self.decide(group, now.clone());
            decision.spaces.extend(with.spaces.iter().cloned());
            if with.is_clean() {
                decision.suppressed.extend(with.suppressed);
                continue;
            }
            let was_clean = self.decide(group, before.clone()).is_clean();
            open.push((group, with, was_clean));
        }
        if open.is_empty() {
            return None;
        }
        let mut bad: Vec<ListEntry> = Vec::new();
        for entry in new.iter().filter(|_| new.len() <= ONE_BY_ONE) {
            let mut groups = open.iter().map(|(group, ..)| self.decide(group, vec![entry.cidr]));
            if groups.any(|alone| !alone.is_clean()) {
                bad.push((*entry).clone());
            }
        }
        let rest: Vec<IpNet> =
            now.iter().filter(|net| bad.iter().all(|entry| entry.cidr != **net)).copied().collect();
        // No entry is enough by itself, but what is left of them is together with what was there.
        let is_left = |(group, _, was_clean): &(&GroupFacts, Decision, bool)| {
            *was_clean && !self.decide(group, rest.clone()).is_clean()
        };
        if open.iter().any(is_left) {
            bad = new.into_iter().cloned().collect();
        }
        if bad.is_empty() {
            return None;
        }
        // What was open before, and is not by these entries, is older.
        open.retain(|(group, _, was_clean)| {
            *was_clean || !self.decide(group, nets(&bad)).is_clean()
        });
        if open.is_empty() {
            return None;
        }
        bad.sort();
        Some(self.finding(facts, bad, &open))
    }

    fn finding(
        &self,
        facts: &ListFacts,
        entries: Vec<ListEntry>,
        open: &[(&GroupFacts, Decision, bool)],
    ) -> Finding {
        let findings = || open.iter().flat_map(|(_, with, _)| &with.findings);
        let is_open_ingress = findings().any(|finding| finding.check == Check::OpenIngress);
        let listed = |(group, with, _): &(&GroupFacts, Decision, bool)| {
            let rules: BTreeSet<String> =
                with.findings.iter().filter_map(rule_of).map(|rule| rule.id.clone()).collect();
            ListedGroup { id: group.id.clone(), rules: rules.into_iter().collect() }
        };
        let groups: Vec<ListedGroup> = open.iter().map(listed).collect();
        let action = Action::RemoveEntries(RemoveEntries {
            list: facts.id.clone(),
            version: facts.shown.version,
            entries: entries.clone(),
            groups: groups.clone(),
        });
        Finding {
            check: if is_open_ingress { Check::OpenIngress } else { Check::MemcachedUdp },
            remedy: self.remedy(facts, action, &groups, findings().map(|finding| &finding.remedy)),
            evidence: Evidence::Entries { list: facts.id.clone(), entries, groups },
        }
    }

    /// What a group's own decision does not know comes first, for it is looked at again; then what holds of the list; then
    /// what holds of its groups.
    fn remedy<'b>(
        &self,
        facts: &ListFacts,
        action: Action,
        groups: &[ListedGroup],
        of_groups: impl Iterator<Item = &'b Remedy> + Clone,
    ) -> Remedy {
        let with = |remedy: &Remedy| match remedy {
            Remedy::NotRemediated { because, .. } => {
                Some(Remedy::NotRemediated { action: action.clone(), because: because.clone() })
            }
            Remedy::Manual { because, .. } => {
                Some(Remedy::Manual { action: Some(action.clone()), because: because.clone() })
            }
            Remedy::Do(_) | Remedy::Pending(_) | Remedy::Gone(_) => None,
        };
        let mut unknown =
            of_groups.clone().filter(|remedy| Why::of(remedy, false) == Some(Why::Unknown));
        if let Some(remedy) = unknown.find_map(with) {
            return remedy;
        }
        if let Some(stays) = self.stays(facts, groups) {
            let because = Because::ListStays(stays);
            return Remedy::Manual { action: Some(action), because };
        }
        let holds_everywhere = |remedy: &&Remedy| {
            matches!(
                remedy,
                Remedy::NotRemediated { because: Because::Observe | Because::Audit, .. }
            )
        };
        let mut of_a_group = of_groups.clone().filter(|remedy| !holds_everywhere(remedy));
        if let Some(remedy) = of_a_group.find_map(with) {
            return remedy;
        }
        if !self.context.enforces_lists {
            let because = Because::ListStays(ListStays::OnlyReported);
            return Remedy::Manual { action: Some(action), because };
        }
        let mut everywhere = of_groups;
        everywhere.find_map(with).unwrap_or(Remedy::Do(action))
    }

    fn stays(&self, facts: &ListFacts, groups: &[ListedGroup]) -> Option<ListStays> {
        let ListFacts { shown, used, .. } = facts;
        let ours = &self.event.account;
        if let Some(owner) = shown.owner.as_ref().filter(|owner| *owner != ours) {
            return Some(ListStays::OtherOwner(owner.clone()));
        }
        if shown.synchronised {
            return Some(ListStays::Synchronised);
        }
        if shown.is_protected() {
            return Some(ListStays::Protected);
        }
        if let Err(why) = &shown.before {
            return Some(ListStays::AddedUnknown(why.clone()));
        }
        let is_open = |id: &String| groups.iter().any(|group| group.id == *id);
        let needed: Vec<String> =
            facts.groups.iter().map(|group| &group.id).filter(|id| !is_open(id)).cloned().collect();
        if !needed.is_empty() {
            return Some(ListStays::NeededBy(needed));
        }
        match used {
            ListUse::Unknown(why) => return Some(ListStays::UseUnknown(why.clone())),
            ListUse::Read(users) => {
                let others = users.iter().filter(|user| user.owner != *ours);
                let others: Vec<String> =
                    others.map(|user| format!("{} of {}", user.resource, user.owner)).collect();
                if !others.is_empty() {
                    return Some(ListStays::UsedElsewhere(others));
                }
            }
            // It is read before anything is leased.
            ListUse::NotRead => {}
        }
        None
    }
}
