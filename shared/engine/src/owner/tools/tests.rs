use super::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

fn tag_of(text: &str) -> Tag {
    let (key, value) = text.split_once('=').unwrap();
    tag(key, value)
}

const SST: Kind = Kind::Other("SST");
const ACK: Kind = Kind::Other("AWS Controllers for Kubernetes");
const SERVERLESS: Kind = Kind::Other("the Serverless Framework");

/// What a tag is, as people and tools write it, and the tool that it names.
const NAMED: [(&str, Kind); 76] = [
    ("sst:app=shop", SST),
    ("sst:stage=prod", SST),
    ("ManagedBy=sst", SST),
    ("managed-by=SST v3 (Pulumi)", SST),
    ("Pulumi=true", Kind::Pulumi),
    ("pulumi=TRUE", Kind::Pulumi),
    ("PULUMI=yes", Kind::Pulumi),
    ("pulumi=1", Kind::Pulumi),
    ("pulumi-managed=true", Kind::Pulumi),
    ("managed_by_pulumi=true", Kind::Pulumi),
    ("acme:pulumi=true", Kind::Pulumi),
    ("ManagedBy=Pulumi", Kind::Pulumi),
    ("managed-by=pulumi-cloud", Kind::Pulumi),
    ("acme/ManagedBy=PulumiCloud", Kind::Pulumi),
    ("iac=pulumi (not terraform)", Kind::Pulumi),
    ("pulumi:project=shop", Kind::Pulumi),
    ("pulumi:Stack=no", Kind::Pulumi),
    ("PulumiStack=prod", Kind::Pulumi),
    ("pulumi_project=shop", Kind::Pulumi),
    ("Terraform=true", Kind::Terraform),
    ("terraform=yes", Kind::Terraform),
    ("terraform=prod", Kind::Terraform),
    ("Terraform_Managed=true", Kind::Terraform),
    ("managed-by=Terraform Cloud", Kind::Terraform),
    ("acme:managed-by=terraform", Kind::Terraform),
    ("CreatedBy=HashiCorpTerraform", Kind::Terraform),
    ("managed_by=OpenTofu", Kind::Terraform),
    ("OpenTofu=true", Kind::Terraform),
    ("iac=tofu", Kind::Terraform),
    ("tofu=true", Kind::Terraform),
    ("Terragrunt=true", Kind::Terraform),
    ("provisioner=terragrunt", Kind::Terraform),
    ("iac=cdktf", Kind::Terraform),
    ("cdktf=true", Kind::Terraform),
    ("ManagedBy=cdk for terraform", Kind::Terraform),
    ("deployedBy=atlantis", Kind::Terraform),
    ("TFWorkspace=prod", Kind::Terraform),
    ("terraform-workspace=shared", Kind::Terraform),
    ("TerraformModule=elasticache", Kind::Terraform),
    ("terraform:stack=shop", Kind::Terraform),
    ("TerraformState=s3", Kind::Terraform),
    ("tf_module=cache", Kind::Terraform),
    ("tf-state=shop", Kind::Terraform),
    ("tofu_workspace=prod", Kind::Terraform),
    ("crossplane-kind=replicationgroup.elasticache.aws.crossplane.io", Kind::Other("Crossplane")),
    ("crossplane-name=orders", Kind::Other("Crossplane")),
    ("Crossplane=true", Kind::Other("Crossplane")),
    ("services.k8s.aws/namespace=web", ACK),
    ("services.k8s.aws/controller-version=elasticache-1.0.1", ACK),
    ("eks:eks-capability-arn=arn:aws:eks:eu-west-1:111122223333:capability/prod/ack/a/1", ACK),
    ("eks:kubernetes-api-group=elasticache.services.k8s.aws", ACK),
    ("ManagedBy=ACK", ACK),
    ("managed-by=AWS Controllers for Kubernetes", ACK),
    ("created-by=ansible 2.17", Kind::Other("Ansible")),
    ("Ansible=true", Kind::Other("Ansible")),
    ("ansible_managed=true", Kind::Other("Ansible")),
    ("ManagedBy=serverless", SERVERLESS),
    ("tool=sls", SERVERLESS),
    ("ManagedBy=Serverless Framework", SERVERLESS),
    ("alpha.eksctl.io/cluster-name=prod", Kind::Other("eksctl")),
    ("eksctl.cluster.k8s.io/v1alpha1/cluster-name=prod", Kind::Other("eksctl")),
    ("ManagedBy=eksctl", Kind::Other("eksctl")),
    ("kops.k8s.io/instancegroup=nodes", Kind::Other("kOps")),
    ("provisioner=kOps", Kind::Other("kOps")),
    ("kops=true", Kind::Other("kOps")),
    ("sigs.k8s.io/cluster-api-provider-aws/role=common", Kind::Other("Cluster API")),
    ("managed-by=Cluster API", Kind::Other("Cluster API")),
    ("provisioner=capa", Kind::Other("Cluster API")),
    ("iac=CAPI", Kind::Other("Cluster API")),
    ("red-hat-managed=true", Kind::Other("Red Hat OpenShift")),
    ("red-hat-clustertype=rosa", Kind::Other("Red Hat OpenShift")),
    ("ManagedBy=openshift-installer", Kind::Other("Red Hat OpenShift")),
    ("ManagedBy=puppet", Kind::Other("Puppet")),
    ("copilot-application=shop", CLOUDFORMATION),
    ("copilot-environment=prod", CLOUDFORMATION),
    ("lambda:createdBy=SAM", CLOUDFORMATION),
];

