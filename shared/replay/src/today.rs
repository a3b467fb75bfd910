//! What the history does not tell, as it is today: for what is left unknown without it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use portcullis_engine::case::{Fact, Read, Shown};
use portcullis_engine::facts::{AddressSpace, GroupDetails, IngressRule, Interfaces, PrefixList};

use crate::history::Place;
use crate::store::hash;

/// Reads one thing of an account and a Region as it is; `None` where that cannot be asked.
pub type Reading = Box<dyn Fn(&Place, &Read) -> Option<Fact>>;

/// The account as it is today. Each thing is read once.
pub struct Today {
    read: Reading,
    /// Hashes of the ids of rules that the history names: others were there before it.
    named: HashSet<u64>,
    known: RefCell<HashMap<(Place, String), Option<Fact>>>,
}

impl fmt::Debug for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Today").finish_non_exhaustive()
    }
}

impl Today {
    /// Read by this, beside a history that names these rules ([`crate::sorted::Merged::named`]).
    pub fn new(read: Reading, named: HashSet<u64>) -> Self {
        Self { read, named, known: RefCell::default() }
    }

    /// A fact. What today tells of a group that is gone is nothing, not that nothing carries it.
    pub(crate) fn fact(&self, place: &Place, read: &Read) -> Option<Fact> {
        if let Read::Interfaces(id) | Read::Space(id) | Read::Rules(id) = read {
            self.details(place, id)?;
        }
        let key = (place.clone(), format!("{read:?}"));
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let fact = (self.read)(place, read).filter(is_known);
        self.known.borrow_mut().insert(key, fact.clone());
        fact
    }

    /// Name, VPC and tags of a group.
    pub(crate) fn details(&self, place: &Place, id: &str) -> Option<GroupDetails> {
        match self.fact(place, &Read::Details(id.to_owned()))? {
            Fact::Details(_, details) => details.ok(),
            _ => None,
        }
    }

    /// The rules of a group that were there before the history began: no record names them, and they are there today.
    pub(crate) fn older(&self, place: &Place, id: &str) -> Option<Vec<IngressRule>> {
        let Fact::Rules(_, Ok(Shown { mut rules, .. })) =
            self.fact(place, &Read::Rules(id.to_owned()))?
        else {
            return None;
        };
        rules.retain(|rule| !self.named.contains(&hash(rule.id.as_bytes())));
        Some(rules)
    }
}

fn is_known(fact: &Fact) -> bool {
    match fact {
        Fact::Rules(_, rules) => rules.is_ok(),
        Fact::Details(_, details) => details.is_ok(),
        Fact::PublicAccess(setting) => setting.is_ok(),
        Fact::Vpcs(vpcs) => vpcs.is_ok(),
        Fact::List(_, list) => !matches!(list, PrefixList::Unknown(_)),
        Fact::Interfaces(_, interfaces) => !matches!(interfaces, Interfaces::Unknown(_)),
        Fact::Space(_, space) => !matches!(space, AddressSpace::Unknown(_)),
        Fact::GroupNamed(_)
        | Fact::Versions(..)
        | Fact::Naming(..)
        | Fact::RulesOf(..)
        | Fact::Uses(..)
        | Fact::Cache(_)
        | Fact::Subnets(..)
        | Fact::Ledger(..)
        | Fact::OpenOf(_)
        | Fact::Revisit(_)
        | Fact::Servers(..) => false,
    }
}

#[cfg(test)]
mod tests;
