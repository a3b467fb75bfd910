//! A security group of a document.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{
    Document, FactsError, ManagedPrefixList, NetworkInterface, SecurityGroup, SecurityGroupRule,
    Vpc, WireTag,
};
use crate::event::{GroupLead, GroupRef};
use crate::facts::{
    AddressSpace, BlockPublicAccess, GroupDetails, GroupFacts, Holder, IngressRule, Interface,
    Interfaces, PrefixList, Protocol, PublicAccess, Signs, Source, Tag, cluster_of,
};

impl Document {
    /// The group that an event leads to.
    ///
    /// # Errors
    ///
    /// If the document has no such group, or lacks a prefix list of it, or a text of it is no CIDR block.
    pub fn group(&self, lead: &GroupLead) -> Result<GroupFacts, FactsError> {
        let (GroupRef::Id(named) | GroupRef::Name(named)) = &lead.group;
        let is_meant = |group: &&SecurityGroup| match &lead.group {
            GroupRef::Id(id) => group.group_id == *id,
            GroupRef::Name(name) => group.group_name == *name,
        };
        let group = self.security_groups.iter().find(is_meant);
        let needed = "which the event names";
        let group = group.ok_or_else(|| FactsError::missing("security group", named, needed))?;
        let mut facts = self.group_facts(group)?;
        facts.beside = self.beside(&facts)?;
        Ok(facts)
    }

    /// The other groups of the interfaces that carry a group, as far as the document has them.
    fn beside(&self, facts: &GroupFacts) -> Result<Vec<Vec<GroupFacts>>, FactsError> {
        let Interfaces::Read(interfaces) = &facts.interfaces else { return Ok(Vec::new()) };
        let sets: BTreeSet<&Vec<String>> = interfaces.iter().map(|one| &one.groups).collect();
        let mut beside = Vec::new();
        for set in sets {
            let is_other = |group: &&SecurityGroup| {
                group.group_id != facts.id && set.contains(&group.group_id)
            };
            let others = self.security_groups.iter().filter(is_other);
            let others: Vec<_> =
                others.map(|group| self.group_facts(group)).collect::<Result<_, _>>()?;
            beside.extend((!others.is_empty()).then_some(others));
        }
        Ok(beside)
    }

    pub(super) fn group_facts(&self, group: &SecurityGroup) -> Result<GroupFacts, FactsError> {
        let (egress, ingress): (Vec<_>, Vec<_>) =
            group.security_group_rules.iter().partition(|rule| rule.is_egress);
        let rules: Vec<_> =
            ingress.into_iter().map(SecurityGroupRule::facts).collect::<Result<_, _>>()?;
        let interfaces = self.network_interfaces.iter();
        let carriers = interfaces
            .filter(|i| i.groups.iter().any(|carried| carried.group_id == group.group_id));
        Ok(GroupFacts {
            id: group.group_id.clone(),
            owner: group.owner_id.clone(),
            prefix_lists: self.prefix_lists(&rules)?,
            rules,
            egress: egress.into_iter().map(|rule| rule.security_group_rule_id.clone()).collect(),
            details: Some(GroupDetails {
                name: group.group_name.clone(),
                vpc: group.vpc_id.clone(),
                tags: tags(&group.tags),
            }),
            interfaces: Interfaces::Read(carriers.map(NetworkInterface::facts).collect()),
            public_access: PublicAccess::Read(BlockPublicAccess::default()),
            space: self.space(group)?,
            beside: Vec::new(),
        })
    }

    fn space(&self, group: &SecurityGroup) -> Result<AddressSpace, FactsError> {
        let own = group.vpc_id.iter();
        let associated = self.security_group_vpc_associations.iter();
        let associated = associated.filter(|one| one.group_id == group.group_id);
        let mut further = BTreeMap::new();
        for id in own.chain(associated.map(|one| &one.vpc_id)) {
            match self.vpcs.iter().find(|vpc| vpc.vpc_id == *id) {
                Some(vpc) => further.insert(id.clone(), vpc.blocks()?),
                None => return Ok(AddressSpace::Unknown(format!("the facts have no VPC `{id}`"))),
            };
        }
        let own = group.vpc_id.as_ref().and_then(|id| further.remove(id));
        let unknown = || AddressSpace::Unknown("the facts name no VPC of the group".to_owned());
        Ok(own.map_or_else(unknown, |own| AddressSpace::Read { own, further }))
    }

