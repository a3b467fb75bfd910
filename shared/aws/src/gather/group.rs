//! A security group: its rules, the prefix lists that they name, and what carries it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkInterface, PrefixListEntry, SecurityGroupRule};
use futures_util::future::{join, join_all};
use ipnet::IpNet;
use portcullis_engine::case::Shown;
use portcullis_engine::facts::{
    GroupDetails, GroupFacts, Holder, IngressRule, Interface, Interfaces, PrefixList, Protocol,
    Signs, Source, Tag, cluster_of,
};

use crate::error::{Failed, code, why};

/// The rules of a group with their prefix lists, as they are now.
pub async fn rules(ec2: &Client, id: &str) -> Result<GroupFacts> {
    let mut facts = read(ec2, id).await?;
    lists(ec2, &mut facts).await;
    Ok(facts)
}

/// Name, VPC and tags, and the interfaces.
pub async fn around(ec2: &Client, facts: &mut GroupFacts) {
    let (details, interfaces) = join(details(ec2, &facts.id), interfaces(ec2, &facts.id)).await;
    facts.details = details.ok();
    facts.interfaces = interfaces;
}

/// EC2 finds a group by name in the default VPC only (API reference, DescribeSecurityGroups).
pub(super) async fn by_name(ec2: &Client, name: &str) -> Result<Option<String>> {
    match ec2.describe_security_groups().group_names(name).send().await {
        Ok(found) => {
            Ok(found.security_groups().iter().find_map(|group| group.group_id().map(str::to_owned)))
        }
        Err(error) if code(&error) == Some("InvalidGroup.NotFound") => Ok(None),
        Err(error) => Err(error)
            .with_context(|| format!("looking for security group `{name}` of the default VPC")),
    }
}

/// Every rule of the group. A group that is gone has none: that is no error.
pub(crate) async fn read(ec2: &Client, id: &str) -> Result<GroupFacts> {
    let shown = described_rules(ec2, id).await;
    let mut found = Shown::default();
    for rule in shown.with_context(|| format!("reading the rules of {id}"))? {
        add_rule(&mut found, rule);
    }
    let Shown { owner, rules, egress } = found;
    Ok(GroupFacts { id: id.to_owned(), owner, rules, egress, ..GroupFacts::default() })
}

/// Adds a rule of a group to what is shown of it.
pub(super) fn add_rule(shown: &mut Shown, rule: SecurityGroupRule) {
    if shown.owner.is_none() {
        shown.owner = rule.group_owner_id.clone();
    }
    match rule.is_egress() {
        Some(true) => shown.egress.extend(rule.security_group_rule_id),
        Some(false) | None => shown.rules.push(ingress_rule(rule)),
    }
}

/// The rules of the group as EC2 shows them.
///
/// # Errors
///
/// If EC2 does not answer. A group that is gone has no rules.
pub async fn described_rules(ec2: &Client, id: &str) -> Result<Vec<SecurityGroupRule>, Failed> {
    let of_group = Filter::builder().name("group-id").values(id).build();
    let request = ec2.describe_security_group_rules().filters(of_group).max_results(1000);
    let mut pages = request.into_paginator().items().send();
    let mut rules = Vec::new();
    while let Some(rule) = pages.next().await {
        match rule {
            Ok(rule) => rules.push(rule),
            Err(error) if code(&error) == Some("InvalidGroup.NotFound") => break,
            Err(error) => return Err(Failed::of("DescribeSecurityGroupRules", &error)),
        }
    }
    Ok(rules)
}

/// An ingress rule as EC2 shows it.
pub fn ingress_rule(rule: SecurityGroupRule) -> IngressRule {
    let group = rule.referenced_group_info.and_then(|group| group.group_id);
    let cidr = rule.cidr_ipv4.or(rule.cidr_ipv6);
    let source = match (cidr, rule.prefix_list_id, group) {
        (Some(cidr), _, _) => Source::cidr(&cidr).unwrap_or(Source::Unreadable(cidr)),
        (None, Some(list), _) => Source::PrefixList(list),
        (None, None, Some(group)) => Source::Group(group),
        (None, None, None) => {
            Source::Unreadable("a kind of source that this version does not know".to_owned())
        }
    };
    let tags = rule.tags.unwrap_or_default();
    IngressRule {
        id: rule.security_group_rule_id.unwrap_or_default(),
        protocol: Protocol::parse(rule.ip_protocol.as_deref().unwrap_or("-1")),
        from_port: rule.from_port.unwrap_or(-1),
        to_port: rule.to_port.unwrap_or(-1),
        source,
        description: rule.description.filter(|text| !text.is_empty()),
        tags: tags.into_iter().map(tag).collect(),
    }
}

/// A tag as EC2 shows it.
pub fn tag(tag: aws_sdk_ec2::types::Tag) -> Tag {
    Tag { key: tag.key.unwrap_or_default(), value: tag.value.unwrap_or_default() }
}

