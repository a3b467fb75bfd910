//! What a person does about where a cache lies.

use std::fmt::Write;

use portcullis_engine::checks::public_subnet::public;
use portcullis_engine::facts::{Subnet, Subnets};

use super::kind::Kind;
use super::step::{Step, note};
use super::target::Target;

impl Target<'_> {
    pub(super) fn public_subnet(&self) -> Vec<Step> {
        let Self { region, cache, .. } = self;
        let Subnets::Read(subnets) = &cache.network.subnets else { return Vec::new() };
        let mut words = String::new();
        for subnet in public(subnets) {
            let destinations = subnet.public.join(", ");
            let _ = writeln!(
                words,
                "{} sends {destinations} to an internet gateway, by {}.",
                subnet.id, subnet.table
            );
        }
        words.push_str(
            "If no other resource there needs the internet gateway, give the subnets a route table without one.",
        );
        let name = self.named("-private");
        vec![
            Step {
                kind: Kind::RouteTable,
                words,
                commands: public(subnets).map(|subnet| give_table(region, subnet)).collect(),
            },
            Step {
                kind: Kind::SubnetGroup,
                words: "Otherwise create a subnet group of private subnets of the same VPC.".to_owned(),
                commands: vec![format!(
                    "aws elasticache create-cache-subnet-group --region {region} --cache-subnet-group-name {name} --cache-subnet-group-description 'Private subnets' --subnet-ids <private subnets>"
                )],
            },
            Step {
                kind: Kind::InSubnetGroup,
                words: "ElastiCache cannot change the subnet group of a cache: create another cache beside it with \
                        the steps that\n`portcullis plan` prints, with this create.json, and change the clients to \
                        it. If a template owns the cache, the\nplan is a second resource: name the subnet group \
                        there. On the existing resource it would replace the cache."
                    .to_owned(),
                commands: self
                    .inputs(&cache.id, &format!(" | .CacheSubnetGroupName = \"{name}\"")),
            },
        ]
    }

    /// `portcullis plan` knows caches with nodes only, so all inputs are taken over here: every one of
    /// CreateServerlessCache that Describe shows.
    pub(super) fn public_endpoint(&self) -> Vec<Step> {
        let Self { region, cache, .. } = self;
        let (id, arn, new) = (&cache.id, &self.report.subject().arn, self.named("-vpc"));
        let snapshot = format!(
            "aws elasticache describe-serverless-cache-snapshots --region {region} --serverless-cache-snapshot-name {new} --query 'ServerlessCacheSnapshots[0].ARN' --output text"
        );
        vec![
            Step {
                kind: Kind::ServerlessSnapshot,
                words: "Take a snapshot. Later writes will not be in the new cache.".to_owned(),
                commands: vec![format!(
                    "aws elasticache create-serverless-cache-snapshot --region {region} --serverless-cache-name {id} --serverless-cache-snapshot-name {new}"
                )],
            },
            Step {
                kind: Kind::ServerlessInputs,
                words: "Save the settings for the new cache: engine, limits, key, users, snapshots and \
                        tags.".to_owned(),
                commands: vec![format!(
                    "aws elasticache describe-serverless-caches --region {region} --serverless-cache-name {id} --query 'ServerlessCaches[0].{}' --output json | jq --argjson tags \"$(aws elasticache list-tags-for-resource --region {region} --resource-name {arn} --query TagList --output json)\" '{}' > create.json",
                    "{Description:Description,Engine:Engine,MajorEngineVersion:MajorEngineVersion,CacheUsageLimits:CacheUsageLimits,KmsKeyId:KmsKeyId,UserGroupId:UserGroupId,SnapshotRetentionLimit:SnapshotRetentionLimit,DailySnapshotTime:DailySnapshotTime,NetworkType:NetworkType}",
                    ". + {Tags: [$tags[] | select(.Key | startswith(\"aws:\") | not)]} | with_entries(select(.value | IN(null, \"\", {}, []) | not))",
                )],
            },
            Step {
                kind: Kind::ServerlessInVpc,
                words: "When the snapshot is available, create the cache from it in a VPC.".to_owned(),
                commands: vec![format!(
                    "aws elasticache create-serverless-cache --region {region} --cli-input-json file://create.json --serverless-cache-name {new} --connection-type vpc --subnet-ids <private subnets> --security-group-ids <its groups> --snapshot-arns-to-restore \"$({snapshot})\""
                )],
            },
            note(
                "Then change the clients to it, and delete the old cache when nothing connects to it. If a template \
                 owns the\ncache, add a second resource with these inputs: on the existing resource they would \
                 replace the cache.\n\
                 A service control policy can forbid public endpoints: Deny elasticache:CreateServerlessCache where\n\
                 elasticache:ConnectionType is public.",
            ),
        ]
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
