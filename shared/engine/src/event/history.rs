//! What records of a trail tell besides the watched calls: which rules, groups and caches came and went. Only who reads
//! the history of an account asks; no decision about an event depends on it.

use serde_json::Value;

use super::actor::actor;
use super::json::Json;
use super::parse::{requested, told};
use super::{Actor, GroupRef, RuleShape, Touched};
use crate::facts::{CacheKind, GroupDetails, Tag};

/// The calls that [`Changed::read`] knows.
pub const CHANGES: [&str; 9] = [
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupEgress",
    "CreateTags",
    "DeleteTags",
    "RevokeSecurityGroupIngress",
    "DeleteSecurityGroup",
    "DeleteCacheCluster",
    "DeleteReplicationGroup",
    "DeleteServerlessCache",
];

/// What a successful call changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A group was made, without ingress rules: from here on all of its rules are known.
    GroupCreated {
        /// `sg-…`
        group: String,
        /// Its name, VPC and tags.
        details: GroupDetails,
    },
    /// A group is gone, with all of its rules.
    GroupDeleted(GroupRef),
    /// Ingress rules were revoked.
    Revoked {
        /// The group.
        group: GroupRef,
        /// The ids of the rules, as far as the record has them.
        ids: Vec<String>,
        /// The rules that it describes.
        shapes: Vec<RuleShape>,
    },
    /// These are egress rules.
    Egress {
        /// The group.
        group: GroupRef,
        /// The ids of the rules.
        ids: Vec<String>,
    },
    /// Security groups got tags.
    Tagged(Vec<String>, Vec<Tag>),
    /// Security groups lost the tags of these keys.
    Untagged(Vec<String>, Vec<String>),
    /// A cache is gone.
    CacheDeleted(CacheKind, String),
}

/// A change, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What changed.
    pub change: Change,
    /// Who called.
    pub actor: Actor,
}

/// What a watched call says that Describe would: of a cache its settings, of rules their tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requested {
    /// Encryption in transit, where the record has it.
    pub transit_encryption: Option<bool>,
    /// `TransitEncryptionMode` is `preferred`.
    pub plaintext_too: bool,
    /// Whether the cache has an AUTH token or a user group, where the call says: one that creates a cache always does.
    pub authentication: Option<bool>,
    /// `engineVersion`
    pub version: Option<String>,
    /// `connectionType` of a serverless cache.
    pub connection: Option<String>,
    /// The tags that a call gives to the ingress rules that it makes.
    pub rule_tags: Vec<Tag>,
}

impl Changed {
    /// What a CloudTrail record tells. `None` if it is of another call, or of one that failed.
    pub fn read(record: &Value) -> Option<Self> {
        let record = Json::new(record);
        if record.get("errorCode").text().is_some() {
            return None;
        }
        let request = record.get("requestParameters");
        let response = record.get("responseElements");
        let text = |name| request.get(name).text();
        let change = match record.get("eventName").text()?.as_str() {
            "CreateSecurityGroup" => created(request, response)?,
            "DeleteSecurityGroup" => Change::GroupDeleted(group(request)?),
            "RevokeSecurityGroupIngress" => revoked(request, response)?,
            "AuthorizeSecurityGroupEgress" => Change::Egress {
                group: group(request)?,
                ids: ids(response.get("securityGroupRuleSet"), "securityGroupRuleId"),
            },
            "CreateTags" => Change::Tagged(groups(request)?, tags(request)),
            "DeleteTags" => {
                let keys = tags(request).into_iter().map(|tag| tag.key).collect();
                Change::Untagged(groups(request)?, keys)
            }
            "DeleteCacheCluster" => cache(CacheKind::CacheCluster, text("cacheClusterId")?),
            "DeleteReplicationGroup" => {
                cache(CacheKind::ReplicationGroup, text("replicationGroupId")?)
            }
            "DeleteServerlessCache" => {
                cache(CacheKind::ServerlessCache, text("serverlessCacheName")?)
            }
            _ => return None,
        };
        Some(Self { change, actor: actor(record) })
    }
}

