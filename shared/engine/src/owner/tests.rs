use super::*;

fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    let tag =
        |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
    pairs.iter().map(tag).collect()
}

fn told(key: &str, value: &str) -> Option<Kind> {
    by_tags(&tags(&[(key, value)])).map(|owner| owner.kind)
}

fn load_balancers(cluster: Option<&str>, made_for: Option<&str>) -> Kind {
    Kind::LoadBalancers {
        cluster: cluster.map(str::to_owned),
        made_for: made_for.map(str::to_owned),
    }
}

fn stack(name: &str, logical_id: Option<&str>) -> Kind {
    Kind::CloudFormation { stack: Some(name.to_owned()), logical_id: logical_id.map(str::to_owned) }
}

#[test]
fn tags_of_tools_are_known_in_any_spelling() {
    for (key, value) in [
        ("ManagedBy", "terraform"),
        ("managed-by", "Terraform Cloud"),
        ("managed_by", "OpenTofu"),
        ("Terraform", "true"),
        ("terraform", "yes"),
        ("provisioner", "terragrunt"),
    ] {
        assert_eq!(told(key, value), Some(Kind::Terraform), "{key}={value}");
    }
    for (key, value, kind) in [
        ("managedBy", "pulumi", Kind::Pulumi),
        ("pulumi:stack", "prod", Kind::Pulumi),
        ("created-by", "ansible 2.17", Kind::Other("Ansible")),
        ("crossplane-kind", "securitygroup.ec2", Kind::Other("Crossplane")),
        ("services.k8s.aws/namespace", "web", Kind::Other("AWS Controllers for Kubernetes")),
    ] {
        assert_eq!(told(key, value), Some(kind), "{key}={value}");
    }
    for (key, value) in [
        ("team", "terraform"),
        ("terraform", "false"),
        ("ManagedBy", "alice"),
        ("AWS:CloudFormation:Stack-Name", "shop"),
        ("", ""),
    ] {
        assert_eq!(told(key, value), None, "{key}={value}");
    }
}

#[test]
fn the_stack_is_named_even_by_its_id_alone() {
    let id = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/0a1b";
    assert_eq!(told("aws:cloudformation:stack-id", id), Some(stack("shop", None)));
    assert_eq!(told("aws:cloudformation:stack-id", "odd"), Some(stack("odd", None)));
    let both = tags(&[
        ("aws:cloudformation:stack-name", "shop"),
        ("aws:cloudformation:logical-id", "WebGroup"),
        ("ManagedBy", "terraform"),
    ]);
    let owner = by_tags(&both).map(|owner| owner.kind);
    assert_eq!(owner, Some(stack("shop", Some("WebGroup"))), "AWS's own tag comes first");
}

#[test]
fn clusters_and_what_makes_their_load_balancers_are_told_apart() {
    let eks = Kind::Eks { cluster: Some("prod".to_owned()) };
    let cluster = Kind::Kubernetes { cluster: "prod".to_owned() };
    let owned = ("kubernetes.io/cluster/prod", "owned");
    for (pairs, expected) in [
        (vec![("aws:eks:cluster-name", "prod"), owned, ("terraform", "true")], eks),
        (vec![owned], cluster),
        (vec![owned, ("terraform", "true")], Kind::Terraform),
        (
            vec![
                owned,
                ("elbv2.k8s.aws/cluster", "prod"),
                ("ingress.k8s.aws/resource", "ManagedLBSecurityGroup"),
                ("ingress.k8s.aws/stack", "web/frontend"),
            ],
            load_balancers(Some("prod"), Some("web/frontend")),
        ),
        (
            vec![("elbv2.k8s.aws/cluster", "prod"), ("elbv2.k8s.aws/resource", "backend-sg")],
            load_balancers(Some("prod"), None),
        ),
        (
            vec![
                ("eks:eks-cluster-name", "prod"),
                ("service.eks.amazonaws.com/stack", "web/frontend"),
            ],
            load_balancers(Some("prod"), Some("web/frontend")),
        ),
    ] {
        let owner = of_group("web", &tags(&pairs)).map(|owner| owner.kind);
        assert_eq!(owner, Some(expected), "{pairs:?}");
    }
    let shared = tags(&[("kubernetes.io/cluster/prod", "shared")]);
    assert_eq!(of_group("web", &shared), None, "it is only used by the cluster");
}

/// A cache with a tag of some cluster is none of its controllers' business.
#[test]
fn marks_of_groups_count_for_groups_only() {
    for pair in [
        ("aws:eks:cluster-name", "prod"),
        ("elbv2.k8s.aws/cluster", "prod"),
        ("kubernetes.io/cluster/prod", "owned"),
    ] {
        assert_eq!(by_tags(&tags(&[pair])), None, "{pair:?}");
        let both = tags(&[pair, ("terraform", "true")]);
        assert_eq!(by_tags(&both).map(|owner| owner.kind), Some(Kind::Terraform), "{pair:?}");
    }
}

