//! The endpoints that clients hold.

use crate::describe::Endpoint;
use crate::facts::Cache;
use crate::recover::primary_first;

/// An endpoint of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `configuration`, `primary`, `reader` or `node`.
    pub kind: &'static str,
    /// Its DNS name.
    pub address: String,
    /// Its port, if Describe shows it.
    pub port: Option<u16>,
}

/// The endpoints that clients may hold, in an order that is the same for a cache and its clone. In cluster
/// mode clients find the nodes by the configuration endpoint.
pub fn endpoints(cache: &Cache) -> Vec<Place> {
    let mut found: Vec<(&'static str, Option<&Endpoint>)> = Vec::new();
    match cache {
        Cache::Group(group, _) => {
            found.push(("configuration", group.configuration_endpoint.as_ref()));
            for shard in &group.node_groups {
                found.push(("primary", shard.primary_endpoint.as_ref()));
                found.push(("reader", shard.reader_endpoint.as_ref()));
                let members = primary_first(shard).into_iter();
                found.extend(members.map(|member| ("node", member.read_endpoint.as_ref())));
            }
        }
        Cache::Cluster(cluster) => {
            found.push(("configuration", cluster.configuration_endpoint.as_ref()));
            found.extend(cluster.cache_nodes.iter().map(|node| ("node", node.endpoint.as_ref())));
        }
    }
    let places = found.into_iter().filter_map(|(kind, endpoint)| {
        let endpoint = endpoint?;
        Some(Place { kind, address: endpoint.address.clone()?, port: endpoint.port })
    });
    places.collect()
}
