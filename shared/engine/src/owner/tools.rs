//! The tools that own resources, and how a tag names each: one table.
//!
//! People say the same in many ways: `ManagedBy=pulumi`, `acme:managed-by = Pulumi Cloud`, `Pulumi=true`. Whichever
//! tool they say it of, each way counts alike.

use super::kind::Kind;
use crate::facts::Tag;

/// How one tool is named.
struct Names {
    /// Its name in small letters and digits, wherever it stands in what is said to manage a resource, and as a key.
    names: &'static [&'static str],
    /// Short names, which are parts of other words: only a word of their own, and no key.
    words: &'static [&'static str],
    /// Those of them that mean nothing else as a key: `cdk=true`.
    flags: &'static [&'static str],
    /// Keys that name it with any value that is no denial, in small letters and digits: its workspace, its stack.
    keys: &'static [&'static str],
    /// How the keys begin that the tool sets, or has its users set.
    marks: &'static [&'static str],
}

const NONE: Names = Names { names: &[], words: &[], flags: &[], keys: &[], marks: &[] };

const CLOUDFORMATION: Kind = Kind::CloudFormation { stack: None, logical_id: None };

/// The first that a tag names is told: SST writes for Pulumi, and what people say of it may name both.
const TOOLS: [(Kind, Names); 15] = [
    // SST, `pkg/project/provider/aws.go`: `sst:app` and `sst:stage` are the default tags of its provider; before version
    // 3 its constructs for the CDK gave the same.
    (Kind::Other("SST"), Names { words: &["sst"], marks: &["sst:"], ..NONE }),
    // Sets none by itself. Its own examples of tags for all resources are `pulumi:project` and `pulumi:stack`.
    (
        Kind::Pulumi,
        Names {
            names: &["pulumi"],
            keys: &["pulumistack", "pulumiproject"],
            marks: &["pulumi:"],
            ..NONE
        },
    ),
    // Sets none by itself; nor do OpenTofu, Terragrunt and Atlantis, which run it. Workspaces and modules are what
    // `default_tags` commonly carry (registry, `terraform-aws-modules`).
    (
        Kind::Terraform,
        Names {
            names: &["terraform", "opentofu", "terragrunt"],
            words: &["tofu", "cdktf", "atlantis"],
            flags: &["tofu", "cdktf"],
            keys: &[
                "tfworkspace",
                "terraformworkspace",
                "terraformmodule",
                "terraformstack",
                "terraformstate",
                "tfmodule",
                "tfstate",
                "tofuworkspace",
            ],
            ..NONE
        },
    ),
    // crossplane-runtime, `pkg/resource`, GetExternalTags: `crossplane-kind`, `-name`, `-providerconfig`.
    (Kind::Other("Crossplane"), Names { names: &["crossplane"], marks: &["crossplane-"], ..NONE }),
    // ACK runtime, `pkg/config`, defaultResourceTags: `services.k8s.aws/…`; EKS user guide, "ACK concepts": the tags
    // of the capability begin with `eks:`.
    (
        Kind::Other("AWS Controllers for Kubernetes"),
        Names {
            names: &["awscontrollersforkubernetes"],
            words: &["ack"],
            marks: &["services.k8s.aws/", "eks:eks-capability-arn", "eks:kubernetes-api-group"],
            ..NONE
        },
    ),
    // Sets none by itself (`amazon.aws`, module parameters `tags`).
    (Kind::Other("Ansible"), Names { names: &["ansible"], ..NONE }),
    // SAM, `samtranslator/model/sam_resources.py`: `lambda:createdBy`, and no other. Sam alone is also a person.
    (
        CLOUDFORMATION,
        Names {
            names: &["awssam", "serverlessapplicationmodel"],
            marks: &["lambda:createdBy"],
            ..NONE
        },
    ),
    // Deploys a stack of CloudFormation, which tags with `aws:` keys; what people say is all that is left where a
    // resource was taken out of its stack and kept. The same for the CDK, SAM and Copilot.
    // `serverless` as a key says what kind of cache it is.
    (
        Kind::Other("the Serverless Framework"),
        Names { names: &["serverlessframework"], words: &["serverless", "sls"], ..NONE },
    ),
    // eksctl, `pkg/apis/eksctl.io/v1alpha5`, ClusterNameTag and OldClusterNameTag.
    (
        Kind::Other("eksctl"),
        Names {
            names: &["eksctl"],
            marks: &["alpha.eksctl.io/", "eksctl.cluster.k8s.io/"],
            ..NONE
        },
    ),
    // kOps, `pkg/model/context.go`, CloudTagsForInstanceGroup; its groups carry `kubernetes.io/cluster/…` beside.
    (
        Kind::Other("kOps"),
        Names { words: &["kops"], flags: &["kops"], marks: &["kops.k8s.io/"], ..NONE },
    ),
    // Cluster API Provider AWS, `api/…/tags.go`: NameAWSProviderPrefix. The key of the cluster says `owned` or
    // `shared` and is read with those of clusters; the role is on what it made alone.
    (
        Kind::Other("Cluster API"),
        Names {
            names: &["clusterapi"],
            words: &["capa", "capi"],
            marks: &["sigs.k8s.io/cluster-api-provider-aws/role"],
            ..NONE
        },
    ),
    // AWS managed policies of ROSA (`ROSANodePoolManagementPolicy`): `red-hat-managed`. Rosa alone is also a person.
    (
        Kind::Other("Red Hat OpenShift"),
        Names { names: &["openshift"], keys: &["redhatmanaged", "redhatclustertype"], ..NONE },
    ),
    (Kind::Other("Puppet"), Names { names: &["puppet"], ..NONE }),
    // AWS Copilot, `internal/pkg/deploy`: `copilot-application`, `copilot-environment`.
    (
        CLOUDFORMATION,
        Names {
            names: &["awscopilot"],
            marks: &["copilot-application", "copilot-environment"],
            ..NONE
        },
    ),
    (
        CLOUDFORMATION,
        Names {
            names: &["cloudformation", "awscdk", "clouddevelopmentkit"],
            words: &["cdk", "cfn"],
            flags: &["cdk", "cfn"],
            marks: &["aws-cdk:"],
            ..NONE
        },
    ),
];

