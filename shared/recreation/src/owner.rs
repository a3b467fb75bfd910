//! A cache that CloudFormation, Terraform or another tool made is never moved behind its back: the
//! tool would take the old one for gone, or make it again. It gets a patch instead.

use portcullis_engine::owner::{self, By, Kind, Owner};

use crate::facts::Facts;
use crate::reason::Reason;

/// The owner, if anything tells of one that would not know of a new cache.
pub fn owner(facts: &Facts) -> Option<Owner> {
    let tags = facts.tags.as_deref().unwrap_or_default();
    owner::by_tags(tags).or_else(|| facts.made_by.as_deref().and_then(owner::by_agent))
}

pub(crate) fn reasons(facts: &Facts) -> Vec<Reason> {
    let Some(owner) = owner(facts) else { return Vec::new() };
    let made = if owner.by == By::Agent { " that created it" } else { "" };
    let by = format!("{}{made}", owner.by);
    let would_not_know = |tool: &str| {
        format!("{tool} owns the cache (recognised by {by}), and would not know of a new one")
    };
    let (why, remedy) = match owner.kind {
        Kind::CloudFormation { stack, .. } => {
            let stack = stack.unwrap_or_else(|| "that is not named".to_owned());
            (
                format!(
                    "the CloudFormation stack {stack} owns the cache, and would not know of a new one"
                ),
                "add the new cache to the template, beside the old one",
            )
        }
        Kind::Terraform => (
            would_not_know("Terraform"),
            "add the new cache to the configuration, beside the old one",
        ),
        Kind::Pulumi => (would_not_know("Pulumi"), IN_ITS_LANGUAGE),
        Kind::Other(tool) => (would_not_know(tool), IN_ITS_LANGUAGE),
        Kind::Eks { .. }
        | Kind::LoadBalancers { .. }
        | Kind::Kubernetes { .. }
        | Kind::Service(_) => return Vec::new(),
    };
    vec![Reason::new("Owner", why, remedy)]
}

const IN_ITS_LANGUAGE: &str = "add a second cache on the new port in its own language, change the clients, then \
                               remove the first";
