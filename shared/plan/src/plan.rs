//! The plan: what will be made, what is lost, what it costs, and each step on the way.

use std::collections::BTreeSet;

use portcullis_engine::facts::{Engine, Tag};
use portcullis_engine::replacement;

use crate::cost::{self, Cost};
use crate::facts::{Around, Cache, Facts};
use crate::ingress::{self, Ingress};
use crate::losses;
use crate::owner;
use crate::patch::{self, Patch};
use crate::recover::{Loss, MARKER, recover};
use crate::refuse::{self, Reason};
use crate::request::{Kind, Request, Token, Value};
use crate::steps::{self, Step};

/// What a person wishes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// The new port; one is chosen if none is given.
    pub port: Option<u16>,
    /// The ARN of the Secrets Manager secret that keeps the AUTH token.
    pub auth_token_secret: Option<String>,
}

/// A plan, or every reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// How the cache moves.
    Plan(Box<Plan>),
    /// Why it does not.
    Refused(Box<Refusal>),
}

/// What a cache is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its id.
    pub id: String,
    /// Its ARN; empty if Describe did not show it.
    pub arn: String,
    /// Its engine.
    pub engine: Engine,
    /// `replication group` or `cluster`, for people.
    pub kind: &'static str,
    /// The port it listens on; 0 if Describe did not show it.
    pub port: u16,
}

/// How a cache moves to another port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The cache.
    pub cache: Subject,
    /// The request that would make the cache as it is.
    pub now: Request,
    /// The request that makes the new one.
    pub create: Request,
    /// Each input of that request, old beside new.
    pub inputs: Vec<Input>,
    /// The snapshot that the new cache is made from; `None` for Memcached, whose data is lost.
    pub snapshot: Option<Snapshot>,
    /// The name of the snapshot taken as the old cache is deleted.
    pub last_snapshot: Option<String>,
    /// The tags by which a later run knows what this plan made: the cache, the snapshot, the rules.
    pub markers: Vec<Tag>,
    /// What is set after the new cache is made, because Create has no input for it.
    pub afterwards: Vec<Afterwards>,
    /// The ingress rules to add, and those that can go.
    pub ingress: Ingress,
    /// Each step on the way, in order.
    pub steps: Vec<Step>,
    /// What is not in the new cache.
    pub losses: Vec<Loss>,
    /// What refers to the old cache from outside.
    pub around: Around,
    /// What it costs, in node-hours and snapshots.
    pub cost: Cost,
    /// What the clients must change.
    pub clients: Vec<String>,
    /// What to know before saying yes.
    pub cautions: Vec<String>,
}

/// Why a cache is not moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The cache.
    pub cache: Subject,
    /// Every reason.
    pub reasons: Vec<Reason>,
    /// What to change instead, where a tool owns the cache.
    pub patch: Option<Patch>,
}

/// One input, old beside new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name in the API.
    pub name: &'static str,
    /// What would make the old cache.
    pub now: Value,
    /// What makes the new one.
    pub then: Value,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Carried over as it is.
    Same,
    /// Given another value, because.
    Changed(String),
    /// The cache does not use it.
    Unused,
    /// Never sent, because.
    Never(&'static str),
}

/// Where a snapshot is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// What it is taken of.
    pub of: SnapshotOf,
}

/// CreateSnapshot takes exactly one of these (API reference): a group in cluster mode is only taken
/// as a whole, one without by a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotOf {
    /// `ReplicationGroupId`
    Group(String),
    /// `CacheClusterId`: a replica where there is one, to spare the primary.
    Cluster(String),
}

/// A setting that only Modify takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Afterwards {
    /// `NotificationTopicStatus`: the topic is set, and nothing is sent.
    SilentTopic,
    /// `SnapshottingClusterId`: the member that daily snapshots are taken of.
    SnapshottingCluster(String),
}

