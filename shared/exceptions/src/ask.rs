//! Asking the policies.
//!
//! Cedar decides: default deny, and a `forbid` wins. Here is only which policies it is given. Those that have ended
//! are not among them. Nor are those that look at what was not read yet: an answer is given without them where they
//! could not change it.

use cedar_policy::{Authorizer, Decision, Entities, PolicyId, PolicySet, Request, Response};
use portcullis_engine::event::Lead;
use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions};
use portcullis_engine::facts::{CacheFacts, Connection, Interfaces};
use portcullis_engine::time::{at, read};
use time::OffsetDateTime;

use crate::looks::Later;
use crate::policies::{Policies, Policy};
use crate::request;

impl Exceptions for Policies {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        self.answer(asked).unwrap_or_else(Answer::Unreadable)
    }

    /// A failure to tell is none: it is a fault anyway.
    fn ended(&self, asked: &ExceptionQuery<'_>) -> Option<Exception> {
        let now = moment(asked)?;
        let about = || self.policies.iter().filter(|policy| policy.checks.contains(&asked.check));
        let ended = |policy: &&Policy| policy.has_ended(now) && !policy.forbids();
        about().find(ended)?;
        let sees = |policy: &&Policy| !is_blind(policy, asked);
        let live = about().filter(|policy| !policy.has_ended(now));
        let response =
            self.question(asked, now).ok()?.put(live.chain(about().filter(ended)).filter(sees));
        let permitted = self.permitted(response.as_ref().ok()?);
        let ended = permitted.into_iter().find(|policy| policy.has_ended(now))?;
        Some(ended.exception.clone())
    }
}

impl Policies {
    fn question(
        &self,
        asked: &ExceptionQuery<'_>,
        now: OffsetDateTime,
    ) -> Result<Question, String> {
        request::request(&self.names, &self.looks, asked, now)
            .map(|(request, entities)| Question { request, entities })
            .map_err(|error| format!("the policies cannot be asked: {error}"))
    }

    fn answer(&self, asked: &ExceptionQuery<'_>) -> Result<Answer, String> {
        let time = &asked.event.time;
        let now = moment(asked)
            .ok_or_else(|| format!("`{time}`, the time of the event, is no moment"))?;
        let question = self.question(asked, now)?;
        let blind = |policy: &&Policy| is_blind(policy, asked);
        let live = || {
            let about = self.policies.iter().filter(|policy| policy.checks.contains(&asked.check));
            about.filter(|policy| !policy.has_ended(now))
        };
        // What the others say would not count if this one forbids it.
        if live().filter(blind).any(|policy| policy.forbids()) {
            return not_known(asked, live());
        }
        let response = question.put(live().filter(|policy| !blind(policy)))?;
        let by = self.permitted(&response);
        if !by.is_empty() {
            return Ok(Answer::Suppressed(by.into_iter().map(|p| p.exception.clone()).collect()));
        }
        let forbidden = response.diagnostics().reason().next().is_some();
        if !forbidden && live().any(|policy| blind(&policy)) {
            return not_known(asked, live());
        }
        Ok(Answer::Fault)
    }

    /// The permits that were satisfied, in the order of the policies.
    fn permitted(&self, response: &Response) -> Vec<&Policy> {
        if response.decision() == Decision::Deny {
            return Vec::new();
        }
        let reasons: Vec<&PolicyId> = response.diagnostics().reason().collect();
        self.policies.iter().filter(|policy| reasons.contains(&policy.cedar.id())).collect()
    }
}

/// When it is asked.
fn moment(asked: &ExceptionQuery<'_>) -> Option<OffsetDateTime> {
    match asked.now {
        Some(seconds) => at(seconds),
        None => read(&asked.event.time),
    }
}

/// A question as Cedar takes it.
struct Question {
    request: Request,
    entities: Entities,
}

impl Question {
    /// What these policies say. A policy that cannot be evaluated spoils the whole answer.
    fn put<'a>(&self, policies: impl Iterator<Item = &'a Policy>) -> Result<Response, String> {
        let set = PolicySet::from_policies(policies.map(|policy| policy.cedar.clone()))
            .map_err(|error| format!("the policies do not go together: {error}"))?;
        let response = Authorizer::new().is_authorized(&self.request, &set, &self.entities);
        match response.diagnostics().errors().map(ToString::to_string).min() {
            Some(error) => Err(error),
            None => Ok(response),
        }
    }
}

/// What has not been read, or could not be. A cache with a public endpoint lies in no VPC.
fn missing(asked: &ExceptionQuery<'_>) -> Later {
    let group = request::group(asked);
    let in_vpc = |cache: &CacheFacts| cache.network.connection != Connection::Public;
    Later {
        details: group.is_some_and(|group| group.details.is_none()),
        interfaces: group.is_some_and(|group| !matches!(group.interfaces, Interfaces::Read(_))),
        cache_vpc: asked.cache.is_some_and(|(cache, _)| cache.vpc().is_none() && in_vpc(cache)),
        cache_tags: matches!(&asked.event.lead, Lead::Cache(lead) if lead.altered.is_some()),
    }
}

/// Whether a policy looks at what is missing.
fn is_blind(policy: &Policy, asked: &ExceptionQuery<'_>) -> bool {
    policy.later.meets(missing(asked)) || (policy.asks_caller && !asked.event.is_call())
}

/// A policy looks at what is missing: it comes later, or it could not be read, and never comes; or nothing was called.
fn not_known<'a>(
    asked: &ExceptionQuery<'_>,
    live: impl Iterator<Item = &'a Policy>,
) -> Result<Answer, String> {
    let missing = missing(asked);
    let never_comes = Later { cache_tags: missing.cache_tags, ..Later::default() };
    let comes = Later { cache_tags: false, ..missing };
    let policies: Vec<&Policy> = live.collect();
    let look_at = |what: Later| policies.iter().any(|policy| policy.later.meets(what));
    if !look_at(comes) {
        let tags = look_at(never_comes);
        return Ok(if tags { Answer::TagsNotKnown } else { Answer::CallerNotKnown });
    }
    match request::group(asked).map(|group| (&group.details, &group.interfaces)) {
        Some((Some(_), Interfaces::Unknown(why))) => {
            Err(format!("a policy asks what uses the group, which could not be read: {why}"))
        }
        _ => Ok(Answer::NotKnown),
    }
}
