//! What a case knows: nothing, or what was read, or why it could not be read.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{CacheShown, Fact, Read, Shown};
use crate::event::{CacheLead, GroupLead};
use crate::facts::{
    AddressSpace, BlockMode, BlockPublicAccess, CacheFacts, CacheGroups, CacheKind, GroupDetails,
    GroupFacts, Interface, Interfaces, ListUse, ListVersions, PrefixList, PublicAccess,
    PublicSetting, Source, Subnets, Vpc,
};
use crate::ledger::{Entry, Memory, Revisit, Wanted, completed, named};
use crate::servers::{Behind, MOST_INSTANCES, Server};

/// Something that is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Part<T> {
    /// It was not read.
    #[default]
    Unread,
    /// It could not be read: why.
    Failed(String),
    /// It was read.
    Read(T),
}

impl<T> Part<T> {
    fn of(read: Result<T, String>) -> Self {
        read.map_or_else(Self::Failed, Self::Read)
    }

    pub(super) fn is_unread(&self) -> bool {
        matches!(self, Self::Unread)
    }

    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Read(read) => Some(read),
            Self::Unread | Self::Failed(_) => None,
        }
    }
}

/// How many other groups of the interfaces of a group are looked at.
const BESIDE: usize = 20;

/// What a case knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The id of the group that the event has by name.
    pub(super) group: Part<Option<String>>,
    pub(super) groups: BTreeMap<String, Parts>,
    pub(super) lists: BTreeMap<String, PrefixList>,
    pub(super) list: Part<Option<Box<ListVersions>>>,
    /// The groups that name the list.
    pub(super) naming: Part<Vec<String>>,
    /// What uses the list.
    pub(super) used: ListUse,
    pub(super) cache: Part<Option<Box<CacheShown>>>,
    pub(super) subnets: Part<(Option<String>, Subnets)>,
    public_access: Part<PublicSetting>,
    vpcs: Part<Vec<Vpc>>,
    pub(super) ledger: Part<Memory>,
    pub(super) revisit: Part<Option<Box<Revisit>>>,
    /// What was read of the ledger.
    asked: Wanted,
    /// What is still open.
    pub(super) open: Part<Vec<Entry>>,
    /// What the servers on instances behind the rule say.
    servers: BTreeMap<String, Result<Vec<Server>, String>>,
    /// What informs and was begun.
    begun: BTreeSet<Read>,
    /// There is no ledger to ask.
    no_ledger: bool,
}

/// What is known of a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) rules: Part<Shown>,
    details: Part<GroupDetails>,
    interfaces: Interfaces,
    space: AddressSpace,
}

impl Known {
    /// Nothing, and the ledger is not asked.
    pub(super) fn without_ledger() -> Self {
        Self { no_ledger: true, ..Self::default() }
    }

    /// Notes what was read.
    pub(super) fn note(&mut self, fact: Fact) {
        match fact {
            Fact::GroupNamed(read) => self.group = Part::of(read),
            Fact::Rules(id, read) => self.of(id).rules = Part::of(read),
            Fact::List(id, list) => {
                self.lists.insert(id, list);
            }
            Fact::Versions(id, read) => {
                if let Ok(Some(shown)) = &read {
                    let nets = shown.now.iter().map(|entry| entry.cidr).collect();
                    self.lists.insert(id, PrefixList::Entries(nets));
                }
                self.list = Part::of(read);
            }
            Fact::Naming(_, read) => {
                self.naming = Part::of(read.map(|groups| {
                    let named = |(id, details): (String, GroupDetails)| {
                        self.of(id.clone()).details = Part::Read(details);
                        id
                    };
                    groups.into_iter().map(named).collect()
                }));
            }
            Fact::RulesOf(ids, Ok(read)) => {
                let mut read: BTreeMap<String, Shown> = read.into_iter().collect();
                for id in ids {
                    // A group that is gone has none.
                    let shown = read.remove(&id).unwrap_or_default();
                    self.of(id).rules = Part::Read(shown);
                }
            }
            Fact::RulesOf(ids, Err(why)) => {
                for id in ids {
                    self.of(id).rules = Part::Failed(why.clone());
                }
            }
            Fact::Uses(_, read) => self.used = read,
            Fact::Details(id, read) => self.of(id).details = Part::of(read),
            Fact::Interfaces(id, read) => self.of(id).interfaces = read,
            Fact::PublicAccess(read) => self.public_access = Part::of(read),
            Fact::Vpcs(read) => self.vpcs = Part::of(read),
            Fact::Space(id, read) => self.of(id).space = read,
            Fact::Cache(read) => self.cache = Part::of(read),
            Fact::Subnets(vpc, subnets) => self.subnets = Part::Read((vpc, subnets)),
            Fact::Ledger(wanted, read) => {
                self.asked = std::mem::take(&mut self.asked).and(wanted);
                match (&mut self.ledger, read) {
                    (Part::Read(memory), Ok(later)) => memory.extend(later),
                    (ledger, read) => *ledger = Part::of(read),
                }
            }
            Fact::OpenOf(read) => self.open = Part::of(read),
            Fact::Revisit(read) => self.revisit = Part::of(read),
            Fact::Servers(instance, read) => {
                self.servers.insert(instance, read);
            }
        }
    }

