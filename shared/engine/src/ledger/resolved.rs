//! Findings that went, and not by us.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Key, Memory, State, Turn, shape};
use crate::exceptions::Tolerated;
use crate::facts::{CacheFacts, CacheGroups, GroupFacts, Subnets};
use crate::finding::{Check, Finding, Subject};
use crate::time::seconds;

/// How long after its alert a finding may count as gone, in seconds. EC2 may for some seconds not show what is
/// there, and a minute is beyond all that was seen.
const SETTLED: i64 = 60;

/// What was read in full: by subject, what there is of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// The shapes of the rules of a group.
    rules: BTreeMap<String, BTreeSet<String>>,
    /// The checks that a cache was held to.
    settings: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Looked {
    /// At a group.
    pub fn at_group(facts: &GroupFacts) -> Self {
        Self { rules: BTreeMap::from([rules(facts)]), settings: BTreeMap::new() }
    }

    /// At a cache and its groups. A member of a replication group says nothing about itself.
    pub fn at_cache(facts: &CacheFacts) -> Self {
        let CacheGroups::Read(groups) = &facts.groups else {
            return Self { settings: settings(facts, None), ..Self::default() };
        };
        let settings = settings(facts, Some(Check::OpenCache));
        Self { rules: groups.iter().map(rules).collect(), settings }
    }

    /// Whether what a finding is about is not there any more.
    fn shows_gone(&self, entry: &Entry) -> bool {
        let Key { subject, .. } = &entry.key;
        match &entry.rule {
            Some(kept) => {
                let rules = self.rules.get(subject);
                rules.is_some_and(|rules| !rules.contains(&shape(&kept.rule())))
            }
            None => {
                let checks = self.settings.get(subject);
                checks.is_some_and(|checks| checks.contains(entry.check.as_str()))
            }
        }
    }
}

fn rules(facts: &GroupFacts) -> (String, BTreeSet<String>) {
    (facts.id.clone(), facts.rules.iter().map(shape).collect())
}

fn settings(facts: &CacheFacts, groups: Option<Check>) -> BTreeMap<String, BTreeSet<&'static str>> {
    if facts.member_of.is_some() {
        return BTreeMap::new();
    }
    let port = (!facts.ports.is_empty()).then_some(Check::DefaultPort);
    let transit = facts.transit_encryption.map(|_| Check::PlaintextTransit);
    let auth = facts.authentication.map(|_| Check::NoAuth);
    let subnets = matches!(facts.network.subnets, Subnets::Read(_)).then_some(Check::PublicSubnet);
    let checks = [port, transit, auth, subnets, groups].into_iter().flatten().map(Check::as_str);
    let subject = Key::cache_subject(facts.kind, &facts.id);
    BTreeMap::from([(subject, checks.collect())])
}

/// What is open all the same, whatever the ledger says.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    /// What the findings are about.
    pub subject: &'a Subject,
    /// What was found.
    pub findings: &'a [Finding],
    /// What is tolerated.
    pub tolerated: &'a [Tolerated],
    /// The rules that EC2 does not show as they were edited.
    pub unseen: &'a [String],
}

impl Open<'_> {
    /// INVARIANT: what is found, tolerated or not seen yet is not gone.
    fn holds(&self, entry: &Entry) -> bool {
        let tolerated = || {
            let settings = self.tolerated.iter().filter(|tolerated| tolerated.rule.is_none());
            settings.map(|tolerated| tolerated.check.as_str()).any(|check| check == entry.check)
        };
        let kept = entry.rule.as_ref();
        kept.is_some_and(|kept| self.unseen.contains(&kept.rule))
            || (kept.is_none() && tolerated())
            || self.findings.iter().any(|finding| Key::of(finding, self.subject) == entry.key)
    }
}

/// Findings that were reported, that are gone now, and that no other invocation leased; as they are to be written.
pub(super) fn resolved(open: Open<'_>, memory: &Memory, turn: &Turn<'_>) -> Vec<Entry> {
    let gone = memory.entries.values().filter(|entry| {
        entry.state == State::Open
            && entry.latest().is_some_and(|coming| {
                let told = coming.told.as_ref().map(|told| seconds(&told.at));
                told.is_some_and(|told| turn.now.saturating_sub(told) >= SETTLED)
                    && !coming.is_held_by_other(&turn.holder.by, turn.now)
            })
            && turn.looked.shows_gone(entry)
            && !open.holds(entry)
    });
    gone.map(|entry| held(entry, turn)).collect()
}

fn held(entry: &Entry, turn: &Turn<'_>) -> Entry {
    let mut entry = entry.clone();
    entry.version += 1;
    if let Some(coming) = entry.comings.last_mut() {
        coming.held = Some(turn.holder.clone());
    }
    entry
}
