//! The plan: what will be made, what is lost, what it costs, and each step on the way.

mod build;
mod earlier;
mod fingerprint;
mod port;

use portcullis_engine::facts::{Engine, Tag};
use portcullis_engine::replacement;

use crate::constraints;
use crate::cost::Cost;
use crate::endpoints::Place;
use crate::facts::{Around, Cache, Facts};
use crate::ingress::{self, Ingress};
use crate::marks;
use crate::owner;
use crate::patch::{self, Patch};
use crate::recover::{Loss, recover};
use crate::refuse::{self, Reason};
use crate::request::{Request, Token, Value};
use crate::steps::Step;
use build::Parts;
pub use fingerprint::{FINGERPRINT_DIGITS, is_fingerprint};
use port::port;

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

/// What a cache is, to AWS's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A replication group.
    Group,
    /// A cluster that is in no group.
    Cluster,
}

impl Form {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "replication group",
            Self::Cluster => "cluster",
        }
    }

    /// As ARNs have it (Service Authorization Reference, resource types of ElastiCache).
    fn in_arn(self) -> &'static str {
        match self {
            Self::Group => "replicationgroup",
            Self::Cluster => "cluster",
        }
    }
}

/// How a cache moves to another port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The cache.
    pub cache: Subject,
    /// What it is. The new one may be another: a lone node can become a replication group of one node.
    pub form: Form,
    /// [`FINGERPRINT_DIGITS`] hex digits of the hash of everything that the plan would do.
    pub fingerprint: String,
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
    /// The endpoints that clients hold now.
    pub endpoints: Vec<Place>,
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

impl Plan {
    /// Whether a lone node becomes a replication group: then its endpoint has another form, too.
    pub fn changes_form(&self) -> bool {
        self.create.form() != self.form
    }

    /// The ARN of the new cache.
    pub fn new_arn(&self) -> String {
        let place: Vec<&str> = self.cache.arn.split(':').take(5).collect();
        format!("{}:{}:{}", place.join(":"), self.create.form().in_arn(), self.create.id)
    }
}

/// The wish, held against the facts.
pub fn plan(facts: &Facts, wish: &Wish) -> Answer {
    let recovered = recover(facts);
    let now = recovered.request;
    let mut reasons = recovered.reasons;
    let wished = earlier::port(facts, &now, wish.port).unwrap_or_else(|reason| {
        reasons.push(*reason);
        wish.port
    });
    let port = match port(facts, &now, wished) {
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
    reasons.extend(refuse::reasons(facts, &now));
    reasons.extend(constraints::reasons(&asked(facts, &now, port), &recovered.unknown));
    reasons.dedup();
    let token = match refuse::token(&now, secret(facts, &now, wish)) {
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
            // A template holds the token that Describe hides. What else speaks against a move speaks
            // against a patch too.
            let only = |reason: &Reason| matches!(reason.field.as_str(), "Owner" | "AuthToken");
            let owned = owner::owner(facts).filter(|_| reasons.iter().all(only));
            let patch = owned
                .zip(port)
                .and_then(|(owner, port)| patch::patch(&owner, form(facts), &now, port, &ingress));
            Answer::Refused(Box::new(Refusal { cache, reasons, patch }))
        }
    }
}

/// What AWS will be asked for, as far as it may refuse: with the new id and port, and the markers.
fn asked(facts: &Facts, now: &Request, port: Option<u16>) -> Request {
    let port = port.unwrap_or(now.port);
    let mut tags = now.tags.clone();
    tags.extend(markers(facts, ""));
    Request { id: replacement::id(&now.id, Some(now.port), port), port, tags, ..now.clone() }
}

/// The secret that keeps the AUTH token: the one that is wished for, or that the owner named by a tag.
/// A tag that is left from before a token was removed is none.
fn secret<'a>(facts: &'a Facts, now: &Request, wish: &'a Wish) -> Option<&'a str> {
    let tagged =
        || marks::value(facts.tags.as_deref().unwrap_or_default(), marks::AUTH_TOKEN_SECRET);
    let needed = now.auth_token != Token::None;
    wish.auth_token_secret.as_deref().or_else(|| tagged().filter(|_| needed))
}

fn subject(facts: &Facts, now: &Request) -> Subject {
    Subject {
        id: facts.cache.id().to_owned(),
        arn: facts.cache.arn().unwrap_or_default().to_owned(),
        engine: now.engine.clone(),
        kind: form(facts).as_str(),
        port: now.port,
    }
}

pub(crate) fn form(facts: &Facts) -> Form {
    match facts.cache {
        Cache::Group(..) => Form::Group,
        Cache::Cluster(_) => Form::Cluster,
    }
}

/// The tags by which a later run knows its own work.
fn markers(facts: &Facts, plan: &str) -> Vec<Tag> {
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let arn = facts.cache.arn().unwrap_or_default();
    vec![tag(marks::MOVED_FROM, arn), tag(marks::PLAN, plan)]
}
