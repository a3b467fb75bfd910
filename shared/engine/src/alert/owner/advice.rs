//! What an owner changes where.

use super::{Quote, TEXT};
use crate::owner::{Kind, Service};

/// What the advice is about.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub region: &'a str,
    /// The group, or the cache.
    pub id: &'a str,
    /// One of the rules, for a group.
    pub rule: Option<&'a str>,
    pub cache: bool,
    pub quote: Quote,
}

/// Whether the owner wrote what is at fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    No,
    Unknown,
}

impl Target<'_> {
    pub(super) fn advice(&self, kind: &Kind, written: Written) -> String {
        if self.cache {
            return self.of_cache(kind);
        }
        match kind {
            Kind::CloudFormation { stack, logical_id } => {
                self.cloudformation(stack.as_deref(), logical_id.as_deref(), written)
            }
            Kind::Terraform => self.terraform(written),
            Kind::Pulumi => pulumi(written).to_owned(),
            Kind::Other(tool) => other(tool, written),
            Kind::Eks { .. } => EKS.to_owned(),
            Kind::LoadBalancers { made_for, .. } => {
                self.load_balancers(made_for.as_deref(), written)
            }
            Kind::Kubernetes { .. } => KUBERNETES.to_owned(),
            Kind::Service(Service::Emr) => EMR.to_owned(),
            Kind::Service(Service::DirectoryService) => DIRECTORY_SERVICE.to_owned(),
            Kind::Service(Service::LaunchWizard) => LAUNCH_WIZARD.to_owned(),
            Kind::Service(Service::Named(_)) => NAMED.to_owned(),
        }
    }

    /// An update of a stack changes what differs between two templates. It looks at what is there only
    /// with a drift-aware change set (CloudFormation user guide, "Using drift-aware change sets").
    fn cloudformation(
        &self,
        stack: Option<&str>,
        logical_id: Option<&str>,
        written: Written,
    ) -> String {
        let source = source(stack);
        let place = match logical_id {
            Some(id) => format!("SecurityGroupIngress of {}", (self.quote)(id, TEXT)),
            None => "SecurityGroupIngress of the group".to_owned(),
        };
        let change = format!(
            "change {place}, or the AWS::EC2::SecurityGroupIngress that is for it, in {source}"
        );
        match written {
            Written::Yes => format!(
                "What is closed here comes back with a deployment that changes or makes the rule, or reverts drift: \
                 {change}.{}",
                self.which(stack)
            ),
            Written::No => format!(
                "This call did not come through CloudFormation: the stack does not bring the rule back, and does \
                 not know of it (drift). If it is needed, write it, narrower, into {source}."
            ),
            Written::Unknown => {
                format!("If the rule is its own, a later deployment brings it back: {change}.")
            }
        }
    }

    /// A call does not name the stack; this does, by the resource (API reference,
    /// DescribeStackResources). The id of an `AWS::EC2::SecurityGroupIngress` is that of its rule
    /// (its resource schema, `Id`).
    fn which(&self, stack: Option<&str>) -> String {
        if stack.is_some() {
            return String::new();
        }
        format!(
            " Which stack: aws cloudformation describe-stack-resources --region {} --physical-resource-id {}",
            self.region,
            self.rule.unwrap_or(self.id)
        )
    }

    /// Plan and apply look at what is there first (Terraform, "terraform plan": "Reads the current state
    /// of any already-existing remote objects").
    fn terraform(&self, written: Written) -> String {
        let change = format!(
            "change the aws_vpc_security_group_ingress_rule, aws_security_group_rule or ingress block that is for {}",
            self.id
        );
        match written {
            Written::Yes => format!("The next apply brings back what is closed here: {change}."),
            Written::No => {
                "This call did not come through Terraform: it does not bring the rule back. If it is needed, write \
                 it, narrower, into the configuration."
                    .to_owned()
            }
            Written::Unknown => {
                format!("If the rule is in its configuration, the next apply brings it back: {change}.")
            }
        }
    }

    /// The controller's guide, "Ingress annotations" and "Service annotations"; AWS re:Post, "How do I
    /// restrict CIDR IP addresses for a LoadBalancer type service in Amazon EKS?". Without any of these,
    /// it opens the ports to everybody.
    fn load_balancers(&self, made_for: Option<&str>, written: Written) -> String {
        let object = made_for.map(|object| format!(" {}", (self.quote)(object, TEXT)));
        let object = object.unwrap_or_default();
        let place = format!(
            "annotation alb.ingress.kubernetes.io/inbound-cidrs of the Ingress{object}, or spec.loadBalancerSourceRanges \
             (or annotation service.beta.kubernetes.io/load-balancer-source-ranges) of the Service{object}"
        );
        match written {
            Written::Yes => format!(
                "What is closed here comes back when it next reconciles. Limit who may reach it in the cluster: {place}."
            ),
            Written::No => format!(
                "This call did not come through it, and it takes out of its group what it did not write. Who may reach \
                 it is said in the cluster: {place}."
            ),
            Written::Unknown => format!(
                "If the rule is its own, it comes back when it next reconciles. Limit who may reach it in the cluster: \
                 {place}."
            ),
        }
    }

    fn of_cache(&self, kind: &Kind) -> String {
        match kind {
            Kind::CloudFormation { stack, .. } => format!(
                "Change the cache in {}: what is changed by hand the stack does not know, and a later deployment may \
                 undo it.{}",
                source(stack.as_deref()),
                self.which(stack.as_deref())
            ),
            Kind::Terraform => "Change the cache in the configuration: the next apply undoes what is changed by hand."
                .to_owned(),
            Kind::Pulumi => "Change the cache in the program: what is changed by hand Pulumi does not know without a \
                             refresh, and a later update may undo it."
                .to_owned(),
            Kind::Other(_)
            | Kind::Eks { .. }
            | Kind::LoadBalancers { .. }
            | Kind::Kubernetes { .. }
            | Kind::Service(_) => {
                "Change what asked it for the cache: the next one it makes is as this one.".to_owned()
            }
        }
    }
}

