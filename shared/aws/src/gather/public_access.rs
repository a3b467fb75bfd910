//! VPC block public access: whether the internet gets to the account's VPCs at all.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    InternetGatewayExclusionMode, Vpc, VpcBlockPublicAccessExclusion as Exclusion,
    VpcBlockPublicAccessExclusionState as ExclusionState, VpcBlockPublicAccessOptions as Options,
    VpcBlockPublicAccessState,
};
use futures_util::future::try_join;
use portcullis_engine::facts::{
    BlockMode, BlockPublicAccess, GroupFacts, Interfaces, PublicAccess,
};

use crate::error::why;

/// As the account has it in this Region.
pub(super) struct Setting {
    mode: BlockMode,
    /// Whose setting it is.
    account: Option<String>,
    excluded: Vec<String>,
}

/// The setting, and what is excluded from it; or why it could not be read.
pub(super) async fn read(ec2: &Client) -> Result<Setting, String> {
    let ((mode, account), excluded) = try_join(options(ec2), exclusions(ec2)).await?;
    Ok(Setting { mode, account, excluded })
}

/// While a change is under way, neither mode can be counted on, and nothing counts as blocked.
async fn options(ec2: &Client) -> Result<(BlockMode, Option<String>), String> {
    let answer = ec2.describe_vpc_block_public_access_options().send().await;
    let answer = answer.map_err(|error| why("DescribeVpcBlockPublicAccessOptions", &error))?;
    let options =
        answer.vpc_block_public_access_options.unwrap_or_else(|| Options::builder().build());
    let mode = options.internet_gateway_block_mode().map_or("off", |mode| mode.as_str());
    let mode = match options.state() {
        Some(&VpcBlockPublicAccessState::UpdateInProgress) => BlockMode::Off,
        _ => BlockMode::parse(mode).ok_or_else(|| format!("mode `{}`", mode.escape_default()))?,
    };
    Ok((mode, options.aws_account_id))
}

/// The VPCs and subnets that the internet may get into. The SDK has no pages for this call.
async fn exclusions(ec2: &Client) -> Result<Vec<String>, String> {
    let mut excluded = Vec::new();
    let mut token = None;
    loop {
        let request = ec2.describe_vpc_block_public_access_exclusions().max_results(1000);
        let answer = request.set_next_token(token).send().await;
        let answer =
            answer.map_err(|error| why("DescribeVpcBlockPublicAccessExclusions", &error))?;
        let shown = answer.vpc_block_public_access_exclusions().iter();
        excluded.extend(shown.filter(|exclusion| admits(exclusion)).filter_map(resource));
        token = answer.next_token;
        if token.is_none() {
            return Ok(excluded);
        }
    }
}

/// Whether the internet gets in by it, or may for all we know. `allow-egress` lets nobody in.
fn admits(exclusion: &Exclusion) -> bool {
    let egress = Some(&InternetGatewayExclusionMode::AllowEgress);
    match exclusion.state() {
        Some(
            ExclusionState::CreateFailed
            | ExclusionState::DeleteComplete
            | ExclusionState::DisableComplete,
        ) => false,
        Some(ExclusionState::UpdateInProgress) => true,
        _ => exclusion.internet_gateway_exclusion_mode() != egress,
    }
}

/// The id at the end of an ARN: `vpc-…` or `subnet-…`.
fn resource(exclusion: &Exclusion) -> Option<String> {
    exclusion.resource_arn()?.rsplit('/').next().map(str::to_owned)
}

/// The setting as far as it holds for what carries these groups.
pub(super) async fn confirmed(
    ec2: &Client,
    setting: Result<Setting, String>,
    groups: &[GroupFacts],
) -> PublicAccess {
    let read = match setting {
        Ok(setting) => of_own_vpcs(ec2, setting, groups).await,
        Err(why) => Err(why),
    };
    match read {
        Ok(block) => PublicAccess::Read(block),
        Err(why) => {
            tracing::warn!("VPC block public access counts as off: {why}");
            PublicAccess::Unknown(why)
        }
    }
}

/// It holds for VPCs of the account (API reference, VpcBlockPublicAccessOptions), and interfaces may lie
/// in VPCs that others share. Whose they are is asked only where something is blocked and something has a
/// public address: one round trip more where nothing is urgent.
async fn of_own_vpcs(
    ec2: &Client,
    setting: Setting,
    groups: &[GroupFacts],
) -> Result<BlockPublicAccess, String> {
    let Setting { mode, account, excluded } = setting;
    let public = public_vpcs(groups);
    if mode == BlockMode::Off || public.is_empty() {
        return Ok(BlockPublicAccess { mode, excluded, vpcs: Vec::new() });
    }
    let pages = ec2.describe_vpcs().set_vpc_ids(Some(public)).into_paginator().items().send();
    let found: Result<Vec<Vpc>, _> = pages.collect().await;
    let found = found.map_err(|error| why("DescribeVpcs", &error))?;
    let own = found.into_iter().filter(|vpc| vpc.owner_id.is_some() && vpc.owner_id == account);
    Ok(BlockPublicAccess { mode, excluded, vpcs: own.filter_map(|vpc| vpc.vpc_id).collect() })
}

/// The VPCs of the interfaces that have a public address.
fn public_vpcs(groups: &[GroupFacts]) -> Vec<String> {
    let read = groups.iter().filter_map(|group| match &group.interfaces {
        Interfaces::Read(interfaces) => Some(interfaces),
        Interfaces::NotRead | Interfaces::Unknown(_) => None,
    });
    let public = read.flatten().filter(|interface| !interface.public.is_empty());
    let vpcs: BTreeSet<String> = public.filter_map(|interface| interface.vpc.clone()).collect();
    vpcs.into_iter().collect()
}

#[cfg(test)]
mod tests;
