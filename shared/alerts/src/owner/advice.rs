//! What an owner changes where.

use portcullis_engine::owner::{Kind, Service};

/// Longest text of a user that is shown.
pub(super) const TEXT: usize = 120;

/// How text of a user is shown: a mail and a chat make different things harmless.
pub(super) type Quote = fn(&str, usize) -> String;

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
        let change = format!("change {place}, or its AWS::EC2::SecurityGroupIngress, in {source}");
        match written {
            Written::Yes => format!(
                "The rule recurs with a deployment that changes or creates it, or reverts drift: {change}.{}",
                self.which(stack)
            ),
            Written::No => format!(
                "This call did not come through CloudFormation: the stack does not know the rule (drift), and does \
                 not create it again. If the rule is needed, add a narrower one to {source}."
            ),
            Written::Unknown => {
                format!(
                    "If the rule belongs to the stack, it recurs with a later deployment: {change}."
                )
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
            "change the aws_vpc_security_group_ingress_rule, aws_security_group_rule or ingress block of {}",
            self.id
        );
        match written {
            Written::Yes => format!("The rule recurs with the next apply: {change}."),
            Written::No => {
                "This call did not come through Terraform, which does not create the rule again. If the rule is \
                 needed, add a narrower one to the configuration."
                    .to_owned()
            }
            Written::Unknown => {
                format!("If the rule is in its configuration, it recurs with the next apply: {change}.")
            }
        }
    }

    /// The controller's guide, "Ingress annotations" and "Service annotations"; AWS re:Post, "How do I
    /// restrict CIDR IP addresses for a LoadBalancer type service in Amazon EKS?". Without any of these,
    /// it opens the ports to everybody.
    fn load_balancers(&self, made_for: Option<&str>, written: Written) -> String {
        let object =
            made_for.map(|object| format!(" {}", (self.quote)(object, TEXT))).unwrap_or_default();
        let place = format!(
            "annotation alb.ingress.kubernetes.io/inbound-cidrs of the Ingress{object}, or spec.loadBalancerSourceRanges \
             (or annotation service.beta.kubernetes.io/load-balancer-source-ranges) of the Service{object}"
        );
        match written {
            Written::Yes => format!(
                "The rule recurs with the next reconciliation. Limit the sources in the cluster: {place}."
            ),
            Written::No => format!(
                "This call did not come through the controller, which removes rules of others from its group. Set the \
                 permitted sources in the cluster: {place}."
            ),
            Written::Unknown => format!(
                "If the rule belongs to the controller, it recurs with the next reconciliation. Limit the sources in \
                 the cluster: {place}."
            ),
        }
    }

    fn of_cache(&self, kind: &Kind) -> String {
        match kind {
            Kind::CloudFormation { stack, .. } => format!(
                "Change the cache in {}: the stack does not know manual changes, and a later deployment may revert \
                 them.{}",
                source(stack.as_deref()),
                self.which(stack.as_deref())
            ),
            Kind::Terraform => "Change the cache in the configuration: the next apply reverts manual changes."
                .to_owned(),
            Kind::Pulumi => "Change the cache in the program: without a refresh Pulumi does not know manual changes, \
                             and a later update may revert them."
                .to_owned(),
            Kind::Other(_)
            | Kind::Eks { .. }
            | Kind::LoadBalancers { .. }
            | Kind::Kubernetes { .. }
            | Kind::Service(_) => {
                "Change the request to it: its next cache will be like this one.".to_owned()
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
             Pulumi does not see that a rule is gone, and creates it again when the resource is replaced."
        }
        Written::No => {
            "This call did not come through Pulumi, which does not create the rule again. If the rule is needed, add \
             a narrower one to the program."
        }
        Written::Unknown => {
            "If its program has the rule, change it there, then run pulumi refresh and pulumi up."
        }
    }
}

fn other(tool: &str, written: Written) -> String {
    match written {
        Written::Yes | Written::Unknown => {
            format!("If {tool} manages the rule, it recurs with its next run: change it in {tool}.")
        }
        Written::No => format!(
            "This call did not come through {tool}, which does not create the rule again. If the rule is needed, add \
             a narrower one in {tool}."
        ),
    }
}

/// EKS user guide, "View Amazon EKS security group requirements for clusters"; API reference,
/// `RemoteAccessConfig`.
const EKS: &str = "\
    EKS itself opens only port 22, for a managed node group with remote access and without source security groups: \
    create that node group with sourceSecurityGroups. Other open rules are not from EKS: use a load balancer, or a \
    separate group, for what must be reached.";

/// Kubernetes, "Service": `loadBalancerSourceRanges`, which the cloud controller writes into the nodes' group for a
/// Network Load Balancer without a group.
const KUBERNETES: &str = "\
    The tools of the cluster write the rules of this group: change them in its configuration (eksctl, kOps, Cluster \
    API). For a Service, limit the clients with spec.loadBalancerSourceRanges.";

/// EMR Management Guide, "Working with Amazon EMR-managed security groups" and "Using Amazon EMR block
/// public access".
const EMR: &str = "\
    When a cluster starts, EMR adds missing rules to its groups. EMR's block public access (aws emr \
    put-block-public-access-configuration) refuses clusters whose groups are open to everybody; remove the port from \
    its permitted ranges. To reach a cluster, use an additional, narrower group.";

/// Directory Service API reference, AddIpRoutes.
const DIRECTORY_SERVICE: &str = "\
    Directory Service adds its rules when the directory is created, and again with add-ip-routes \
    --update-security-group-for-directory-controllers. Open its ports only to the networks of the directory's clients.";

const LAUNCH_WIZARD: &str = "\
    The wizard creates the same rule for the next instance with a new group: select an existing group, or the source \
    \"My IP\".";

const NAMED: &str = "The service called on somebody's behalf, and may open the rule again: change the request to the service.";