/// Reads the prefix lists that the rules name. One that cannot be read is `Unknown`: a list that
/// is no longer shared goes on admitting addresses, though nobody here can see which.
async fn lists(ec2: &Client, facts: &mut GroupFacts) {
    let named: BTreeSet<String> = facts
        .rules
        .iter()
        .filter_map(|rule| match &rule.source {
            Source::PrefixList(id) => Some(id.clone()),
            Source::Ipv4(_) | Source::Ipv6(_) | Source::Group(_) | Source::Unreadable(_) => None,
        })
        .collect();
    let lists = named.into_iter().map(|id| async {
        let list = entries(ec2, &id).await.map_or_else(PrefixList::Unknown, PrefixList::Entries);
        (id, list)
    });
    facts.prefix_lists = join_all(lists).await.into_iter().collect();
}

pub(super) async fn entries(ec2: &Client, id: &str) -> Result<Vec<IpNet>, String> {
    nets(described_entries(ec2, id).await.map_err(|failed| failed.to_string())?)
}

/// The networks of a prefix list as EC2 shows its entries.
///
/// # Errors
///
/// If one of them is no network: which.
pub fn nets(entries: Vec<PrefixListEntry>) -> Result<Vec<IpNet>, String> {
    let entries = entries.into_iter().map(|entry| {
        let cidr = entry.cidr.unwrap_or_default();
        cidr.parse().map_err(|_| format!("entry `{}` is not a CIDR", cidr.escape_default()))
    });
    entries.collect()
}

/// The entries of a prefix list as EC2 shows them.
///
/// # Errors
///
/// If EC2 does not answer.
pub async fn described_entries(ec2: &Client, id: &str) -> Result<Vec<PrefixListEntry>, Failed> {
    let request = ec2.get_managed_prefix_list_entries().prefix_list_id(id).max_results(100);
    let entries: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    entries.map_err(|error| Failed::of("GetManagedPrefixListEntries", &error))
}

/// Only for people to read: without it, the alert goes out all the same.
pub(super) async fn details(ec2: &Client, id: &str) -> Result<GroupDetails, String> {
    let found = ec2.describe_security_groups().group_ids(id).send().await.map_err(|error| {
        let why = why("DescribeSecurityGroups", &error);
        tracing::warn!(group = id, "{why}");
        why
    })?;
    let group = found
        .security_groups
        .unwrap_or_default()
        .pop()
        .ok_or_else(|| format!("{id} is not shown"))?;
    Ok(GroupDetails {
        name: group.group_name.unwrap_or_default(),
        vpc: group.vpc_id,
        tags: group.tags.unwrap_or_default().into_iter().map(tag).collect(),
    })
}

/// Managed interfaces are hidden from those who do not ask for them (API reference,
/// `IncludeManagedResources`).
pub(super) async fn interfaces(ec2: &Client, id: &str) -> Interfaces {
    let of_group = Filter::builder().name("group-id").values(id).build();
    let request =
        ec2.describe_network_interfaces().filters(of_group).include_managed_resources(true);
    let mut pages = request.max_results(1000).into_paginator().items().send();
    let mut interfaces = Vec::new();
    while let Some(next) = pages.next().await {
        match next {
            Ok(found) => interfaces.push(interface(found)),
            Err(error) => return Interfaces::Unknown(why("DescribeNetworkInterfaces", &error)),
        }
    }
    Interfaces::Read(interfaces)
}

/// A network interface as EC2 shows it.
pub fn interface(found: NetworkInterface) -> Interface {
    let mut public = BTreeSet::new();
    // Then the Internet Gateway drops whatever comes for it (API reference, NetworkInterface).
    if found.deny_all_igw_traffic() != Some(true) {
        let of_interface = found.association().and_then(|a| a.public_ip());
        let of_addresses =
            found.private_ip_addresses().iter().filter_map(|a| a.association()?.public_ip());
        let v6 = found.ipv6_addresses().iter().filter_map(|a| a.ipv6_address());
        public.extend(of_interface.into_iter().chain(of_addresses).chain(v6).map(str::to_owned));
    }
    let holder = Holder::of(Signs {
        kind: found.interface_type().map_or("interface", |kind| kind.as_str()),
        requester: found.requester_id(),
        managed: found.requester_managed() == Some(true),
        instance: found.attachment().and_then(|attachment| attachment.instance_id()),
        description: found.description().unwrap_or_default(),
    });
    let groups = found.groups().iter().filter_map(|carried| carried.group_id());
    Interface {
        groups: groups.map(str::to_owned).collect(),
        holder,
        of_cache: found.requester_id() == Some("amazon-elasticache"),
        cluster: cluster_of(found.requester_id(), found.description().unwrap_or_default()),
        kind: found.interface_type().map_or("interface", |kind| kind.as_str()).to_owned(),
        id: found.network_interface_id.unwrap_or_default(),
        vpc: found.vpc_id,
        subnet: found.subnet_id,
        public: public.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
