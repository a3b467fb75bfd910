//! What is there, looked at without a call: which groups can be at fault, how they are read, and what cannot be read.
//!
//! The reader (`shared/inventory`) calls and counts; what it has to read, in which order, and what a call that is refused
//! means, is here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::{CacheShown, Cause};
use crate::event::{Actor, CacheLead, Event, GroupLead, GroupRef, Lead, RuleLead, Touched};
use crate::facts::{IngressRule, Source, Tag};
use crate::net::Sources;

/// How many groups are read by one request: a filter takes 200 values (EC2 user guide, "List and filter using the CLI and
/// API").
pub const BATCH: usize = 200;

/// Whether a group with these sources can be at fault: one of them may be public. What cannot be told by arithmetic is
/// in question: prefix lists, and what no version knew.
pub fn suspect<'a>(sources: impl IntoIterator<Item = &'a Source>) -> bool {
    let public = |net: ipnet::IpNet| Sources::new([net]).count().any();
    sources.into_iter().any(|source| match source {
        Source::Ipv4(net) => public((*net).into()),
        Source::Ipv6(net) => public((*net).into()),
        Source::PrefixList(_) | Source::Unreadable(_) => true,
        Source::Group(_) => false,
    })
}

/// The ids in order, each once, in batches of at most `most`: with a batch that is done, everything before it is.
pub fn batches(mut ids: Vec<String>, most: usize) -> Vec<Vec<String>> {
    ids.sort_unstable();
    ids.dedup();
    ids.chunks(most.max(1)).map(<[String]>::to_vec).collect()
}

/// How much of a Region was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Security groups.
    pub groups: usize,
    /// Those of them that could be at fault.
    pub suspects: usize,
    /// Ingress rules of these.
    pub rules: usize,
    /// Prefix lists that these name.
    pub prefix_lists: usize,
    /// Caches: clusters, replication groups and serverless caches, members not counted.
    pub caches: usize,
}

/// How often AWS was called for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    /// All calls.
    pub made: usize,
    /// Those that AWS throttled.
    pub throttled: usize,
}

/// Where and when it is looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The account, 12 digits.
    pub account: String,
    /// The Region.
    pub region: String,
    /// When it is looked, ISO 8601 in UTC: "now" for every decision.
    pub time: String,
    /// Who looks: an audit, or the sweep.
    pub cause: Cause,
}

impl Place {
    /// A group, of which every rule is in question.
    pub fn group(&self, id: &str, rules: &[IngressRule]) -> Event {
        let in_question =
            |rule: &IngressRule| RuleLead { id: Some(rule.id.clone()), shape: None, edit: false };
        let touched = Touched::Rules(rules.iter().map(in_question).collect());
        self.event(id, Lead::Group(GroupLead { group: GroupRef::Id(id.to_owned()), touched }))
    }

    /// A cache, with its tags as far as they are known.
    pub fn cache(&self, shown: &CacheShown, tags: Vec<Tag>) -> Event {
        let CacheShown { facts, groups } = shown;
        let lead = CacheLead {
            kind: facts.kind,
            id: facts.id.clone(),
            engine: None,
            port: None,
            inherits: None,
            security_groups: groups.clone(),
            tags,
            altered: None,
        };
        self.event(&facts.id, Lead::Cache(lead))
    }

    fn event(&self, subject: &str, lead: Lead) -> Event {
        Event {
            id: format!("{}/{}/{subject}", self.cause.as_str(), self.time),
            name: None,
            time: self.time.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            actor: Actor::default(),
            lead,
        }
    }
}

/// Something that could not be read. What depends on it is unknown, never clean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotRead {
    /// The call, as AWS spells it.
    pub call: String,
    /// What AWS answered, or why no answer came.
    pub error: String,
    /// The right that is missing, if that is why: `ec2:DescribeSecurityGroups`.
    pub right: Option<String>,
    /// How many calls failed so.
    pub count: usize,
}

