//! What was read in full: what it does not show is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Key, shape};
use crate::action::REPLACES;
use crate::event::Altered;
use crate::facts::{
    CacheFacts, CacheGroups, GroupFacts, IngressRule, ListFacts, PendingChange, Subnets,
};
use crate::finding::Check;

/// What this invocation read completely, by subject: only of that it can say that something is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveState {
    /// The shapes of the rules of a group.
    rules: BTreeMap<String, BTreeSet<String>>,
    /// The rules that were granted in place of others.
    granted: Vec<IngressRule>,
    /// The networks of a prefix list, by its subject.
    lists: BTreeMap<String, BTreeSet<String>>,
    /// The checks whose facts were read, of a cache.
    settings: BTreeMap<String, BTreeSet<&'static str>>,
}

impl LiveState {
    /// What a read of a group shows.
    pub fn at_group(facts: &GroupFacts) -> Self {
        let rules = BTreeMap::from([rules(facts)]);
        Self { rules, granted: granted(facts).collect(), ..Self::default() }
    }

    /// What a read of a prefix list shows.
    pub fn at_list(facts: &ListFacts) -> Self {
        let nets = facts.shown.now.iter().map(|entry| entry.cidr.to_string());
        let lists = BTreeMap::from([(Key::list_subject(&facts.id), nets.collect())]);
        Self { lists, ..Self::default() }
    }

    /// What a read of a cache and its groups shows. The settings of a member are those of its replication group, so a
    /// member by itself shows none.
    ///
    /// A call that changed a cache says nothing of what it did not change, and what is pending is not gone.
    pub fn at_cache(facts: &CacheFacts, altered: Option<Altered>) -> Self {
        let of_groups = match facts.groups {
            CacheGroups::Read(_) => Some(Check::OpenCache),
            CacheGroups::Unknown(_) => None,
        };
        let mut settings = settings(facts, of_groups);
        if let Some(altered) = altered {
            let PendingChange { transit_encryption, authentication } = facts.pending;
            let mut looked = BTreeSet::new();
            looked.extend(altered.groups.then_some(Check::OpenCache));
            let transit = altered.transit && transit_encryption.is_none();
            looked.extend(transit.then_some(Check::PlaintextTransit));
            let authenticates = altered.authentication && authentication.is_none();
            looked.extend(authenticates.then_some(Check::NoAuth));
            let looked: BTreeSet<&str> = looked.into_iter().map(Check::as_str).collect();
            settings.values_mut().for_each(|checks| checks.retain(|check| looked.contains(check)));
        }
        let CacheGroups::Read(groups) = &facts.groups else {
            return Self { settings, ..Self::default() };
        };
        let granted = groups.iter().flat_map(granted).collect();
        Self { rules: groups.iter().map(rules).collect(), granted, settings, ..Self::default() }
    }

    /// The rules that were granted for a finding.
    pub(super) fn granted_for(&self, finding: &str) -> Vec<IngressRule> {
        self.granted.iter().filter(|rule| rule.is_granted_for(finding)).cloned().collect()
    }

    /// Adds a group that was read, by the shapes of its rules.
    pub(crate) fn add_group(&mut self, id: &str, shapes: BTreeSet<String>) {
        self.rules.insert(id.to_owned(), shapes);
    }

    /// Adds what is known of the settings of caches.
    pub(crate) fn add_settings(&mut self, of: &Self) {
        self.settings.extend(of.settings.clone());
    }

    pub(crate) fn has_rules(&self, group: &str) -> bool {
        self.rules.contains_key(group)
    }

    pub(crate) fn has_rule(&self, group: &str, shape: &str) -> bool {
        self.rules.get(group).is_some_and(|shapes| shapes.contains(shape))
    }

    /// Whether the facts of a check were read, of a cache.
    pub(crate) fn shows_settings(&self, cache: &str, check: &str) -> bool {
        self.settings.get(cache).is_some_and(|checks| checks.contains(check))
    }

    /// Whether the read shows that what the finding is about is gone.
    pub(super) fn shows_gone(&self, entry: &Entry) -> bool {
        let Key { subject, .. } = &entry.key;
        if let Some(record) = &entry.list {
            return self.lists.get(subject).is_some_and(|nets| !record.is_in(nets));
        }
        match &entry.rule {
            Some(record) => {
                let rules = self.rules.get(subject);
                rules.is_some_and(|rules| !rules.contains(&shape(&record.rule())))
            }
            None => {
                let checks = self.settings.get(subject);
                checks.is_some_and(|checks| checks.contains(entry.check.as_str()))
            }
        }
    }
}

fn granted(facts: &GroupFacts) -> impl Iterator<Item = IngressRule> + '_ {
    let is_granted = |rule: &&IngressRule| rule.tags.iter().any(|tag| tag.key == REPLACES);
    facts.rules.iter().filter(is_granted).cloned()
}

fn rules(facts: &GroupFacts) -> (String, BTreeSet<String>) {
    (facts.id.clone(), facts.rules.iter().map(shape).collect())
}

fn settings(facts: &CacheFacts, groups: Option<Check>) -> BTreeMap<String, BTreeSet<&'static str>> {
    if facts.member_of.is_some() {
        return BTreeMap::new();
    }
    let port = (!facts.ports.is_empty()).then_some(Check::DefaultPort);
    let transit = facts.transit_encryption.map(|_| Check::PlaintextTransit);
    let auth = facts.authentication.map(|_| Check::NoAuth);
    let subnets = matches!(facts.network.subnets, Subnets::Read(_)).then_some(Check::PublicSubnet);
    let checks = [port, transit, auth, subnets, groups].into_iter().flatten().map(Check::as_str);
    let subject = Key::cache_subject(facts.kind, &facts.id);
    BTreeMap::from([(subject, checks.collect())])
}
