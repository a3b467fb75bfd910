//! A document as what is read of an account: for whoever drives a case without one.

use super::{Document, FactsError};
use crate::case::{CacheShown, Fact, Read, Shown};
use crate::event::{Event, Lead};
use crate::facts::{
    CacheFacts, CacheGroups, GroupFacts, ListFacts, ListUse, PrefixList, PublicSetting, Subnets,
};
use crate::ledger::Memory;

/// What the document holds of an event.
#[derive(Debug, Clone)]
pub struct Answers {
    groups: Vec<GroupFacts>,
    list: Option<ListFacts>,
    cache: Option<CacheFacts>,
    memory: Memory,
}

impl Document {
    /// What the document holds of an event.
    ///
    /// # Errors
    ///
    /// As [`Document::group`] and [`Document::cache`].
    pub fn answers(&self, event: &Event) -> Result<Answers, FactsError> {
        let mut list = None;
        let (groups, cache) = match &event.lead {
            Lead::List(lead) => (list.insert(self.list(lead)?).groups.clone(), None),
            Lead::Group(lead) => {
                let group = self.group(lead)?;
                let beside: Vec<GroupFacts> = group.beside.iter().flatten().cloned().collect();
                (std::iter::once(group).chain(beside).collect(), None)
            }
            Lead::Cache(lead) => {
                let cache = self.cache(lead)?;
                let groups = match &cache.groups {
                    CacheGroups::Unknown(_) => Vec::new(),
                    CacheGroups::Read(groups) => groups.clone(),
                };
                (groups, Some(cache))
            }
            Lead::Unknown => (Vec::new(), None),
        };
        Ok(Answers { groups, list, cache, memory: self.memory() })
    }
}

impl From<GroupFacts> for Answers {
    fn from(group: GroupFacts) -> Self {
        Self { groups: vec![group], list: None, cache: None, memory: Memory::new() }
    }
}

impl Answers {
    /// What is read.
    pub fn answer(&self, read: &Read) -> Fact {
        let of = |id: &String| self.groups.iter().find(|group| group.id == *id);
        let none = || "it is not among the facts".to_owned();
        match read {
            Read::GroupNamed(_) => {
                Fact::GroupNamed(Ok(self.groups.first().map(|group| group.id.clone())))
            }
            Read::Rules(id) => Fact::Rules(id.clone(), of(id).map(shown).ok_or_else(none)),
            Read::List(id) => {
                let list = self.groups.iter().find_map(|group| group.prefix_lists.get(id).cloned());
                Fact::List(id.clone(), list.unwrap_or_else(|| PrefixList::Unknown(none())))
            }
            Read::Versions(id, _) => {
                let shown = self.list.as_ref().map(|list| Box::new(list.shown.clone()));
                Fact::Versions(id.clone(), Ok(shown))
            }
            Read::Naming(id) => {
                let named = |group: &GroupFacts| {
                    (group.id.clone(), group.details.clone().unwrap_or_default())
                };
                Fact::Naming(id.clone(), Ok(self.groups.iter().map(named).collect()))
            }
            Read::RulesOf(ids) => {
                let asked = self.groups.iter().filter(|group| ids.contains(&group.id));
                let shown = asked.map(|group| (group.id.clone(), shown(group)));
                Fact::RulesOf(ids.clone(), Ok(shown.collect()))
            }
            Read::Uses(id) => {
                let used = self.list.as_ref().map(|list| list.used.clone());
                Fact::Uses(id.clone(), used.unwrap_or_else(|| ListUse::Unknown(none())))
            }
            Read::Details(id) => {
                let details = of(id).and_then(|group| group.details.clone());
                Fact::Details(id.clone(), details.ok_or_else(none))
            }
            Read::Interfaces(id) => {
                let carried = of(id).map(|group| group.interfaces.clone());
                Fact::Interfaces(id.clone(), carried.unwrap_or_default())
            }
            Read::PublicAccess => Fact::PublicAccess(Ok(PublicSetting::default())),
            Read::Vpcs(_) => Fact::Vpcs(Ok(Vec::new())),
            Read::Space(id) => {
                let space = of(id).map(|group| group.space.clone());
                Fact::Space(id.clone(), space.unwrap_or_default())
            }
            Read::Cache(..) => Fact::Cache(Ok(self.cache.as_ref().map(|facts| {
                let groups = self.groups.iter().map(|group| group.id.clone()).collect();
                Box::new(CacheShown { facts: facts.clone(), groups })
            }))),
            Read::Subnets(_) => Fact::Subnets(None, Subnets::default()),
            Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Ok(wanted.of(&self.memory))),
            Read::OpenOf(_) => Fact::OpenOf(Ok(Vec::new())),
            Read::Servers(instance) => {
                Fact::Servers(instance.clone(), Err("it was not asked".to_owned()))
            }
            Read::Revisit { .. } => Fact::Revisit(Ok(None)),
        }
    }
}

fn shown(group: &GroupFacts) -> Shown {
    let (owner, rules, egress) = (group.owner.clone(), group.rules.clone(), group.egress.clone());
    Shown { owner, rules, egress }
}
