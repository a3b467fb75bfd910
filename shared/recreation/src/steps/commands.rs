//! The commands of the AWS CLI that do a step by hand.
//!
//! INVARIANT: nothing is in a command but ids, ARNs, CIDRs and numbers, which [`crate::document`]
//! has checked: no text that users write.

use portcullis_engine::facts::{Source, Tag};

use crate::ingress::NewRule;
use crate::plan::{Afterwards, Form, Plan, Snapshot, SnapshotOf};
use crate::region;
use crate::request::Kind;
use crate::secret;

fn region(plan: &Plan) -> String {
    region::option(&plan.cache.arn)
}

fn tags(markers: &[Tag]) -> String {
    let tags: Vec<_> = markers.iter().map(|t| format!("Key={},Value={}", t.key, t.value)).collect();
    tags.join(" ")
}

pub(super) fn snapshot(plan: &Plan, snapshot: &Snapshot) -> Vec<String> {
    let (region, name) = (region(plan), &snapshot.name);
    let of = match &snapshot.of {
        SnapshotOf::Group(id) => format!("--replication-group-id {id}"),
        SnapshotOf::Cluster(id) => format!("--cache-cluster-id {id}"),
    };
    vec![
        format!(
            "aws elasticache create-snapshot{region} {of} --snapshot-name {name} --tags {}",
            tags(&plan.markers)
        ),
        format!(
            "aws elasticache describe-snapshots{region} --snapshot-name {name} --query 'Snapshots[].SnapshotStatus'"
        ),
    ]
}

pub(super) fn open(plan: &Plan) -> Vec<String> {
    plan.ingress.open.iter().map(|rule| authorize(plan, rule)).collect()
}

fn authorize(plan: &Plan, rule: &NewRule) -> String {
    let (list, member, id) = match &rule.source {
        Source::Ipv4(net) => ("IpRanges", "CidrIp", net.to_string()),
        Source::Ipv6(net) => ("Ipv6Ranges", "CidrIpv6", net.to_string()),
        Source::PrefixList(id) | Source::Unreadable(id) => {
            ("PrefixListIds", "PrefixListId", id.clone())
        }
        Source::Group(id) => ("UserIdGroupPairs", "GroupId", id.clone()),
    };
    let owner = rule.source_owner.as_ref().map(|owner| format!("\"UserId\":\"{owner}\","));
    let (port, text) = (rule.port, &rule.description);
    let tags: Vec<_> =
        plan.markers.iter().map(|t| format!("{{Key={},Value={}}}", t.key, t.value)).collect();
    format!(
        "aws ec2 authorize-security-group-ingress{} --group-id {} --ip-permissions '[{{\"IpProtocol\":\"tcp\",\"FromPort\":{port},\"ToPort\":{port},\"{list}\":[{{\"{member}\":\"{id}\",{}\"Description\":\"{text}\"}}]}}]' --tag-specifications 'ResourceType=security-group-rule,Tags=[{}]'",
        region(plan),
        rule.group,
        owner.unwrap_or_default(),
        tags.join(",")
    )
}

pub(super) fn create(plan: &Plan) -> Vec<String> {
    let command = match plan.create.kind {
        Kind::Group(_) => "create-replication-group",
        Kind::Cluster(_) => "create-cache-cluster",
    };
    let create =
        format!("aws elasticache {command}{} --cli-input-json file://create.json", region(plan));
    let create = secret::given(&plan.create.auth_token, create);
    vec![
        "portcullis plan FILE --json | jq .create.parameters > create.json    # FILE and options as for this plan".to_owned(),
        create,
    ]
}

pub(super) fn wait(plan: &Plan) -> Vec<String> {
    let (region, new) = (region(plan), &plan.create.id);
    vec![match plan.create.kind {
        Kind::Group(_) => format!(
            "aws elasticache describe-replication-groups{region} --replication-group-id {new} --query 'ReplicationGroups[].Status'"
        ),
        Kind::Cluster(_) => format!(
            "aws elasticache describe-cache-clusters{region} --cache-cluster-id {new} --query 'CacheClusters[].CacheClusterStatus'"
        ),
    }]
}

pub(super) fn afterwards(plan: &Plan) -> Vec<String> {
    let new = &plan.create.id;
    let call = match plan.create.kind {
        Kind::Group(_) => ("modify-replication-group", "--replication-group-id"),
        Kind::Cluster(_) => ("modify-cache-cluster", "--cache-cluster-id"),
    };
    let option = |setting: &Afterwards| match setting {
        Afterwards::SilentTopic => " --notification-topic-status inactive".to_owned(),
        Afterwards::SnapshottingCluster(id) => format!(" --snapshotting-cluster-id {id}"),
    };
    let options: String = plan.afterwards.iter().map(option).collect();
    vec![format!(
        "aws elasticache {}{} {} {new}{options} --apply-immediately",
        call.0,
        region(plan),
        call.1
    )]
}

pub(super) fn delete(plan: &Plan) -> Vec<String> {
    let call = match plan.form {
        Form::Group => ("delete-replication-group", "--replication-group-id"),
        Form::Cluster => ("delete-cache-cluster", "--cache-cluster-id"),
    };
    let last = plan.last_snapshot.as_ref();
    let last = last.map(|last| format!(" --final-snapshot-identifier {last}")).unwrap_or_default();
    vec![format!("aws elasticache {}{} {} {}{last}", call.0, region(plan), call.1, plan.now.id)]
}

pub(super) fn close(plan: &Plan) -> Vec<String> {
    let going = plan.ingress.close.iter().filter(|rule| rule.stays.is_none());
    going
        .map(|closing| {
            format!(
                "aws ec2 revoke-security-group-ingress{} --group-id {} --security-group-rule-ids {}",
                region(plan),
                closing.group,
                closing.rule.id
            )
        })
        .collect()
}