/// Those of CloudFormation and of what deploys through it.
const OF_STACKS: [&str; 9] = [
    "ManagedBy=AWS Copilot",
    "ManagedBy=AWS SAM",
    "tool=Serverless Application Model",
    "ManagedBy=CloudFormation",
    "CloudFormation=true",
    "ManagedBy=aws-cdk",
    "CDK=true",
    "iac=Cloud Development Kit",
    "aws-cdk:cr-owned=true",
];
const CFN: [&str; 2] = ["provisionedBy=cfn", "cfn=true"];

fn all() -> Vec<(&'static str, Kind)> {
    let of_stacks = OF_STACKS.into_iter().chain(CFN).map(|text| (text, CLOUDFORMATION));
    NAMED.into_iter().chain(of_stacks).collect()
}

#[test]
fn each_tool_is_known_however_a_tag_names_it() {
    for (text, kind) in all() {
        assert_eq!(named(&tag_of(text)), Some(kind), "{text}");
    }
}

/// A name, a word, a key and a beginning without an example above would be untested.
#[test]
fn no_row_of_the_table_is_without_an_example() {
    for (kind, tool) in &TOOLS {
        let examples: Vec<Tag> =
            all().into_iter().filter(|(_, of)| of == kind).map(|(text, _)| tag_of(text)).collect();
        let shown = |found: &dyn Fn(&Tag) -> bool| examples.iter().any(found);
        for name in tool.names {
            assert!(shown(&|tag| plain(&tag.value).contains(name)), "{name} as a value");
        }
        for word in tool.words {
            assert!(
                shown(&|tag| words(&tag.value).contains(&(*word).to_owned())),
                "{word} as a value"
            );
        }
        for key in tool.flags.iter().chain(tool.keys) {
            assert!(shown(&|tag| plain(&tag.key) == *key), "{key} as a key");
        }
        for mark in tool.marks {
            assert!(shown(&|tag| tag.key.starts_with(mark)), "{mark} as a beginning");
        }
    }
}

/// What looks like an owner and is none: denials, people, other meanings, and what is spelt to look alike.
#[test]
fn what_only_resembles_a_tool_names_none() {
    for text in [
        "Pulumi=false",
        "pulumi=no",
        "pulumi=0",
        "pulumi=",
        "Terraform=not managed",
        "terraform=unmanaged",
        "terraform=never",
        "ManagedBy=not terraform",
        "ManagedBy=non-terraform",
        "ManagedBy=nonterraform",
        "ManagedBy=no pulumi here",
        "ManagedBy=hand, without pulumi",
        "ManagedBy=formerly ansible",
        "TFWorkspace=",
        "ManagedBy=alice",
        "ManagedBy=",
        "ManagedBy=true",
        "CreatedBy=sam",
        "CreatedBy=rosa.martinez",
        "creator=jack",
        "manager=capable",
        "team=terraform",
        "Name=pulumi-state-cache",
        "owner=pulumi",
        "serverless=true",
        "ack=true",
        "sst=2026-11-21",
        "atlantis=true",
        "capacity=pulumi",
        "pulumix=true",
        "xpulumi:stack=prod",
        "notpulumi=true",
        "stack=prod",
        "workspace=prod",
        "module=cache",
        "crossplane=false",
        "x-crossplane-kind=a",
        "services.k8s.aws=a",
        "eks:kubernetes-node-pool-name=a",
        "karpenter.sh/discovery=prod",
        "red-hat-managed=false",
        "sigs.k8s.io/cluster-api-provider-aws/cluster/prod=shared",
        "kops.k8s.io=a",
        "AWS:CloudFormation:Stack-Name=shop",
        "aws-cdkx:a=b",
        "Pulum\u{456}=true",
        "\u{420}ulumi=true",
        "ManagedBy=\u{ff50}ulumi",
        "ManagedBy=t\u{435}rraform",
        "=",
        "=terraform",
    ] {
        assert_eq!(named(&tag_of(text)), None, "{text}");
    }
}

/// Whatever a stranger writes is read to its end.
#[test]
fn no_tag_is_too_odd_to_be_read() {
    for text in
        ["", ":", "/", "é", "pulum\u{e9}", "services.k8s.aw\u{20ac}", "\u{202e}", "a:b/c:", "non"]
    {
        for other in ["", "\u{0}", "nonpulumi", "é:pulumi/ü"] {
            assert_eq!(named(&tag(text, other)), None, "{text:?}={other:?}");
        }
    }
}
