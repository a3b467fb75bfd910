//! What a decision depends on.

use crate::exceptions::Exceptions;
use crate::ledger::Memory;
use crate::limits::Limits;
use crate::settings::Mode;

/// What a decision depends on, besides the event and the facts.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// Whether anything is to be done.
    pub mode: Mode,
    /// What is tolerated.
    pub exceptions: &'a dyn Exceptions,
    /// The state machine that moves caches, where the stack's owner wants a move for each that is on its
    /// default port.
    pub machine: Option<&'a str>,
    /// How much is done before a person is asked.
    pub limits: Limits,
    /// What is remembered of the subject.
    pub memory: &'a Memory,
    /// The invocation that decides: what others leased is not its own.
    pub by: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

static NOTHING: Memory = Memory::new();

impl<'a> Judge<'a> {
    /// Who remembers nothing, moves no cache, and has the limits that a stack has unless it says otherwise.
    pub fn new(mode: Mode, exceptions: &'a dyn Exceptions) -> Self {
        let limits = Limits::default();
        Self { mode, exceptions, machine: None, limits, memory: &NOTHING, by: "", now: 0 }
    }
}
