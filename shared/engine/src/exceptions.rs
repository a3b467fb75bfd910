//! Whether a fault is tolerated: what is asked of the policies, and what they answer.
//!
//! The policies themselves are Cedar, read by `shared/exceptions`. Nothing here knows that language.

use std::fmt;

use crate::checks::Check;
use crate::event::Event;
use crate::facts::{CacheFacts, GroupFacts, IngressRule};
use crate::net::Count;

/// May this caller do this on this resource?
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What would be a fault.
    pub check: Check,
    /// Who did it, where and when.
    pub event: &'a Event,
    /// The cache that it is about; without one it is about the group of `on`.
    pub cache: Option<(&'a CacheFacts, &'a str)>,
    /// The rule that it is about.
    pub on: Option<OnRule<'a>>,
}

/// A rule, and what it admits.
#[derive(Debug, Clone, Copy)]
pub struct OnRule<'a> {
    /// Its group. The parts that were not read yet are unknown, not absent.
    pub group: &'a GroupFacts,
    /// The rule.
    pub rule: &'a IngressRule,
    /// The public addresses that it admits by itself.
    pub own: Count,
    /// Those that it admits together with others, at the port where they are most.
    pub union: Count,
}

/// What the policies answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is tolerated, by this exception.
    Tolerated(Exception),
    /// It is not. Where an exception that has ended would have tolerated it, that one.
    Fault(Option<Exception>),
    /// The policies look at something that was not read yet.
    NotKnown,
    /// They cannot be read, or not be evaluated: why. Then nothing is tolerated, and nothing done.
    Unreadable(String),
}

/// An exception, as its annotations have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// `@id`
    pub id: String,
    /// `@reason`, which its author controls.
    pub reason: String,
    /// `@until`, as it is written.
    pub until: Option<String>,
}

/// Who answers.
pub trait Exceptions: fmt::Debug + Send + Sync {
    /// Whether it is tolerated. Pure: the event's time is now.
    fn ask(&self, asked: &Asked<'_>) -> Answer;
}
