//! Each step of a move, as data: for a page, a terminal, and the workflow that will do them.

use portcullis_engine::facts::Source;

use crate::ingress::NewRule;
use crate::losses::counted;
use crate::plan::{Afterwards, Plan, SnapshotOf};
use crate::request::{Kind, Token};

/// Who does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Portcullis
    Portcullis,
    /// A person
    Person,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name, the same in every plan.
    pub id: &'static str,
    /// Who does it.
    pub who: Who,
    /// What it does, in a sentence.
    pub does: String,
    /// What takes it back, if it changes anything.
    pub undo: Option<String>,
    /// The commands of the AWS CLI that do it by hand.
    pub commands: Vec<String>,
}

impl Step {
    fn new(id: &'static str, who: Who, does: impl Into<String>) -> Self {
        Self { id, who, does: does.into(), undo: None, commands: Vec::new() }
    }

    fn undo(self, undo: impl Into<String>) -> Self {
        Self { undo: Some(undo.into()), ..self }
    }

    fn commands(self, commands: Vec<String>) -> Self {
        Self { commands, ..self }
    }
}

/// The steps of a plan, in order.
pub(crate) fn steps(plan: &Plan) -> Vec<Step> {
    let (old, new) = (&plan.now.id, &plan.create.id);
    let mut steps = vec![Step::new(
        "approve",
        Who::Person,
        format!("You read this plan, old beside new, and agree to {new}."),
    )];
    steps.extend(snapshot(plan));
    steps.push(open(plan));
    steps.push(create(plan));
    steps.push(wait(plan));
    steps.extend(afterwards(plan));
    steps.push(Step::new(
        "verify",
        Who::Portcullis,
        format!("Reads {new} back and compares every setting with this plan, one by one; the move stops at the first that differs, and {old} is untouched."),
    ));
    steps.push(
        Step::new(
            "hand-over",
            Who::Person,
            "You point the clients to the new endpoint and port, and watch the connections of the old cache go to none.",
        )
        .undo("point them back: the old cache still runs, without what was written to the new one"),
    );
    steps.push(Step::new(
        "approve-deletion",
        Who::Person,
        format!(
            "You agree to the deletion of {old}, separately, when nothing connects to it any more."
        ),
    ));
    steps.push(delete(plan));
    steps.push(close(plan));
    steps
}

fn region(plan: &Plan) -> String {
    let region = plan.cache.arn.split(':').nth(3).unwrap_or_default();
    if region.is_empty() { String::new() } else { format!(" --region {region}") }
}

fn snapshot(plan: &Plan) -> Option<Step> {
    let snapshot = plan.snapshot.as_ref()?;
    let (what, option) = match &snapshot.of {
        SnapshotOf::Group(id) => {
            (format!("all shards of {id}"), format!("--replication-group-id {id}"))
        }
        SnapshotOf::Cluster(id) => (id.clone(), format!("--cache-cluster-id {id}")),
    };
    let name = &snapshot.name;
    let region = region(plan);
    let step = Step::new(
        "snapshot",
        Who::Portcullis,
        format!(
            "Takes the snapshot {name} of {what} and waits until it is available; what is written from here on stays in the old cache only."
        ),
    );
    Some(step.undo("delete the snapshot").commands(vec![
        format!("aws elasticache create-snapshot{region} {option} --snapshot-name {name}"),
        format!("aws elasticache describe-snapshots{region} --snapshot-name {name} --query 'Snapshots[].SnapshotStatus'"),
    ]))
}

fn open(plan: &Plan) -> Step {
    let rules = &plan.ingress.open;
    let port = plan.create.port;
    if rules.is_empty() {
        return Step::new(
            "open-port",
            Who::Portcullis,
            format!(
                "Opens nothing: no rule of the old port has a private source that does not reach port {port} already."
            ),
        );
    }
    let count = counted(rules.len(), "ingress rule");
    Step::new(
        "open-port",
        Who::Portcullis,
        format!("Adds {count}: the private sources that reach port {} reach port {port} too, and no public one does.", plan.now.port),
    )
    .undo("revoke the added rules")
    .commands(rules.iter().map(|rule| authorize(rule, &region(plan))).collect())
}

fn authorize(rule: &NewRule, region: &str) -> String {
    let text = &rule.description;
    let source = match &rule.source {
        Source::Ipv4(net) => {
            format!("\"IpRanges\":[{{\"CidrIp\":\"{net}\",\"Description\":\"{text}\"}}]")
        }
        Source::Ipv6(net) => {
            format!("\"Ipv6Ranges\":[{{\"CidrIpv6\":\"{net}\",\"Description\":\"{text}\"}}]")
        }
        Source::PrefixList(id) | Source::Unreadable(id) => {
            format!("\"PrefixListIds\":[{{\"PrefixListId\":\"{id}\",\"Description\":\"{text}\"}}]")
        }
        Source::Group(id) => {
            let owner = rule.source_owner.as_ref().map(|owner| format!("\"UserId\":\"{owner}\","));
            format!(
                "\"UserIdGroupPairs\":[{{\"GroupId\":\"{id}\",{}\"Description\":\"{text}\"}}]",
                owner.unwrap_or_default()
            )
        }
    };
    let port = rule.port;
    format!(
        "aws ec2 authorize-security-group-ingress{region} --group-id {} --ip-permissions '[{{\"IpProtocol\":\"tcp\",\"FromPort\":{port},\"ToPort\":{port},{source}}}]'",
        rule.group
    )
}

