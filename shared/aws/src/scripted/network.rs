//! EC2: VPCs, and what keeps the internet from them.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::describe_route_tables::{
    DescribeRouteTablesInput, DescribeRouteTablesOutput,
};
use aws_sdk_ec2::operation::describe_security_group_vpc_associations::{
    DescribeSecurityGroupVpcAssociationsInput, DescribeSecurityGroupVpcAssociationsOutput,
};
use aws_sdk_ec2::operation::describe_vpc_block_public_access_exclusions::{
    DescribeVpcBlockPublicAccessExclusionsInput as ExclusionsInput,
    DescribeVpcBlockPublicAccessExclusionsOutput as ExclusionsOutput,
};
use aws_sdk_ec2::operation::describe_vpc_block_public_access_options::{
    DescribeVpcBlockPublicAccessOptionsInput as OptionsInput,
    DescribeVpcBlockPublicAccessOptionsOutput as OptionsOutput,
};
use aws_sdk_ec2::operation::describe_vpcs::{DescribeVpcsInput, DescribeVpcsOutput};
use aws_smithy_mocks::{Rule, mock};

use super::{Account, State, page};

impl Account {
    pub(super) fn network(&self) -> [Rule; 5] {
        [
            self.on(
                "DescribeVpcBlockPublicAccessOptions",
                mock!(Client::describe_vpc_block_public_access_options),
                |_| vec![Some("any".to_owned())],
                block,
            ),
            self.on(
                "DescribeVpcBlockPublicAccessExclusions",
                mock!(Client::describe_vpc_block_public_access_exclusions),
                |_| vec![Some("any".to_owned())],
                exclusions,
            ),
            self.on(
                "DescribeVpcs",
                mock!(Client::describe_vpcs),
                |input| input.vpc_ids().iter().cloned().map(Some).collect(),
                vpcs,
            ),
            self.on(
                "DescribeSecurityGroupVpcAssociations",
                mock!(Client::describe_security_group_vpc_associations),
                |input| {
                    input.filters().iter().flat_map(|f| f.values()).cloned().map(Some).collect()
                },
                associations,
            ),
            self.on(
                "DescribeRouteTables",
                mock!(Client::describe_route_tables),
                |input| {
                    input.filters().iter().flat_map(|f| f.values()).cloned().map(Some).collect()
                },
                route_tables,
            ),
        ]
    }
}

fn block(state: &mut State, _: &OptionsInput) -> Result<OptionsOutput, &'static str> {
    let options = state.block.clone();
    Ok(OptionsOutput::builder().set_vpc_block_public_access_options(options).build())
}

fn exclusions(
    state: &mut State,
    input: &ExclusionsInput,
) -> Result<ExclusionsOutput, &'static str> {
    let (found, next) = page(state.exclusions.clone(), input.next_token(), state.page);
    Ok(ExclusionsOutput::builder()
        .set_vpc_block_public_access_exclusions(Some(found))
        .set_next_token(next)
        .build())
}

fn associations(
    state: &mut State,
    input: &DescribeSecurityGroupVpcAssociationsInput,
) -> Result<DescribeSecurityGroupVpcAssociationsOutput, &'static str> {
    let asked = input.filters().first().and_then(|filter| filter.values().first());
    let of_group = state.associations.iter().filter(|one| one.group_id.as_ref() == asked);
    let (found, next) = page(of_group.cloned().collect(), input.next_token(), state.page);
    Ok(DescribeSecurityGroupVpcAssociationsOutput::builder()
        .set_security_group_vpc_associations(Some(found))
        .set_next_token(next)
        .build())
}

/// One id that is not there, and the call fails.
fn vpcs(state: &mut State, input: &DescribeVpcsInput) -> Result<DescribeVpcsOutput, &'static str> {
    let find = |id: &String| state.vpcs.iter().find(|vpc| vpc.vpc_id() == Some(id)).cloned();
    let found: Option<Vec<_>> = input.vpc_ids().iter().map(find).collect();
    let found = found.ok_or("InvalidVpcID.NotFound")?;
    Ok(DescribeVpcsOutput::builder().set_vpcs(Some(found)).build())
}

fn route_tables(
    state: &mut State,
    input: &DescribeRouteTablesInput,
) -> Result<DescribeRouteTablesOutput, &'static str> {
    let vpc = input.filters().first().and_then(|filter| filter.values().first());
    let of_vpc =
        state.route_tables.iter().filter(|table| table.vpc_id() == vpc.map(String::as_str));
    let (found, next) = page(of_vpc.cloned().collect(), input.next_token(), state.page);
    Ok(DescribeRouteTablesOutput::builder()
        .set_route_tables(Some(found))
        .set_next_token(next)
        .build())
}
