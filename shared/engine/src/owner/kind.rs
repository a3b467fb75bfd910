//! What can own a resource.

/// What can own a resource. Every name here is controlled by users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A CloudFormation stack: CDK, SAM, StackSets and Elastic Beanstalk deploy through one.
    CloudFormation {
        /// The name of the stack, which a call does not tell.
        stack: Option<String>,
        /// The logical id of the resource in its template.
        logical_id: Option<String>,
    },
    /// Terraform or OpenTofu.
    Terraform,
    /// Pulumi.
    Pulumi,
    /// Another tool, by its name.
    Other(&'static str),
    /// Amazon EKS itself, for a cluster.
    Eks {
        /// The cluster, where that is told.
        cluster: Option<String>,
    },
    /// What makes load balancers for a Kubernetes cluster: the AWS Load Balancer Controller, EKS Auto
    /// Mode, or the cloud controller.
    LoadBalancers {
        /// The cluster, where that is told.
        cluster: Option<String>,
        /// The Ingress or Service, as `namespace/name`, or an Ingress group.
        made_for: Option<String>,
    },
    /// A Kubernetes cluster, no more is told.
    Kubernetes {
        /// The cluster.
        cluster: String,
    },
    /// An AWS service, or a wizard of its console.
    Service(Service),
}

/// An AWS service that opens ports by itself or on somebody's behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// Amazon EMR.
    Emr,
    /// AWS Directory Service.
    DirectoryService,
    /// The wizard of the EC2 console that launches instances.
    LaunchWizard,
    /// Any other, by its name in `invokedBy`.
    Named(String),
}
