//! A prefix list of a document, with the groups that name it.

use ipnet::IpNet;

use super::group::{no_cidr, tags};
use super::{Document, FactsError, ManagedPrefixList, PrefixListEntry};
use crate::event::ListLead;
use crate::facts::{GroupFacts, ListEntry, ListFacts, ListUse, ListUser, ListVersions, Source};

impl Document {
    /// The prefix list that an event leads to.
    ///
    /// # Errors
    ///
    /// If the document has no such list, or lacks another one of a group that names it, or a text is no CIDR block.
    pub fn list(&self, lead: &ListLead) -> Result<ListFacts, FactsError> {
        let list = self.prefix_lists.iter().find(|list| list.prefix_list_id == lead.id);
        let needed = "which the event names";
        let list = list.ok_or_else(|| FactsError::missing("prefix list", &lead.id, needed))?;
        let names = Source::PrefixList(lead.id.clone());
        let groups = self.security_groups.iter().map(|group| self.group_facts(group));
        let groups: Vec<GroupFacts> = groups.collect::<Result<_, _>>()?;
        let user = |used: &super::PrefixListAssociation| ListUser {
            resource: used.resource_id.clone(),
            owner: used.resource_owner.clone(),
        };
        Ok(ListFacts {
            id: lead.id.clone(),
            shown: list.versions()?,
            groups: groups
                .into_iter()
                .filter(|group| group.rules.iter().any(|rule| rule.source == names))
                .collect(),
            used: ListUse::Read(list.prefix_list_associations.iter().map(user).collect()),
        })
    }
}

impl ManagedPrefixList {
    fn versions(&self) -> Result<ListVersions, FactsError> {
        let entry = |entry: &PrefixListEntry| {
            let cidr: Result<IpNet, _> = entry.cidr.parse();
            let cidr = cidr.map_err(|_| no_cidr(&self.prefix_list_id, &entry.cidr))?;
            Ok(ListEntry { cidr, description: entry.description.clone() })
        };
        let entries = |entries: &[PrefixListEntry]| entries.iter().map(entry).collect();
        let before: Result<Vec<ListEntry>, FactsError> = entries(&self.entries_before);
        Ok(ListVersions {
            name: self.prefix_list_name.clone(),
            owner: self.owner_id.clone(),
            state: self.state.clone(),
            version: self.version,
            tags: tags(&self.tags),
            synchronised: self.ipam_prefix_list_resolver_sync_enabled,
            now: entries(&self.entries)?,
            before: match &self.unreadable {
                None => Ok(before?),
                Some(why) => Err(why.clone()),
            },
        })
    }
}
