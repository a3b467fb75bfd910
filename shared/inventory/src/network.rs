//! The security groups with their rules, and the subnets.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{PrefixListEntry, SecurityGroup, SecurityGroupRule, Tag};
use futures_util::future::{join_all, try_join, try_join_all};
use portcullis_aws::{described_entries, described_rules};
use serde_json::{Value, json};

use crate::answer::{Part, left_out, needed, optional};
use crate::error::LookError;

/// The security groups with these ids, their rules, and the prefix lists that those name.
pub(crate) async fn network(ec2: &Client, ids: Vec<String>) -> Result<Part, LookError> {
    let rules = try_join_all(ids.iter().map(|id| described_rules(ec2, id)));
    let rules = async { rules.await.map_err(|failed| LookError::Other(failed.into())) };
    let (groups, rules) = try_join(security_groups(ec2, &ids), rules).await?;
    let rules: Vec<SecurityGroupRule> = rules.into_iter().flatten().collect();
    let named: BTreeSet<String> =
        rules.iter().filter_map(|rule| rule.prefix_list_id.clone()).collect();
    let lists = join_all(named.iter().map(|id| prefix_list(ec2, id))).await;
    Ok([
        ("SecurityGroups", groups),
        ("SecurityGroupRules", rules.iter().map(rule).collect()),
        ("PrefixLists", lists),
    ]
    .map(|(name, list): (&str, Vec<Value>)| (name.to_owned(), Value::Array(list)))
    .into_iter()
    .collect())
}

async fn security_groups(ec2: &Client, ids: &[String]) -> Result<Vec<Value>, LookError> {
    // Without ids, EC2 would show all groups.
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = ec2.describe_security_groups().set_group_ids(Some(ids.to_vec()));
    let pages = request.into_paginator().items().send();
    let groups: Vec<SecurityGroup> = needed("DescribeSecurityGroups", pages.try_collect().await)?;
    Ok(groups.iter().map(group).collect())
}

fn group(group: &SecurityGroup) -> Value {
    json!({
        "GroupId": group.group_id,
        "GroupName": group.group_name,
        "OwnerId": group.owner_id,
        "VpcId": group.vpc_id,
        "Tags": tags(&group.tags),
    })
}

fn rule(rule: &SecurityGroupRule) -> Value {
    let referenced = rule.referenced_group_info.as_ref().map(
        |group| json!({"GroupId": group.group_id, "UserId": group.user_id, "VpcId": group.vpc_id}),
    );
    json!({
        "SecurityGroupRuleId": rule.security_group_rule_id,
        "GroupId": rule.group_id,
        "GroupOwnerId": rule.group_owner_id,
        "IsEgress": rule.is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "CidrIpv4": rule.cidr_ipv4,
        "CidrIpv6": rule.cidr_ipv6,
        "PrefixListId": rule.prefix_list_id,
        "ReferencedGroupInfo": referenced,
        // EC2 shows an empty description where nobody wrote any.
        "Description": rule.description.as_deref().filter(|text| !text.is_empty()),
        "Tags": tags(&rule.tags),
    })
}

fn tags(tags: &Option<Vec<Tag>>) -> Vec<Value> {
    tags.iter().flatten().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect()
}

/// A list that cannot be read has no entries in the document: nobody knows what it admits.
async fn prefix_list(ec2: &Client, id: &str) -> Value {
    let shape =
        |entry: PrefixListEntry| json!({"Cidr": entry.cidr, "Description": entry.description});
    let entries: Option<Vec<Value>> = match described_entries(ec2, id).await {
        Ok(entries) => Some(entries.into_iter().map(shape).collect()),
        Err(failed) => {
            left_out(&failed);
            None
        }
    };
    json!({"PrefixListId": id, "Entries": entries})
}

/// The subnets with the number of their free addresses.
pub(crate) async fn subnets(
    ec2: &Client,
    ids: Vec<String>,
) -> Result<Option<Vec<Value>>, LookError> {
    if ids.is_empty() {
        return Ok(None);
    }
    let pages = ec2.describe_subnets().set_subnet_ids(Some(ids)).into_paginator().items().send();
    let subnets = optional("DescribeSubnets", pages.try_collect().await)?;
    let shape = |subnet: aws_sdk_ec2::types::Subnet| {
        json!({
            "SubnetId": subnet.subnet_id,
            "AvailabilityZone": subnet.availability_zone,
            "AvailableIpAddressCount": subnet.available_ip_address_count,
        })
    };
    Ok(subnets.map(|subnets| subnets.into_iter().map(shape).collect()))
}
