//! The security group: what it has, and the rule that is put back.

use std::time::Duration;

use anyhow::{Context, Error, Result};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, ResourceType, Tag, TagSpecification};
use portcullis_aws::error::{Failed, code};
use portcullis_aws::rules;
use portcullis_engine::facts::IngressRule;
use portcullis_engine::ledger::shape;

use crate::advice::advice;

/// When to look whether the rule is there: EC2 may take some seconds to show it.
const LOOK: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// The ingress rules of a group; `None` if it is gone.
pub(super) async fn read(ec2: &Client, group: &str) -> Result<Option<Vec<IngressRule>>> {
    match ec2.describe_security_groups().group_ids(group).send().await {
        Ok(_) => Ok(Some(rules(ec2, group).await?.rules)),
        Err(error) if code(&error) == Some("InvalidGroup.NotFound") => Ok(None),
        Err(error) => Err(Failed::of("DescribeSecurityGroups", &error).into()),
    }
}

/// The rule as EC2 takes it: its protocol, ports, source and description.
pub(super) fn permission(rule: &IngressRule) -> Result<IpPermission> {
    portcullis_aws::permission(rule)
        .context("nothing was changed: the source of the rule could not be read when it existed")
}

/// Opens the rule and looks until it is there: its id, and all rules of the group.
pub(super) async fn open(
    ec2: &Client,
    group: &str,
    permission: IpPermission,
    rule: &IngressRule,
) -> Result<(String, Vec<IngressRule>)> {
    let refused = authorize(ec2, group, permission, rule).await.err();
    // What EC2 refused it did not do. Without an answer, it may have.
    let answered = refused.as_ref().is_some_and(|failed| failed.code().is_some());
    let looks = if answered { 1 } else { LOOK.len() };
    let mut unseen = None;
    for pause in LOOK.iter().take(looks) {
        tokio::time::sleep(*pause).await;
        match rules(ec2, group).await {
            Ok(facts) => {
                if let Some(back) = facts.rules.iter().find(|there| shape(there) == shape(rule)) {
                    return Ok((back.id.clone(), facts.rules));
                }
                unseen = None;
            }
            Err(error) => unseen = Some(error),
        }
    }
    Err(match (unseen, refused) {
        (None, Some(failed)) => Error::new(failed).context("the rule is NOT restored"),
        (None, None) => advice(
            format!("the rule is NOT restored: EC2 accepted it, but {group} does not show it"),
            "check the group in a minute",
        ),
        (Some(error), None) => {
            error.context("it is unknown whether the rule is restored: EC2 accepted it")
        }
        (Some(error), Some(failed)) => {
            error.context(format!("it is unknown whether the rule is restored: {failed}"))
        }
    })
}

async fn authorize(
    ec2: &Client,
    group: &str,
    permission: IpPermission,
    rule: &IngressRule,
) -> Result<(), Failed> {
    // `aws:` tags are AWS's own: nobody else may set them (Tagging guide).
    let own = rule.tags.iter().filter(|tag| !tag.key.starts_with("aws:"));
    let tags: Vec<Tag> =
        own.map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build()).collect();
    let marked = (!tags.is_empty()).then(|| {
        let marked = TagSpecification::builder().resource_type(ResourceType::SecurityGroupRule);
        vec![marked.set_tags(Some(tags)).build()]
    });
    #[expect(clippy::disallowed_methods, reason = "the one place that restores a revoked rule")]
    let request = ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission);
    match request.set_tag_specifications(marked).send().await {
        Ok(_) => Ok(()),
        // Somebody was faster, or an answer was lost.
        Err(error) if code(&error) == Some("InvalidPermission.Duplicate") => Ok(()),
        Err(error) => Err(Failed::of("AuthorizeSecurityGroupIngress", &error)),
    }
}

/// Removes rules that are no longer needed. One that is gone already is no failure.
pub(super) async fn close(ec2: &Client, group: &str, ids: &[String]) -> Result<(), Failed> {
    for id in ids {
        #[expect(clippy::disallowed_methods, reason = "the one place that undoes a grant")]
        let request = ec2.revoke_security_group_ingress();
        let answer = request.group_id(group).security_group_rule_ids(id).send().await;
        match answer {
            Ok(_) => {}
            Err(error) if code(&error) == Some("InvalidSecurityGroupRuleId.NotFound") => {}
            Err(error) => return Err(Failed::of("RevokeSecurityGroupIngress", &error)),
        }
    }
    Ok(())
}