impl Requested {
    /// What the record of a watched call says.
    pub fn read(record: &Value) -> Self {
        let record = Json::new(record);
        let (request, response) = (record.get("requestParameters"), record.get("responseElements"));
        let either = |name| request.get(name).text().or_else(|| response.get(name).text());
        let is = |text: String| text.eq_ignore_ascii_case("true");
        Self {
            transit_encryption: either("transitEncryptionEnabled").map(is),
            plaintext_too: either("transitEncryptionMode").as_deref() == Some("preferred"),
            authentication: authentication(record, request, response),
            version: either("engineVersion"),
            connection: either("connectionType"),
            rule_tags: specified(request, "security-group-rule"),
        }
    }
}

/// A user group or token that comes makes clients prove who they are. One that goes may leave another, but for the calls
/// that take all of them.
fn authentication(record: Json<'_>, request: Json<'_>, response: Json<'_>) -> Option<bool> {
    let has = |name| request.get(name).text().is_some();
    let listed = |name| !request.get(name).list().is_empty();
    let comes = ["userGroupIds", "userGroupIdsToAdd"].into_iter().any(listed)
        || has("authToken")
        || has("userGroupId")
        || response.get("authTokenEnabled").is_true();
    let goes =
        request.get("removeUserGroups").is_true() || request.get("removeUserGroup").is_true();
    let creates = record.get("eventName").text().is_some_and(|name| name.starts_with("Create"));
    if comes { Some(true) } else { (creates || goes).then_some(false) }
}

fn cache(kind: CacheKind, id: String) -> Change {
    Change::CacheDeleted(kind, id.to_ascii_lowercase())
}

fn group(request: Json<'_>) -> Option<GroupRef> {
    let id = request.get("groupId").text().map(GroupRef::Id);
    id.or_else(|| request.get("groupName").text().map(GroupRef::Name))
}

fn created(request: Json<'_>, response: Json<'_>) -> Option<Change> {
    Some(Change::GroupCreated {
        group: response.get("groupId").text()?,
        details: GroupDetails {
            name: request.get("groupName").text().unwrap_or_default(),
            vpc: request.get("vpcId").text(),
            tags: specified(request, "security-group"),
        },
    })
}

/// By id, by shape in either form, or as the newer responses have it.
fn revoked(request: Json<'_>, response: Json<'_>) -> Option<Change> {
    let set = response.get("revokedSecurityGroupRuleSet");
    let mut all = ids(set, "securityGroupRuleId");
    let named = request.get("securityGroupRuleIds");
    all.extend(ids(named, "securityGroupRuleId"));
    all.extend(named.list().into_iter().filter_map(Json::text));
    all.sort();
    all.dedup();
    let shapes = match requested(request) {
        _ if !all.is_empty() => Vec::new(),
        Touched::Rules(rules) => rules.into_iter().filter_map(|rule| rule.shape).collect(),
        Touched::Unknown(_) | Touched::Attached(_) => {
            set.list().into_iter().filter_map(told).collect()
        }
    };
    let of_set = || {
        let id = set.list().into_iter().find_map(|rule| rule.get("groupId").text());
        id.map(GroupRef::Id)
    };
    // The response has the id where the request has only a name.
    Some(Change::Revoked { group: of_set().or_else(|| group(request))?, ids: all, shapes })
}

/// The tags that a request gives to what it makes of this kind.
fn specified(request: Json<'_>, kind: &str) -> Vec<Tag> {
    let sets = request.get("tagSpecificationSet").list().into_iter();
    let of_kind = sets.filter(|set| set.get("resourceType").text().is_none_or(|of| of == kind));
    of_kind.flat_map(|set| read_tags(set.get("tags"))).collect()
}

fn ids(list: Json<'_>, member: &str) -> Vec<String> {
    list.list().into_iter().filter_map(|item| item.get(member).text()).collect()
}