/// The wish, held against the facts.
pub fn plan(facts: &Facts, wish: &Wish) -> Answer {
    let recovered = recover(facts);
    let now = recovered.request;
    let mut reasons = recovered.reasons;
    let complete = reasons.is_empty();
    let port = match port(facts, &now, wish.port) {
        Ok(port) => Some(port),
        Err(reason) => {
            // Without the old port, the missing member is the reason already.
            if now.port != 0 {
                reasons.push(*reason);
            }
            None
        }
    };
    if let Some(port) = port {
        reasons.extend(refuse::exists(facts, &replacement::id(&now.id, Some(now.port), port)));
    }
    reasons.extend(refuse::reasons(facts, &now, markers(facts, "").len()));
    let token = match refuse::token(&now, wish.auth_token_secret.as_deref()) {
        Ok(token) => token,
        Err(reason) => {
            reasons.push(*reason);
            Token::Hidden
        }
    };
    let ingress = match ingress::ingress(facts, &now, port.unwrap_or_default()) {
        Ok(ingress) => ingress,
        Err(unread) => {
            reasons.extend(unread);
            Ingress::default()
        }
    };
    let cache = subject(facts, &now);
    match port {
        Some(port) if reasons.is_empty() => {
            let parts = Parts { facts, cache, now, token, ingress, losses: recovered.losses };
            Answer::Plan(Box::new(parts.plan(port)))
        }
        _ => {
            // A template holds what Describe hides, so the patch needs no token and no rules.
            let owned = owner::owner(facts).filter(|_| complete);
            let patch = owned
                .zip(port)
                .and_then(|(owner, port)| patch::patch(&owner, &now, port, &ingress));
            Answer::Refused(Box::new(Refusal { cache, reasons, patch }))
        }
    }
}

fn subject(facts: &Facts, now: &Request) -> Subject {
    Subject {
        id: facts.cache.id().to_owned(),
        arn: facts.cache.arn().unwrap_or_default().to_owned(),
        engine: now.engine.clone(),
        kind: match facts.cache {
            Cache::Group(..) => "replication group",
            Cache::Cluster(_) => "cluster",
        },
        port: now.port,
    }
}

/// The ports that are somebody's default for a cache, and so are no custom port: Redis and its TLS
/// proxy, bus and Sentinel, Memcached and its TLS twin.
const DEFAULTS: [u16; 6] = [6379, 6380, 11_211, 11_212, 16_379, 26_379];

/// Lowest port that may be asked for: those below are the system's.
const LOWEST: u16 = 1024;

/// The new port: the one that is wished for, or one that is chosen for this cache.
fn port(facts: &Facts, now: &Request, wish: Option<u16>) -> Result<u16, Box<Reason>> {
    let reason = |why: String, remedy: &str| Err(Box::new(Reason::new("Port", why, remedy)));
    let shared = |groups: &[String]| groups.iter().any(|id| now.security_groups.contains(id));
    let neighbours = facts.neighbours.iter().filter(|other| shared(&other.groups));
    let in_use: BTreeSet<u16> = neighbours.clone().flat_map(|other| other.ports.clone()).collect();
    let Some(port) = wish else {
        let custom = !DEFAULTS.contains(&now.port);
        if custom {
            return reason(
                format!("the cache listens on {} already, which is no default port", now.port),
                "nothing to do; give --port to move it all the same",
            );
        }
        return Ok(replacement::free_port(facts.cache.arn().unwrap_or_default(), &in_use));
    };
    if port == now.port {
        return reason(format!("the cache listens on {port} already"), "nothing to do");
    }
    if DEFAULTS.contains(&port) {
        return reason(
            format!("{port} is a default port of caches, which scanners try first"),
            "leave --port out to have one chosen, or give another",
        );
    }
    if !(LOWEST..=replacement::LAST_PORT).contains(&port) {
        return reason(
            format!(
                "{port} is not between {LOWEST} and {}: lower ones are the system's, and the bus of cluster mode takes the port 10,000 above",
                replacement::LAST_PORT
            ),
            "leave --port out to have one chosen, or give another",
        );
    }
    let mut others = neighbours.filter(|other| other.ports.contains(&port));
    if let Some(other) = others.next() {
        return reason(
            format!(
                "{} listens on {port} behind the same security group, whose rules could not tell the two apart",
                other.id
            ),
            "leave --port out to have one chosen, or give another",
        );
    }
    Ok(port)
}

