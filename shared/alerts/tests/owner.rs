//! Who owns what an alert is about, as it is told: in words, in the document, and for hostile text.

use portcullis_alerts::alert::Alert;
use portcullis_engine::action::{Outcome, Outcomes};
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::{CacheLead, Event, Lead};
use portcullis_engine::facts::{
    CacheFacts, CacheKind, Engine, GroupDetails, GroupFacts, Interfaces,
};
use portcullis_engine::report::Seen;
use portcullis_engine::settings::Mode;
use portcullis_testkit::example::{cache, making, rule, tags, touching};
use portcullis_testkit::narrow::context;
use portcullis_testkit::{example, hostile, schema};
use serde_json::Value;

const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 terraform-provider-aws/6.14.0";
const CONTROLLER: &str = "elbv2.k8s.aws/v2.13.4";

fn event(lead: Lead, via: Option<&str>, agent: &str) -> Event {
    let mut event = example::event(lead);
    event.actor.via = via.map(str::to_owned);
    event.actor.agent = agent.to_owned();
    event
}

/// A group with an open rule.
fn group(name: &str, pairs: &[(&str, &str)]) -> GroupFacts {
    GroupFacts {
        id: "sg-01".to_owned(),
        details: Some(GroupDetails { name: name.to_owned(), vpc: None, tags: tags(pairs) }),
        interfaces: Interfaces::Read(Vec::new()),
        ..example::group(vec![rule(1, 6379, "0.0.0.0/0")])
    }
}

fn of_group(facts: &GroupFacts, via: Option<&str>, agent: &str) -> Alert {
    let lead = touching(facts, &["sgr-001"]);
    let event = event(Lead::Group(lead.clone()), via, agent);
    let context = context(Mode::Enforce);
    compose(&event, &decide::group(&event, &lead, facts, &context), Seen::Group(facts), &context)
}

/// The alert for a cache that was made with these tags, behind groups that are open or not.
fn of_cache(
    groups: Vec<GroupFacts>,
    pairs: &[(&str, &str)],
    via: Option<&str>,
    agent: &str,
) -> Alert {
    let facts = CacheFacts {
        transit_encryption: Some(true),
        authentication: Some(true),
        ..cache(CacheKind::ReplicationGroup, Engine::Valkey, groups)
    };
    let lead = CacheLead { tags: tags(pairs), ..making(&facts) };
    let event = event(Lead::Cache(lead.clone()), via, agent);
    let context = context(Mode::Enforce);
    compose(
        &event,
        &decide::cache(&event, &lead, &facts, &[], &context),
        Seen::Cache(&facts),
        &context,
    )
}

fn compose(
    event: &Event,
    decision: &Decision,
    seen: Seen<'_>,
    context: &DecisionContext<'_>,
) -> Alert {
    let outcomes = Outcomes::from([("sgr-001".to_owned(), Outcome::Done(None))]);
    Alert::compose(&example::report(event, decision, seen, context, &outcomes))
}

fn owner(alert: &Alert) -> Value {
    let document: Value = serde_json::from_str(&alert.document).unwrap();
    schema::holds("alert", &document);
    document["owner"].clone()
}

fn paragraph(alert: &Alert) -> String {
    let lines: Vec<&str> = alert.mail.lines().filter(|line| line.starts_with("Owner")).collect();
    lines.join("\n")
}

const STACK: [(&str, &str); 2] =
    [("aws:cloudformation:stack-name", "shop"), ("aws:cloudformation:logical-id", "WebGroup")];
const INGRESS: [(&str, &str); 2] =
    [("elbv2.k8s.aws/cluster", "prod"), ("ingress.k8s.aws/stack", "web/frontend")];

/// A group and a call: what the case shows, the name and the tags of the group, `via` and the agent.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    Option<&'static str>,
    &'static str,
);

