//! Who owns a resource, told from its tags and its name, and through what a call came.
//!
//! All of it is a hint for people, and chooses nothing: whoever may tag or name a resource may claim
//! any owner. Only keys that begin with `aws:` are AWS's own.

mod kind;
mod tools;

use std::fmt;

use crate::event::Actor;
use crate::facts::Tag;

pub use kind::{Kind, Service};

/// An owner, and how it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which.
    pub kind: Kind,
    /// How it was told.
    pub by: By,
}

/// How an owner was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A tag with a key that the owner sets by itself.
    Mark(&'static str),
    /// A tag that people or their tools commonly give.
    Tag(Tag),
    /// The group's name.
    Name,
    /// `invokedBy` of the call.
    InvokedBy,
    /// The user agent of the call.
    Agent,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark(key) => write!(f, "the tag {key}"),
            Self::Tag(tag) => write!(f, "the tag {}={}", tag.key, tag.value),
            Self::Name => f.write_str("the name of the group"),
            Self::InvokedBy => f.write_str("invokedBy of the call"),
            Self::Agent => f.write_str("the user agent of the call"),
        }
    }
}

/// The owner that the tags of any resource tell of.
pub fn by_tags(tags: &[Tag]) -> Option<Owner> {
    stack(tags).or_else(|| tags.iter().find_map(of_tool))
}

/// The owner of a security group. What AWS and controllers write by themselves comes before what people
/// give, and tags come before the name.
pub fn of_group(name: &str, tags: &[Tag]) -> Option<Owner> {
    stack(tags)
        .or_else(|| eks(tags))
        .or_else(|| load_balancers(tags))
        .or_else(|| tags.iter().find_map(of_tool))
        .or_else(|| tags.iter().find_map(|tag| of_cluster(name, tag)))
        .or_else(|| by_name(name))
}

/// What a call came through, if that was a tool, a controller or a service.
pub fn by_call(actor: &Actor) -> Option<Owner> {
    let via = actor.via.as_deref().and_then(service);
    via.map(|kind| Owner { kind, by: By::InvokedBy }).or_else(|| by_agent(&actor.agent))
}

/// Whether a person called, with the console or the command line.
pub fn is_person(actor: &Actor) -> bool {
    by_call(actor).is_none() && matches!(actor.via.as_deref(), Some("AWS console" | "AWS CLI"))
}

/// What made a call, by its user agent. The AWS Load Balancer Controller says `elbv2.k8s.aws/` and its
/// version (its own tests of the header say so); Pulumi's provider is Terraform's, so it is asked for first. The
/// modules of Ansible say `APN/1.0 Ansible/` and their version (`amazon.aws`, `module_utils/botocore.py`).
pub fn by_agent(agent: &str) -> Option<Owner> {
    let lower = agent.to_ascii_lowercase();
    let kind = if lower.contains("elbv2.k8s.aws/") {
        Some(Kind::LoadBalancers { cluster: None, made_for: None })
    } else if lower.contains("pulumi") {
        Some(Kind::Pulumi)
    } else if lower.contains("ansible/") {
        Some(Kind::Other("Ansible"))
    } else if ["terraform", "opentofu"].iter().any(|word| lower.contains(word)) {
        Some(Kind::Terraform)
    } else {
        service(&lower)
    };
    kind.map(|kind| Owner { kind, by: By::Agent })
}

/// The service of this name, as `invokedBy` and the user agent of a service have it (CloudTrail user
/// guide, "userIdentity element"). Those of the console mean a person.
fn service(name: &str) -> Option<Kind> {
    let service = name.strip_suffix(".amazonaws.com")?;
    Some(match service {
        "cloudformation" => Kind::CloudFormation { stack: None, logical_id: None },
        "eks" | "eks-nodegroup" => Kind::Eks { cluster: None },
        "elasticmapreduce" => Kind::Service(Service::Emr),
        "ds" => Kind::Service(Service::DirectoryService),
        "signin" | "console" => return None,
        other if other.starts_with("console.") || other.contains(' ') => return None,
        _ => Kind::Service(Service::Named(name.to_owned())),
    })
}

fn value(tags: &[Tag], key: &str) -> Option<String> {
    tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone())
}

/// CloudFormation tags what it makes (user guide, "CloudFormation resource tagging").
fn stack(tags: &[Tag]) -> Option<Owner> {
    let by_id = value(tags, "aws:cloudformation:stack-id");
    // arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID
    let by_id = by_id.map(|id| id.split('/').nth(1).unwrap_or(&id).to_owned());
    let stack = Some(value(tags, "aws:cloudformation:stack-name").or(by_id)?);
    let logical_id = value(tags, "aws:cloudformation:logical-id");
    let by = By::Mark("aws:cloudformation:stack-name");
    Some(Owner { kind: Kind::CloudFormation { stack, logical_id }, by })
}

