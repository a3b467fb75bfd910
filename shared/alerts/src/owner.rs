//! Who owns what the alert is about, and what that owner changes where: else the next deployment
//! brings the fault back.
//!
//! Two things are told apart: whom the resource belongs to, by its tags or its name, and through what
//! this call came. Both are said where they differ: then the owner knows nothing of the change.

mod advice;

use std::fmt::Write;

use serde::Serialize;

use portcullis_engine::facts::{CacheGroups, GroupFacts};
use portcullis_engine::owner::{self, Kind, Owner, Service};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::text;

use advice::{Quote, TEXT, Target, Written};

/// The owner, in words.
#[derive(Debug, Serialize)]
pub(crate) struct InWords {
    /// As in the document.
    pub(crate) kind: &'static str,
    /// The stack, the cluster, the service or the tool, where that is known.
    name: Option<String>,
    /// How it was recognised.
    pub(crate) by: String,
    /// What to change where.
    pub(crate) advice: String,
    #[serde(skip)]
    pub(crate) who: String,
}

/// What the owner of a prefix list changes.
const LIST: &str = "Whoever writes the list there writes its entries: change them there, or the next deployment adds them \
                    again.";

/// The owner of the resource that the decision is about, if anything tells of one.
pub(crate) fn in_words(report: &Report, quote: Quote) -> Option<InWords> {
    let Report { event, names, findings, .. } = report;
    if report.unnamed().is_some() {
        return None;
    }
    let through = owner::by_call(&event.actor);
    let rule = findings.iter().find_map(Reported::rule);
    let target = Target {
        region: &event.region,
        id: &report.subject().id,
        rule: rule.map(|rule| rule.id.as_str()),
        cache: report.cache.is_some(),
        quote,
    };
    if target.cache {
        // Whatever made the cache has it. The tags that it was made with may tell which stack that was.
        let made = |tagged: &Owner| {
            through.as_ref().is_none_or(|through| is_same(&tagged.kind, &through.kind))
        };
        let owner = owner::by_tags(&names.tags).filter(made).or(through)?;
        let advice = target.advice(&owner.kind, Written::Yes);
        return Some(words(&owner, advice, quote));
    }
    if report.subject().kind == "prefix-list" {
        let owner = owner::by_tags(&names.tags).or(through)?;
        return Some(words(&owner, LIST.to_owned(), quote));
    }
    let mut rules = findings.iter().filter_map(Reported::rule);
    let of_rule = rules.find_map(|rule| owner::by_tags(&rule.tags));
    let of = if of_rule.is_some() { " of the rule" } else { "" };
    let name = names.name.as_deref().unwrap_or_default();
    let (owner, advice) = match (of_rule.or_else(|| owner::of_group(name, &names.tags)), through) {
        (None, None) => return None,
        (None, Some(through)) => {
            let advice = target.advice(&through.kind, Written::Yes);
            (through, advice)
        }
        (Some(owner), Some(through)) if !is_same(&owner.kind, &through.kind) => {
            let advice = format!(
                "This call came through {}, recognised by {}, so the rule belongs to it. {}",
                who(&through.kind, quote),
                through.by,
                target.advice(&through.kind, Written::Yes)
            );
            (owner, advice)
        }
        (Some(owner), through) => {
            let written = match through {
                Some(_) => Written::Yes,
                None if !event.is_call() => Written::Unknown,
                None if owner::is_person(&event.actor) || tells_itself(&owner.kind) => Written::No,
                None => Written::Unknown,
            };
            let advice = target.advice(&owner.kind, written);
            (owner, advice)
        }
    };
    let mut owner = words(&owner, advice, quote);
    owner.by.push_str(of);
    Some(owner)
}

/// The paragraphs of the mail: of the resource, and of the groups of a cache that have an open rule.
pub(crate) fn paragraph(report: &Report, quote: Quote) -> String {
    let mut text = String::new();
    // What is gone is nobody's to change.
    if let Some(owner) = in_words(report, quote).filter(|_| !report.findings.is_empty()) {
        let _ =
            writeln!(text, "Owner: {}, recognised by {}. {}", owner.who, owner.by, owner.advice);
    }
    for group in behind(report) {
        let Some(details) = &group.details else { continue };
        let Some(owner) = owner::of_group(&details.name, &details.tags) else { continue };
        let (region, id) = (report.event.region.as_str(), group.id.as_str());
        let target = Target { region, id, rule: None, cache: false, quote };
        // The event made a cache: who wrote the rule it does not say.
        let owner = words(&owner, target.advice(&owner.kind, Written::Unknown), quote);
        let _ = writeln!(
            text,
            "Owner of {id}: {}, recognised by {}. {}",
            owner.who, owner.by, owner.advice
        );
    }
    text
}

