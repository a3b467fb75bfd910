//! Revoking ingress rules, each by its id, until they are seen gone.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::RevokedSecurityGroupRule;
use portcullis_engine::action::{Outcome, Outcomes};
use portcullis_engine::facts::{IngressRule, Protocol, Source};

use crate::error::{code, why};
use crate::gather::read;

const REVOKE: &str = "RevokeSecurityGroupIngress";

/// Rules per call. AWS documents no limit; a group has at most 1,000 rules.
const BATCH: usize = 100;

/// When to look whether the rules are gone: EC2 may show them for some seconds more.
const LOOK: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(750),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// What it means if EC2 says that the function may not: its role is kept out of protected groups, so
/// that not even a fault of ours can change one.
const FORBIDDEN: &str = "IAM denies it: the group has the tag portcullis:protect, which could not be read or was set \
                         meanwhile, or one of your policies denies it";

/// What EC2 answered for one rule: the rule as it went, if it was not as it was read any more.
type Answer = Result<Option<Box<IngressRule>>, Refusal>;

/// Why there is no answer that says "revoked".
#[derive(Clone)]
enum Refusal {
    NotFound,
    /// EC2 said no, so whatever became of the rule is not our doing.
    Refused(String),
    /// EC2 broke or nothing came back: it may have revoked all the same.
    Unanswered(String),
}

/// EC2's codes that leave open what was done (EC2 API reference, "Server error codes").
const BROKE: [&str; 4] = ["InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"];

/// Revokes the rules of a group and says what came of each, by its id.
pub async fn revoke(ec2: &Client, group: &str, rules: &[&IngressRule]) -> Outcomes {
    revoke_and_read(ec2, group, rules).await.0
}

/// The same, with the rules that the group has then, as far as it could be read.
pub(super) async fn revoke_and_read(
    ec2: &Client,
    group: &str,
    rules: &[&IngressRule],
) -> (Outcomes, Vec<IngressRule>) {
    let mut answers = BTreeMap::new();
    for batch in rules.chunks(BATCH) {
        answers.extend(revoke_batch(ec2, group, batch).await);
    }
    prove(ec2, group, answers).await
}

/// Revokes a batch. By rule id, one stale id makes EC2 refuse all of them: then each goes alone.
async fn revoke_batch(
    ec2: &Client,
    group: &str,
    batch: &[&IngressRule],
) -> BTreeMap<String, Answer> {
    let answer = call(ec2, group, batch).await;
    if !matches!(answer, Err(Refusal::NotFound)) || batch.len() == 1 {
        return batch.iter().map(|rule| (rule.id.clone(), told(&answer, rule))).collect();
    }
    let mut answers = BTreeMap::new();
    for rule in batch {
        let answer = call(ec2, group, &[rule]).await;
        answers.insert(rule.id.clone(), told(&answer, rule));
    }
    answers
}

/// The answer for one rule of a call.
fn told(answer: &Result<Vec<RevokedSecurityGroupRule>, Refusal>, rule: &IngressRule) -> Answer {
    match answer {
        Ok(revoked) => Ok(changed(revoked, rule).map(Box::new)),
        Err(refusal) => Err(refusal.clone()),
    }
}

async fn call(
    ec2: &Client,
    group: &str,
    rules: &[&IngressRule],
) -> Result<Vec<RevokedSecurityGroupRule>, Refusal> {
    let ids = rules.iter().map(|rule| rule.id.clone()).collect();
    #[expect(clippy::disallowed_methods, reason = "the one place that revokes")]
    let request = ec2.revoke_security_group_ingress();
    match request.group_id(group).set_security_group_rule_ids(Some(ids)).send().await {
        Ok(answer) => Ok(answer.revoked_security_group_rules.unwrap_or_default()),
        Err(error) => Err(match code(&error) {
            Some(
                "InvalidSecurityGroupRuleId.NotFound"
                | "InvalidPermission.NotFound"
                | "InvalidGroup.NotFound",
            ) => Refusal::NotFound,
            Some("UnauthorizedOperation") => {
                Refusal::Refused(format!("{FORBIDDEN}: {}", why(REVOKE, &error)))
            }
            Some(code) if !BROKE.contains(&code) => Refusal::Refused(why(REVOKE, &error)),
            Some(_) | None => Refusal::Unanswered(why(REVOKE, &error)),
        }),
    }
}

