//! A replay: what happened, in its order, and what would have been done about it.

use std::collections::HashMap;
use std::io;

use portcullis_engine::case::PolicyContext;
use portcullis_engine::event::Change;
use portcullis_engine::ledger::shape;
use portcullis_engine::time::{HOUR, iso};

use crate::files::Inputs;
use crate::finding::Finding;
use crate::history::{Effect, GroupAt, History};
use crate::record::{Happened, Record, What};
use crate::today::Today;
use crate::world::{Messages, World};

/// How a replay is done.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// From when on Portcullis is there, in seconds since 1970. What happened before is only known.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// How long it takes from a call until its rule is closed, in seconds.
    pub delay: i64,
    /// The name of the stack, by which the calls of Portcullis itself are known.
    pub stack: &'a str,
}

/// What came of it, with one set of exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The findings, in the order of time.
    pub findings: Vec<Finding>,
    /// What people would have been told, by day.
    pub told: Vec<(String, Messages)>,
    /// Events without a finding about groups of which rules may be unknown.
    pub partly_known: u64,
    /// Events that would have ended in the on-failure queue: which, and why.
    pub failed: Vec<(String, String)>,
}

/// What is the same whatever the exceptions are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What was read.
    pub inputs: Inputs,
    /// How many records matter.
    pub mattered: u64,
    /// How many of them were there more than once.
    pub duplicates: u64,
    /// When the first and the last of them happened, in seconds since 1970.
    pub span: Option<(i64, i64)>,
    /// How many watched calls there were.
    pub events: u64,
    /// How many rules Portcullis itself closed in this history, and how many of them somebody opened again within an hour.
    pub own: Option<(u64, u64)>,
}

/// Decides about records in their order, in as many worlds as there are policies.
///
/// # Errors
///
/// If the records cannot be read.
pub fn replay(
    records: impl Iterator<Item = io::Result<Record>>,
    policies: &[PolicyContext<'_>],
    options: &Options<'_>,
) -> io::Result<(Facts, Vec<Outcome>)> {
    replay_beside(records, policies, options, None)
}

/// The same, with what the account is today where the records do not tell.
///
/// # Errors
///
/// As [`replay`].
pub fn replay_beside<'a>(
    records: impl Iterator<Item = io::Result<Record>>,
    policies: &[PolicyContext<'a>],
    options: &Options<'_>,
    today: Option<&'a Today>,
) -> io::Result<(Facts, Vec<Outcome>)> {
    let mut worlds: Vec<World<'a>> =
        policies.iter().map(|policy| World::new(*policy, options.delay, today)).collect();
    let (mut history, mut facts, mut own) = (History::default(), Facts::default(), Own::default());
    for record in records {
        let Some(happened) = record?.happened() else { continue };
        let Happened { at, .. } = happened;
        facts.mattered += 1;
        facts.span = Some((facts.span.map_or(at, |(first, _)| first), at));
        for world in &mut worlds {
            world.catch_up(&history, at)?;
        }
        let effect = history.note(&happened);
        let (by, role) = happened.actor();
        own.note(&effect, at, role.is_some_and(|role| is_ours(role, options.stack)));
        let place = history.place(&happened);
        for world in &mut worlds {
            world.note(&effect, at, by);
            match &happened.what {
                What::Event(events, asked) if (options.from..=options.to).contains(&at) => {
                    for event in events {
                        world.event(&history, place.clone(), event, asked);
                    }
                }
                What::Change(changed) => {
                    if let Change::CacheDeleted(_, id) = &changed.change {
                        world.cache_deleted(&place, id, at, by);
                    }
                }
                What::Event(..) => {}
            }
        }
        facts.events += u64::from(matches!(happened.what, What::Event(..)));
    }
    let end = facts.span.map_or(0, |(_, last)| last.saturating_add(HOUR));
    for world in &mut worlds {
        world.catch_up(&history, end)?;
    }
    facts.own = (own.closed > 0).then_some((own.closed, own.undone));
    Ok((facts, worlds.into_iter().map(Outcome::of).collect()))
}

impl Outcome {
    fn of(mut world: World<'_>) -> Self {
        Self {
            findings: world.findings(),
            told: world.told.into_iter().collect(),
            partly_known: world.partly_known,
            failed: world.failed,
        }
    }
}

impl Happened {
    /// The name and the role of the caller.
    fn actor(&self) -> (&str, Option<&str>) {
        let actor = match &self.what {
            What::Event(events, _) => events.first().map(|event| &event.actor),
            What::Change(changed) => Some(&changed.actor),
        };
        actor.map_or(("", None), |actor| (&actor.name, actor.role.as_deref()))
    }
}

/// CloudFormation names the roles of a stack after it.
fn is_ours(role: &str, stack: &str) -> bool {
    let rest = role.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| ["IngressRole", "CacheRole"].iter().any(|ours| rest.starts_with(ours)))
}

/// What Portcullis itself closed in fact.
#[derive(Debug, Default)]
struct Own {
    closed: u64,
    undone: u64,
    recent: HashMap<(GroupAt, String), i64>,
}

impl Own {
    fn note(&mut self, effect: &Effect, at: i64, is_ours: bool) {
        for key in &effect.opened {
            let closed = self.recent.remove(key);
            let is_undone = closed.is_some_and(|closed| at.saturating_sub(closed) <= HOUR);
            self.undone += u64::from(is_undone && !is_ours);
        }
        for (group, rule) in effect.closed.iter().filter(|_| is_ours) {
            self.closed += 1;
            self.recent.insert((group.clone(), shape(rule)), at);
        }
    }
}

/// The day of a moment, as `2026-11-21`.
pub fn day(at: i64) -> String {
    iso(at).chars().take("2026-11-21".len()).collect()
}