/// EKS tags the group of a cluster, and tags it again if that is taken off (EKS user guide, "View
/// Amazon EKS security group requirements for clusters").
fn eks(tags: &[Tag]) -> Option<Owner> {
    const KEY: &str = "aws:eks:cluster-name";
    let cluster = Some(value(tags, KEY)?);
    Some(Owner { kind: Kind::Eks { cluster }, by: By::Mark(KEY) })
}

/// The keys that say which cluster a load balancer's group is for: of the AWS Load Balancer Controller
/// (as its groups carry them), and of EKS Auto Mode (AWS managed policy
/// `AmazonEKSLoadBalancingPolicy`).
const CLUSTER_KEYS: [&str; 3] =
    ["elbv2.k8s.aws/cluster", "ingress.k8s.aws/cluster", "eks:eks-cluster-name"];

/// Those that say which Ingress or Service it is for (the same).
const MADE_FOR_KEYS: [&str; 4] = [
    "ingress.k8s.aws/stack",
    "service.k8s.aws/stack",
    "ingress.eks.amazonaws.com/stack",
    "service.eks.amazonaws.com/stack",
];

fn load_balancers(tags: &[Tag]) -> Option<Owner> {
    let found = |keys: &[&'static str]| {
        keys.iter().find_map(|key| value(tags, key).map(|value| (*key, value)))
    };
    let (cluster, made_for) = (found(&CLUSTER_KEYS), found(&MADE_FOR_KEYS));
    let (key, _) = made_for.as_ref().or(cluster.as_ref())?;
    let by = By::Mark(key);
    let (cluster, made_for) = (cluster.map(|(_, name)| name), made_for.map(|(_, name)| name));
    Some(Owner { kind: Kind::LoadBalancers { cluster, made_for }, by })
}

/// Before the name of the cluster: of Kubernetes, and of Cluster API (`api/…/tags.go` of its provider for AWS).
const OF_CLUSTER: [&str; 2] =
    ["kubernetes.io/cluster/", "sigs.k8s.io/cluster-api-provider-aws/cluster/"];

/// `owned` means that the resource lives and dies with the cluster; `shared` does not (the same page of
/// the EKS user guide). The cloud controller tags a load balancer's group with no more: its name tells
/// the rest.
fn of_cluster(name: &str, tag: &Tag) -> Option<Owner> {
    let cluster = OF_CLUSTER
        .iter()
        .find_map(|start| tag.key.strip_prefix(start))
        .filter(|_| tag.value == "owned")?
        .to_owned();
    let kind = if name.starts_with(CLOUD_CONTROLLER) {
        Kind::LoadBalancers { cluster: Some(cluster), made_for: None }
    } else {
        Kind::Kubernetes { cluster }
    };
    Some(Owner { kind, by: By::Tag(tag.clone()) })
}

/// How the cloud controller of Kubernetes names the group of a load balancer (`cloud-provider-aws`;
/// its descriptions begin with "Security group for Kubernetes ELB").
const CLOUD_CONTROLLER: &str = "k8s-elb-";

/// Tags that people or tools commonly give.
fn of_tool(tag: &Tag) -> Option<Owner> {
    let kind = tools::named(tag)?;
    Some(Owner { kind, by: By::Tag(tag.clone()) })
}

/// The names that owners give to the groups that they make: EMR (Management Guide, "Working with Amazon
/// EMR-managed security groups"), Directory Service (`d-…_controllers`; API reference, AddIpRoutes),
/// the launch wizard, and EKS (as above; for its managed node groups `eks-remoteAccess-…`).
fn by_name(name: &str) -> Option<Owner> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let directory = |text: &str| text.starts_with("d-") && text.len() == 12;
    let kind = if name.starts_with("ElasticMapReduce-") {
        Kind::Service(Service::Emr)
    } else if name.strip_suffix("_controllers").is_some_and(directory) {
        Kind::Service(Service::DirectoryService)
    } else if name.strip_prefix("launch-wizard-").is_some_and(digits) {
        Kind::Service(Service::LaunchWizard)
    } else if name.starts_with("eks-cluster-sg-") || name.starts_with("eks-remoteAccess-") {
        Kind::Eks { cluster: None }
    } else if name.starts_with(CLOUD_CONTROLLER) {
        Kind::LoadBalancers { cluster: None, made_for: None }
    } else {
        return None;
    };
    Some(Owner { kind, by: By::Name })
}

#[cfg(test)]
mod tests;