/// The rule as EC2 removed it, if somebody had edited it since it was read: undoing must restore
/// what was there. EC2 does not return tags; they stay with the id, so they are the ones we read.
fn changed(revoked: &[RevokedSecurityGroupRule], rule: &IngressRule) -> Option<IngressRule> {
    let removed =
        revoked.iter().find(|removed| removed.security_group_rule_id() == Some(&rule.id))?;
    let cidr = removed.cidr_ipv4().or(removed.cidr_ipv6());
    let source = match (cidr, removed.prefix_list_id(), removed.referenced_group_id()) {
        (Some(cidr), _, _) => Source::cidr(cidr)?,
        (None, Some(list), _) => Source::PrefixList(list.to_owned()),
        (None, None, Some(group)) => Source::Group(group.to_owned()),
        (None, None, None) => return None,
    };
    let removed = IngressRule {
        id: rule.id.clone(),
        protocol: Protocol::parse(removed.ip_protocol()?),
        from_port: removed.from_port().unwrap_or(-1),
        to_port: removed.to_port().unwrap_or(-1),
        source,
        description: removed.description().filter(|text| !text.is_empty()).map(str::to_owned),
        tags: rule.tags.clone(),
    };
    let same = removed.protocol == rule.protocol
        && removed.source == rule.source
        && (!rule.protocol.has_ports() || removed.ports() == rule.ports());
    (!same).then_some(removed)
}

/// Reads the group again until nothing that EC2 says is revoked is shown any more.
async fn prove(
    ec2: &Client,
    group: &str,
    answers: BTreeMap<String, Answer>,
) -> (Outcomes, Vec<IngressRule>) {
    let mut seen = Err("it was not read again".to_owned());
    for pause in LOOK {
        tokio::time::sleep(pause).await;
        seen = match read(ec2, group).await {
            Ok(facts) => Ok(facts.rules),
            Err(error) => Err(format!("{error:#}")),
        };
        let settled = seen.as_ref().is_ok_and(|seen| {
            !answers.iter().any(|(id, answer)| {
                matches!(answer, Ok(_) | Err(Refusal::NotFound)) && shows(seen, id)
            })
        });
        if settled {
            break;
        }
    }
    let outcomes = answers.into_iter().map(|(id, answer)| {
        let outcome = outcome(&id, answer, &seen);
        (id, outcome)
    });
    (outcomes.collect(), seen.unwrap_or_default())
}

fn shows(seen: &[IngressRule], id: &str) -> bool {
    seen.iter().any(|rule| rule.id == id)
}

/// One look does not make a rule gone that EC2 refused to revoke: a list that was read too early, or
/// cut short, does not show it either. The event fails then, and is tried again.
fn outcome(id: &str, answer: Answer, seen: &Result<Vec<IngressRule>, String>) -> Outcome {
    let shown = seen.as_ref().map(|seen| shows(seen, id));
    match (answer, shown) {
        (Ok(changed), Ok(false)) => Outcome::Done(changed),
        (Err(Refusal::NotFound | Refusal::Unanswered(_)), Ok(false)) => Outcome::AlreadyGone,
        (Err(Refusal::Refused(why)), Ok(false)) => Outcome::Failed(format!(
            "not revoked, although the group does not show the rule now: {why}"
        )),
        (Err(Refusal::Refused(why) | Refusal::Unanswered(why)), Ok(true)) => {
            Outcome::Failed(format!("still open: {why}"))
        }
        (Err(Refusal::Refused(why)), Err(_)) => Outcome::Failed(format!("not revoked: {why}")),
        (Err(Refusal::Unanswered(why)), Err(_)) => {
            Outcome::Failed(format!("it is unknown whether the rule was revoked: {why}"))
        }
        (Ok(_) | Err(Refusal::NotFound), Ok(true)) => {
            Outcome::Failed("EC2 accepted the revoke but still lists the rule".to_owned())
        }
        (Ok(_) | Err(Refusal::NotFound), Err(why)) => Outcome::Failed(format!(
            "EC2 accepted the revoke, but the group could not be read again: {why}"
        )),
    }
}

#[cfg(test)]
mod tests;