/// Keys under which people say what manages a resource, alone or behind a prefix of their own.
const MANAGING: [&str; 25] = [
    "managedby",
    "managed",
    "managedwith",
    "manager",
    "provisioner",
    "provisionedby",
    "provisionedwith",
    "provisioning",
    "createdby",
    "createdwith",
    "creator",
    "deployedby",
    "deployedwith",
    "deployer",
    "deploymenttool",
    "maintainedby",
    "builtby",
    "builtwith",
    "generatedby",
    "iac",
    "iactool",
    "infrastructureascode",
    "tool",
    "orchestrator",
    "source",
];

/// What says that a tool does not manage a resource: as all that is said, or before its name.
const NO: [&str; 16] = [
    "",
    "false",
    "no",
    "n",
    "f",
    "0",
    "off",
    "none",
    "never",
    "not",
    "non",
    "without",
    "disabled",
    "unmanaged",
    "former",
    "formerly",
];

/// The tool that the tag names, if it names one: nobody but people or their tools gave it.
pub(super) fn named(tag: &Tag) -> Option<Kind> {
    TOOLS.iter().find(|(_, names)| names.are_said_by(tag)).map(|(kind, _)| kind.clone())
}

impl Names {
    fn are_said_by(&self, tag: &Tag) -> bool {
        let behind_prefix = tag.key.rsplit([':', '/']).next().unwrap_or_default();
        let keys = [plain(&tag.key), plain(behind_prefix)];
        let is_key = |key: &str| keys.iter().any(|said| said == key);
        let begins = |mark: &&str| {
            tag.key.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
        };
        let value = plain(&tag.value);
        let denied = NO.contains(&value.as_str())
            || words(&tag.value).first().is_some_and(|word| NO.contains(&word.as_str()));
        let flag = |name: &&str| {
            is_key(name) || is_key(&format!("{name}managed")) || is_key(&format!("managedby{name}"))
        };
        self.marks.iter().any(begins)
            || MANAGING.iter().any(|key| is_key(key)) && self.is_said(&tag.value)
            || self.keys.iter().any(|key| is_key(key)) && !NO.contains(&value.as_str())
            || self.names.iter().chain(self.flags).any(flag) && !denied
    }

    /// Whether this text says that the tool manages something. `not terraform` and `non-terraform` do not.
    fn is_said(&self, text: &str) -> bool {
        let mut before = String::new();
        for word in words(text) {
            if NO.contains(&before.as_str()) && !before.is_empty() {
                return false;
            }
            if self.words.contains(&word.as_str()) {
                return true;
            }
            if let Some(start) = self.names.iter().find_map(|name| word.find(name)) {
                return !word
                    .get(..start)
                    .is_some_and(|start| !start.is_empty() && NO.contains(&start));
            }
            before = word;
        }
        // A name of several words.
        self.names.iter().any(|name| plain(text).contains(name))
    }
}

/// Small letters and digits of ASCII: `managed-by` and `ManagedBy` are the same.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// The words of a text, in small letters.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests;