    /// What of this is still to be read of the ledger.
    pub(super) fn lacks(&self, wanted: Wanted) -> Option<Read> {
        if self.no_ledger {
            return None;
        }
        let lacking = match &self.ledger {
            Part::Unread => self.asked.clone().and(wanted),
            Part::Failed(_) => return None,
            Part::Read(_) => wanted.without(&self.asked),
        };
        (!lacking.is_empty()).then_some(Read::Ledger(lacking))
    }

    /// Begins to read what is still open in these groups, unless that is begun.
    pub(super) fn begin_open(&mut self, groups: &[String]) -> Vec<Read> {
        let open = Read::OpenOf(groups.to_vec());
        (!self.no_ledger && !groups.is_empty() && self.begun.insert(open.clone()))
            .then_some(open)
            .into_iter()
            .collect()
    }

    /// What is open as far as is known: what was read by its key is newer.
    pub(super) fn still_open(&self) -> Vec<Entry> {
        let remembered = self.ledger.get().into_iter().flat_map(|memory| memory.entries.values());
        let open = self.open.get().into_iter().flatten();
        remembered.chain(open.filter(|entry| !self.is_asked(entry))).cloned().collect()
    }

    /// Whether the entry was read by its key.
    pub(super) fn is_asked(&self, entry: &Entry) -> bool {
        self.asked.takes(entry)
    }

    fn of(&mut self, id: String) -> &mut Parts {
        self.groups.entry(id).or_default()
    }

    /// Whether the rules of a group are still to be read.
    pub(super) fn lacks_rules(&self, id: &str) -> bool {
        self.groups.get(id).is_none_or(|parts| parts.rules.is_unread())
    }

    /// Forgets the rules of a group, so that they are read again.
    pub(super) fn forget_rules(&mut self, id: &str) {
        if let Some(parts) = self.groups.get_mut(id) {
            parts.rules = Part::Unread;
        }
    }

    /// The prefix lists that the rules of these groups name, and that were not read.
    pub(super) fn unread_lists(&self, ids: &[String]) -> Vec<Read> {
        let rules = ids.iter().filter_map(|id| self.groups.get(id)?.rules.get());
        let named: BTreeSet<&String> = rules
            .flat_map(|shown| &shown.rules)
            .filter_map(|rule| match &rule.source {
                Source::PrefixList(id) => Some(id),
                Source::Ipv4(_) | Source::Ipv6(_) | Source::Group(_) | Source::Unreadable(_) => {
                    None
                }
            })
            .filter(|id| !self.lists.contains_key(*id))
            .collect();
        named.into_iter().cloned().map(Read::List).collect()
    }

    /// What informs about these groups, and was not begun; it counts as begun now.
    pub(super) fn begin_around(&mut self, ids: &[String]) -> Vec<Read> {
        let unread = self.unread_around(ids);
        unread.into_iter().filter(|read| self.begun.insert(read.clone())).collect()
    }