#[test]
fn names_tell_where_tags_do_not() {
    for (name, expected) in [
        ("ElasticMapReduce-master", Some(Kind::Service(Service::Emr))),
        ("d-93676fd512_controllers", Some(Kind::Service(Service::DirectoryService))),
        ("launch-wizard-12", Some(Kind::Service(Service::LaunchWizard))),
        ("eks-cluster-sg-shop-1234567", Some(Kind::Eks { cluster: None })),
        ("eks-remoteAccess-6ebd", Some(Kind::Eks { cluster: None })),
        ("k8s-elb-a73958422feb34578a87bc2185e739c8", Some(load_balancers(None, None))),
        ("launch-wizard-", None),
        ("launch-wizard-web", None),
        ("game_controllers", None),
        ("d-é_controllers", None),
        ("my-ElasticMapReduce-master", None),
        ("", None),
    ] {
        let owner = of_group(name, &tags(&[("team", "web")]));
        assert!(owner.as_ref().is_none_or(|owner| owner.by == By::Name), "{name}: {owner:?}");
        assert_eq!(owner.map(|owner| owner.kind), expected, "{name}");
    }
    let owned = tags(&[("kubernetes.io/cluster/prod", "owned")]);
    let owner = of_group("k8s-elb-a739", &owned).map(|owner| owner.kind);
    assert_eq!(owner, Some(load_balancers(Some("prod"), None)));
    let owner = of_group("launch-wizard-1", &tags(&[("terraform", "true")]));
    assert_eq!(owner.map(|owner| owner.kind), Some(Kind::Terraform), "a tag comes before a name");
}

#[test]
fn the_call_tells_what_it_came_through() {
    let stack = Kind::CloudFormation { stack: None, logical_id: None };
    let autoscaling = Service::Named("autoscaling.amazonaws.com".to_owned());
    let terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io)";
    let pulumi = "APN/1.0 Pulumi/1.0 terraform-provider-aws/6.2.0";
    let controller = "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux elbv2.k8s.aws/v2.13.4 m/C,E";
    let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
    let invoked = By::InvokedBy;
    for (via, agent, expected) in [
        (Some("cloudformation.amazonaws.com"), "", Some((stack.clone(), invoked.clone()))),
        // By a person of the console, as the role of that person.
        (Some("AWS console"), "cloudformation.amazonaws.com", Some((stack, By::Agent))),
        (
            Some("elasticmapreduce.amazonaws.com"),
            "",
            Some((Kind::Service(Service::Emr), invoked.clone())),
        ),
        (
            Some("ds.amazonaws.com"),
            "",
            Some((Kind::Service(Service::DirectoryService), invoked.clone())),
        ),
        (Some("eks.amazonaws.com"), "", Some((Kind::Eks { cluster: None }, invoked.clone()))),
        (
            Some("autoscaling.amazonaws.com"),
            "aws-cli/2.15",
            Some((Kind::Service(autoscaling), invoked)),
        ),
        (Some("Terraform"), terraform, Some((Kind::Terraform, By::Agent))),
        (Some("Terraform"), pulumi, Some((Kind::Pulumi, By::Agent))),
        (Some("an AWS SDK"), controller, Some((load_balancers(None, None), By::Agent))),
        (Some("AWS CLI"), "aws-cli/2.17.0", None),
        (Some("AWS console"), "console.ec2.amazonaws.com", None),
        (Some("AWS console"), "signin.amazonaws.com", None),
        (Some("AWS console"), safari, None),
        (Some("AWS Internal"), "AWS Internal", None),
        (None, "curl/8.0", None),
        (None, "", None),
    ] {
        let actor =
            Actor { via: via.map(str::to_owned), agent: agent.to_owned(), ..Actor::default() };
        let owner = by_call(&actor);
        assert_eq!(owner.map(|owner| (owner.kind, owner.by)), expected, "{via:?} {agent}");
    }
}

#[test]
fn a_person_is_one_with_the_console_or_the_command_line() {
    for (via, agent, person) in [
        (Some("AWS console"), "Mozilla/5.0", true),
        (Some("AWS CLI"), "aws-cli/2.17.0", true),
        (Some("AWS console"), "cloudformation.amazonaws.com", false),
        (Some("AWS SDK for Python"), "Boto3/1.34.0", false),
        (Some("Terraform"), "Terraform/1.9.5", false),
        (None, "curl/8.0", false),
    ] {
        let actor =
            Actor { via: via.map(str::to_owned), agent: agent.to_owned(), ..Actor::default() };
        assert_eq!(is_person(&actor), person, "{via:?} {agent}");
    }
}
