//! The events of `events/` with the live state that each meets, and what is decided about them by the shipped policies.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::document::Document;
use portcullis_engine::event::{Event, Lead, Parsed, parse};
use portcullis_engine::facts::{CacheFacts, CacheGroups, GroupFacts, ListFacts};
use portcullis_engine::ledger::Memory;
use portcullis_engine::report::{Known, Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_engine::time;
use portcullis_exceptions::Policies;
use serde_json::Value;

/// The role that makes our own calls in the corpus.
const OWN_ROLE: &str = "arn:aws:iam::111122223333:role/portcullis-recreate";

/// The policies as they are shipped.
pub(crate) static EXCEPTIONS: LazyLock<Policies> = LazyLock::new(|| {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/exceptions");
    Policies::read(Path::new(shipped)).expect("the shipped policies are in order")
});

pub(crate) fn context(mode: Mode) -> DecisionContext<'static> {
    DecisionContext::new(mode, &*EXCEPTIONS)
}

/// The same, so many seconds after the event.
pub(crate) fn judge_after(event: &Event, seconds: i64, mode: Mode) -> DecisionContext<'static> {
    static NOTHING: Memory = Memory::new();
    let memory = REMEMBERED.get(&event.id).unwrap_or(&NOTHING);
    DecisionContext { now: time::seconds(&event.time) + seconds, memory, ..context(mode) }
}

/// What the ledger has before each event, where it has something.
static REMEMBERED: LazyLock<BTreeMap<String, Memory>> = LazyLock::new(|| {
    let remembered = cases().into_iter().filter_map(|case| {
        let Parsed::Event(event) = case.parsed else { return None };
        Some((event.id.clone(), case.facts?.memory()))
    });
    remembered.collect()
});

/// When the events are looked at, and when each of them is old: in seconds after the call.
pub(crate) const SOON: i64 = 30;
pub(crate) const LATER: i64 = 600;

/// One event file.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) parsed: Parsed,
    pub(crate) facts: Option<Document>,
}

/// What an event leads to, and what is there.
pub(crate) enum Looked {
    Group(GroupFacts),
    List(ListFacts),
    Cache(CacheFacts),
    Nothing,
}

impl Looked {
    pub(crate) fn groups(&mut self) -> &mut [GroupFacts] {
        match self {
            Self::Group(facts) => std::slice::from_mut(facts),
            Self::Cache(facts) => match &mut facts.groups {
                CacheGroups::Read(groups) => groups.as_mut_slice(),
                CacheGroups::Unknown(_) => &mut [],
            },
            Self::List(facts) => &mut facts.groups,
            Self::Nothing => &mut [],
        }
    }
}

impl Case {
    /// The event and what it meets; `None` if it was ignored or malformed.
    /// Of a call that leads to several groups, the first.
    pub(crate) fn look(&self) -> Option<(&Event, Looked)> {
        self.looks().into_iter().next()
    }

    /// All that a call leads to.
    pub(crate) fn looks(&self) -> Vec<(&Event, Looked)> {
        match &self.parsed {
            Parsed::Event(event) => vec![self.looked(event)],
            Parsed::Several(events) => events.iter().map(|event| self.looked(event)).collect(),
            Parsed::Ignored(_) | Parsed::Malformed(_) | Parsed::Revisit(_) => Vec::new(),
        }
    }

    fn looked<'a>(&self, event: &'a Event) -> (&'a Event, Looked) {
        let facts = self.facts.as_ref().expect("an event that is looked into has facts");
        let looked = match &event.lead {
            Lead::Group(lead) => Looked::Group(facts.group(lead).expect("the facts suffice")),
            Lead::List(lead) => Looked::List(facts.list(lead).expect("the facts suffice")),
            Lead::Cache(lead) => Looked::Cache(facts.cache(lead).expect("the facts suffice")),
            Lead::Unknown => Looked::Nothing,
        };
        (event, looked)
    }

    pub(crate) fn decide(&self, mode: Mode) -> Option<Decision> {
        self.look().map(|(event, looked)| decide(event, &looked, mode))
    }
}

pub(crate) fn decide(event: &Event, looked: &Looked, mode: Mode) -> Decision {
    decide_with(event, looked, mode, None, SOON)
}

/// Where caches are moved by this state machine.
pub(crate) fn decide_with(
    event: &Event,
    looked: &Looked,
    mode: Mode,
    machine: Option<&str>,
    after: i64,
) -> Decision {
    let context = DecisionContext { machine, ..judge_after(event, after, mode) };
    match (&event.lead, looked) {
        (Lead::Group(lead), Looked::Group(facts)) => decide::group(event, lead, facts, &context),
        (Lead::List(lead), Looked::List(facts)) => decide::list(event, lead, facts, &context),
        (Lead::Cache(lead), Looked::Cache(facts)) => {
            decide::cache(event, lead, facts, &[], &context)
        }
        (Lead::Unknown, Looked::Nothing) => decide::unnamed(event, &context),
        (Lead::Group(_) | Lead::List(_) | Lead::Cache(_) | Lead::Unknown, _) => {
            unreachable!("what was looked at is what the event leads to")
        }
    }
}

/// What is told of it before anything is done.
pub(crate) fn report(event: &Event, looked: &Looked, after: i64) -> Report {
    let seen = match looked {
        Looked::Group(facts) => Seen::Group(facts),
        Looked::List(facts) => Seen::List(facts),
        Looked::Cache(facts) => Seen::Cache(facts),
        Looked::Nothing => Seen::Nothing,
    };
    let decision = decide_with(event, looked, Mode::Enforce, None, after);
    let context = judge_after(event, after, Mode::Enforce);
    Report::new(event, &decision, &Known::new(seen, &context))
}

/// What is told of it in the end: soon, or once the event is old.
pub(crate) fn told(event: &Event, looked: &Looked) -> Report {
    let soon = report(event, looked, SOON);
    if soon.decision.unseen.is_empty() { soon } else { report(event, looked, LATER) }
}

pub(crate) fn events() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

/// The names of all cases, without `.json`.
pub(crate) fn names() -> BTreeSet<String> {
    let files = fs::read_dir(events())
        .expect("events/ can be listed")
        .map(|file| file.expect("events/ can be listed").file_name());
    let names = files.filter_map(|file| Some(file.to_str()?.strip_suffix(".json")?.to_owned()));
    names.filter(|name| !name.ends_with(".facts")).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    names().into_iter().map(case).collect()
}

pub(crate) fn case(name: String) -> Case {
    let read = |suffix| fs::read_to_string(events().join(format!("{name}{suffix}"))).ok();
    let event: Value = serde_json::from_str(&read(".json").expect("the event can be read"))
        .unwrap_or_else(|error| panic!("{name}.json: {error}"));
    let facts = read(".facts.json").map(|text| {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.facts.json: {error}"))
    });
    Case { parsed: parse(&event, &[OWN_ROLE.to_owned()]), facts, name }
}