    /// Begins to read prefix lists, unless they are begun or read.
    pub(super) fn begin_lists<'a>(&mut self, ids: impl Iterator<Item = &'a String>) -> Vec<Read> {
        let unread = ids.filter(|id| !self.lists.contains_key(*id)).cloned().map(Read::List);
        let unread: Vec<Read> = unread.collect();
        unread.into_iter().filter(|read| self.begun.insert(read.clone())).collect()
    }

    /// Begins to read the details of a group, unless they are begun.
    pub(super) fn begin_details(&mut self, id: &str) -> Vec<Read> {
        let details = Read::Details(id.to_owned());
        self.begun.insert(details.clone()).then_some(details).into_iter().collect()
    }

    /// Begins to read the interfaces of a group, unless they are known or begun.
    pub(super) fn begin_interfaces(&mut self, id: &str) -> Option<Read> {
        let interfaces = Read::Interfaces(id.to_owned());
        let is_unread = self.unread_around(&[id.to_owned()]).contains(&interfaces);
        (is_unread && self.begun.insert(interfaces.clone())).then_some(interfaces)
    }

    /// What informs about these groups, and was not read: names, interfaces, and whether the internet gets to those.
    pub(super) fn unread_around(&self, ids: &[String]) -> Vec<Read> {
        let mut reads = Vec::new();
        for id in ids {
            let parts = self.groups.get(id);
            if parts.is_none_or(|parts| parts.details.is_unread()) {
                reads.push(Read::Details(id.clone()));
            }
            if parts.is_none_or(|parts| parts.interfaces == Interfaces::NotRead) {
                reads.push(Read::Interfaces(id.clone()));
            }
        }
        if !ids.is_empty() && self.public_access.is_unread() {
            reads.push(Read::PublicAccess);
        }
        if reads.is_empty() && self.vpcs.is_unread() {
            reads.extend(self.public_vpcs().map(Read::Vpcs));
        }
        reads
    }

    /// The VPCs with a public address, if public access is blocked: it holds for VPCs of the account (API reference,
    /// VpcBlockPublicAccessOptions), and interfaces may lie in VPCs that others share. Whose they are is asked only
    /// where something is blocked and something has a public address.
    fn public_vpcs(&self) -> Option<Vec<String>> {
        let setting = self.public_access.get()?;
        if setting.mode == BlockMode::Off {
            return None;
        }
        let read = self.groups.values().filter_map(|parts| match &parts.interfaces {
            Interfaces::Read(interfaces) => Some(interfaces),
            Interfaces::NotRead | Interfaces::Unknown(_) => None,
        });
        let public = read.flatten().filter(|interface| !interface.public.is_empty());
        let vpcs: BTreeSet<String> = public.filter_map(|interface| interface.vpc.clone()).collect();
        (!vpcs.is_empty()).then(|| vpcs.into_iter().collect())
    }

    fn public_access(&self) -> PublicAccess {
        let setting = match &self.public_access {
            Part::Unread => return PublicAccess::default(),
            Part::Failed(why) => return PublicAccess::Unknown(why.clone()),
            Part::Read(setting) => setting,
        };
        let mut vpcs = Vec::new();
        match (&self.vpcs, self.public_vpcs()) {
            (_, None) | (Part::Unread, Some(_)) => {}
            (Part::Failed(why), Some(_)) => return PublicAccess::Unknown(why.clone()),
            (Part::Read(found), Some(_)) => {
                let own = found
                    .iter()
                    .filter(|vpc| vpc.owner.is_some())
                    .filter(|vpc| vpc.owner == setting.account);
                vpcs.extend(own.map(|vpc| vpc.id.clone()));
            }
        }
        let PublicSetting { mode, excluded, .. } = setting.clone();
        PublicAccess::Read(BlockPublicAccess { mode, excluded, vpcs })
    }

    /// The other groups of each interface that carries a group, each set once, and [`BESIDE`] groups at most.
    fn beside(&self, id: &str) -> BTreeSet<BTreeSet<&String>> {
        let Some(Interfaces::Read(interfaces)) = self.groups.get(id).map(|parts| &parts.interfaces)
        else {
            return BTreeSet::new();
        };
        let others: BTreeSet<&String> = interfaces
            .iter()
            .flat_map(|interface| &interface.groups)
            .filter(|other| *other != id)
            .collect();
        let looked_at: BTreeSet<&String> = others.into_iter().take(BESIDE).collect();
        let set = |interface: &Interface| -> BTreeSet<&String> {
            interface.groups.iter().filter_map(|id| looked_at.get(id).copied()).collect()
        };
        interfaces.iter().map(set).filter(|set| !set.is_empty()).collect()
    }

    /// What is to be read of these groups: their rules, the lists that they name, and what of them is snoozed.
    pub(super) fn reads_beside(&self, id: &str) -> Vec<Read> {
        let others: BTreeSet<String> = self.beside(id).into_iter().flatten().cloned().collect();
        if others.is_empty() {
            return Vec::new();
        }
        let ids: Vec<String> = others.iter().cloned().collect();
        let mut reads: Vec<Read> =
            ids.iter().filter(|id| self.lacks_rules(id)).cloned().map(Read::Rules).collect();
        reads.extend(self.unread_lists(&ids));
        reads.extend(self.lacks(Wanted { snoozes: others, ..Wanted::default() }));
        reads
    }

    /// The facts of a group whose rules were read, with those of its interfaces' other groups that were read.
    pub(super) fn group_facts(&self, id: &str) -> Option<GroupFacts> {
        let mut facts = self.group_alone(id)?;
        for set in self.beside(id) {
            // What is local for one group of an interface is for all of them.
            let space = |other| GroupFacts { space: facts.space.clone(), ..other };
            let others = set.iter().filter_map(|other| self.group_alone(other));
            let others: Vec<GroupFacts> = others.map(space).collect();
            if !others.is_empty() {
                facts.beside.push(others);
            }
        }
        Some(facts)
    }

    fn group_alone(&self, id: &str) -> Option<GroupFacts> {
        let parts = self.groups.get(id)?;
        let shown = parts.rules.get()?.clone();
        let is_named = |list: &String| {
            shown.rules.iter().any(|rule| rule.source == Source::PrefixList(list.clone()))
        };
        let lists = self.lists.iter().filter(|(list, _)| is_named(list));
        Some(GroupFacts {
            id: id.to_owned(),
            prefix_lists: lists.map(|(list, read)| (list.clone(), read.clone())).collect(),
            owner: shown.owner,
            rules: shown.rules,
            egress: shown.egress,
            details: parts.details.get().cloned(),
            interfaces: parts.interfaces.clone(),
            public_access: self.public_access(),
            space: parts.space.clone(),
            beside: Vec::new(),
        })
    }

    /// The facts of the cache and its groups, once it is shown.
    pub(super) fn cache_facts(&self, lead: &CacheLead) -> Option<CacheFacts> {
        let shown = self.cache.get()?.as_ref()?;
        let mut facts = shown.facts.clone();
        if lead.is_spoken_for(&facts) {
            return Some(facts);
        }
        let ids = shown.ids(lead);
        if !ids.is_empty() {
            let groups = ids.iter().filter_map(|id| self.group_facts(id));
            facts.groups = CacheGroups::Read(groups.collect());
        }
        if let Some((vpc, subnets)) = self.subnets.get() {
            facts.network.vpc.clone_from(vpc);
            facts.network.subnets = subnets.clone();
        }
        Some(facts)
    }

    /// Whether this instance said what runs there, or why nobody knows.
    pub(super) fn has_answered(&self, instance: &str) -> bool {
        self.servers.contains_key(instance)
    }

    /// What is known of the servers on these instances.
    pub(super) fn behind(&self, instances: Vec<String>) -> Vec<Behind> {
        let found = |(at, instance): (usize, String)| {
            let found = match self.servers.get(&instance) {
                Some(read) => read.clone(),
                None if at >= MOST_INSTANCES => Err(format!(
                    "{MOST_INSTANCES} instances are asked for one event, and not this one"
                )),
                None => Err("it did not answer within 10 seconds; if it does soon, a second message follows".to_owned()),
            };
            Behind { instance, found }
        };
        instances.into_iter().enumerate().map(found).collect()
    }

    /// The lead, with what is remembered of rules that the event names by their ids alone.
    pub(super) fn completed(&self, lead: &GroupLead, event: &str) -> GroupLead {
        let memory = self.ledger.get();
        memory.map_or_else(|| lead.clone(), |memory| completed(lead, memory, event))
    }

    /// The rules of the cache's groups that an earlier attempt at the event went to close: the event names none.
    pub(super) fn named(&self, event: &str) -> Vec<GroupLead> {
        self.ledger.get().map(|memory| named(memory, event)).unwrap_or_default()
    }
}

impl CacheShown {
    /// The groups of the cache: as ElastiCache shows them, or as the request named them. A call that changed the groups of
    /// a cache that was there named all that it has from then on; ElastiCache may show others for some minutes.
    pub(super) fn ids(&self, lead: &CacheLead) -> Vec<String> {
        if lead.is_spoken_for(&self.facts) {
            return Vec::new();
        }
        match lead.altered {
            Some(altered) if !altered.groups => Vec::new(),
            Some(_) => lead.security_groups.clone(),
            None if self.groups.is_empty() => lead.security_groups.clone(),
            None => self.groups.clone(),
        }
    }

    /// What is to be read of its subnets; `None` where ElastiCache shows none, or the call cannot have changed them.
    pub(super) fn subnets(&self, lead: &CacheLead) -> Option<Read> {
        let facts = &self.facts;
        let is_in_subnets = facts.kind != CacheKind::ServerlessCache && facts.member_of.is_none();
        let is_asked = is_in_subnets && lead.altered.is_none();
        facts.network.subnet_group.clone().filter(|_| is_asked).map(Read::Subnets)
    }
}