fn create(plan: &Plan) -> Step {
    let create = &plan.create;
    let nodes = counted(usize::try_from(create.nodes()).unwrap_or(usize::MAX), "node");
    let data = match &plan.snapshot {
        Some(snapshot) => format!("from {}", snapshot.name),
        None => "empty".to_owned(),
    };
    let command = match create.kind {
        Kind::Group(_) => "create-replication-group",
        Kind::Cluster(_) => "create-cache-cluster",
    };
    let mut line =
        format!("aws elasticache {command}{} --cli-input-json file://create.json", region(plan));
    if let Token::Secret(arn) = &create.auth_token {
        line.push_str(&format!(" --auth-token \"$(aws secretsmanager get-secret-value --secret-id {arn} --query SecretString --output text)\""));
    }
    Step::new(
        "create",
        Who::Portcullis,
        format!("Makes {} with {nodes} on port {}, {data}; if it is there already and its markers say it is ours, goes on with it.", create.id, create.port),
    )
    .undo(format!("delete {}: the old cache is untouched", create.id))
    .commands(vec![
        "portcullis plan FILE --json | jq .create.parameters > create.json    # FILE and options as for this plan".to_owned(),
        line,
    ])
}

fn wait(plan: &Plan) -> Step {
    let new = &plan.create.id;
    let command = match plan.create.kind {
        Kind::Group(_) => format!(
            "aws elasticache describe-replication-groups{} --replication-group-id {new} --query 'ReplicationGroups[].Status'",
            region(plan)
        ),
        Kind::Cluster(_) => format!(
            "aws elasticache describe-cache-clusters{} --cache-cluster-id {new} --show-cache-node-info --query 'CacheClusters[].CacheClusterStatus'",
            region(plan)
        ),
    };
    Step::new(
        "wait",
        Who::Portcullis,
        format!("Looks at {new} until it is available; create-failed, restore-failed, incompatible-network or deleting ends the move, with the old cache untouched."),
    )
    .commands(vec![command])
}

fn afterwards(plan: &Plan) -> Option<Step> {
    if plan.afterwards.is_empty() {
        return None;
    }
    let new = &plan.create.id;
    let call = match plan.create.kind {
        Kind::Group(_) => {
            format!("modify-replication-group{} --replication-group-id {new}", region(plan))
        }
        Kind::Cluster(_) => {
            format!("modify-cache-cluster{} --cache-cluster-id {new}", region(plan))
        }
    };
    let mut parts = Vec::new();
    let mut options = String::new();
    for setting in &plan.afterwards {
        match setting {
            Afterwards::SilentTopic => {
                parts
                    .push("turns notifications off again, as they are on the old cache".to_owned());
                options.push_str(" --notification-topic-status inactive");
            }
            Afterwards::SnapshottingCluster(id) => {
                parts.push(format!("has the daily snapshots taken of {id}, as the old cache has"));
                options.push_str(&format!(" --snapshotting-cluster-id {id}"));
            }
        }
    }
    let step = Step::new(
        "set-the-rest",
        Who::Portcullis,
        format!("Sets what cannot be given when a cache is made: {}.", parts.join(", and ")),
    );
    Some(step.commands(vec![format!("aws elasticache {call}{options} --apply-immediately")]))
}

fn delete(plan: &Plan) -> Step {
    let old = &plan.now.id;
    let (call, id) = match plan.now.kind {
        Kind::Group(_) => ("delete-replication-group", "--replication-group-id"),
        Kind::Cluster(_) => ("delete-cache-cluster", "--cache-cluster-id"),
    };
    let (does, last) = match &plan.last_snapshot {
        Some(last) => (
            format!("Deletes {old}, and keeps its last state in the snapshot {last}."),
            format!(" --final-snapshot-identifier {last}"),
        ),
        None => (format!("Deletes {old}; Memcached leaves nothing behind."), String::new()),
    };
    let undo = match &plan.last_snapshot {
        Some(last) => format!("make a cache from {last}"),
        None => "none: a deleted Memcached cluster is gone".to_owned(),
    };
    Step::new("delete", Who::Portcullis, does)
        .undo(undo)
        .commands(vec![format!("aws elasticache {call}{} {id} {old}{last}", region(plan))])
}

fn close(plan: &Plan) -> Step {
    let going: Vec<_> = plan.ingress.close.iter().filter(|rule| rule.stays.is_none()).collect();
    let old = plan.now.port;
    if going.is_empty() {
        return Step::new(
            "close-port",
            Who::Portcullis,
            format!("Closes nothing: no rule is for port {old} alone and for this cache alone."),
        );
    }
    let count = if going.len() == 1 {
        "the 1 ingress rule that is".to_owned()
    } else {
        format!("the {} ingress rules that are", going.len())
    };
    let revoke = |group: &str, rule: &str| {
        format!(
            "aws ec2 revoke-security-group-ingress{} --group-id {group} --security-group-rule-ids {rule}",
            region(plan)
        )
    };
    Step::new(
        "close-port",
        Who::Portcullis,
        format!("Revokes {count} for port {old} alone, one by one by id, unless something else than a cache turns out to carry the group."),
    )
    .undo("authorize them again")
    .commands(going.iter().map(|rule| revoke(&rule.group, &rule.rule.id)).collect())
}
