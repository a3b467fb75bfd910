//! Whether an exception suppresses a finding: the question to the policies, and their answer.
//!
//! The policies themselves are Cedar, read by `shared/exceptions`. Nothing here knows that language.

use std::collections::BTreeMap;
use std::fmt;

use crate::checks::Local;
use crate::event::Event;
use crate::facts::{CacheFacts, GroupFacts, IngressRule};
use crate::finding::{Check, Finding, rule_of};
use crate::net::Count;

/// The question: may this caller do this on this resource?
#[derive(Debug, Clone, Copy)]
pub struct ExceptionQuery<'a> {
    /// The check that reports the finding.
    pub check: Check,
    /// The event: who called, where and when.
    pub event: &'a Event,
    /// When it is asked, in seconds since 1970, if that is not the time of the event: the event is looked at again.
    pub now: Option<i64>,
    /// The cache that it is about; without one it is about the group of `on`.
    pub cache: Option<(&'a CacheFacts, &'a str)>,
    /// The rule that it is about.
    pub on: Option<OnRule<'a>>,
}

/// A rule, and what it admits.
#[derive(Debug, Clone, Copy)]
pub struct OnRule<'a> {
    /// Its group. Facts that were not read yet are unknown, not absent.
    pub group: &'a GroupFacts,
    /// The rule.
    pub rule: &'a IngressRule,
    /// The public addresses that it admits by itself.
    pub own: Count,
    /// The public addresses that it admits together with others, at the port with the most.
    pub union: Count,
}

/// What the policies answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Each of these exceptions suppresses it, in the order of the policies. Never empty.
    Suppressed(Vec<Exception>),
    /// No exception suppresses it.
    Fault,
    /// A policy asks for a fact that was not read yet.
    NotKnown,
    /// A policy asks who called, and nothing was called. All else is known.
    CallerNotKnown,
    /// A policy asks for the tags of a cache that the call did not create. All else is known.
    TagsNotKnown,
    /// The policies cannot be read or evaluated; the reason. Then nothing is suppressed, and nothing is remediated.
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

/// A finding that an expired exception would suppress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The finding's check.
    pub check: Check,
    /// The id of its rule, if it is about one.
    pub rule: Option<String>,
    /// The exception.
    pub exception: Exception,
}

/// The policies, as the engine asks them.
pub trait Exceptions: fmt::Debug + Send + Sync {
    /// The answer. Pure: the time counts that the question has.
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer;

    /// The expired exception that would suppress the finding. It is only reported: no decision waits for it.
    fn ended(&self, asked: &ExceptionQuery<'_>) -> Option<Exception>;
}

/// A suppressed finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The check that would report it.
    pub check: Check,
    /// The rule that it is about, if it is about one.
    pub rule: Option<IngressRule>,
    /// The exception that suppresses it.
    pub by: Exception,
}

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.check)?;
        if let Some(rule) = &self.rule {
            write!(f, "{} {} from {} ", rule.id, rule.traffic(), rule.source)?;
        }
        write!(f, "by {}: {}", self.by.id, self.by.reason)
    }
}

/// Why it is unknown whether an exception suppresses a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// A policy asks for a fact that could not be read.
    NotKnown,
    /// A policy asks who called, and nothing was called.
    CallerNotKnown,
    /// A policy asks for the tags of a cache that the call did not create.
    TagsNotKnown,
    /// The policies cannot be read; the reason.
    Unreadable(String),
}

/// What is snoozed, as the checks ask it.
pub(crate) trait Snoozes: fmt::Debug {
    /// Whether a rule of a group is snoozed at this time, in seconds since 1970.
    fn is_snoozed(&self, group: &str, rule: &IngressRule, now: i64) -> bool;
}

/// The questions of one decision, with the answers.
#[derive(Debug)]
pub(crate) struct Inquiry<'a> {
    exceptions: &'a dyn Exceptions,
    now: Option<i64>,
    event: &'a Event,
    cache: Option<(&'a CacheFacts, &'a str)>,
    local: Local,
    /// The snoozes, and when they are asked for.
    snoozes: Option<(&'a dyn Snoozes, i64)>,
    /// By check and rule id, which is empty where there is no rule.
    suppressed: BTreeMap<(Check, String), Suppressed>,
    doubts: BTreeMap<(Check, String), Doubt>,
}

