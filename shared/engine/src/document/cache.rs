//! A cache of a document.

use std::collections::BTreeSet;

use super::{
    CacheCluster, Document, Endpoint, FactsError, PendingValues, ReplicationGroup, RouteTable,
    RouteTableAssociation as Association, ServerlessCache,
};
use crate::event::CacheLead;
use crate::facts::{
    CacheFacts, CacheGroups, CacheKind, CacheNetwork, Connection, Engine, EngineVersion,
    PendingChange, Subnet, Subnets,
};

impl Document {
    /// The cache that an event leads to.
    ///
    /// # Errors
    ///
    /// If the document has no such cache, or lacks a security group or the route table of a subnet of it.
    pub fn cache(&self, lead: &CacheLead) -> Result<CacheFacts, FactsError> {
        let facts = match lead.kind {
            CacheKind::CacheCluster => {
                let mut clusters = self.cache_clusters.iter();
                clusters.find(|c| c.cache_cluster_id == lead.id).map(|c| self.cluster(c, lead))
            }
            CacheKind::ReplicationGroup => {
                let mut groups = self.replication_groups.iter();
                let group = groups.find(|g| g.replication_group_id == lead.id);
                group.map(|g| self.replication_group(g, lead))
            }
            CacheKind::ServerlessCache => {
                let mut caches = self.serverless_caches.iter();
                caches
                    .find(|c| c.serverless_cache_name == lead.id)
                    .map(|c| self.serverless(c, lead))
            }
        };
        let missing = || FactsError::missing("cache", &lead.id, "which the event names");
        facts.ok_or_else(missing)?
    }

    fn cluster(&self, cluster: &CacheCluster, lead: &CacheLead) -> Result<CacheFacts, FactsError> {
        Ok(CacheFacts {
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
            pending: cluster.pending_modified_values.facts(cluster.auth_token_enabled, &[]),
            members: Vec::new(),
            groups: self.cache_groups(&named(lead, cluster.group_ids()))?,
            network: self.network(cluster.cache_subnet_group_name.as_deref())?,
        })
    }

    /// Security groups are shown by members only, and a member made before the group has a port
    /// while the group has none.
    fn replication_group(
        &self,
        group: &ReplicationGroup,
        lead: &CacheLead,
    ) -> Result<CacheFacts, FactsError> {
        let primary = group.node_groups.iter().filter_map(|node| node.primary_endpoint.as_ref());
        let own = ports(group.configuration_endpoint.iter().chain(primary));
        let mut clusters = self.cache_clusters.iter();
        let member = clusters.find(|c| group.member_clusters.contains(&c.cache_cluster_id));
        let inherited = member.map(CacheCluster::ports).unwrap_or_default();
        let shown = member.map(CacheCluster::group_ids);
        let group_ids = named(lead, shown.unwrap_or_else(|| lead.security_groups.clone()));
        let by_users = (!group.user_group_ids.is_empty()).then_some(true);
        Ok(CacheFacts {
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
            authentication: by_users.or(group.auth_token_enabled),
            pending: group
                .pending_modified_values
                .facts(group.auth_token_enabled, &group.user_group_ids),
            members: group.member_clusters.clone(),
            groups: self.cache_groups(&group_ids)?,
            network: self.network(member.and_then(|m| m.cache_subnet_group_name.as_deref()))?,
        })
    }

    fn serverless(
        &self,
        cache: &ServerlessCache,
        lead: &CacheLead,
    ) -> Result<CacheFacts, FactsError> {
        let connection = match cache.connection_type.as_deref() {
            None | Some("vpc") => Connection::Vpc,
            Some("public") => Connection::Public,
            Some(other) => Connection::Unknown(format!("its connection type is `{other}`")),
        };
        Ok(CacheFacts {
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
            pending: PendingChange::default(),
            members: Vec::new(),
            groups: match connection {
                Connection::Public => CacheGroups::Read(Vec::new()),
                Connection::Vpc | Connection::Unknown(_) => {
                    self.cache_groups(&named(lead, cache.security_group_ids.clone()))?
                }
            },
            network: CacheNetwork { connection, ..CacheNetwork::default() },
        })
    }

    /// A subnet group that is not written down is of private subnets, as the emulated account makes it.
    fn network(&self, group: Option<&str>) -> Result<CacheNetwork, FactsError> {
        let Some(name) = group else {
            let why = "Describe shows no subnet group yet".to_owned();
            return Ok(CacheNetwork { subnets: Subnets::Unknown(why), ..CacheNetwork::default() });
        };
        let mut groups = self.cache_subnet_groups.iter();
        let Some(group) = groups.find(|group| group.cache_subnet_group_name == name) else {
            return Ok(CacheNetwork::default());
        };
        let ids = group.subnets.iter().map(|subnet| subnet.subnet_identifier.as_str());
        let subnets = Subnets::Read(ids.map(|id| self.subnet(id)).collect::<Result<_, _>>()?);
        Ok(CacheNetwork { subnets, vpc: group.vpc_id.clone(), ..CacheNetwork::default() })
    }

    fn subnet(&self, id: &str) -> Result<Subnet, FactsError> {
        let own = |a: &&Association| a.subnet_id.as_deref() == Some(id);
        let of = |table: &&RouteTable| table.associations.iter().any(|a| own(&a));
        let table = self.route_tables.iter().find(of);
        let main = || self.route_tables.iter().find(|t| t.associations.iter().any(|a| a.main));
        let missing = || FactsError::missing("route table of subnet", id, "in which the cache is");
        let table = table.or_else(main).ok_or_else(missing)?;
        let routed = table.routes.iter().filter(|route| {
            route.gateway_id.as_deref().is_some_and(|gateway| gateway.starts_with("igw-"))
        });
        Ok(Subnet {
            id: id.to_owned(),
            table: table.route_table_id.clone(),
            association: table
                .associations
                .iter()
                .find(own)
                .map(|a| a.route_table_association_id.clone()),
            public: routed.map(|route| route.destination_cidr_block.clone()).collect(),
        })
    }

    fn cache_groups(&self, ids: &[String]) -> Result<CacheGroups, FactsError> {
        if ids.is_empty() {
            return Ok(CacheGroups::Unknown("Describe shows no security groups yet".to_owned()));
        }
        let groups = ids.iter().map(|id| {
            let group = self.security_groups.iter().find(|group| group.group_id == *id);
            let missing = || FactsError::missing("security group", id, "which the cache carries");
            self.group_facts(group.ok_or_else(missing)?)
        });
        Ok(CacheGroups::Read(groups.collect::<Result<_, _>>()?))
    }
}

impl PendingValues {
    fn facts(&self, auth_token: Option<bool>, users: &[String]) -> PendingChange {
        let users_after = self.user_groups.as_ref().map(|change| {
            let stay = users.iter().any(|id| !change.user_group_ids_to_remove.contains(id));
            stay || !change.user_group_ids_to_add.is_empty()
        });
        PendingChange::new(
            self.transit_encryption_enabled,
            self.auth_token_status.is_some(),
            users_after,
            auth_token,
        )
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

/// The groups that a call put a cache behind, or else those that are shown.
fn named(lead: &CacheLead, shown: Vec<String>) -> Vec<String> {
    let is_changed = lead.altered.is_some_and(|altered| altered.groups);
    if is_changed { lead.security_groups.clone() } else { shown }
}

fn ports<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<u16> {
    let ports: BTreeSet<u16> = endpoints.map(|endpoint| endpoint.port).collect();
    ports.into_iter().collect()
}
