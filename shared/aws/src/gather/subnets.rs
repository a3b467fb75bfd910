//! The subnets of a cache, and whether they route to an internet gateway.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Route, RouteState, RouteTable};
use aws_sdk_elasticache::types::CacheSubnetGroup;
use portcullis_engine::facts::{Subnet, Subnets};

use crate::error::why;

/// The VPC of a subnet group, and its subnets with their routes. What cannot be read is unknown, never private.
pub(super) async fn subnets(
    ec2: &Client,
    elasticache: &aws_sdk_elasticache::Client,
    name: &str,
) -> (Option<String>, Subnets) {
    match subnet_group(elasticache, name).await {
        Ok((vpc, group)) => {
            let subnets = routed(ec2, &vpc, &group).await;
            (Some(vpc), subnets.map_or_else(Subnets::Unknown, Subnets::Read))
        }
        Err(why) => (None, Subnets::Unknown(why)),
    }
}

async fn subnet_group(
    elasticache: &aws_sdk_elasticache::Client,
    name: &str,
) -> Result<(String, CacheSubnetGroup), String> {
    let request = elasticache.describe_cache_subnet_groups().cache_subnet_group_name(name);
    let answer = request.send().await.map_err(|error| why("DescribeCacheSubnetGroups", &error))?;
    let group = answer.cache_subnet_groups.unwrap_or_default().into_iter().next();
    let found = group.and_then(|group| Some((group.vpc_id.clone()?, group)));
    found.ok_or_else(|| format!("subnet group {name} is not shown"))
}

async fn routed(ec2: &Client, vpc: &str, group: &CacheSubnetGroup) -> Result<Vec<Subnet>, String> {
    routes(group, &tables(ec2, vpc).await?)
}

/// The subnets of a subnet group, with their routes by the route tables of its VPC.
///
/// # Errors
///
/// If the table of a subnet is not among them: which.
pub fn routes(group: &CacheSubnetGroup, tables: &[RouteTable]) -> Result<Vec<Subnet>, String> {
    let ids = group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier());
    ids.map(|id| subnet(id, tables)).collect()
}

async fn tables(ec2: &Client, vpc: &str) -> Result<Vec<RouteTable>, String> {
    let of_vpc = Filter::builder().name("vpc-id").values(vpc).build();
    let request = ec2.describe_route_tables().filters(of_vpc).max_results(100);
    let tables: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    tables.map_err(|error| why("DescribeRouteTables", &error))
}

/// A subnet without a table of its own has the main one of its VPC (VPC user guide, "Subnet route tables").
fn subnet(id: &str, tables: &[RouteTable]) -> Result<Subnet, String> {
    let own = tables.iter().find_map(|table| {
        let mut associations = table.associations().iter();
        Some((table, associations.find(|a| a.subnet_id() == Some(id))?))
    });
    let main = || tables.iter().find(|t| t.associations().iter().any(|a| a.main() == Some(true)));
    let table = own
        .map(|(table, _)| table)
        .or_else(main)
        .ok_or_else(|| format!("the route table of {id} is not shown"))?;
    Ok(Subnet {
        id: id.to_owned(),
        table: table.route_table_id().unwrap_or_default().to_owned(),
        association: own.and_then(|(_, a)| a.route_table_association_id().map(str::to_owned)),
        public: table.routes().iter().filter_map(public).collect(),
    })
}

/// Where a route leads, if by an internet gateway. An egress-only one has a member of its own, and lets
/// nobody in; a route to a gateway that is gone is a black hole.
fn public(route: &Route) -> Option<String> {
    let by_gateway = route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"));
    let destination = route
        .destination_cidr_block()
        .or(route.destination_ipv6_cidr_block())
        .or(route.destination_prefix_list_id())
        .unwrap_or("traffic");
    (by_gateway && route.state() != Some(&RouteState::Blackhole)).then(|| destination.to_owned())
}

#[cfg(test)]
mod tests;
