//! A prefix list: its versions, the groups that name it, and what else uses it.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ManagedPrefixList, PrefixListEntry};
use portcullis_engine::case::Shown;
use portcullis_engine::facts::{GroupDetails, ListEntry, ListUse, ListUser, ListVersions};

use super::group::{add_rule, tag};
use crate::error::{Failed, code};

/// The list as EC2 shows it; `None` if it does not.
///
/// # Errors
///
/// If EC2 does not answer.
async fn described_list(ec2: &Client, id: &str) -> Result<Option<ManagedPrefixList>, Failed> {
    match ec2.describe_managed_prefix_lists().prefix_list_ids(id).send().await {
        Ok(found) => Ok(found.prefix_lists.unwrap_or_default().pop()),
        Err(error) if code(&error) == Some("InvalidPrefixListID.NotFound") => Ok(None),
        Err(error) => Err(Failed::of("DescribeManagedPrefixLists", &error)),
    }
}

/// The entries of a version of the list; `None`: of the newest.
///
/// # Errors
///
/// If EC2 does not answer, or an entry is no network.
async fn version(ec2: &Client, id: &str, version: Option<i64>) -> Result<Vec<ListEntry>, String> {
    let request = ec2.get_managed_prefix_list_entries().prefix_list_id(id).max_results(100);
    let request = request.set_target_version(version);
    let entries: Result<Vec<PrefixListEntry>, _> =
        request.into_paginator().items().send().collect().await;
    let entries =
        entries.map_err(|error| Failed::of("GetManagedPrefixListEntries", &error).to_string())?;
    let entry = |entry: PrefixListEntry| {
        let text = entry.cidr.unwrap_or_default();
        let cidr = text.parse();
        let cidr = cidr.map_err(|_| format!("entry `{}` is not a CIDR", text.escape_default()))?;
        Ok(ListEntry { cidr, description: entry.description.filter(|text| !text.is_empty()) })
    };
    entries.into_iter().map(entry).collect()
}

/// The list now, and its entries before a call: its version then, or else the one before. While it changes, and where it
/// has no later version, no entries are read.
pub(super) async fn versions(
    ec2: &Client,
    id: &str,
    before: Option<i64>,
) -> Result<Option<ListVersions>, String> {
    let found = described_list(ec2, id).await.map_err(|failed| failed.to_string())?;
    let Some(found) = found else { return Ok(None) };
    let mut shown = ListVersions {
        name: found.prefix_list_name.unwrap_or_default(),
        owner: found.owner_id,
        state: found.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        version: found.version.unwrap_or_default(),
        tags: found.tags.unwrap_or_default().into_iter().map(tag).collect(),
        synchronised: found.ipam_prefix_list_resolver_sync_enabled == Some(true),
        now: Vec::new(),
        before: Ok(Vec::new()),
    };
    if shown.is_changing() || !shown.is_after(before) {
        return Ok(Some(shown));
    }
    shown.now = version(ec2, id, Some(shown.version)).await?;
    let before = before.unwrap_or(shown.version - 1);
    if before > 0 {
        shown.before = version(ec2, id, Some(before)).await;
    }
    Ok(Some(shown))
}

/// The groups with an ingress rule that names the list, with name, VPC and tags.
pub(super) async fn naming(ec2: &Client, id: &str) -> Result<Vec<(String, GroupDetails)>, String> {
    let names = Filter::builder().name("ip-permission.prefix-list-id").values(id).build();
    let request = ec2.describe_security_groups().filters(names).max_results(1000);
    let groups: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    let groups =
        groups.map_err(|error| Failed::of("DescribeSecurityGroups", &error).to_string())?;
    let named = |group: aws_sdk_ec2::types::SecurityGroup| {
        let details = GroupDetails {
            name: group.group_name.unwrap_or_default(),
            vpc: group.vpc_id,
            tags: group.tags.unwrap_or_default().into_iter().map(tag).collect(),
        };
        Some((group.group_id?, details))
    };
    Ok(groups.into_iter().filter_map(named).collect())
}

/// The rules of groups, 200 at most: EC2 takes so many values of a filter.
pub(super) async fn rules_of(ec2: &Client, ids: &[String]) -> Result<Vec<(String, Shown)>, String> {
    let of_groups = Filter::builder().name("group-id").set_values(Some(ids.to_vec())).build();
    let request = ec2.describe_security_group_rules().filters(of_groups).max_results(1000);
    let rules: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    let rules =
        rules.map_err(|error| Failed::of("DescribeSecurityGroupRules", &error).to_string())?;
    let mut shown: BTreeMap<String, Shown> = BTreeMap::new();
    for rule in rules {
        if let Some(group) = rule.group_id.clone() {
            add_rule(shown.entry(group).or_default(), rule);
        }
    }
    Ok(shown.into_iter().collect())
}

/// What uses the list, in whatever account.
pub(super) async fn uses(ec2: &Client, id: &str) -> ListUse {
    let request = ec2.get_managed_prefix_list_associations().prefix_list_id(id).max_results(255);
    let users: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    match users {
        Ok(users) => ListUse::Read(
            users
                .into_iter()
                .map(|user| ListUser {
                    resource: user.resource_id.unwrap_or_default(),
                    owner: user.resource_owner.unwrap_or_default(),
                })
                .collect(),
        ),
        Err(error) => {
            ListUse::Unknown(Failed::of("GetManagedPrefixListAssociations", &error).to_string())
        }
    }
}