#[test]
fn each_owner_of_a_group_is_told_what_to_change_where() {
    let (cloudformation, console) = ("cloudformation.amazonaws.com", "AWS console");
    let cases: [Case; 24] = [
        ("stack, through it", "web", &STACK, Some(cloudformation), ""),
        ("stack, by a person", "web", &STACK, Some(console), "Mozilla/5.0"),
        ("stack, through Terraform", "web", &STACK, Some("Terraform"), TERRAFORM),
        ("no tags, through a stack", "web", &[], Some(cloudformation), ""),
        (
            "stack set",
            "web",
            &[("aws:cloudformation:stack-name", "StackSet-base-0a1b")],
            Some(cloudformation),
            "",
        ),
        (
            "Elastic Beanstalk",
            "web",
            &[("aws:cloudformation:stack-name", "awseb-e-abc-stack")],
            Some(cloudformation),
            "",
        ),
        (
            "eksctl",
            "web",
            &[("aws:cloudformation:stack-name", "eksctl-prod-cluster")],
            Some(console),
            "",
        ),
        (
            "Terraform, through it",
            "web",
            &[("managed-by", "terraform")],
            Some("Terraform"),
            TERRAFORM,
        ),
        ("Terraform, by a script", "web", &[("managed-by", "terraform")], None, "curl/8"),
        ("no tags, through Terraform", "web", &[], Some("Terraform"), TERRAFORM),
        ("Pulumi, through it", "web", &[("pulumi:stack", "prod")], None, "Pulumi/3.0"),
        ("Pulumi, by a person", "web", &[("pulumi:stack", "prod")], Some(console), ""),
        ("Ansible, unclear", "web", &[("created-by", "ansible")], None, "Boto3/1.34.0"),
        ("Ansible, by a person", "web", &[("created-by", "ansible")], Some(console), ""),
        ("EKS", "eks-cluster-sg-prod-1", &[("aws:eks:cluster-name", "prod")], Some(console), ""),
        ("load balancer, through its controller", "k8s-web", &INGRESS, None, CONTROLLER),
        ("load balancer, by a person", "k8s-web", &INGRESS, Some(console), ""),
        (
            "cloud controller",
            "k8s-elb-a739",
            &[("kubernetes.io/cluster/prod", "owned")],
            None,
            "kubernetes/v1.34.0",
        ),
        ("cluster", "nodes", &[("kubernetes.io/cluster/prod", "owned")], None, ""),
        ("EMR", "ElasticMapReduce-master", &[], Some("elasticmapreduce.amazonaws.com"), ""),
        ("Directory Service", "d-93676fd512_controllers", &[], None, ""),
        ("launch wizard", "launch-wizard-3", &[], Some(console), ""),
        ("another service", "web", &[], Some("ssm.amazonaws.com"), ""),
        ("stack, through another service", "web", &STACK, Some("ssm.amazonaws.com"), ""),
    ];
    let mut text = String::new();
    for (case, name, pairs, via, agent) in cases {
        let alert = of_group(&group(name, pairs), via, agent);
        let told = paragraph(&alert);
        assert!(told.starts_with("Owner: "), "{case}: {told}");
        assert!(told.contains(owner(&alert)["advice"].as_str().unwrap()), "{case}: {told}");
        text.push_str(&format!("{case}\n{told}\n\n"));
    }
    insta::assert_snapshot!("groups", text);
}

#[test]
fn nothing_is_told_where_nothing_tells_of_an_owner() {
    for (via, agent) in [
        (Some("AWS console"), "Mozilla/5.0"),
        (Some("AWS CLI"), "aws-cli/2.31.10"),
        (None, "curl/8.0"),
    ] {
        let alert = of_group(&group("web", &[("team", "payments")]), via, agent);
        assert_eq!((owner(&alert), paragraph(&alert).as_str()), (Value::Null, ""), "{agent}");
    }
}

#[test]
fn the_owner_of_the_rule_comes_before_that_of_the_group() {
    let mut facts = group("web", &STACK);
    facts.rules[0].tags = tags(&[("managed-by", "terraform")]);
    let alert = of_group(&facts, Some("Terraform"), TERRAFORM);
    let owner = owner(&alert);
    assert_eq!(owner["kind"], "terraform");
    assert_eq!(owner["by"], "the tag \"managed-by=terraform\" of the rule");
    assert!(
        owner["advice"].as_str().unwrap().starts_with("The rule recurs with the next apply"),
        "{owner}"
    );
}

#[test]
fn machines_get_kind_and_name() {
    for (name, pairs, via, expected) in [
        ("web", STACK.as_slice(), None, ("cloudformation", Some("shop"))),
        ("web", &[], Some("cloudformation.amazonaws.com"), ("cloudformation", None)),
        ("web", &[("terraform", "true")], None, ("terraform", None)),
        ("web", &[("pulumi:stack", "prod")], None, ("pulumi", None)),
        ("web", &[("crossplane-kind", "x")], None, ("other", Some("Crossplane"))),
        ("web", &[("aws:eks:cluster-name", "prod")], None, ("eks", Some("prod"))),
        ("web", &INGRESS, None, ("kubernetes", Some("prod"))),
        ("web", &[("kubernetes.io/cluster/prod", "owned")], None, ("kubernetes", Some("prod"))),
        ("ElasticMapReduce-slave", &[], None, ("aws-service", Some("Amazon EMR"))),
        ("web", &[], Some("ssm.amazonaws.com"), ("aws-service", Some("ssm.amazonaws.com"))),
    ] {
        let owner = owner(&of_group(&group(name, pairs), via, ""));
        assert_eq!(
            (owner["kind"].as_str(), owner["name"].as_str()),
            (Some(expected.0), expected.1)
        );
    }
}

