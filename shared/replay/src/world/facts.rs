//! What a case is told when it asks: from the history, and as of today where that was wished for.

use std::io;

use portcullis_engine::case::{CacheShown, Fact, Read, Shown};
use portcullis_engine::facts::{
    AddressSpace, CacheFacts, CacheGroups, CacheKind, CacheNetwork, Connection, Engine,
    EngineVersion, IngressRule, Interfaces, ListUse, PendingChange, PrefixList, Subnets,
};

use super::{Look, World};
use crate::history::Place;

const UNTOLD_HERE: &str = "the history does not tell it";

impl World<'_> {
    pub(super) fn read(&self, look: &Look<'_>, read: &Read) -> Fact {
        let untold = || UNTOLD_HERE.to_owned();
        let told = |error: io::Error| error.to_string();
        let place = &look.place;
        if let Some(fact) = self.as_of_today(look, read) {
            return fact;
        }
        match read {
            Read::GroupNamed(name) => Fact::GroupNamed(Ok(Some(look.history.named(place, name)))),
            Read::Rules(id) => Fact::Rules(id.clone(), Ok(self.shown(look, id))),
            Read::List(id) => Fact::List(id.clone(), PrefixList::Unknown(untold())),
            // No record tells them, so no such call is decided.
            Read::Versions(id, _) => Fact::Versions(id.clone(), Err(untold())),
            Read::Naming(id) => Fact::Naming(id.clone(), Err(untold())),
            Read::RulesOf(ids) => Fact::RulesOf(ids.clone(), Err(untold())),
            Read::Uses(id) => Fact::Uses(id.clone(), ListUse::Unknown(untold())),
            Read::Details(id) => {
                let group = look.history.group(&place.group(id));
                let details = group.and_then(|group| group.known_details());
                Fact::Details(id.clone(), details.ok_or_else(untold))
            }
            Read::Interfaces(id) => Fact::Interfaces(id.clone(), Interfaces::Unknown(untold())),
            Read::PublicAccess => Fact::PublicAccess(Err(untold())),
            Read::Vpcs(_) => Fact::Vpcs(Err(untold())),
            Read::Space(id) => Fact::Space(id.clone(), AddressSpace::Unknown(untold())),
            Read::Cache(kind, id) => Fact::Cache(Ok(self.cache(place, *kind, id).map(Box::new))),
            Read::Subnets(_) => Fact::Subnets(None, Subnets::Unknown(untold())),
            Read::Ledger(wanted) => {
                Fact::Ledger(wanted.clone(), self.ledger.read(place, wanted).map_err(told))
            }
            Read::Servers(id) => Fact::Servers(id.clone(), Err(untold())),
            Read::OpenOf(groups) => Fact::OpenOf(self.ledger.open_of(place, groups).map_err(told)),
            Read::Revisit { subject, event } => {
                let record = self.ledger.record(place, subject, event).map_err(told);
                Fact::Revisit(record.map(|record| record.map(Box::new)))
            }
        }
    }

    /// What the history never tells, and today does.
    fn as_of_today(&self, look: &Look<'_>, read: &Read) -> Option<Fact> {
        let what = match read {
            Read::List(_) => "prefix lists",
            Read::Interfaces(_) => "network interfaces",
            Read::PublicAccess => "VPC block public access",
            Read::Vpcs(_) | Read::Space(_) => "VPCs",
            Read::Details(_) => "names and tags",
            Read::GroupNamed(_)
            | Read::Rules(_)
            | Read::Versions(..)
            | Read::Naming(_)
            | Read::RulesOf(_)
            | Read::Uses(_)
            | Read::Cache(..)
            | Read::Subnets(_)
            | Read::Ledger(_)
            | Read::OpenOf(_)
            | Read::Revisit { .. }
            | Read::Servers(_) => return None,
        };
        let mut fact = match read {
            Read::Details(id) if self.is_whole(look, id) => return None,
            _ => self.today?.fact(&look.place, read)?,
        };
        if let Fact::Details(id, Ok(details)) = &mut fact {
            // What the history tells of its tags was so then.
            let told = look.history.group(&look.place.group(id)).map(|group| &group.details.tags);
            for tag in told.into_iter().flatten() {
                details.tags.retain(|known| known.key != tag.key);
                details.tags.push(tag.clone());
            }
        }
        look.used.borrow_mut().insert(what);
        Some(fact)
    }

    /// Whether the history tells all of a group.
    pub(super) fn is_whole(&self, look: &Look<'_>, id: &str) -> bool {
        look.history.group(&look.place.group(id)).is_some_and(|group| group.is_whole)
    }

    /// Rules from before the history.
    pub(super) fn older(&self, look: &Look<'_>, id: &str) -> Option<Vec<IngressRule>> {
        let today = self.today.filter(|_| !self.is_whole(look, id));
        today.and_then(|today| today.older(&look.place, id))
    }

    fn shown(&self, look: &Look<'_>, id: &str) -> Shown {
        let at = look.place.group(id);
        let is_open = |rule: &str| {
            self.closed.get(&(at.clone(), rule.to_owned())).is_none_or(|closed| look.now < *closed)
        };
        let Some(group) = look.history.group(&at) else { return Shown::default() };
        let mut rules: Vec<IngressRule> =
            group.rules.iter().filter(|rule| is_open(&rule.id)).cloned().collect();
        let older = self.older(look, id).unwrap_or_default();
        if !older.is_empty() {
            look.used.borrow_mut().insert("older rules");
        }
        rules.extend(older);
        Shown { owner: Some(look.place.account.to_string()), rules, egress: group.egress.clone() }
    }

    /// As Describe would show it once it is available, as far as the request tells.
    fn cache(&self, place: &Place, kind: CacheKind, id: &str) -> Option<CacheShown> {
        let (lead, asked) = self.caches.get(&(place.clone(), id.to_owned()))?;
        let is_serverless = kind == CacheKind::ServerlessCache;
        let connection = match asked.connection.as_deref() {
            None | Some("vpc") => Connection::Vpc,
            Some("public") => Connection::Public,
            Some(other) => Connection::Unknown(format!("its connection type is `{other}`")),
        };
        let untold = || UNTOLD_HERE.to_owned();
        let subnets = if is_serverless { Subnets::default() } else { Subnets::Unknown(untold()) };
        let groups = match &connection {
            Connection::Public => CacheGroups::Read(Vec::new()),
            Connection::Vpc | Connection::Unknown(_) => CacheGroups::Unknown(untold()),
        };
        let facts = CacheFacts {
            kind,
            id: id.to_owned(),
            arn: None,
            engine: lead.engine.as_deref().map(Engine::parse),
            version: asked.version.as_deref().map(EngineVersion::new),
            status: "available".to_owned(),
            member_of: None,
            ports: Vec::new(),
            transit_encryption: if is_serverless { Some(true) } else { asked.transit_encryption },
            plaintext_too: asked.plaintext_too,
            authentication: if connection == Connection::Public {
                Some(true)
            } else {
                asked.authentication
            },
            pending: PendingChange::default(),
            members: Vec::new(),
            groups,
            network: CacheNetwork { connection, subnets, ..CacheNetwork::default() },
        };
        Some(CacheShown { facts, groups: lead.security_groups.clone() })
    }
}
