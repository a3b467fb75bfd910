//! What a decision depends on.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::exceptions::{Exceptions, Inquiry};
use crate::facts::{CacheFacts, PrefixList, Source};
use crate::ledger::Memory;
use crate::limits::Limits;
use crate::settings::Mode;

/// What a decision depends on, besides the event and the facts.
#[derive(Debug, Clone, Copy)]
pub struct DecisionContext<'a> {
    /// Enforce or observe.
    pub mode: Mode,
    /// The policies that suppress findings.
    pub exceptions: &'a dyn Exceptions,
    /// The state machine of re-creations, if the stack's owner has one started for each cache on its default port.
    pub machine: Option<&'a str>,
    /// How much is remediated at the most.
    pub limits: Limits,
    /// What the ledger has of the subject.
    pub memory: &'a Memory,
    /// The id of the invocation that decides: leases of other ids are not its own.
    pub by: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// The event is due again in the future: what a limit left open stays so until then.
    pub waits: bool,
    /// Whether the event is looked at again.
    pub is_revisit: bool,
    /// Whether nothing was called, and it is only looked: nothing is remediated, whatever the mode.
    pub only_looks: bool,
    /// The networks that get the ports of a public rule in its place.
    pub networks: &'a [Source],
    /// Whether entries of prefix lists are removed; else they are reported.
    pub enforces_lists: bool,
    /// The prefix lists that were read.
    pub lists: &'a BTreeMap<String, PrefixList>,
}

static NOTHING: Memory = Memory::new();
static NO_LISTS: BTreeMap<String, PrefixList> = BTreeMap::new();

impl DecisionContext<'_> {
    /// When the policies are asked, in seconds since 1970, if that is not the time of the event: an exception that has
    /// expired since suppresses nothing when the event is looked at again.
    pub fn asked_at(&self) -> Option<i64> {
        self.is_revisit.then_some(self.now)
    }

    /// Whether what was to be done is not, because Portcullis is paused.
    pub fn is_paused(&self) -> bool {
        self.is_revisit && self.mode == Mode::Observe
    }
}

impl<'a> DecisionContext<'a> {
    /// The questions about an event; about a cache, with its ARN.
    pub(crate) fn inquiry(
        &self,
        event: &'a Event,
        cache: Option<(&'a CacheFacts, &'a str)>,
    ) -> Inquiry<'a> {
        Inquiry::new(self.exceptions, self.asked_at(), event, cache).snoozing(self.memory, self.now)
    }

    /// With an empty ledger, without re-creations, and with the default limits.
    pub fn new(mode: Mode, exceptions: &'a dyn Exceptions) -> Self {
        let limits = Limits::default();
        Self {
            mode,
            exceptions,
            machine: None,
            limits,
            memory: &NOTHING,
            by: "",
            now: 0,
            waits: false,
            is_revisit: false,
            only_looks: false,
            networks: &[],
            enforces_lists: false,
            lists: &NO_LISTS,
        }
    }
}
