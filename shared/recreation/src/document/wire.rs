//! The document's own shapes, beside those of ElastiCache.

use portcullis_engine::facts::{PrefixList, Tag};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::describe::{CacheCluster, ReplicationGroup, Snapshot, SubnetGroup};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Document {
    /// Not AWS's: which cache is meant.
    pub cache: Option<String>,
    /// AWS's: a list goes on, and what follows is not here.
    pub next_token: Option<String>,
    pub marker: Option<String>,
    pub replication_groups: Vec<ReplicationGroup>,
    pub cache_clusters: Vec<CacheCluster>,
    pub serverless_caches: Vec<IgnoredAny>,
    pub tag_list: Option<Vec<WireTag>>,
    pub cache_subnet_groups: Vec<SubnetGroup>,
    pub snapshots: Option<Vec<Snapshot>>,
    pub security_group_rules: Option<Vec<SecurityGroupRule>>,
    pub security_groups: Vec<SecurityGroup>,
    /// `PrefixListId` of `describe-managed-prefix-lists` beside `Entries` of `get-managed-prefix-list-entries`.
    pub prefix_lists: Vec<ManagedPrefixList>,
    pub subnets: Vec<Subnet>,
    pub cache_engine_versions: Option<Vec<EngineVersion>>,
    pub scalable_targets: Option<Vec<ScalableTarget>>,
    pub metric_alarms: Option<Vec<Alarm>>,
    pub resource_record_sets: Option<Vec<RecordSet>>,
    /// Not AWS's: caches that may be of an earlier run, with the tags that say so.
    pub replacements: Vec<Replacement>,
    /// Not AWS's: names or ARNs of policies that allow `elasticache:Connect` on the cache.
    pub connect_policies: Option<Vec<String>>,
    /// Not AWS's: names or ARNs of parameters and secrets that hold an endpoint.
    pub endpoint_holders: Option<Vec<String>>,
    /// Not AWS's.
    pub limits: Limits,
    /// Not AWS's: `userAgent` of the event that made the cache.
    pub made_by: Option<String>,
}

/// AWS prints both members of each, an empty value too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireTag {
    key: String,
    value: String,
}

pub(super) fn tags(tags: &[WireTag]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct SecurityGroupRule {
    pub security_group_rule_id: String,
    pub group_id: String,
    pub is_egress: Option<bool>,
    pub ip_protocol: Option<String>,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub cidr_ipv4: Option<String>,
    pub cidr_ipv6: Option<String>,
    pub prefix_list_id: Option<String>,
    pub referenced_group_info: Option<ReferencedGroup>,
    pub description: Option<String>,
    pub tags: Option<Vec<WireTag>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Replacement {
    pub id: String,
    pub port: Option<u16>,
    pub status: String,
    pub tag_list: Vec<WireTag>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ReferencedGroup {
    pub group_id: String,
    pub user_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct SecurityGroup {
    pub group_id: String,
    /// Only whether there are any: the rules are in `SecurityGroupRules`, with their ids.
    pub ip_permissions: Vec<IgnoredAny>,
    pub tags: Option<Vec<WireTag>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ManagedPrefixList {
    pub prefix_list_id: String,
    entries: Option<Vec<PrefixListEntry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PrefixListEntry {
    cidr: String,
}

impl ManagedPrefixList {
    pub(super) fn facts(&self) -> PrefixList {
        let Some(entries) = &self.entries else {
            return PrefixList::Unknown("its entries are not in the document".to_owned());
        };
        match entries.iter().map(|entry| entry.cidr.parse()).collect() {
            Ok(nets) => PrefixList::Entries(nets),
            Err(_) => PrefixList::Unknown("an entry is no CIDR".to_owned()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Subnet {
    pub subnet_id: String,
    pub available_ip_address_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct EngineVersion {
    pub engine: String,
    pub engine_version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ScalableTarget {
    pub resource_id: String,
    pub scalable_dimension: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Alarm {
    pub alarm_name: String,
    pub alarm_arn: Option<String>,
    pub dimensions: Vec<Dimension>,
    pub metrics: Vec<MetricQuery>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct MetricQuery {
    pub metric_stat: Option<MetricStat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct MetricStat {
    pub metric: Metric,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Metric {
    pub dimensions: Vec<Dimension>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Dimension {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct RecordSet {
    pub name: String,
    pub r#type: String,
    pub resource_records: Vec<Record>,
    pub alias_target: Option<AliasTarget>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Record {
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AliasTarget {
    #[serde(rename = "DNSName")]
    pub dns_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Limits {
    pub nodes_per_region: Option<u64>,
    pub nodes_in_use: Option<u64>,
    pub most_node_hours_a_day: Option<u64>,
}
