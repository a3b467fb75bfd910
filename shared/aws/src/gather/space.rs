//! The address space of the VPCs that a group is in.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, SecurityGroupVpcAssociation, SecurityGroupVpcAssociationState, Vpc, VpcCidrBlockState,
    VpcCidrBlockStateCode,
};
use futures_util::future::try_join;
use ipnet::IpNet;
use portcullis_engine::facts::AddressSpace;

use super::group;
use crate::error::why;

/// The blocks of the group's own VPC, and of those that it is associated with; or why they could not be read.
pub(super) async fn space(ec2: &Client, id: &str) -> AddressSpace {
    read(ec2, id).await.unwrap_or_else(|why| {
        tracing::warn!(group = id, "the address space of its VPC is not known: {why}");
        AddressSpace::Unknown(why)
    })
}

async fn read(ec2: &Client, id: &str) -> Result<AddressSpace, String> {
    let (details, associated) = try_join(group::details(ec2, id), associated(ec2, id)).await?;
    let vpc = details.vpc.ok_or_else(|| format!("{id} shows no VPC"))?;
    let ids = associated.into_iter().chain([vpc.clone()]).collect();
    let pages = ec2.describe_vpcs().set_vpc_ids(Some(ids)).into_paginator().items();
    let found: Result<Vec<Vpc>, _> = pages.send().collect().await;
    let found = found.map_err(|error| why("DescribeVpcs", &error))?;
    let mut spaces = BTreeMap::new();
    for vpc in found {
        let blocks = blocks(&vpc)?;
        spaces.insert(vpc.vpc_id.unwrap_or_default(), blocks);
    }
    let own = spaces.remove(&vpc).ok_or_else(|| format!("{vpc} is not shown"))?;
    Ok(AddressSpace::Read { own, further: spaces })
}

/// The VPCs that the group is associated with besides its own, or may be.
async fn associated(ec2: &Client, id: &str) -> Result<Vec<String>, String> {
    let of_group = Filter::builder().name("group-id").values(id).build();
    let request = ec2.describe_security_group_vpc_associations().filters(of_group);
    let found: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    let found = found.map_err(|error| why("DescribeSecurityGroupVpcAssociations", &error))?;
    Ok(found.into_iter().filter(may_be_there).filter_map(|found| found.vpc_id).collect())
}

/// Whether the group is associated with the VPC, or may be.
pub fn may_be_there(association: &SecurityGroupVpcAssociation) -> bool {
    !matches!(
        association.state(),
        Some(
            SecurityGroupVpcAssociationState::AssociationFailed
                | SecurityGroupVpcAssociationState::Disassociated
        )
    )
}

/// The blocks of both families that are associated with the VPC.
///
/// # Errors
///
/// If it is not known what a block is for: which.
pub fn blocks(vpc: &Vpc) -> Result<Vec<IpNet>, String> {
    let v4 = vpc
        .cidr_block_association_set()
        .iter()
        .map(|block| (block.cidr_block(), block.cidr_block_state()));
    let v6 = vpc
        .ipv6_cidr_block_association_set()
        .iter()
        .map(|block| (block.ipv6_cidr_block(), block.ipv6_cidr_block_state()));
    v4.chain(v6).filter_map(|(block, state)| associated_block(block?, state).transpose()).collect()
}

/// Of a block that is coming or going, it is not known what its addresses are.
fn associated_block(
    text: &str,
    state: Option<&VpcCidrBlockState>,
) -> Result<Option<IpNet>, String> {
    match state.and_then(VpcCidrBlockState::state) {
        Some(VpcCidrBlockStateCode::Associated) => {
            let block = text.parse();
            block.map(Some).map_err(|_| format!("block `{}` is not a CIDR", text.escape_default()))
        }
        Some(
            VpcCidrBlockStateCode::Disassociated
            | VpcCidrBlockStateCode::Failed
            | VpcCidrBlockStateCode::Failing,
        ) => Ok(None),
        other => {
            let state = other.map_or("of no state", VpcCidrBlockStateCode::as_str);
            Err(format!("block {} is {}", text.escape_default(), state.escape_default()))
        }
    }
}

#[cfg(test)]
mod tests;
