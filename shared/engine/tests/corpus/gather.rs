//! The engine's facts that a live gatherer would make of a facts file.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::event::{CacheLead, GroupLead, GroupRef};
use portcullis_engine::facts::{
    BlockPublicAccess, CacheFacts, CacheGroups, CacheKind, CacheNetwork, Connection, Engine,
    EngineVersion, GroupDetails, GroupFacts, Holder, IngressRule, Interface, Interfaces,
    PrefixList, Protocol, PublicAccess, Signs, Source, Subnet, Subnets, Tag,
};

use super::{
    Account, CacheCluster, Endpoint, ManagedPrefixList, NetworkInterface, ReplicationGroup,
    RouteTable, RouteTableAssociation as Association, SecurityGroup, SecurityGroupRule,
    ServerlessCache, WireTag,
};

impl Account {
    /// The group that an event leads to.
    pub(crate) fn group(&self, lead: &GroupLead) -> GroupFacts {
        let is_meant = |group: &&SecurityGroup| match &lead.group {
            GroupRef::Id(id) => group.group_id == *id,
            GroupRef::Name(name) => group.group_name == *name,
        };
        let group = self.security_groups.iter().find(is_meant);
        self.group_facts(group.expect("the facts hold the group that the event names"))
    }

    /// The cache that an event leads to.
    pub(crate) fn cache(&self, lead: &CacheLead) -> CacheFacts {
        let facts = match lead.kind {
            CacheKind::CacheCluster => {
                let mut clusters = self.cache_clusters.iter();
                clusters.find(|c| c.cache_cluster_id == lead.id).map(|c| self.cluster(c))
            }
            CacheKind::ReplicationGroup => {
                let mut groups = self.replication_groups.iter();
                let group = groups.find(|g| g.replication_group_id == lead.id);
                group.map(|g| self.replication_group(g, lead))
            }
            CacheKind::ServerlessCache => {
                let mut caches = self.serverless_caches.iter();
                caches.find(|c| c.serverless_cache_name == lead.id).map(|c| self.serverless(c))
            }
        };
        facts.expect("the facts hold the cache that the event names")
    }

    fn cluster(&self, cluster: &CacheCluster) -> CacheFacts {
        CacheFacts {
            kind: CacheKind::CacheCluster,
            id: cluster.cache_cluster_id.clone(),
            arn: cluster.arn.clone(),
            engine: cluster.engine.as_deref().map(Engine::parse),
            version: cluster.version(),
            status: cluster.cache_cluster_status.clone(),
            member_of: cluster.replication_group_id.clone(),
            ports: cluster.ports(),
            transit_encryption: cluster.transit_encryption_enabled,
            plaintext_too: cluster.transit_encryption_mode.as_deref() == Some("preferred"),
            authentication: cluster.auth_token_enabled,
            groups: self.cache_groups(&cluster.group_ids()),
            network: self.network(cluster.cache_subnet_group_name.as_deref()),
        }
    }

    /// Security groups are shown by members only, and a member made before the group has a port
    /// while the group has none.
    fn replication_group(&self, group: &ReplicationGroup, lead: &CacheLead) -> CacheFacts {
        let primary = group.node_groups.iter().filter_map(|node| node.primary_endpoint.as_ref());
        let own = ports(group.configuration_endpoint.iter().chain(primary));
        let mut clusters = self.cache_clusters.iter();
        let member = clusters.find(|c| group.member_clusters.contains(&c.cache_cluster_id));
        let inherited = member.map(CacheCluster::ports).unwrap_or_default();
        let group_ids = member.map(CacheCluster::group_ids);
        let authentication = match group.user_group_ids.is_empty() {
            true => group.auth_token_enabled,
            false => Some(true),
        };
        CacheFacts {
            kind: CacheKind::ReplicationGroup,
            id: group.replication_group_id.clone(),
            arn: group.arn.clone(),
            engine: group.engine.as_deref().map(Engine::parse),
            version: member.and_then(CacheCluster::version),
            status: group.status.clone(),
            member_of: None,
            ports: if own.is_empty() { inherited } else { own },
            transit_encryption: group.transit_encryption_enabled,
            plaintext_too: group.transit_encryption_mode.as_deref() == Some("preferred"),
            authentication,
            groups: self.cache_groups(group_ids.as_ref().unwrap_or(&lead.security_groups)),
            network: self.network(member.and_then(|m| m.cache_subnet_group_name.as_deref())),
        }
    }

    fn serverless(&self, cache: &ServerlessCache) -> CacheFacts {
        let connection = match cache.connection_type.as_deref() {
            None | Some("vpc") => Connection::Vpc,
            Some("public") => Connection::Public,
            Some(other) => Connection::Unknown(format!("its connection type is `{other}`")),
        };
        CacheFacts {
            kind: CacheKind::ServerlessCache,
            id: cache.serverless_cache_name.clone(),
            arn: cache.arn.clone(),
            engine: cache.engine.as_deref().map(Engine::parse),
            version: None,
            status: cache.status.clone(),
            member_of: None,
            ports: ports(cache.endpoint.iter().chain(&cache.reader_endpoint)),
            transit_encryption: Some(true),
            plaintext_too: false,
            authentication: Some(cache.user_group_id.is_some() || connection == Connection::Public),
            groups: match connection {
                Connection::Public => CacheGroups::Read(Vec::new()),
                Connection::Vpc | Connection::Unknown(_) => {
                    self.cache_groups(&cache.security_group_ids)
                }
            },
            network: CacheNetwork { connection, ..CacheNetwork::default() },
        }
    }

