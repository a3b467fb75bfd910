//! A decision about a call whose record names no resource.

use std::collections::BTreeSet;

use super::context::DecisionContext;
use super::decision::Decision;
use super::remember::remember;
use crate::action::{Because, Remedy};
use crate::arn::Arn;
use crate::event::{Event, EventName};
use crate::finding::{Check, Evidence, Finding, Subject};
use crate::severity::Reaches;

/// Decides about a call whose record is truncated so far that it names no resource: nothing can be read, so a person has
/// to look, and no exception can be asked.
pub fn unnamed(event: &Event, context: &DecisionContext<'_>) -> Decision {
    let is_of_list = matches!(
        event.name,
        Some(EventName::ModifyManagedPrefixList | EventName::RestoreManagedPrefixListVersion)
    );
    let (check, what, service) = if is_of_list {
        (Check::OpenIngress, "prefix list", "ec2")
    } else if event.is_of_group() {
        (Check::OpenIngress, "security group", "ec2")
    } else {
        (Check::OpenCache, "cache", "elasticache")
    };
    let kind = match event.name {
        Some(EventName::ModifyManagedPrefixList | EventName::RestoreManagedPrefixListVersion) => {
            "prefix-list"
        }
        Some(EventName::CreateCacheCluster | EventName::ModifyCacheCluster) => "cache-cluster",
        Some(EventName::CreateReplicationGroup | EventName::ModifyReplicationGroup) => {
            "replication-group"
        }
        Some(EventName::CreateServerlessCache | EventName::ModifyServerlessCache) => {
            "serverless-cache"
        }
        Some(
            EventName::AuthorizeSecurityGroupIngress
            | EventName::ModifySecurityGroupRules
            | EventName::ModifyNetworkInterfaceAttribute
            | EventName::ModifyInstanceAttribute
            | EventName::AssociateSecurityGroupVpc,
        )
        | None => "security-group",
    };
    let arn = Arn {
        partition: event.partition(),
        service,
        region: &event.region,
        account: &event.account,
        resource: "*",
    };
    let subject = Subject { kind, id: "unknown".to_owned(), arn: arn.to_string() };
    let finding = Finding {
        check,
        evidence: Evidence::UnnamedSubject { event: event.id.clone(), what },
        remedy: Remedy::Manual { action: None, because: Because::SubjectUnknown(what) },
    };
    let mut decision = Decision {
        mode: context.mode,
        subject,
        findings: vec![finding],
        suppressed: Vec::new(),
        leased: Vec::new(),
        unseen: Vec::new(),
        spaces: BTreeSet::new(),
        notes: Vec::new(),
    };
    remember(&mut decision, event, &[], &Reaches::default(), context);
    decision
}