/// What is unknown where this call is refused.
pub fn effect(call: &str) -> &'static str {
    match call {
        "DescribeSecurityGroups" => "no security group of this Region was looked at",
        "DescribeSecurityGroupRules" => "the rules of some security groups were not looked at",
        "GetManagedPrefixListEntries" => {
            "rules that name the prefix list are unknown, and reported as such"
        }
        "DescribeNetworkInterfaces" => {
            "what the groups at fault protect is unknown: such findings count as high"
        }
        "DescribeVpcBlockPublicAccessOptions"
        | "DescribeVpcBlockPublicAccessExclusions"
        | "DescribeVpcs" => {
            "VPC block public access counts as off, so a severity may be too high; whether a rule admits only the VPC itself is unknown"
        }
        "DescribeSecurityGroupVpcAssociations" => {
            "whether a rule admits only the VPC itself is unknown"
        }
        "DescribeCacheClusters" => {
            "no Memcached cache and no single node was looked at, and who reaches replication groups is unknown"
        }
        "DescribeReplicationGroups" => "no replication group was looked at",
        "DescribeServerlessCaches" => "no serverless cache was looked at",
        "DescribeCacheSubnetGroups" | "DescribeRouteTables" => {
            "whether subnets of caches are public is unknown"
        }
        "ListTagsForResource" => {
            "the owner of caches is unknown, and exceptions that ask for their tags were not applied"
        }
        "Audit" => "not all of this Region was looked at: the audit ended before",
        "DescribeInstanceInformation" => {
            "whether Systems Manager manages the servers behind Memcached's port is unknown"
        }
        "ListAccounts" => "it is not known which accounts the organization has",
        "Region" => {
            "nothing of this Region was looked at: a policy of the organization keeps the caller out"
        }
        "DescribeRegions" => "it is not known which Regions are enabled",
        "AssumeRole" | "GetCallerIdentity" => "nothing of this account was looked at",
        _ => "a part of this Region was not looked at",
    }
}

/// The right that a call asks for.
pub fn right(call: &str) -> String {
    let service = match call {
        "DescribeCacheClusters"
        | "DescribeReplicationGroups"
        | "DescribeServerlessCaches"
        | "DescribeCacheSubnetGroups"
        | "ListTagsForResource" => "elasticache",
        "AssumeRole" | "GetCallerIdentity" => "sts",
        "DescribeInstanceInformation" => "ssm",
        "ListAccounts" => "organizations",
        _ => "ec2",
    };
    format!("{service}:{call}")
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, effect(&self.call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(texts: &[&str]) -> Vec<Source> {
        let source = |text: &&str| match text.split_once('-') {
            Some(("pl", _)) => Source::PrefixList((*text).to_owned()),
            Some(("sg", _)) => Source::Group((*text).to_owned()),
            _ => Source::cidr(text).unwrap_or_else(|| Source::Unreadable((*text).to_owned())),
        };
        texts.iter().map(source).collect()
    }

    #[test]
    fn a_group_with_private_sources_alone_is_not_read_further() {
        for clean in [&[][..], &["10.0.0.0/8", "fd00::/8", "sg-01"], &["192.168.1.1/32"]] {
            assert!(!suspect(&sources(clean)), "{clean:?}");
        }
        for open in ["0.0.0.0/0", "8.8.8.8/32", "2600::/16", "pl-01", "300.0.0.0/0"] {
            assert!(suspect(&sources(&["10.0.0.0/8", open])), "{open}");
        }
    }

    #[test]
    fn batches_are_in_order_and_have_each_group_once() {
        let ids: Vec<String> = (0..401).rev().map(|id| format!("sg-{id:03}")).collect();
        let twice = [ids.clone(), ids.clone()].concat();
        let batches = batches(twice, BATCH);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 1]);
        let mut sorted = ids;
        sorted.sort();
        assert_eq!(batches.concat(), sorted);
        assert!(super::batches(Vec::new(), BATCH).is_empty());
    }

    #[test]
    fn every_call_that_is_refused_has_a_right_and_an_effect_of_its_own() {
        for (call, right_of) in [
            ("DescribeSecurityGroups", "ec2:DescribeSecurityGroups"),
            ("DescribeCacheClusters", "elasticache:DescribeCacheClusters"),
            ("AssumeRole", "sts:AssumeRole"),
        ] {
            assert_eq!(right(call), right_of);
            assert_ne!(effect(call), effect("another call"));
        }
    }
}
