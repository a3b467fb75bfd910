//! Facts files: live resources as AWS's Describe calls write them, as far as the engine asks.

mod gather;

use serde::Deserialize;

/// The part of an account that one event meets.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Account {
    pub security_groups: Vec<SecurityGroup>,
    pub prefix_lists: Vec<ManagedPrefixList>,
    pub network_interfaces: Vec<NetworkInterface>,
    pub replication_groups: Vec<ReplicationGroup>,
    pub cache_clusters: Vec<CacheCluster>,
    pub serverless_caches: Vec<ServerlessCache>,
    pub cache_subnet_groups: Vec<CacheSubnetGroup>,
    pub route_tables: Vec<RouteTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct SecurityGroup {
    pub group_id: String,
    pub group_name: String,
    owner_id: Option<String>,
    pub vpc_id: Option<String>,
    tags: Vec<WireTag>,
    pub security_group_rules: Vec<SecurityGroupRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct SecurityGroupRule {
    pub security_group_rule_id: String,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ReferencedGroup {
    group_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct WireTag {
    key: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ManagedPrefixList {
    pub prefix_list_id: String,
    entries: Vec<PrefixListEntry>,
    /// Not AWS's: the error that reading the entries ends in.
    unreadable: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PrefixListEntry {
    cidr: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct NetworkInterface {
    pub network_interface_id: String,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Attachment {
    instance_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct GroupIdentifier {
    group_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Association {
    public_ip: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Ipv6Address {
    ipv6_address: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ReplicationGroup {
    pub replication_group_id: String,
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NodeGroup {
    primary_endpoint: Option<Endpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Endpoint {
    port: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct CacheCluster {
    pub cache_cluster_id: String,
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheSecurityGroup {
    security_group_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheNode {
    endpoint: Option<Endpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ServerlessCache {
    pub serverless_cache_name: String,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct CacheSubnetGroup {
    cache_subnet_group_name: String,
    vpc_id: Option<String>,
    subnets: Vec<CacheSubnet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CacheSubnet {
    subnet_identifier: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct RouteTable {
    route_table_id: String,
    routes: Vec<Route>,
    associations: Vec<RouteTableAssociation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Route {
    destination_cidr_block: String,
    gateway_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RouteTableAssociation {
    route_table_association_id: String,
    main: bool,
    subnet_id: Option<String>,
}
