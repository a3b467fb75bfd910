//! What two plans have in common if they would do the same.

use portcullis_engine::replacement;

use super::{Afterwards, Plan, Snapshot, SnapshotOf};
use crate::ingress::{Closing, Ingress, NewRule};
use crate::request::Value;

/// Eight hex digits of everything that the plan would do: to which cache, with which inputs, which
/// snapshots, which rules. Notes and what lies around are not in it, nor are the markers, which hold it.
pub(super) fn fingerprint(plan: &Plan) -> String {
    let mut acts = vec![format!("move {:?}", plan.cache.arn)];
    acts.extend(
        plan.create.inputs().iter().map(|(name, value)| format!("{name} {}", exact(value))),
    );
    acts.extend(plan.snapshot.as_ref().map(snapshot));
    acts.extend(plan.afterwards.iter().map(|setting| match setting {
        Afterwards::SilentTopic => "silent topic".to_owned(),
        Afterwards::SnapshottingCluster(id) => format!("daily snapshots of {id:?}"),
    }));
    acts.extend(opened(&plan.ingress));
    acts.extend(plan.ingress.close.iter().filter(|rule| rule.stays.is_none()).map(close));
    acts.extend(plan.last_snapshot.iter().map(|name| format!("last snapshot {name:?}")));
    format!("{:08x}", replacement::fingerprint(&acts.join("\n")))
}

/// The value so that two that differ are never written alike.
fn exact(value: &Value) -> String {
    match value {
        Value::Tags(tags) => {
            format!("{:?}", tags.iter().map(|tag| (&tag.key, &tag.value)).collect::<Vec<_>>())
        }
        Value::Unset
        | Value::Text(_)
        | Value::Number(_)
        | Value::Flag(_)
        | Value::List(_)
        | Value::Shards(_)
        | Value::Logs(_)
        | Value::Token(_) => format!("{:?}", value.lines()),
    }
}

fn snapshot(snapshot: &Snapshot) -> String {
    match &snapshot.of {
        SnapshotOf::Group(id) => format!("snapshot {:?} of group {id:?}", snapshot.name),
        SnapshotOf::Cluster(id) => format!("snapshot {:?} of cluster {id:?}", snapshot.name),
    }
}

/// The rules of the new port, whether this run adds them or an earlier one did: both would do the same.
fn opened(ingress: &Ingress) -> Vec<String> {
    let mut rules: Vec<String> = ingress.open.iter().chain(&ingress.opened).map(open).collect();
    rules.sort();
    rules
}

fn open(rule: &NewRule) -> String {
    let NewRule { group, port, source, source_owner, like: _, description: _ } = rule;
    format!("open {group} {port} {source} {source_owner:?}")
}

fn close(rule: &Closing) -> String {
    format!("close {} {}", rule.group, rule.rule.id)
}
