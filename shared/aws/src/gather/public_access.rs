//! VPC block public access: whether the internet gets to the account's VPCs at all.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::describe_vpc_block_public_access_options::DescribeVpcBlockPublicAccessOptionsOutput as Answer;
use aws_sdk_ec2::types::{
    InternetGatewayExclusionMode, VpcBlockPublicAccessExclusion as Exclusion,
    VpcBlockPublicAccessExclusionState as ExclusionState, VpcBlockPublicAccessOptions as Options,
    VpcBlockPublicAccessState,
};
use futures_util::future::try_join;
use portcullis_engine::arn::Arn;
use portcullis_engine::facts::{BlockMode, PublicSetting, Vpc};

use crate::error::why;

/// The setting, and what is excluded from it; or why it could not be read.
pub(super) async fn setting(ec2: &Client) -> Result<PublicSetting, String> {
    let read = try_join(options(ec2), exclusions(ec2))
        .await
        .inspect_err(|why| tracing::warn!("VPC block public access counts as off: {why}"));
    let ((mode, account), excluded) = read?;
    Ok(PublicSetting { mode, account, excluded })
}

/// While a change is under way, neither mode can be counted on, and nothing counts as blocked.
async fn options(ec2: &Client) -> Result<(BlockMode, Option<String>), String> {
    let answer = ec2
        .describe_vpc_block_public_access_options()
        .send()
        .await
        .map_err(|error| why("DescribeVpcBlockPublicAccessOptions", &error))?;
    block_mode(answer)
}

/// The mode, and the account that it holds for.
///
/// # Errors
///
/// If the mode is none that is known: which.
pub fn block_mode(answer: Answer) -> Result<(BlockMode, Option<String>), String> {
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
        let answer = request
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| why("DescribeVpcBlockPublicAccessExclusions", &error))?;
        excluded.extend(excluded_from(answer.vpc_block_public_access_exclusions()));
        token = answer.next_token;
        if token.is_none() {
            return Ok(excluded);
        }
    }
}

/// The VPCs and subnets that the internet may get into by these.
pub fn excluded_from(exclusions: &[Exclusion]) -> impl Iterator<Item = String> {
    exclusions.iter().filter(|exclusion| admits(exclusion)).filter_map(resource)
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
    exclusion.resource_arn().map(|arn| Arn::name_of(arn).to_owned())
}

/// Whose these VPCs are.
pub(super) async fn vpcs(ec2: &Client, ids: &[String]) -> Result<Vec<Vpc>, String> {
    let pages = ec2.describe_vpcs().set_vpc_ids(Some(ids.to_vec())).into_paginator().items();
    let found: Result<Vec<_>, _> = pages.send().collect().await;
    let found = found.map_err(|error| {
        let why = why("DescribeVpcs", &error);
        tracing::warn!("VPC block public access counts as off: {why}");
        why
    })?;
    let vpcs =
        found.into_iter().filter_map(|vpc| Some(Vpc { id: vpc.vpc_id?, owner: vpc.owner_id }));
    Ok(vpcs.collect())
}

#[cfg(test)]
mod tests;
