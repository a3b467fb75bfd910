//! Whether the account has room for the new cache.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::reason::Reason;
use crate::request::Request;

/// Quotas, free addresses, engine versions and the limit on cost, as far as they were asked.
pub(super) fn room(facts: &Facts, request: &Request, reasons: &mut Vec<Reason>) {
    let room = &facts.room;
    let nodes = request.nodes();
    // The nodes of a cache that is there already are counted among those in use.
    let there = !facts.ours.is_empty();
    if let (Some(allowed), Some(used), false) = (room.nodes_allowed, room.nodes_in_use, there)
        && used.saturating_add(nodes) > allowed
    {
        reasons.push(Reason::new(
            "NumCacheNodes",
            format!("{nodes} more nodes beside the {used} that there are exceed the quota of {allowed} nodes in the Region"),
            "ask for a higher quota (Service Quotas, ElastiCache, nodes per Region), or delete what is not needed",
        ));
    }
    let hours = nodes.saturating_mul(24);
    if let Some(most) = room.most_node_hours
        && hours > most
    {
        reasons.push(Reason::new(
            "CacheNodeType",
            format!("running twice takes {hours} node-hours a day, more than the {most} that are allowed"),
            "raise the limit, or get an approval for the cost and re-create the cache manually",
        ));
    }
    let version = format!("{} {}", request.engine.as_str(), request.engine_version);
    if let Some(versions) = &room.versions
        && !versions
            .iter()
            .any(|known| *known == version || known.starts_with(&format!("{version}.")))
    {
        reasons.push(Reason::new(
            "EngineVersion",
            format!("AWS creates no new caches of {version}"),
            "upgrade the cache to a version that AWS creates, and plan again",
        ));
    }
    if !there {
        addresses(facts, request, reasons);
    }
}

/// Each node takes an address of a subnet in its zone.
fn addresses(facts: &Facts, request: &Request, reasons: &mut Vec<Reason>) {
    let Some(group) = &facts.subnet_group else { return };
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for zone in request.zones() {
        *wanted.entry(zone).or_default() += 1;
    }
    for (zone, nodes) in wanted {
        let in_zone = group.subnets.iter().filter(|subnet| {
            subnet.subnet_availability_zone.as_ref().and_then(|z| z.name.as_deref()) == Some(zone)
        });
        let ids: Vec<&str> = in_zone.filter_map(|s| s.subnet_identifier.as_deref()).collect();
        if ids.is_empty() {
            reasons.push(Reason::new(
                "PreferredAvailabilityZone",
                format!("{nodes} nodes are in {zone}, and the subnet group {} has no subnet there any more", group.cache_subnet_group_name),
                "add a subnet of that zone to the subnet group",
            ));
            continue;
        }
        let free = ids
            .iter()
            .map(|id| facts.room.free_addresses.get(*id).copied())
            .reduce(|sum, more| Some(sum?.saturating_add(more?)))
            .flatten();
        if let Some(free) = free
            && free < nodes
        {
            reasons.push(Reason::new(
                "CacheSubnetGroupName",
                format!(
                    "{nodes} nodes need an address in {zone}, and {} has {free} free",
                    ids.join(" and ")
                ),
                "free addresses, or add a subnet to the subnet group",
            ));
        }
    }
}
