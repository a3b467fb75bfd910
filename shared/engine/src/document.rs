//! Facts as a document: live resources as AWS's Describe calls write them, as far as the engine asks. The files
//! `events/*.facts.json` are such documents.
//!
//! What a document does not hold, and an event needs, is an error that names it, and never "not there".

mod answers;
mod cache;
mod group;
mod list;

use serde::Deserialize;

use crate::ledger::{Entry, Memory};

pub use answers::Answers;

/// Why a document is not enough for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// It lacks a resource.
    #[error("the facts have no {kind} `{}`, {needed}", .id.escape_default())]
    Missing {
        /// What kind of resource.
        kind: &'static str,
        /// Its id or name.
        id: String,
        /// What needs it.
        needed: &'static str,
    },
    /// A text is no CIDR block.
    #[error("the facts of `{}` hold `{}`, which is no CIDR block", .of.escape_default(), .text.escape_default())]
    NoCidr {
        /// The id of the rule or prefix list.
        of: String,
        /// The text.
        text: String,
    },
}

impl FactsError {
    fn missing(kind: &'static str, id: &str, needed: &'static str) -> Self {
        Self::Missing { kind, id: id.to_owned(), needed }
    }
}

/// The part of an account that one event meets: [`Document::group`], [`Document::list`] and [`Document::cache`] read it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Document {
    security_groups: Vec<SecurityGroup>,
    prefix_lists: Vec<ManagedPrefixList>,
    network_interfaces: Vec<NetworkInterface>,
    replication_groups: Vec<ReplicationGroup>,
    cache_clusters: Vec<CacheCluster>,
    serverless_caches: Vec<ServerlessCache>,
    cache_subnet_groups: Vec<CacheSubnetGroup>,
    route_tables: Vec<RouteTable>,
    vpcs: Vec<Vpc>,
    security_group_vpc_associations: Vec<VpcAssociation>,
    /// Not AWS's: findings as the ledger has them, each an item of its table.
    ledger: Vec<Entry>,
}

