//! Granting to known networks what public rules admit that are about to be revoked.
//!
//! It is tried once before the revoke, and in a short time: what is not granted then does not keep anything open.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use futures_util::future::join_all;
use portcullis_engine::action::{Action, MOST_NAMED, REPLACES};
use portcullis_engine::facts::IngressRule;

use super::permission::permission;
use crate::error::{code, why};
use crate::gather::read;

const AUTHORIZE: &str = "AuthorizeSecurityGroupIngress";

/// Of the one attempt.
const ATTEMPT: Duration = Duration::from_secs(2);

/// What came of the request.
#[derive(Debug, Default)]
pub(super) struct GrantAnswer {
    refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Refusal {
    /// Whether the group has no room for the rules.
    is_full: bool,
    /// Whether one of the rules is there: EC2 then makes none of them.
    is_duplicate: bool,
    why: String,
}

impl GrantAnswer {
    /// Why EC2 refused, if it did, and whether that was for want of room.
    pub(super) fn why(&self) -> Option<(&str, bool)> {
        self.refusal.as_ref().map(|refusal| (refusal.why.as_str(), refusal.is_full))
    }
}

/// Makes the grants of these actions on one group: one call, or one for each 17 rules that are revoked, side by side.
pub(super) async fn grant(ec2: &Client, group: &str, actions: &[&Action]) -> GrantAnswer {
    let wanted: Vec<Wanted> = actions.iter().filter_map(|action| Wanted::of(action)).collect();
    ask(ec2, group, &wanted).await
}

/// Asks once more, after the revoke: for what is missing because one rule was there already, or because the revoked rules
/// took the room. Returns the rules of the group as they are then.
pub(super) async fn again(
    ec2: &Client,
    group: &str,
    actions: &[&Action],
    asked: &GrantAnswer,
    shown: Vec<IngressRule>,
) -> Vec<IngressRule> {
    if !asked.refusal.as_ref().is_some_and(|refusal| refusal.is_full || refusal.is_duplicate) {
        return shown;
    }
    let missing = |action: &&Action| {
        let rules = action.granted(&shown, None)?.not?.rules;
        Some(Wanted { rules, finding: action.grants()?.finding.clone() })
    };
    let missing: Vec<Wanted> = actions.iter().filter_map(missing).collect();
    if missing.is_empty() || ask(ec2, group, &missing).await.refusal.is_some() {
        return shown;
    }
    read(ec2, group).await.map_or(shown, |facts| facts.rules)
}

/// What is to be made in place of one rule.
struct Wanted {
    finding: String,
    rules: Vec<IngressRule>,
}

impl Wanted {
    fn of(action: &Action) -> Option<Self> {
        let ((_, rule), grants) = (action.revokes()?, action.grants()?);
        let (finding, rules) = (grants.finding.clone(), grants.rules(rule).collect::<Vec<_>>());
        (!rules.is_empty()).then_some(Self { finding, rules })
    }
}

async fn ask(ec2: &Client, group: &str, wanted: &[Wanted]) -> GrantAnswer {
    let calls = wanted.chunks(MOST_NAMED).map(|wanted| authorize(ec2, group, wanted));
    let refusal = join_all(calls).await.into_iter().find_map(Result::err);
    GrantAnswer { refusal }
}

async fn authorize(ec2: &Client, group: &str, wanted: &[Wanted]) -> Result<(), Refusal> {
    let permissions = wanted.iter().flat_map(|wanted| &wanted.rules).filter_map(permission);
    let findings: Vec<&str> = wanted.iter().map(|wanted| wanted.finding.as_str()).collect();
    let tag = Tag::builder().key(REPLACES).value(findings.join(" ")).build();
    let tags = TagSpecification::builder().resource_type(ResourceType::SecurityGroupRule).tags(tag);
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(ATTEMPT)
        .operation_attempt_timeout(ATTEMPT)
        .connect_timeout(ATTEMPT);
    let once =
        Builder::new().retry_config(RetryConfig::disabled()).timeout_config(timeouts.build());
    #[expect(clippy::disallowed_methods, reason = "the one place that grants")]
    let request = ec2.authorize_security_group_ingress();
    let request = request
        .group_id(group)
        .set_ip_permissions(Some(permissions.collect()))
        .tag_specifications(tags.build());
    let answer = request.customize().config_override(once).send().await;
    answer.map(drop).map_err(|error| Refusal {
        is_full: code(&error) == Some("RulesPerSecurityGroupLimitExceeded"),
        is_duplicate: code(&error) == Some("InvalidPermission.Duplicate"),
        why: why(AUTHORIZE, &error),
    })
}
