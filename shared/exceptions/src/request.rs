//! What is asked, as Cedar has it: a principal, an action, a resource and a context.

use std::collections::HashSet;
use std::error::Error;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, ParseErrors, Request,
    RestrictedExpression,
};
use portcullis_engine::event::{Actor, Lead};
use portcullis_engine::exceptions::{ExceptionQuery, OnRule};
use portcullis_engine::facts::{CacheFacts, CacheKind, GroupFacts, Tag};
use time::OffsetDateTime;

use crate::context::{self, Pair};
use crate::looks::Looks;

/// The names of the schema, parsed once.
#[derive(Debug)]
pub(crate) struct Names {
    principal: EntityTypeName,
    group: EntityTypeName,
    cache: EntityTypeName,
    action: EntityTypeName,
}

impl Names {
    pub(crate) fn new() -> Result<Self, Box<ParseErrors>> {
        Ok(Self {
            principal: name("Portcullis::Principal")?,
            group: name("Portcullis::SecurityGroup")?,
            cache: name("Portcullis::Cache")?,
            action: name("Portcullis::Action")?,
        })
    }
}

fn name(text: &str) -> Result<EntityTypeName, Box<ParseErrors>> {
    Ok(text.parse()?)
}

/// The request, and the entities that it names.
pub(crate) fn request(
    names: &Names,
    looks: &Looks,
    asked: &ExceptionQuery<'_>,
    now: OffsetDateTime,
) -> Result<(Request, Entities), Box<dyn Error>> {
    let actor = &asked.event.actor;
    let principal = uid(&names.principal, &actor.arn);
    let mut entities = vec![entity(looks, &principal, caller(actor), &[])?];
    let group = asked.on.map(|on| (uid(&names.group, &on.group.id), on));
    if let Some((group, on)) = &group {
        let tags = on.group.details.as_ref().map_or(&[][..], |details| &details.tags);
        entities.push(entity(looks, group, of_group(asked, on.group), tags)?);
    }
    let resource = match (asked.cache, &group) {
        (Some((cache, arn)), _) => {
            let resource = uid(&names.cache, &cache.id);
            let tags = match &asked.event.lead {
                Lead::Cache(lead) => &lead.tags[..],
                Lead::Group(_) | Lead::List(_) | Lead::Unknown => &[],
            };
            entities.push(entity(looks, &resource, of_cache(asked, cache, arn), tags)?);
            resource
        }
        (None, Some((group, _))) => group.clone(),
        (None, None) => return Err("it is neither about a group nor about a cache".into()),
    };
    let pairs: Vec<Pair> = match &group {
        Some((group, on)) => context::of_rule(looks, asked, on, group, now),
        None => context::of_setting(looks, asked, now),
    };
    let action = uid(&names.action, asked.check.as_str());
    let request = Request::new(principal, action, resource, Context::from_pairs(pairs)?, None)?;
    Ok((request, Entities::from_entities(entities, None)?))
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

/// An entity with what of it is looked at.
fn entity(
    looks: &Looks,
    uid: &EntityUid,
    mut attributes: Vec<Pair>,
    tags: &[Tag],
) -> Result<Entity, Box<dyn Error>> {
    attributes.retain(|(name, _)| looks.at(name));
    let tags = tags.iter().filter(|_| looks.at_tags()).map(|tag| text(&tag.key, &tag.value));
    Ok(Entity::new_with_tags(uid.clone(), attributes, HashSet::new(), tags)?)
}

fn caller(actor: &Actor) -> Vec<Pair> {
    let Actor { arn, name, kind, account, role, source_identity, via, ip: _, agent: _ } = actor;
    let known =
        [("arn", arn), ("type", kind), ("name", name)].map(|(name, value)| text(name, value));
    let perhaps =
        [("account", account), ("role", role), ("sourceIdentity", source_identity), ("via", via)];
    let told = perhaps.iter().filter_map(|(name, value)| Some(text(name, value.as_ref()?)));
    known.into_iter().chain(told).collect()
}

fn of_group(asked: &ExceptionQuery<'_>, group: &GroupFacts) -> Vec<Pair> {
    let owner = group.owner.as_ref().unwrap_or(&asked.event.account);
    let mut pairs =
        vec![text("id", &group.id), text("account", owner), text("region", &asked.event.region)];
    if let Some(details) = &group.details {
        pairs.push(text("name", &details.name));
        pairs.extend(details.vpc.as_ref().map(|vpc| text("vpc", vpc)));
    }
    pairs
}

fn of_cache(asked: &ExceptionQuery<'_>, cache: &CacheFacts, arn: &str) -> Vec<Pair> {
    let kind = match cache.kind {
        CacheKind::CacheCluster => "cache-cluster",
        CacheKind::ReplicationGroup => "replication-group",
        CacheKind::ServerlessCache => "serverless-cache",
    };
    let engine = context::engine(asked, cache);
    let event = asked.event;
    let mut pairs = vec![text("id", &cache.id), text("arn", arn), text("kind", kind)];
    pairs.push(text("engine", engine.as_ref().map_or("unknown", |engine| engine.as_str())));
    pairs.extend([text("account", &event.account), text("region", &event.region)]);
    pairs.extend(cache.network.subnet_group.as_ref().map(|name| text("subnetGroup", name)));
    pairs.extend(cache.vpc().map(|vpc| text("vpc", vpc)));
    pairs
}

pub(crate) fn text(name: &str, value: &str) -> Pair {
    (name.to_owned(), RestrictedExpression::new_string(value.to_owned()))
}

/// Whether the group's part of the question is there at all.
pub(crate) fn group<'a>(asked: &ExceptionQuery<'a>) -> Option<&'a GroupFacts> {
    asked.on.map(|OnRule { group, .. }| group)
}
