//! A cache in the world: ElastiCache shows more of it as time goes on.

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::CacheShown;
use portcullis_engine::event::{CacheLead, EventName, Inherits, Lead};
use portcullis_engine::facts::{CacheFacts, CacheKind, Engine, Interfaces};
use portcullis_testkit::example;

use super::{Fault, GROUP, World};

/// After how many seconds each is there and shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stages {
    /// The cache.
    pub(crate) shown: i64,
    /// Its security group.
    pub(crate) grouped: i64,
    /// A network interface, which carries the group.
    pub(crate) carried: i64,
    /// Its endpoint, with this port; `None` if it is never available.
    pub(crate) available: Option<(i64, u16)>,
}

/// When it was made, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    at: i64,
    stages: Stages,
}

impl World {
    /// Somebody restores a cache from a snapshot, which may bring a port. The event comes `copies` times.
    pub(crate) fn make(&mut self, stages: Stages, copies: usize) {
        let facts = example::cache(CacheKind::ReplicationGroup, Engine::Valkey, Vec::new());
        let inherits = Some(Inherits::Snapshot("orders-yesterday".to_owned()));
        let lead = CacheLead { inherits, ..example::making(&facts) };
        self.made = Some(Made { at: self.now, stages });
        self.called(EventName::CreateReplicationGroup, Lead::Cache(lead), copies);
    }

    /// The stages, and how old the cache is, if somebody made one.
    fn made(&self) -> Option<(Stages, i64)> {
        self.made.map(|made| (made.stages, self.now - made.at))
    }

    pub(super) fn cache(&self) -> Option<Box<CacheShown>> {
        let (stages, age) = self.made().filter(|(stages, age)| stages.shown <= *age)?;
        let port = stages.available.filter(|(after, _)| *after <= age).map(|(_, port)| port);
        let facts = CacheFacts {
            ports: port.into_iter().collect(),
            status: if port.is_some() { "available" } else { "creating" }.to_owned(),
            ..example::cache(CacheKind::ReplicationGroup, Engine::Valkey, Vec::new())
        };
        let groups = (stages.grouped <= age).then(|| GROUP.to_owned()).into_iter().collect();
        Some(Box::new(CacheShown { facts, groups }))
    }

    pub(super) fn interfaces(&self) -> Interfaces {
        let is_carried = self.made().is_some_and(|(stages, age)| stages.carried <= age);
        Interfaces::Read(is_carried.then(example::of_cache).into_iter().collect())
    }

    /// Whether there is a cache, and nothing carries its group yet.
    pub(super) fn is_behind_nothing(&self) -> bool {
        self.made.is_some() && self.interfaces() == Interfaces::Read(Vec::new())
    }

    /// Starts re-creations: an execution of a name once.
    pub(super) fn start(&mut self, actions: &[Action], fault: Fault) -> Outcomes {
        let mut outcomes = Outcomes::new();
        for start in actions.iter().filter_map(Action::starts) {
            let execution = start.execution();
            let is_there = self.executions.contains(&execution);
            if fault != Fault::Refused {
                self.executions.insert(execution.clone());
            }
            let outcome = match fault {
                Fault::Refused => Outcome::Failed("it was refused".to_owned()),
                Fault::AnswerLost => Outcome::Failed("nothing came back".to_owned()),
                _ if is_there => Outcome::AlreadyStarted(execution),
                _ => Outcome::Started(execution),
            };
            outcomes.insert(start.id.clone(), outcome);
        }
        outcomes
    }
}