    /// A subnet group that is not written down is of private subnets, as the emulated account makes it.
    fn network(&self, group: Option<&str>) -> CacheNetwork {
        let Some(name) = group else {
            let why = "Describe shows no subnet group yet".to_owned();
            return CacheNetwork { subnets: Subnets::Unknown(why), ..CacheNetwork::default() };
        };
        let mut groups = self.cache_subnet_groups.iter();
        let Some(group) = groups.find(|group| group.cache_subnet_group_name == name) else {
            return CacheNetwork::default();
        };
        let ids = group.subnets.iter().map(|subnet| subnet.subnet_identifier.as_str());
        let subnets = Subnets::Read(ids.map(|id| self.subnet(id)).collect());
        CacheNetwork { subnets, vpc: group.vpc_id.clone(), ..CacheNetwork::default() }
    }

    fn subnet(&self, id: &str) -> Subnet {
        let own = |a: &&Association| a.subnet_id.as_deref() == Some(id);
        let of = |table: &&RouteTable| table.associations.iter().any(|a| own(&a));
        let table = self.route_tables.iter().find(of);
        let main = || self.route_tables.iter().find(|t| t.associations.iter().any(|a| a.main));
        let table = table.or_else(main).expect("the facts hold the table of every subnet");
        let routed = table.routes.iter().filter(|route| {
            route.gateway_id.as_deref().is_some_and(|gateway| gateway.starts_with("igw-"))
        });
        Subnet {
            id: id.to_owned(),
            table: table.route_table_id.clone(),
            association: table
                .associations
                .iter()
                .find(own)
                .map(|a| a.route_table_association_id.clone()),
            public: routed.map(|route| route.destination_cidr_block.clone()).collect(),
        }
    }

    fn cache_groups(&self, ids: &[String]) -> CacheGroups {
        if ids.is_empty() {
            return CacheGroups::Unknown("Describe shows no security groups yet".to_owned());
        }
        let groups = ids.iter().map(|id| {
            let group = self.security_groups.iter().find(|group| group.group_id == *id);
            self.group_facts(group.expect("the facts hold every group of the cache"))
        });
        CacheGroups::Read(groups.collect())
    }

    fn group_facts(&self, group: &SecurityGroup) -> GroupFacts {
        let (egress, ingress): (Vec<_>, Vec<_>) =
            group.security_group_rules.iter().partition(|rule| rule.is_egress);
        let rules: Vec<_> = ingress.into_iter().map(SecurityGroupRule::facts).collect();
        let interfaces = self.network_interfaces.iter();
        let carriers = interfaces
            .filter(|i| i.groups.iter().any(|carried| carried.group_id == group.group_id));
        GroupFacts {
            id: group.group_id.clone(),
            owner: group.owner_id.clone(),
            prefix_lists: self.prefix_lists(&rules),
            rules,
            egress: egress.into_iter().map(|rule| rule.security_group_rule_id.clone()).collect(),
            details: Some(GroupDetails {
                name: group.group_name.clone(),
                vpc: group.vpc_id.clone(),
                tags: tags(&group.tags),
            }),
            interfaces: Interfaces::Read(carriers.map(NetworkInterface::facts).collect()),
            public_access: PublicAccess::Read(BlockPublicAccess::default()),
        }
    }

    fn prefix_lists(&self, rules: &[IngressRule]) -> BTreeMap<String, PrefixList> {
        let mut lists = BTreeMap::new();
        for rule in rules {
            if let Source::PrefixList(id) = &rule.source {
                let list = self.prefix_lists.iter().find(|list| list.prefix_list_id == *id);
                let list = list.expect("the facts hold every prefix list of the group");
                lists.insert(id.clone(), list.facts());
            }
        }
        lists
    }
}

impl SecurityGroupRule {
    fn facts(&self) -> IngressRule {
        let cidr = self.cidr_ipv4.as_ref().or(self.cidr_ipv6.as_ref());
        let source = match (cidr, &self.prefix_list_id, &self.referenced_group_info) {
            (Some(cidr), _, _) => Source::cidr(cidr).expect("a CIDR"),
            (None, Some(list), _) => Source::PrefixList(list.clone()),
            (None, None, Some(group)) => Source::Group(group.group_id.clone()),
            (None, None, None) => Source::Unreadable("no source".to_owned()),
        };
        IngressRule {
            id: self.security_group_rule_id.clone(),
            protocol: Protocol::parse(&self.ip_protocol),
            from_port: self.from_port.unwrap_or(-1),
            to_port: self.to_port.unwrap_or(-1),
            source,
            description: self.description.clone(),
            tags: tags(&self.tags),
        }
    }
}

impl ManagedPrefixList {
    fn facts(&self) -> PrefixList {
        let entries = self.entries.iter().map(|entry| entry.cidr.parse().expect("a CIDR"));
        match &self.unreadable {
            Some(why) => PrefixList::Unknown(why.clone()),
            None => PrefixList::Entries(entries.collect()),
        }
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
        }
    }
}

impl CacheCluster {
    fn version(&self) -> Option<EngineVersion> {
        self.engine_version.as_deref().map(EngineVersion::new)
    }

    fn ports(&self) -> Vec<u16> {
        let nodes = self.cache_nodes.iter().filter_map(|node| node.endpoint.as_ref());
        ports(self.configuration_endpoint.iter().chain(nodes))
    }

    fn group_ids(&self) -> Vec<String> {
        self.security_groups.iter().map(|group| group.security_group_id.clone()).collect()
    }
}

fn ports<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<u16> {
    let ports: BTreeSet<u16> = endpoints.map(|endpoint| endpoint.port).collect();
    ports.into_iter().collect()
}

fn tags(tags: &[WireTag]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}