/// What a stack of this name is written in: some stacks are made by another tool, which names them so.
fn source(stack: Option<&str>) -> &'static str {
    match stack.unwrap_or_default() {
        name if name.starts_with("StackSet-") => "the template of its stack set, not of this stack",
        name if name.starts_with("awseb-") => {
            "the Elastic Beanstalk environment (its option settings or .ebextensions), not in the stack"
        }
        name if name.starts_with("eksctl-") => "eksctl's configuration file, not in the stack",
        _ => "its template, or the CDK or SAM code that writes it",
    }
}

/// Pulumi compares the program with what it remembers, not with what is there (Pulumi, "Infrastructure
/// FAQ": "Why doesn't Pulumi refresh state automatically before every update?").
fn pulumi(written: Written) -> &'static str {
    match written {
        Written::Yes => {
            "Its program has the rule: change it there, then run pulumi refresh and pulumi up. Without the refresh \
             Pulumi does not see that a rule is gone, and brings it back when the resource is replaced."
        }
        Written::No => {
            "This call did not come through Pulumi: it does not bring the rule back. If it is needed, write it, \
             narrower, into the program."
        }
        Written::Unknown => {
            "If its program has the rule, change it there, then run pulumi refresh and pulumi up."
        }
    }
}

fn other(tool: &str, written: Written) -> String {
    match written {
        Written::Yes | Written::Unknown => format!(
            "If {tool} writes the rule, it brings it back when it next runs: change it where {tool} has it."
        ),
        Written::No => format!(
            "This call did not come through {tool}: it does not bring the rule back. If it is needed, write it, \
             narrower, where {tool} has the group."
        ),
    }
}

/// EKS user guide, "View Amazon EKS security group requirements for clusters"; API reference,
/// `RemoteAccessConfig`.
const EKS: &str = "\
    By itself EKS opens only port 22, for a managed node group with remote access and without source security \
    groups: make that node group with sourceSecurityGroups. Any other open rule is somebody else's: give what \
    must be reached a load balancer, or a group of its own.";

/// Kubernetes, "Service": `loadBalancerSourceRanges`, which the cloud controller writes into the nodes' group for a
/// Network Load Balancer without a group.
const KUBERNETES: &str = "\
    Its tools write the rules of this group: change it where the cluster is described (eksctl, kOps, Cluster \
    API). For a Service, limit the clients with spec.loadBalancerSourceRanges.";

/// EMR Management Guide, "Working with Amazon EMR-managed security groups" and "Using Amazon EMR block
/// public access".
const EMR: &str = "\
    When a cluster starts, EMR adds the rules that are missing in its groups. EMR's block public access (aws emr \
    put-block-public-access-configuration) refuses clusters whose groups are open to everybody; take the port \
    off its permitted ranges. To reach a cluster, use an additional group that is narrower.";

/// Directory Service API reference, AddIpRoutes.
const DIRECTORY_SERVICE: &str = "\
    Directory Service adds its rules when the directory is made, and again with add-ip-routes \
    --update-security-group-for-directory-controllers. Open its ports to the networks of the directory's clients \
    only.";

const LAUNCH_WIZARD: &str = "\
    Nothing brings the rule back, but whoever launches an instance in the console and lets it make a group gets \
    the same: select a group that is there, or the source \"My IP\".";

const NAMED: &str =
    "It called on somebody's behalf, and may bring the rule back: change what it was asked to do.";