/// The tags by which a later run knows its own work.
fn markers(facts: &Facts, plan: &str) -> Vec<Tag> {
    let tag =
        |name: &str, value: &str| Tag { key: format!("{MARKER}{name}"), value: value.to_owned() };
    vec![tag("moved-from", facts.cache.arn().unwrap_or_default()), tag("plan", plan)]
}

/// What a plan is put together from.
struct Parts<'a> {
    facts: &'a Facts,
    cache: Subject,
    now: Request,
    token: Token,
    ingress: Ingress,
    losses: Vec<Loss>,
}

impl Parts<'_> {
    fn plan(self, port: u16) -> Plan {
        let Self { facts, cache, now, token, ingress, losses } = self;
        let snapshot = snapshot(facts, &now, port);
        let mut create = Request {
            id: replacement::id(&now.id, Some(now.port), port),
            port,
            snapshot: snapshot.as_ref().map(|snapshot| snapshot.name.clone()),
            auth_token: token,
            ..now.clone()
        };
        let markers = markers(facts, &fingerprint(&create));
        create.tags.extend(markers.clone());
        create.tags.sort_by(|a, b| a.key.cmp(&b.key));
        let last = |_: &Snapshot| replacement::last_snapshot(&now.id, Some(now.port), port);
        let mut plan = Plan {
            last_snapshot: snapshot.as_ref().map(last),
            afterwards: afterwards(facts, &create),
            inputs: inputs(&now, &create),
            cost: cost::cost(facts, &create),
            clients: losses::clients(facts, &now, &create),
            cautions: losses::cautions(facts, &now, &create, &ingress),
            losses: losses::losses(facts, &now, losses, &ingress),
            around: facts.around.clone(),
            steps: Vec::new(),
            markers,
            cache,
            now,
            create,
            snapshot,
            ingress,
        };
        plan.steps = steps::steps(&plan);
        plan
    }
}

/// Eight hex digits of everything that the request says: two plans with the same are the same.
fn fingerprint(create: &Request) -> String {
    let line = |(name, value): (&str, Value)| format!("{name} {}", value.lines().join(" "));
    let text = create.inputs().into_iter().map(line).collect::<Vec<_>>().join("\n");
    format!("{:08x}", replacement::fingerprint(&text))
}

fn snapshot(facts: &Facts, now: &Request, port: u16) -> Option<Snapshot> {
    if now.engine == Engine::Memcached {
        return None;
    }
    let of = match (&facts.cache, &now.kind) {
        (Cache::Group(group, _), Kind::Group(inputs)) => match inputs.shape {
            crate::request::Shape::Shards(_) => SnapshotOf::Group(now.id.clone()),
            crate::request::Shape::Nodes { .. } => {
                let shard = group.node_groups.first();
                let replica = shard.and_then(|shard| {
                    let members = crate::recover::primary_first(shard);
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
        && let (Some(id), crate::request::Shape::Nodes { count: 2.., .. }) =
            (&group.snapshotting_cluster_id, &inputs.shape)
        && let Some(shard) = group.node_groups.first()
    {
        // Members are numbered in the order in which they are made: the primary is -001.
        let members = crate::recover::primary_first(shard);
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
        let fate = match () {
            () if now == then && now.is_unset() => Fate::Unused,
            () if now == then => Fate::Same,
            () => Fate::Changed(why_changed(name).to_owned()),
        };
        Input { name, now, then, fate }
    });
    let never = now.never().iter().map(|(name, why)| Input {
        name,
        now: Value::Unset,
        then: Value::Unset,
        fate: Fate::Never(why),
    });
    sent.chain(never).collect()
}

fn why_changed(name: &str) -> &'static str {
    match name {
        "ReplicationGroupId" | "CacheClusterId" => {
            "both exist for a while, and an id cannot be changed"
        }
        "Port" => "this is what the move is for",
        "SnapshotName" => "the data of the old cache",
        "Tags" => "markers, by which a second run knows its own work",
        "AuthToken" => "AWS does not show it, so it comes from the secret",
        _ => "",
    }
}