/// The groups of a cache that a finding is about.
fn behind(report: &Report) -> Vec<&GroupFacts> {
    let Some(cache) = &report.cache else { return Vec::new() };
    let groups = match &cache.groups {
        CacheGroups::Unknown(_) => return Vec::new(),
        CacheGroups::Read(groups) => groups,
    };
    let open = |group: &&GroupFacts| {
        report.findings.iter().filter_map(Reported::group).any(|open| open == group.id)
    };
    groups.iter().filter(open).collect()
}

fn words(owner: &Owner, advice: String, quote: Quote) -> InWords {
    let (kind, name) = kind_and_name(&owner.kind);
    InWords {
        kind,
        name: name.map(|name| text::bounded(name, 2 * TEXT)),
        by: match &owner.by {
            owner::By::Tag(tag) => {
                format!("the tag {}", quote(&format!("{}={}", tag.key, tag.value), TEXT))
            }
            owner::By::Mark(_) | owner::By::Name | owner::By::InvokedBy | owner::By::Agent => {
                owner.by.to_string()
            }
        },
        advice,
        who: who(&owner.kind, quote),
    }
}

/// As in the document.
fn kind_and_name(kind: &Kind) -> (&'static str, Option<&str>) {
    match kind {
        Kind::CloudFormation { stack, .. } => ("cloudformation", stack.as_deref()),
        Kind::Terraform => ("terraform", None),
        Kind::Pulumi => ("pulumi", None),
        Kind::Other(tool) => ("other", Some(tool)),
        Kind::Eks { cluster } => ("eks", cluster.as_deref()),
        Kind::LoadBalancers { cluster, .. } => ("kubernetes", cluster.as_deref()),
        Kind::Kubernetes { cluster } => ("kubernetes", Some(cluster)),
        Kind::Service(service) => ("aws-service", Some(service_name(service))),
    }
}

fn service_name(service: &Service) -> &str {
    match service {
        Service::Emr => "Amazon EMR",
        Service::DirectoryService => "AWS Directory Service",
        Service::LaunchWizard => "the launch wizard of the EC2 console",
        Service::Named(name) => name,
    }
}

fn who(kind: &Kind, quote: Quote) -> String {
    match kind {
        Kind::CloudFormation { stack: None, .. } => "a CloudFormation stack".to_owned(),
        Kind::CloudFormation { stack: Some(stack), logical_id } => {
            let stack = quote(stack, TEXT);
            let resource = logical_id.as_deref().map(|id| format!(" ({})", quote(id, TEXT)));
            format!("the CloudFormation stack {stack}{}", resource.unwrap_or_default())
        }
        Kind::Terraform => "Terraform or OpenTofu".to_owned(),
        Kind::Pulumi => "Pulumi".to_owned(),
        Kind::Other(tool) => (*tool).to_owned(),
        Kind::Eks { cluster: None } => "Amazon EKS".to_owned(),
        Kind::Eks { cluster: Some(cluster) } => {
            format!("Amazon EKS, cluster {}", quote(cluster, TEXT))
        }
        Kind::LoadBalancers { cluster, made_for } => {
            let cluster = match cluster {
                Some(name) => format!("the cluster {}", quote(name, TEXT)),
                None => "a Kubernetes cluster".to_owned(),
            };
            let made_for =
                made_for.as_deref().map(|object| format!(", for {}", quote(object, TEXT)));
            format!("the load balancer controller of {cluster}{}", made_for.unwrap_or_default())
        }
        Kind::Kubernetes { cluster } => format!("the Kubernetes cluster {}", quote(cluster, TEXT)),
        Kind::Service(Service::Named(name)) => quote(name, TEXT),
        Kind::Service(service) => service_name(service).to_owned(),
    }
}

/// Whether a call through the one is a call of the other.
fn is_same(owner: &Kind, through: &Kind) -> bool {
    match (owner, through) {
        (Kind::CloudFormation { .. }, Kind::CloudFormation { .. })
        | (Kind::Eks { .. }, Kind::Eks { .. })
        | (Kind::Kubernetes { .. } | Kind::LoadBalancers { .. }, Kind::LoadBalancers { .. }) => {
            true
        }
        (owner, through) => owner == through,
    }
}

/// Whether a call of it always says so: then one that does not is none of it.
fn tells_itself(kind: &Kind) -> bool {
    match kind {
        Kind::CloudFormation { .. } | Kind::Terraform | Kind::Pulumi => true,
        Kind::Other(_)
        | Kind::Eks { .. }
        | Kind::LoadBalancers { .. }
        | Kind::Kubernetes { .. }
        | Kind::Service(_) => false,
    }
}
