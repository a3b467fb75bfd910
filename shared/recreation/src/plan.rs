//! The plan: what will be made, what is lost, what it costs, and each step on the way.

mod build;
mod earlier;
mod fingerprint;
mod make;
mod port;

use portcullis_engine::arn::Arn;
use portcullis_engine::facts::{Engine, Tag};

use crate::cost::Cost;
use crate::endpoints::Place;
use crate::facts::Around;
use crate::ingress::Ingress;
use crate::patch::Patch;
use crate::reason::Reason;
use crate::recover::Loss;
use crate::request::{Request, Value};
use crate::steps::Step;

pub use crate::form::Form;
pub use fingerprint::{FINGERPRINT_DIGITS, is_fingerprint};
pub use make::plan;

/// What a person chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
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
    pub disposition: Disposition,
}

/// What becomes of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
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
        let resource = format!("{}:{}", self.create.form().in_arn(), self.create.id);
        match Arn::parse(&self.cache.arn) {
            Ok(old) => Arn { resource: &resource, ..old }.to_string(),
            // No plan is made for a cache whose ARN is none (`document::read`).
            Err(_) => resource,
        }
    }
}