#[test]
fn the_owner_of_a_cache_is_what_made_it_and_each_open_group_has_its_own() {
    let mut text = String::new();
    let cloudformation = Some("cloudformation.amazonaws.com");
    let terraform = [("terraform", "true")];
    for (case, groups, tags, via, agent) in [
        ("through a stack", vec![], &[][..], cloudformation, ""),
        ("through a stack that its tags name", vec![], &STACK, cloudformation, ""),
        ("through Terraform", vec![], &[], Some("Terraform"), TERRAFORM),
        ("through Pulumi", vec![], &[], None, "Pulumi/3.0"),
        ("through a service", vec![], &[], Some("servicecatalog.amazonaws.com"), ""),
        ("through a stack that says Terraform", vec![], &terraform, cloudformation, ""),
        ("with a tag of Terraform, through nothing that tells", vec![], &terraform, None, "Boto3"),
        (
            "by a person, open group of a stack",
            vec![group("web", &STACK)],
            &[],
            Some("AWS console"),
            "",
        ),
        (
            "through Terraform, open group of Terraform",
            vec![group("web", &terraform)],
            &[],
            Some("Terraform"),
            TERRAFORM,
        ),
    ] {
        let alert = of_cache(groups, tags, via, agent);
        text.push_str(&format!("{case}\n{}\n\n", paragraph(&alert)));
        assert_eq!(owner(&alert).is_null(), case.starts_with("by a person"), "{case}");
    }
    insta::assert_snapshot!("caches", text);
    let mut shut = group("web", &STACK);
    shut.rules.clear();
    let alert = of_cache(vec![shut], &[], Some("AWS console"), "");
    assert_eq!(paragraph(&alert), "", "a group that is not open is nobody's concern");
}

/// Whoever may name or tag a group, or choose a user agent.
#[test]
fn hostile_names_and_tags_stay_text() {
    let long = "x\r\n\r\nOwner: nobody\naws iam create-user https://evil.example/a <!channel> *`\u{202e}\u{1b}[31m\"";
    for hostile in hostile::texts().iter().map(String::as_str).chain([long]) {
        owner_stays_text(hostile);
    }
}

fn owner_stays_text(hostile: &str) {
    let cluster = format!("kubernetes.io/cluster/{hostile}");
    let emr = format!("ElasticMapReduce-{hostile}");
    let service = format!("{}.amazonaws.com", hostile.replace(' ', "-"));
    for (name, key, value, via) in [
        (hostile, "aws:cloudformation:stack-name", hostile, None),
        (hostile, "aws:eks:cluster-name", hostile, None),
        (hostile, "ingress.k8s.aws/stack", hostile, None),
        (hostile, cluster.as_str(), "owned", None),
        (hostile, "managed-by", &format!("terraform {hostile}"), None),
        (hostile, &format!("pulumi:{hostile}"), hostile, None),
        (emr.as_str(), "team", hostile, None),
        ("web", "team", hostile, Some(service.as_str())),
    ] {
        let mut facts = group(name, &[(key, value), ("aws:cloudformation:logical-id", hostile)]);
        facts.rules[0].tags = tags(&[("team", hostile)]);
        let alert = of_group(&facts, via, hostile);
        assert!(!owner(&alert).is_null(), "{key:?}");
        let advice = owner(&alert)["advice"].as_str().unwrap().to_owned();
        for text in [&alert.mail, &advice] {
            assert!(!text.contains("://") && !text.contains("evil.example"), "{text}");
            hostile::shows_all("the owner", text);
        }
        assert_eq!(alert.mail.matches("\nOwner").count(), 1, "{}", alert.mail);
        assert!(!alert.mail.contains("\naws iam"), "{}", alert.mail);
        let chat: Value = serde_json::from_str(&alert.chat).unwrap();
        let description = chat["content"]["description"].as_str().unwrap();
        assert!(
            !description.contains("<!channel>") && !description.contains("://"),
            "{description}"
        );
    }
}