/// The security groups among what is tagged.
fn groups(request: Json<'_>) -> Option<Vec<String>> {
    let mut all = ids(request.get("resourcesSet"), "resourceId");
    all.retain(|id| id.starts_with("sg-"));
    (!all.is_empty()).then_some(all)
}

fn tags(request: Json<'_>) -> Vec<Tag> {
    read_tags(request.get("tagSet"))
}

fn read_tags(list: Json<'_>) -> Vec<Tag> {
    let tag = |tag: Json<'_>| {
        Some(Tag {
            key: tag.get("key").text()?,
            value: tag.get("value").text().unwrap_or_default(),
        })
    };
    list.list().into_iter().filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(name: &str, request: &Value, response: &Value) -> Option<Change> {
        let record = json!({"eventName": name, "requestParameters": request,
            "responseElements": response});
        Changed::read(&record).map(|changed| changed.change)
    }

    #[test]
    fn a_revoke_is_read_by_id_by_shape_and_by_its_response() {
        let of = |request: &Value, response: &Value| {
            let revoked = change("RevokeSecurityGroupIngress", request, response).unwrap();
            let Change::Revoked { group, ids, shapes } = revoked else { panic!("{revoked:?}") };
            assert_eq!(group, GroupRef::Id("sg-1".to_owned()));
            let shapes = shapes.iter().map(|shape| (shape.from_port, shape.source.to_string()));
            (ids, shapes.collect::<Vec<_>>())
        };
        let by_shape = (vec![], vec![(22, "0.0.0.0/0".to_owned())]);
        let by_id = (vec!["sgr-1".to_owned()], vec![]);
        let rule = json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22});
        let with = |more: Value| {
            let mut all = rule.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let flat = with(json!({"groupId": "sg-1", "cidrIp": "0.0.0.0/0"}));
        assert_eq!(of(&flat, &json!({"_return": true})), by_shape);
        let nested = with(json!({"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}));
        let nested = json!({"groupId": "sg-1", "ipPermissions": {"items": [nested]}});
        assert_eq!(of(&nested, &json!(null)), by_shape);
        let ids = json!({"groupId": "sg-1",
            "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-1"}]}});
        assert_eq!(of(&ids, &json!(null)), by_id);
        assert_eq!(
            of(&json!({"groupId": "sg-1", "securityGroupRuleIds": ["sgr-1"]}), &json!(null)),
            by_id
        );
        let response = json!({"revokedSecurityGroupRuleSet": {"items":
            [{"groupId": "sg-1", "securityGroupRuleId": "sgr-1"}]}});
        assert_eq!(of(&json!({"groupName": "web"}), &response).0, by_id.0);
    }

    #[test]
    fn what_failed_and_what_is_of_others_changed_nothing() {
        let request = json!({"groupId": "sg-1"});
        assert!(change("DeleteSecurityGroup", &request, &json!(null)).is_some());
        let failed = json!({"eventName": "DeleteSecurityGroup", "errorCode": "Client.DependencyViolation",
            "requestParameters": request});
        assert_eq!(Changed::read(&failed), None);
        assert_eq!(change("DescribeSecurityGroups", &request, &json!(null)), None);
        let tags = json!({"tagSet": {"items": [{"key": "a"}]},
            "resourcesSet": {"items": [{"resourceId": "i-1"}]}});
        assert_eq!(change("CreateTags", &tags, &json!(null)), None);
    }

    #[test]
    fn a_new_group_has_its_name_vpc_and_tags() {
        let request = json!({"groupName": "web", "vpcId": "vpc-1", "tagSpecificationSet": {"items": [
            {"resourceType": "security-group", "tags": [{"key": "team", "value": "shop"}]}]}});
        let tag = Tag { key: "team".to_owned(), value: "shop".to_owned() };
        let details =
            GroupDetails { name: "web".to_owned(), vpc: Some("vpc-1".to_owned()), tags: vec![tag] };
        let created = change("CreateSecurityGroup", &request, &json!({"groupId": "sg-1"}));
        let group = "sg-1".to_owned();
        assert_eq!(created, Some(Change::GroupCreated { group, details }));
    }
}