    fn prefix_lists(
        &self,
        rules: &[IngressRule],
    ) -> Result<BTreeMap<String, PrefixList>, FactsError> {
        let mut lists = BTreeMap::new();
        for rule in rules {
            if let Source::PrefixList(id) = &rule.source {
                let list = self.prefix_lists.iter().find(|list| list.prefix_list_id == *id);
                let needed = "which a rule of the group names";
                let list = list.ok_or_else(|| FactsError::missing("prefix list", id, needed))?;
                lists.insert(id.clone(), list.facts()?);
            }
        }
        Ok(lists)
    }
}

impl Vpc {
    fn blocks(&self) -> Result<Vec<IpNet>, FactsError> {
        let blocks =
            self.cidr_block_association_set.iter().chain(&self.ipv6_cidr_block_association_set);
        let block = |text: &String| text.parse().map_err(|_| no_cidr(&self.vpc_id, text));
        blocks.map(|block_| block(&block_.cidr_block)).collect()
    }
}

impl SecurityGroupRule {
    fn facts(&self) -> Result<IngressRule, FactsError> {
        let cidr = self.cidr_ipv4.as_ref().or(self.cidr_ipv6.as_ref());
        let source = match (cidr, &self.prefix_list_id, &self.referenced_group_info) {
            (Some(cidr), _, _) => {
                Source::cidr(cidr).ok_or_else(|| no_cidr(&self.security_group_rule_id, cidr))?
            }
            (None, Some(list), _) => Source::PrefixList(list.clone()),
            (None, None, Some(group)) => Source::Group(group.group_id.clone()),
            (None, None, None) => Source::Unreadable("no source".to_owned()),
        };
        Ok(IngressRule {
            id: self.security_group_rule_id.clone(),
            protocol: Protocol::parse(&self.ip_protocol),
            from_port: self.from_port.unwrap_or(-1),
            to_port: self.to_port.unwrap_or(-1),
            source,
            description: self.description.clone(),
            tags: tags(&self.tags),
        })
    }
}

impl ManagedPrefixList {
    fn facts(&self) -> Result<PrefixList, FactsError> {
        if let Some(why) = &self.unreadable {
            return Ok(PrefixList::Unknown(why.clone()));
        }
        let entry = |text: &String| text.parse().map_err(|_| no_cidr(&self.prefix_list_id, text));
        let entries = self.entries.iter().map(|listed| entry(&listed.cidr));
        Ok(PrefixList::Entries(entries.collect::<Result<_, _>>()?))
    }
}

impl NetworkInterface {
    fn facts(&self) -> Interface {
        let v4 = self.association.iter().filter_map(|association| association.public_ip.clone());
        let v6 = self.ipv6_addresses.iter().map(|address| address.ipv6_address.clone());
        Interface {
            id: self.network_interface_id.clone(),
            public: v4.chain(v6).collect(),
            of_cache: self.requester_id.as_deref() == Some("amazon-elasticache"),
            cluster: cluster_of(self.requester_id.as_deref(), &self.description),
            kind: self.interface_type.clone(),
            holder: Holder::of(Signs {
                kind: &self.interface_type,
                requester: self.requester_id.as_deref(),
                managed: self.requester_managed,
                instance: self.attachment.as_ref().and_then(|a| a.instance_id.as_deref()),
                description: &self.description,
            }),
            vpc: self.vpc_id.clone(),
            subnet: self.subnet_id.clone(),
            groups: self.groups.iter().map(|carried| carried.group_id.clone()).collect(),
        }
    }
}

pub(super) fn no_cidr(of: &str, text: &str) -> FactsError {
    FactsError::NoCidr { of: of.to_owned(), text: text.to_owned() }
}

pub(super) fn tags(tags: &[WireTag]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}
