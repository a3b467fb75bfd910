//! What a person does about where a cache lies.

use std::fmt::Write;

use super::Target;
use crate::checks::public_subnet::public;
use crate::facts::{Subnet, Subnets};

impl Target<'_> {
    pub(super) fn public_subnet(&self) -> String {
        let Self { region, cache, .. } = self;
        let Subnets::Read(subnets) = &cache.network.subnets else { return String::new() };
        let mut text = String::new();
        for subnet in public(subnets) {
            let destinations = subnet.public.join(", ");
            let _ = writeln!(
                text,
                "  {} sends {destinations} to an internet gateway, by {}.",
                subnet.id, subnet.table
            );
        }
        text.push_str(
            "  If nothing else there needs the internet gateway, give the subnets a table without one:\n",
        );
        for subnet in public(subnets) {
            let _ = writeln!(text, "{}", give_table(region, subnet));
        }
        text.push_str("  Else make a subnet group of private subnets, and the cache again in it: a cache keeps its\n  subnet group for good.\n");
        let name = format!("{}-private", cache.id);
        let _ = writeln!(
            text,
            "aws elasticache create-cache-subnet-group --region {region} --cache-subnet-group-name {name} --cache-subnet-group-description 'Private subnets' --subnet-ids <private subnets>"
        );
        text.push_str(&self.templates(
            &[("CacheSubnetGroupName", &name)],
            &[("subnet_group_name", &name)],
            None,
        ));
        text
    }

    pub(super) fn public_endpoint(&self) -> String {
        let Self { region, cache, engine, .. } = self;
        let (id, engine) = (&cache.id, engine.as_str());
        let new = format!("{id}-vpc");
        let mut text =
            "  1. Take a snapshot. What is written after it will not be in the new cache.\n"
                .to_owned();
        let _ = writeln!(
            text,
            "aws elasticache create-serverless-cache-snapshot --region {region} --serverless-cache-name {id} --serverless-cache-snapshot-name {new}"
        );
        text.push_str("  2. When it is available, make the cache again in a VPC, with the ARN of the snapshot.\n");
        let _ = writeln!(
            text,
            "aws elasticache create-serverless-cache --region {region} --serverless-cache-name {new} --engine {engine} --connection-type vpc --subnet-ids <private subnets> --security-group-ids <its group> --snapshot-arns-to-restore <ARN of the snapshot>"
        );
        text.push_str("  Then point the clients to it, and delete the old cache when nothing connects to it.\n");
        text.push_str("  A service control policy can forbid it: Deny elasticache:CreateServerlessCache where\n  elasticache:ConnectionType is public.\n");
        text.push_str(&self.templates(
            &[("ConnectionType", "vpc"), ("SubnetIds", "[<private subnets>]")],
            // Without a connection type it is made in a VPC.
            &[("subnet_ids", "[<private subnets>]")],
            Some(&new),
        ));
        text
    }
}

/// A subnet that has a table of its own gets another in its place.
fn give_table(region: &str, subnet: &Subnet) -> String {
    match &subnet.association {
        Some(association) => format!(
            "aws ec2 replace-route-table-association --region {region} --association-id {association} --route-table-id <private table>"
        ),
        None => format!(
            "aws ec2 associate-route-table --region {region} --subnet-id {} --route-table-id <private table>",
            subnet.id
        ),
    }
}
