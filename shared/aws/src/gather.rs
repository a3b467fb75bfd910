//! Looking: live state becomes facts. What the engine does not need yet is not read.

mod cache;
mod group;
mod public_access;
mod subnets;

pub(crate) use cache::cache;
pub use group::{around, described_entries, described_rules, rules};
pub(crate) use group::{group, read};

use std::time::Duration;

use aws_sdk_ec2::Client;
use futures_util::future::{join, join_all};
use portcullis_engine::facts::GroupFacts;

/// How long to wait before each new look. EC2 and ElastiCache are eventually consistent: what an
/// event names may take some seconds to be shown (EC2 API reference, "Eventual consistency").
const AGAIN: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// What is read only when there is something to say of groups: name, VPC and tags, the interfaces, and
/// whether the internet gets to those at all. All side by side.
pub(crate) async fn reach(ec2: &Client, groups: &mut [GroupFacts]) {
    let each = join_all(groups.iter_mut().map(|group| around(ec2, group)));
    let (setting, _) = join(public_access::read(ec2), each).await;
    let public_access = public_access::confirmed(ec2, setting, groups).await;
    for group in groups {
        group.public_access = public_access.clone();
    }
}
