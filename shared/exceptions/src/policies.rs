//! The policies of a directory, parsed and checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Effect, Policy as Cedar, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};
use portcullis_engine::exceptions::Exception;
use portcullis_engine::finding::Check;
use time::{Duration, OffsetDateTime};

use crate::SCHEMA;
use crate::annotations::{self, Annotations, Place};
use crate::looks::{Later, Looks};
use crate::problem::{Problem, Problems};
use crate::request::Names;

/// Policies that are in order: there may be none, and then nothing is suppressed.
#[derive(Debug)]
pub struct Policies {
    /// In the order in which they are named as reasons: first those that look at nothing that is read late, so that an
    /// early answer names the same exception as a late one; then by id.
    pub(crate) policies: Vec<Policy>,
    pub(crate) names: Names,
    /// What any of them looks at: nothing else of a question is put together.
    pub(crate) looks: Looks,
}

/// One policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) cedar: Cedar,
    pub(crate) file: String,
    pub(crate) exception: Exception,
    until: Option<OffsetDateTime>,
    /// The checks that it is about.
    pub(crate) checks: Vec<Check>,
    /// What it looks at of what is read late.
    pub(crate) later: Later,
    /// Whether it depends on who called.
    pub(crate) asks_caller: bool,
}

impl Policy {
    /// Whether it has ended by this moment.
    pub(crate) fn has_ended(&self, now: OffsetDateTime) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// How long it still counts, if it ends.
    pub(crate) fn remains(&self, now: OffsetDateTime) -> Option<Duration> {
        self.until.map(|until| until - now)
    }

    pub(crate) fn forbids(&self) -> bool {
        self.cedar.effect() == Effect::Forbid
    }
}

impl Policies {
    /// From the names and texts of files. Every problem of every file is told.
    pub fn parse(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problems> {
        let (names, validator) = vocabulary()?;
        let mut problems = Vec::new();
        let mut by_id: BTreeMap<String, Policy> = BTreeMap::new();
        for (file, text) in files {
            let source: Arc<str> = text.into();
            let found = in_file(&file, &source, &mut problems);
            for (place, cedar) in found {
                problems.extend(invalid(&validator, &place, &cedar));
                let read = annotations::read(cedar.annotations(), place);
                let read = match read {
                    Ok(read) => read,
                    Err(more) => {
                        problems.extend(more);
                        continue;
                    }
                };
                if let Some(first) = by_id.get(&read.exception.id) {
                    let message = format!("the id `{}` is used twice", read.exception.id);
                    let help = format!("it is that of a policy in {} too", first.file);
                    problems.push(place.problem("id", message).help(help));
                    continue;
                }
                by_id.insert(read.exception.id.clone(), policy(&file, cedar, read));
            }
        }
        if !problems.is_empty() {
            return Err(Problems::new(problems));
        }
        let mut policies: Vec<Policy> = by_id.into_values().collect();
        policies.sort_by_key(|policy| policy.later != Later::default());
        let mut looks = Looks::default();
        policies.iter().for_each(|policy| looks.add(&Looks::of(&policy.cedar)));
        Ok(Self { policies, names, looks })
    }
}

/// The schema that is compiled in. A test holds that it is in order.
fn vocabulary() -> Result<(Names, Validator), Problems> {
    let broken = |why: String| Problems::new(vec![Problem::of("portcullis.cedarschema", why)]);
    let (schema, _) =
        Schema::from_cedarschema_str(SCHEMA).map_err(|error| broken(error.to_string()))?;
    let names = Names::new().map_err(|error| broken(error.to_string()))?;
    Ok((names, Validator::new(schema)))
}

/// The policies of a file, in their order, each with its place.
fn in_file<'a>(
    file: &'a str,
    source: &'a Arc<str>,
    problems: &mut Vec<Problem>,
) -> Vec<(Place<'a>, Cedar)> {
    let set = match source.parse::<PolicySet>() {
        Ok(set) => set,
        Err(errors) => {
            problems.extend(errors.iter().map(|error| Problem::cedar(file, source, error)));
            return Vec::new();
        }
    };
    for template in set.templates() {
        let place = placed(file, source, &template.to_cedar(), 0);
        let message =
            "templates are not used here: the policy has a slot (`?principal`, `?resource`)";
        problems.push(place.problem("", message).help("name the principal or the resource itself"));
    }
    // Cedar numbers them as they come.
    let mut policies: Vec<&Cedar> = set.policies().collect();
    policies.sort_by_key(|policy| number(policy.id()));
    let mut from = 0;
    let mut found = Vec::new();
    for policy in policies {
        let place = placed(file, source, &policy.to_cedar().unwrap_or_default(), from);
        from = place.span.0 + place.span.1;
        found.push((place, policy.clone()));
    }
    found
}

fn number(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

fn placed<'a>(file: &'a str, source: &'a Arc<str>, text: &str, from: usize) -> Place<'a> {
    let found = source.get(from..).and_then(|rest| rest.find(text));
    Place { file, source, span: found.map_or((0, 0), |at| (from + at, text.len())) }
}

/// What the validator says of a policy. Its warnings count: each is of a policy that does not do what it seems to.
fn invalid(validator: &Validator, place: &Place<'_>, policy: &Cedar) -> Vec<Problem> {
    let id = policy.annotation("id").unwrap_or("without an id");
    let set = match PolicySet::from_policies([policy.new_id(PolicyId::new(id))]) {
        Ok(set) => set,
        Err(error) => return vec![Problem::of(place.file, error.to_string())],
    };
    let said = validator.validate(&set, ValidationMode::Strict);
    let errors =
        said.validation_errors().map(|error| Problem::cedar(place.file, place.source, error));
    let warnings = said.validation_warnings().map(|w| Problem::cedar(place.file, place.source, w));
    let mut problems: Vec<Problem> = errors.chain(warnings).collect();
    // What is said of a policy as a whole follows from what is wrong in it, where that is told.
    let inside = |problem: &Problem| {
        problem.place.as_ref().is_some_and(|(_, (_, length))| *length < place.span.1)
    };
    if problems.iter().any(inside) {
        problems.retain(inside);
    }
    problems
}

fn policy(file: &str, cedar: Cedar, read: Annotations) -> Policy {
    let checks = match cedar.action_constraint() {
        ActionConstraint::Any => Check::ALL.to_vec(),
        ActionConstraint::Eq(action) => about(&[action]),
        ActionConstraint::In(actions) => about(&actions),
    };
    let looks = Looks::of(&cedar);
    Policy {
        later: looks.later(),
        asks_caller: looks.at_caller(),
        cedar: cedar.new_id(PolicyId::new(&read.exception.id)),
        file: file.to_owned(),
        exception: read.exception,
        until: read.until,
        checks,
    }
}

fn about(actions: &[cedar_policy::EntityUid]) -> Vec<Check> {
    let named = |check: &Check| actions.iter().any(|a| a.id().unescaped() == check.as_str());
    Check::ALL.into_iter().filter(named).collect()
}
