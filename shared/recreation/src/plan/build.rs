//! A plan, put together from its parts when nothing speaks against it.

use portcullis_engine::facts::Engine;

use super::fingerprint::fingerprint;
use super::{Afterwards, Disposition, Input, Plan, Snapshot, SnapshotOf, Subject};
use crate::endpoints::endpoints;
use crate::facts::{Cache, Facts};
use crate::form::form;
use crate::ingress::Ingress;
use crate::marks::markers;
use crate::recover::{Loss, primary_first};
use crate::replacement;
use crate::request::{Kind, Request, Shape, Token, Value};
use crate::{cost, losses, steps};

/// What a plan is put together from.
pub(super) struct Parts<'a> {
    pub facts: &'a Facts,
    pub cache: Subject,
    pub now: Request,
    pub token: Token,
    pub ingress: Ingress,
    pub losses: Vec<Loss>,
}

impl Parts<'_> {
    pub(super) fn plan(self, port: u16) -> Plan {
        let Self { facts, cache, now, token, ingress, losses } = self;
        let snapshot = snapshot(facts, &now, port);
        let create = Request {
            id: replacement::id(&now.id, Some(now.port), port),
            port,
            snapshot: snapshot.as_ref().map(|snapshot| snapshot.name.clone()),
            auth_token: token,
            ..now.clone()
        };
        let last = |_: &Snapshot| replacement::last_snapshot(&now.id, Some(now.port), port);
        let mut plan = Plan {
            last_snapshot: snapshot.as_ref().map(last),
            afterwards: afterwards(facts, &create),
            inputs: Vec::new(),
            cost: cost::cost(facts, &create),
            clients: losses::clients(facts, &now, &create),
            cautions: losses::cautions(facts, &now, &create, &ingress),
            losses: losses::losses(facts, &now, losses, &ingress),
            around: facts.around.clone(),
            endpoints: endpoints(&facts.cache),
            steps: Vec::new(),
            markers: Vec::new(),
            fingerprint: String::new(),
            form: form(facts),
            cache,
            now,
            create,
            snapshot,
            ingress,
        };
        // The markers hold the fingerprint, so it is taken before they are set.
        plan.fingerprint = fingerprint(&plan);
        plan.markers = markers(facts, &plan.fingerprint);
        plan.create.tags.extend(plan.markers.clone());
        plan.create.tags.sort_by(|a, b| a.key.cmp(&b.key));
        plan.inputs = inputs(&plan.now, &plan.create);
        plan.steps = steps::steps(&plan);
        plan
    }
}

fn snapshot(facts: &Facts, now: &Request, port: u16) -> Option<Snapshot> {
    if now.engine == Engine::Memcached {
        return None;
    }
    let of = match (&facts.cache, &now.kind) {
        (Cache::Group(group, _), Kind::Group(inputs)) => match &inputs.shape {
            Shape::Shards(_) => SnapshotOf::Group(now.id.clone()),
            Shape::Nodes(_) => {
                let shard = group.node_groups.first();
                let replica = shard.and_then(|shard| {
                    let members = primary_first(shard);
                    members.last().and_then(|member| member.cache_cluster_id.clone())
                });
                SnapshotOf::Cluster(replica.unwrap_or_else(|| now.id.clone()))
            }
        },
        _ => SnapshotOf::Cluster(now.id.clone()),
    };
    Some(Snapshot { name: replacement::snapshot(&now.id, Some(now.port), port), of })
}

fn afterwards(facts: &Facts, create: &Request) -> Vec<Afterwards> {
    let mut all = Vec::new();
    let silent = facts.cache.clusters().iter().any(|cluster| {
        let topic = cluster.notification_configuration.as_ref();
        topic
            .is_some_and(|t| t.topic_arn.is_some() && t.topic_status.as_deref() == Some("inactive"))
    });
    if silent {
        all.push(Afterwards::SilentTopic);
    }
    if let (Cache::Group(group, _), Kind::Group(inputs)) = (&facts.cache, &create.kind)
        && let (Some(id), Shape::Nodes(zones)) = (&group.snapshotting_cluster_id, &inputs.shape)
        && zones.len() > 1
        && let Some(shard) = group.node_groups.first()
    {
        // Members are numbered in the order in which they are made: the primary is -001.
        let members = primary_first(shard);
        let at = members.iter().position(|m| m.cache_cluster_id.as_ref() == Some(id));
        all.extend(
            at.map(|at| Afterwards::SnapshottingCluster(format!("{}-{:03}", create.id, at + 1))),
        );
    }
    all
}

/// Every input of the operation, old beside new, and those that are never sent.
fn inputs(now: &Request, create: &Request) -> Vec<Input> {
    let pairs = now.inputs().into_iter().zip(create.inputs());
    let sent = pairs.map(|((name, now), (_, then))| {
        let disposition = match () {
            () if now == then && now.is_unset() => Disposition::Unused,
            () if now == then => Disposition::Same,
            () => Disposition::Changed(why_changed(name).to_owned()),
        };
        Input { name, now, then, disposition }
    });
    let never = now.never().iter().map(|(name, why)| Input {
        name,
        now: Value::Unset,
        then: Value::Unset,
        disposition: Disposition::Never(why),
    });
    sent.chain(never).collect()
}

fn why_changed(name: &str) -> &'static str {
    match name {
        "ReplicationGroupId" | "CacheClusterId" => {
            "both exist for a while, and an id cannot be changed"
        }
        "Port" => "the purpose of the re-creation",
        "SnapshotName" => "the data of the old cache",
        "Tags" => "markers, by which a second run knows its own work",
        "AuthToken" => "AWS does not show it, so it comes from the secret",
        _ => "",
    }
}
