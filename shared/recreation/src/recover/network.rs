//! IPv4 or IPv6.

use super::Reader;
use crate::request::Request;
use crate::versions::{Feature, knows};

/// Families of nodes that are not built on Nitro, and so have no IPv6 (service model, NetworkType; EC2
/// guide, "Instances built on the AWS Nitro System").
const NO_NITRO: [&str; 9] = [
    "cache.t1.",
    "cache.t2.",
    "cache.m1.",
    "cache.m2.",
    "cache.m3.",
    "cache.m4.",
    "cache.c1.",
    "cache.r3.",
    "cache.r4.",
];

impl Reader<'_> {
    /// Where only IPv4 is possible, nothing is sent: versions that are older than the setting may not know
    /// it. Else both are needed, because AWS chooses by the subnets (guide, "Choosing a network type").
    pub(super) fn network(
        &mut self,
        request: &mut Request,
        version: &str,
        kind: Option<&String>,
        discovery: Option<&String>,
    ) {
        let group = self.facts.subnet_group.as_ref();
        let subnets_are_ipv4 = group.is_some_and(|group| group.supported_network_types == ["ipv4"]);
        let plain = subnets_are_ipv4
            || !knows(&request.engine, version, Feature::Ipv6)
            || !has_nitro(&request.node_type);
        let ipv4 = |shown: Option<&String>| shown.is_none_or(|shown| shown == "ipv4");
        if plain && ipv4(kind) && ipv4(discovery) {
            return;
        }
        let kind = self.need_if(true, "NetworkType", "NetworkType", kind).cloned();
        let both = kind.as_deref() == Some("dual_stack");
        let discovery = discovery.cloned().or_else(|| kind.clone().filter(|_| !both));
        request.ip_discovery = self.need_if(true, "IpDiscovery", "IpDiscovery", discovery);
        request.network_type = kind;
    }
}

/// Whether nodes of this type may have IPv6.
pub(crate) fn has_nitro(node_type: &str) -> bool {
    !NO_NITRO.iter().any(|family| node_type.starts_with(family))
}