impl Document {
    /// What the ledger has.
    pub fn memory(&self) -> Memory {
        let entries = self.ledger.iter().map(|entry| (entry.key.clone(), entry.clone()));
        Memory { entries: entries.collect(), ..Memory::new() }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Vpc {
    vpc_id: String,
    cidr_block_association_set: Vec<CidrBlock>,
    ipv6_cidr_block_association_set: Vec<CidrBlock>,
}

/// Of either family, as long as it is associated.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CidrBlock {
    #[serde(alias = "Ipv6CidrBlock")]
    cidr_block: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct VpcAssociation {
    group_id: String,
    vpc_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct SecurityGroup {
    group_id: String,
    group_name: String,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    tags: Vec<WireTag>,
    security_group_rules: Vec<SecurityGroupRule>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct SecurityGroupRule {
    security_group_rule_id: String,
    is_egress: bool,
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    prefix_list_id: Option<String>,
    referenced_group_info: Option<ReferencedGroup>,
    description: Option<String>,
    tags: Vec<WireTag>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ReferencedGroup {
    group_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct WireTag {
    key: String,
    value: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ManagedPrefixList {
    prefix_list_id: String,
    entries: Vec<PrefixListEntry>,
    prefix_list_name: String,
    owner_id: Option<String>,
    state: String,
    version: i64,
    tags: Vec<WireTag>,
    ipam_prefix_list_resolver_sync_enabled: bool,
    /// Not AWS's: the entries of the version before the call.
    entries_before: Vec<PrefixListEntry>,
    prefix_list_associations: Vec<PrefixListAssociation>,
    /// Not AWS's: the error that reading the entries ends in.
    unreadable: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PrefixListEntry {
    cidr: String,
    description: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PrefixListAssociation {
    resource_id: String,
    resource_owner: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkInterface {
    network_interface_id: String,
    groups: Vec<GroupIdentifier>,
    interface_type: String,
    requester_id: Option<String>,
    requester_managed: bool,
    attachment: Option<Attachment>,
    description: String,
    association: Option<Association>,
    ipv6_addresses: Vec<Ipv6Address>,
    vpc_id: Option<String>,
    subnet_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Attachment {
    instance_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct GroupIdentifier {
    group_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Association {
    public_ip: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Ipv6Address {
    ipv6_address: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ReplicationGroup {
    replication_group_id: String,
    #[serde(rename = "ARN")]
    arn: Option<String>,
    status: String,
    engine: Option<String>,
    member_clusters: Vec<String>,
    configuration_endpoint: Option<Endpoint>,
    node_groups: Vec<NodeGroup>,
    auth_token_enabled: Option<bool>,
    transit_encryption_enabled: Option<bool>,
    transit_encryption_mode: Option<String>,
    user_group_ids: Vec<String>,
    pending_modified_values: PendingValues,
}

/// Of a replication group or a cache cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PendingValues {
    transit_encryption_enabled: Option<bool>,
    auth_token_status: Option<String>,
    user_groups: Option<UserGroupsChange>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct UserGroupsChange {
    user_group_ids_to_add: Vec<String>,
    user_group_ids_to_remove: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NodeGroup {
    primary_endpoint: Option<Endpoint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Endpoint {
    port: u16,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheCluster {
    cache_cluster_id: String,
    #[serde(rename = "ARN")]
    arn: Option<String>,
    engine: Option<String>,
    engine_version: Option<String>,
    cache_cluster_status: String,
    replication_group_id: Option<String>,
    security_groups: Vec<CacheSecurityGroup>,
    cache_subnet_group_name: Option<String>,
    configuration_endpoint: Option<Endpoint>,
    cache_nodes: Vec<CacheNode>,
    auth_token_enabled: Option<bool>,
    transit_encryption_enabled: Option<bool>,
    transit_encryption_mode: Option<String>,
    pending_modified_values: PendingValues,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheSecurityGroup {
    security_group_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheNode {
    endpoint: Option<Endpoint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ServerlessCache {
    serverless_cache_name: String,
    #[serde(rename = "ARN")]
    arn: Option<String>,
    engine: Option<String>,
    status: String,
    endpoint: Option<Endpoint>,
    reader_endpoint: Option<Endpoint>,
    security_group_ids: Vec<String>,
    user_group_id: Option<String>,
    connection_type: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheSubnetGroup {
    cache_subnet_group_name: String,
    vpc_id: Option<String>,
    subnets: Vec<CacheSubnet>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheSubnet {
    subnet_identifier: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RouteTable {
    route_table_id: String,
    routes: Vec<Route>,
    associations: Vec<RouteTableAssociation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Route {
    destination_cidr_block: String,
    gateway_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RouteTableAssociation {
    route_table_association_id: String,
    main: bool,
    subnet_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::{GroupLead, GroupRef, Touched};
    use crate::facts::{CacheGroups, CacheKind, GroupFacts, Interfaces, PrefixList};
    use crate::fixtures::cache_lead;

    fn group(facts: Value) -> Result<GroupFacts, String> {
        let document: Document = serde_json::from_value(facts).expect("it is a document");
        let group = GroupRef::Id("sg-1".to_owned());
        let lead = GroupLead { group, touched: Touched::Rules(Vec::new()) };
        document.group(&lead).map_err(|error| error.to_string())
    }

    fn with_rule(rule: Value, lists: Value) -> Value {
        let group = json!({ "GroupId": "sg-1", "GroupName": "web", "SecurityGroupRules": [rule] });
        json!({ "SecurityGroups": [group], "PrefixLists": lists })
    }

    #[test]
    fn a_group_is_read_with_what_is_around_it() {
        let rule = json!({ "SecurityGroupRuleId": "sgr-1", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListId": "pl-1" });
        let lists = json!([{ "PrefixListId": "pl-1", "Entries": [{ "Cidr": "0.0.0.0/0" }] }]);
        let mut facts = with_rule(rule, lists);
        facts["NetworkInterfaces"] = json!([{ "NetworkInterfaceId": "eni-1", "Groups": [{ "GroupId": "sg-1" }] }, { "NetworkInterfaceId": "eni-2" }]);
        let read = group(facts).unwrap();
        assert_eq!((read.id.as_str(), read.rules.len()), ("sg-1", 1));
        assert!(matches!(&read.prefix_lists["pl-1"], PrefixList::Entries(nets) if nets.len() == 1));
        assert!(matches!(&read.interfaces, Interfaces::Read(carriers) if carriers.len() == 1));
    }

    #[test]
    fn what_is_missing_is_named_with_what_needs_it() {
        let missing = "the facts have no security group `sg-1`, which the event names";
        assert_eq!(group(json!({})), Err(missing.to_owned()));
        let rule = json!({ "SecurityGroupRuleId": "sgr-1", "PrefixListId": "pl-1" });
        let missing = "the facts have no prefix list `pl-1`, which a rule of the group names";
        assert_eq!(group(with_rule(rule, json!([]))), Err(missing.to_owned()));
        let rule = json!({ "SecurityGroupRuleId": "sgr-1", "CidrIpv4": "10.0.0.0/40\n" });
        let wrong = "the facts of `sgr-1` hold `10.0.0.0/40\\n`, which is no CIDR block";
        assert_eq!(group(with_rule(rule, json!([]))), Err(wrong.to_owned()));
    }

    #[test]
    fn a_cache_is_read_with_its_groups_or_what_is_missing_is_named() {
        let lead = cache_lead(CacheKind::ServerlessCache);
        let read = |facts: Value| {
            let document: Document = serde_json::from_value(facts).expect("it is a document");
            document.cache(&lead).map_err(|error| error.to_string())
        };
        let missing = "the facts have no cache `sessions`, which the event names";
        assert_eq!(read(json!({})), Err(missing.to_owned()));
        let cache = json!({ "ServerlessCacheName": "sessions", "SecurityGroupIds": ["sg-1"] });
        let mut facts = json!({ "ServerlessCaches": [cache] });
        let missing = "the facts have no security group `sg-1`, which the cache carries";
        assert_eq!(read(facts.clone()), Err(missing.to_owned()));
        facts["SecurityGroups"] = json!([{ "GroupId": "sg-1" }]);
        assert!(
            matches!(read(facts).unwrap().groups, CacheGroups::Read(groups) if groups.len() == 1)
        );
    }
}