impl<'a> Inquiry<'a> {
    /// About what an event touched; about a cache, with its ARN. `now` as in [`ExceptionQuery`].
    pub(crate) fn new(
        exceptions: &'a dyn Exceptions,
        now: Option<i64>,
        event: &'a Event,
        cache: Option<(&'a CacheFacts, &'a str)>,
    ) -> Self {
        let (suppressed, doubts) = (BTreeMap::new(), BTreeMap::new());
        let (local, snoozes) = (Local::Known, None);
        Self { exceptions, now, event, cache, local, snoozes, suppressed, doubts }
    }

    /// The same, where these rules are snoozed at this time.
    pub(crate) fn snoozing(self, snoozes: &'a dyn Snoozes, now: i64) -> Self {
        Self { snoozes: Some((snoozes, now)), ..self }
    }

    /// Whether a rule of a group is snoozed.
    pub(crate) fn is_snoozed(&self, group: &str, rule: &IngressRule) -> bool {
        self.snoozes.is_some_and(|(snoozes, now)| snoozes.is_snoozed(group, rule, now))
    }

    /// The same questions, with no answers.
    pub(crate) fn again(&self) -> Self {
        let Self { exceptions, now, event, cache, local, snoozes, .. } = *self;
        Self { local, snoozes, ..Self::new(exceptions, now, event, cache) }
    }

    /// The same, if every source lies in the address space of the VPC that may.
    pub(crate) fn if_local(self) -> Self {
        Self { local: Local::Possible, ..self }
    }

    /// Which sources lie in the address space of the VPC.
    pub(crate) fn local(&self) -> Local {
        self.local
    }

    /// The ids of the exceptions that permit what a rule admits.
    pub(crate) fn rule(&mut self, check: Check, on: OnRule<'_>) -> Vec<String> {
        self.tolerated_by(check, Some(on))
    }

    /// The same for a rule that the event did not touch: it is not reported as suppressed.
    pub(crate) fn untouched(&self, check: Check, on: OnRule<'_>) -> Vec<String> {
        let asked = self.asked(check, Some(on));
        match self.exceptions.ask(&asked) {
            Answer::Suppressed(by) => by.into_iter().map(|exception| exception.id).collect(),
            Answer::Fault
            | Answer::NotKnown
            | Answer::CallerNotKnown
            | Answer::TagsNotKnown
            | Answer::Unreadable(_) => Vec::new(),
        }
    }

    /// Whether an exception suppresses a finding about a setting of the cache.
    pub(crate) fn setting(&mut self, check: Check) -> bool {
        !self.tolerated_by(check, None).is_empty()
    }

    fn asked<'b>(&'b self, check: Check, on: Option<OnRule<'b>>) -> ExceptionQuery<'b> {
        ExceptionQuery { check, event: self.event, now: self.now, cache: self.cache, on }
    }

    fn tolerated_by(&mut self, check: Check, on: Option<OnRule<'_>>) -> Vec<String> {
        let asked = self.asked(check, on);
        let key = (check, on.map(|on| on.rule.id.clone()).unwrap_or_default());
        let doubt = match self.exceptions.ask(&asked) {
            Answer::Suppressed(by) => {
                let ids = by.iter().map(|exception| exception.id.clone()).collect();
                let rule = on.map(|on| on.rule.clone());
                let first = by.into_iter().next();
                let suppressed = first.map(|by| Suppressed { check, rule, by });
                self.suppressed.extend(suppressed.map(|suppressed| (key, suppressed)));
                return ids;
            }
            Answer::Fault => return Vec::new(),
            Answer::NotKnown => Doubt::NotKnown,
            Answer::CallerNotKnown => Doubt::CallerNotKnown,
            Answer::TagsNotKnown => Doubt::TagsNotKnown,
            Answer::Unreadable(why) => Doubt::Unreadable(why),
        };
        self.doubts.insert(key, doubt);
        Vec::new()
    }

    /// Why it is unknown whether a finding is suppressed, if it is.
    pub(crate) fn doubt(&self, finding: &Finding) -> Option<&Doubt> {
        let rule = rule_of(finding).map(|rule| rule.id.clone());
        self.doubts.get(&(finding.check, rule.unwrap_or_default()))
    }

    /// What exceptions suppress, without the rules and checks that have a finding all the same.
    pub(crate) fn suppressed(self, findings: &[Finding]) -> Vec<Suppressed> {
        let at_fault = |suppressed: &Suppressed| {
            let rule = |id: &str| findings.iter().filter_map(rule_of).any(|rule| rule.id == id);
            match &suppressed.rule {
                Some(suppressed) => rule(&suppressed.id),
                None => findings.iter().any(|finding| finding.check == suppressed.check),
            }
        };
        self.suppressed.into_values().filter(|suppressed| !at_fault(suppressed)).collect()
    }
}
