//! Network interfaces: what carries a security group, and what each of them belongs to.

use std::fmt;

use crate::arn::Arn;

/// `RequesterId` of the interfaces of ElastiCache.
const ELASTICACHE: &str = "amazon-elasticache";

/// The network interfaces that carry a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interfaces {
    /// Not read: nothing was at fault.
    #[default]
    NotRead,
    /// Could not be read: why.
    Unknown(String),
    /// All of them, perhaps none.
    Read(Vec<Interface>),
}

/// One elastic network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// `eni-…`
    pub id: String,
    /// Its public IPv4 addresses and its IPv6 addresses. A load balancer that has none is internal.
    pub public: Vec<String>,
    /// Whether ElastiCache made it for a cache node. Told by `RequesterId`, which EC2 sets;
    /// the description could be written by anyone.
    pub of_cache: bool,
    /// The id of the cache cluster whose node it is for, which ElastiCache writes into the description. `None` if the
    /// interface is not ElastiCache's, or its description is another.
    pub cluster: Option<String>,
    /// What EC2 calls it: `interface`, `nat_gateway`, `network_load_balancer`, ….
    pub kind: String,
    /// What it belongs to.
    pub holder: Holder,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// `subnet-…`
    pub subnet: Option<String>,
    /// The groups that it carries, `sg-…`. It admits what any of them admits.
    pub groups: Vec<String>,
}

/// What an interface belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Holder {
    /// A load balancer.
    LoadBalancer(LoadBalancer),
    /// An EC2 instance, `i-…`.
    Instance(String),
    /// A node of an ElastiCache cache.
    Cache,
    /// A database of RDS.
    Database,
    /// A NAT gateway.
    NatGateway,
    /// An interface endpoint: what it leads to is not shown.
    VpcEndpoint,
    /// Lambda functions.
    Function,
    /// A task of ECS.
    Task,
    /// The control plane of an EKS cluster.
    ControlPlane,
    /// Something else, or nothing: it is attached to nothing that we know.
    #[default]
    Other,
}

/// The kinds of load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadBalancer {
    /// `application`
    Application,
    /// `network`
    Network,
    /// `gateway`
    Gateway,
    /// The first kind, without a type of its own.
    Classic,
}

/// What DescribeNetworkInterfaces shows of whose an interface is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs<'a> {
    /// `InterfaceType`
    pub kind: &'a str,
    /// `RequesterId`
    pub requester: Option<&'a str>,
    /// `RequesterManaged`: a service made it, and wrote its description.
    pub managed: bool,
    /// `Attachment.InstanceId`
    pub instance: Option<&'a str>,
    /// `Description`, which anyone may have written unless a service manages the interface.
    pub description: &'a str,
}

impl Holder {
    /// Whose an interface is.
    pub fn of(signs: Signs<'_>) -> Self {
        match signs.kind {
            "network_load_balancer" => return Self::LoadBalancer(LoadBalancer::Network),
            "gateway_load_balancer" => return Self::LoadBalancer(LoadBalancer::Gateway),
            "load_balancer" => return Self::LoadBalancer(LoadBalancer::Application),
            // EC2 writes it both ways (API reference, NetworkInterface).
            "nat_gateway" | "natGateway" => return Self::NatGateway,
            "vpc_endpoint" | "gateway_load_balancer_endpoint" => return Self::VpcEndpoint,
            "lambda" => return Self::Function,
            _ => {}
        }
        match signs.requester {
            Some("amazon-elb") => {
                return Self::LoadBalancer(LoadBalancer::named(signs.description));
            }
            Some(ELASTICACHE) => return Self::Cache,
            Some("amazon-rds") => return Self::Database,
            _ => {}
        }
        if signs.managed && signs.description.starts_with("Amazon EKS ") {
            return Self::ControlPlane;
        }
        if signs.managed && is_ecs(signs.description) {
            return Self::Task;
        }
        signs.instance.map_or(Self::Other, |id| Self::Instance(id.to_owned()))
    }

    /// In kebab case: the kinds that people know.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::LoadBalancer(_) => "load-balancer",
            Self::Instance(_) => "instance",
            Self::Cache => "cache",
            Self::Database => "database",
            Self::NatGateway => "nat-gateway",
            Self::VpcEndpoint => "vpc-endpoint",
            Self::Function => "function",
            Self::Task => "task",
            Self::ControlPlane => "control-plane",
            Self::Other => "other",
        }
    }
}

