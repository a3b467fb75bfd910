//! The calls that make or change a cache.

use super::json::Json;
use super::stop::{Ignored, Stop, id, malformed};
use super::{Altered, CacheLead, Inherits, Lead};
use crate::facts::{CacheKind, Tag};

pub(super) fn cache(kind: CacheKind, request: Json<'_>, response: Json<'_>) -> Result<Lead, Stop> {
    let (member, at) = match kind {
        CacheKind::CacheCluster => ("cacheClusterId", "detail.requestParameters.cacheClusterId"),
        CacheKind::ReplicationGroup => {
            ("replicationGroupId", "detail.requestParameters.replicationGroupId")
        }
        CacheKind::ServerlessCache => {
            ("serverlessCacheName", "detail.requestParameters.serverlessCacheName")
        }
    };
    let named = request.get(member).text().or_else(|| response.get(member).text());
    let Some(named) = named else { return Ok(Lead::Unknown) };
    let port = match request.get("port").number() {
        Ok(None) => None,
        Ok(Some(port)) => Some(u16::try_from(port).map_err(|_| {
            malformed("detail.requestParameters.port", format!("is `{port}`, which is no port"))
        })?),
        Err(text) => {
            let why = format!("is `{}`, which is no port", text.escape_default());
            return Err(malformed("detail.requestParameters.port", why));
        }
    };
    const GROUPS: &str = "detail.requestParameters.securityGroupIds";
    let mut groups = Vec::new();
    let given = request.get("securityGroupIds");
    for group in given.list().into_iter().chain([given]).filter_map(Json::text) {
        groups.push(id(group, GROUPS, "sg-")?);
    }
    Ok(Lead::Cache(CacheLead {
        kind,
        id: id(named, at, "")?.to_ascii_lowercase(),
        engine: request.get("engine").text().or_else(|| response.get("engine").text()),
        port,
        inherits: inherits(request),
        security_groups: groups,
        tags: tags(request.get("tags")),
        altered: None,
    }))
}

/// A tag may be without a value (API reference, Tag). What has no key is none.
fn tags(list: Json<'_>) -> Vec<Tag> {
    let tag = |tag: Json<'_>| {
        Some(Tag {
            key: tag.get("key").text()?,
            value: tag.get("value").text().unwrap_or_default(),
        })
    };
    list.list().into_iter().filter_map(tag).collect()
}

fn inherits(request: Json<'_>) -> Option<Inherits> {
    let text = |name| request.get(name).text();
    let from_s3 = request.get("snapshotArns").list().into_iter().find_map(Json::text);
    text("snapshotName")
        .or(from_s3)
        .or_else(|| text("serverlessCacheSnapshotName"))
        .map(Inherits::Snapshot)
        .or_else(|| text("primaryClusterId").map(Inherits::Primary))
        .or_else(|| text("globalReplicationGroupId").map(Inherits::Global))
}

/// Parsers in the field read the response both wrapped and flat; no record was seen.
pub(super) fn unwrapped(response: Json<'_>) -> Json<'_> {
    let wrapped = response.get("serverlessCache");
    if wrapped.exists() { wrapped } else { response }
}

/// The request of a change has the changed members only (an old record of ModifyCacheCluster; of the other two none was
/// seen, and their members are those of the service model).
pub(super) fn altered_cache(
    kind: CacheKind,
    request: Json<'_>,
    response: Json<'_>,
) -> Result<Lead, Stop> {
    let Lead::Cache(lead) = cache(kind, request, response)? else { return Ok(Lead::Unknown) };
    let has = |name| request.get(name).text().is_some();
    let lists = |name| has(name) || !request.get(name).list().is_empty();
    let is = |name| request.get(name).is_true();
    let altered = Altered {
        groups: !lead.security_groups.is_empty(),
        transit: has("transitEncryptionEnabled") || has("transitEncryptionMode"),
        authentication: has("authToken")
            || has("authTokenUpdateStrategy")
            || has("userGroupId")
            || lists("userGroupIdsToAdd")
            || lists("userGroupIdsToRemove")
            || is("removeUserGroups")
            || is("removeUserGroup"),
    };
    if altered == Altered::default() {
        return Err(Stop::Ignored(Ignored::NotJudged(lead.id)));
    }
    Ok(Lead::Cache(CacheLead { altered: Some(altered), ..lead }))
}
