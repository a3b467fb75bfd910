//! The steps of a plan, in order.

use portcullis_engine::text::counted;

use super::{Step, Who, commands};
use crate::plan::{Afterwards, Plan, SnapshotOf};

/// The steps of a plan, in order.
pub(crate) fn steps(plan: &Plan) -> Vec<Step> {
    let (old, new) = (&plan.now.id, &plan.create.id);
    let mut steps = vec![
        Step::new(
            "ask",
            Who::Person,
            format!("You read this plan, old and new, and approve {new}."),
        ),
        Step::new(
            "check",
            Who::Portcullis,
            format!(
                "Reads {old} again and makes the plan again: if the plan is different now, nothing is done, and you \
                 get a mail."
            ),
        ),
    ];
    steps.extend(snapshot(plan));
    steps.push(open(plan));
    steps.push(create(plan));
    steps.extend(afterwards(plan));
    steps.push(Step::new(
        "verify",
        Who::Portcullis,
        format!("Reads {new} and compares every setting with this plan, one by one. If any differs, everything above \
                 is rolled back, and {old} is unchanged."),
    ));
    steps.push(
        Step::new(
            "hand-over",
            Who::Person,
            "You get the new endpoints, and change the clients to them. From here on nothing is rolled back \
             automatically.",
        )
        .undo("change them back: the old cache still runs, without the data written to the new one"),
    );
    steps.push(Step::new(
        "watch",
        Who::Portcullis,
        format!("Watches the commands and connections of {old}, for two weeks at most, until nobody has used it for an hour."),
    ));
    steps.push(Step::new(
        "ask-deletion",
        Who::Person,
        format!("You approve the deletion of {old}, separately; otherwise both caches stay."),
    ));
    steps.push(delete(plan));
    steps.push(close(plan));
    steps
}

fn snapshot(plan: &Plan) -> Option<Step> {
    let snapshot = plan.snapshot.as_ref()?;
    let what = match &snapshot.of {
        SnapshotOf::Group(id) => format!("all shards of {id}"),
        SnapshotOf::Cluster(id) => id.clone(),
    };
    let step = Step::new(
        "snapshot",
        Who::Portcullis,
        format!(
            "Takes the snapshot {} of {what}, unless this re-creation has taken it already, and waits until it is \
             available. Later writes are only in the old cache.",
            snapshot.name
        ),
    );
    Some(step.undo("delete the snapshot").commands(commands::snapshot(plan, snapshot)))
}

fn open(plan: &Plan) -> Step {
    let (rules, port) = (&plan.ingress.open, plan.create.port);
    let does = match rules.len() {
        0 => format!(
            "Opens nothing: no rule of the old port has a private source that does not reach port {port} already."
        ),
        count => format!(
            "Adds {}: the private sources that reach port {} reach port {port} too, and no public one does.",
            counted(count, "ingress rule"),
            plan.now.port
        ),
    };
    let step = Step::new("open-port", Who::Portcullis, does).commands(commands::open(plan));
    if rules.is_empty() { step } else { step.undo("revoke the added rules") }
}

fn create(plan: &Plan) -> Step {
    let create = &plan.create;
    let nodes = counted(usize::try_from(create.nodes()).unwrap_or(usize::MAX), "node");
    let data = match &plan.snapshot {
        Some(snapshot) => format!("from {}", snapshot.name),
        None => "empty".to_owned(),
    };
    Step::new(
        "create",
        Who::Portcullis,
        format!(
            "Creates {} with {nodes} on port {}, {data}, and waits until it is available. If it exists already and \
             its ownership tags show that this plan created it, continues with it.",
            create.id, create.port
        ),
    )
    .undo(format!("delete {}: the old cache is unchanged", create.id))
    .commands([commands::create(plan), commands::wait(plan)].concat())
}

fn afterwards(plan: &Plan) -> Option<Step> {
    if plan.afterwards.is_empty() {
        return None;
    }
    let part = |setting: &Afterwards| match setting {
        Afterwards::SilentTopic => {
            "turns notifications off again, as they are on the old cache".to_owned()
        }
        Afterwards::SnapshottingCluster(id) => {
            format!("has the daily snapshots taken of {id}, as the old cache has")
        }
    };
    let parts: Vec<String> = plan.afterwards.iter().map(part).collect();
    let does =
        format!("Sets what cannot be set when a cache is created: {}.", parts.join(", and "));
    let step = Step::new("set-the-rest", Who::Portcullis, does);
    Some(step.commands(commands::afterwards(plan)))
}

fn delete(plan: &Plan) -> Step {
    let old = &plan.now.id;
    let (does, undo) = match &plan.last_snapshot {
        Some(last) => (
            format!("Deletes {old}, and keeps its last state in the snapshot {last}."),
            format!("create a cache from {last}"),
        ),
        None => (
            format!("Deletes {old}; Memcached has no final snapshot."),
            "none: a deleted Memcached cluster is gone".to_owned(),
        ),
    };
    let step = Step::new("delete", Who::Portcullis, does);
    step.undo(undo).commands(commands::delete(plan))
}

fn close(plan: &Plan) -> Step {
    let commands = commands::close(plan);
    let old = plan.now.port;
    let does = match commands.len() {
        0 => format!("Revokes nothing: no rule is for port {old} alone and for this cache alone."),
        count => format!(
            "When {} is gone, revokes {} of port {old} alone, one by one by id, unless other resources than caches \
             use the group.",
            plan.now.id,
            counted(count, "ingress rule")
        ),
    };
    let step = Step::new("close-port", Who::Portcullis, does);
    if commands.is_empty() { step } else { step.undo("authorize them again").commands(commands) }
}