/// The cache cluster that an interface of ElastiCache is for: it is described as `ElastiCache orders-001`. No document says
/// so; a description of another form names none.
pub fn cluster_of(requester: Option<&str>, description: &str) -> Option<String> {
    let named = description.strip_prefix("ElastiCache ").filter(|_| requester == Some(ELASTICACHE));
    named.map(|id| id.trim().to_ascii_lowercase())
}

/// ECS describes the interface of a task by its attachment: `arn:aws:ecs:…:attachment/…`.
fn is_ecs(description: &str) -> bool {
    Arn::parse(description).is_ok_and(|arn| arn.service == "ecs")
}

impl LoadBalancer {
    /// Elastic Load Balancing describes its interfaces as `ELB app/name/id`, and those of classic
    /// load balancers as `ELB name`.
    fn named(description: &str) -> Self {
        match description.strip_prefix("ELB ").and_then(|name| name.split_once('/')) {
            Some(("app", _)) => Self::Application,
            Some(("net", _)) => Self::Network,
            Some(("gwy", _)) => Self::Gateway,
            Some(_) | None => Self::Classic,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadBalancer(kind) => write!(f, "{kind} load balancer"),
            Self::Instance(id) => write!(f, "instance {id}"),
            Self::Cache => f.write_str("cache"),
            Self::Database => f.write_str("RDS database"),
            Self::NatGateway => f.write_str("NAT gateway"),
            Self::VpcEndpoint => f.write_str("VPC endpoint"),
            Self::Function => f.write_str("Lambda function"),
            Self::Task => f.write_str("ECS task"),
            Self::ControlPlane => f.write_str("EKS control plane"),
            Self::Other => f.write_str("interface"),
        }
    }
}

impl fmt::Display for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "application",
            Self::Network => "network",
            Self::Gateway => "gateway",
            Self::Classic => "classic",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELB: Option<&str> = Some("amazon-elb");
    const PLAIN: Signs<'_> = Signs {
        kind: "interface",
        requester: None,
        managed: false,
        instance: None,
        description: "",
    };

    #[test]
    fn each_kind_of_load_balancer_is_told_by_its_type_or_its_requester() {
        let described = |description| Signs { requester: ELB, managed: true, description, ..PLAIN };
        let typed = |kind| Signs { kind, ..PLAIN };
        for (signs, kind) in [
            (described("ELB app/web/50dc6c495c0c9188"), LoadBalancer::Application),
            (described("ELB net/tcp/50dc6c495c0c9188"), LoadBalancer::Network),
            (described("ELB gwy/inspect/50dc6c495c0c9188"), LoadBalancer::Gateway),
            (described("ELB old"), LoadBalancer::Classic),
            (described(""), LoadBalancer::Classic),
            (typed("network_load_balancer"), LoadBalancer::Network),
            (typed("gateway_load_balancer"), LoadBalancer::Gateway),
            (typed("load_balancer"), LoadBalancer::Application),
        ] {
            assert_eq!(Holder::of(signs), Holder::LoadBalancer(kind), "{signs:?}");
        }
    }

    #[test]
    fn what_a_service_made_is_told_by_the_service() {
        let requested = |requester| Signs { requester: Some(requester), managed: true, ..PLAIN };
        let typed = |kind| Signs { kind, managed: true, ..PLAIN };
        let described = |description| Signs { managed: true, description, ..PLAIN };
        for (signs, holder) in [
            (requested("amazon-elasticache"), Holder::Cache),
            (requested("amazon-rds"), Holder::Database),
            (typed("nat_gateway"), Holder::NatGateway),
            (typed("natGateway"), Holder::NatGateway),
            (typed("vpc_endpoint"), Holder::VpcEndpoint),
            (typed("lambda"), Holder::Function),
            (described("arn:aws:ecs:eu-west-1:111122223333:attachment/f6d9fc22"), Holder::Task),
            (described("arn:aws-cn:ecs:cn-north-1:111122223333:attachment/f6"), Holder::Task),
            (described("Amazon EKS shop"), Holder::ControlPlane),
            (described("EFS mount target for fs-1"), Holder::Other),
        ] {
            assert_eq!(Holder::of(signs), holder, "{signs:?}");
        }
    }

    #[test]
    fn a_description_that_anyone_may_have_written_tells_nothing() {
        for description in ["ELB app/web/1", "Amazon EKS shop", "arn:aws:ecs:r:a:attachment/1"] {
            assert_eq!(Holder::of(Signs { description, ..PLAIN }), Holder::Other);
            let instance = Some("i-1");
            let of_instance = Holder::of(Signs { description, instance, ..PLAIN });
            assert_eq!(of_instance, Holder::Instance("i-1".to_owned()));
        }
    }
}
