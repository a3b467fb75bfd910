//! Ids, tags and ports.

use super::row::{Constraint, Source};
use crate::replacement::is_port;
use crate::request::Kind;

/// Most tags of a resource (Tagging guide).
const MOST_TAGS: usize = 50;

pub(super) const ROWS: &[Constraint] = &[
    Constraint {
        id: "port",
        inputs: &["Port"],
        refuses: "ports below 1150, and 8005",
        source: Source::Answer {
            says: "Invalid endpoint port: 8005. Valid range is 1150-8004,8006-65535",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-port",
        },
        remedy: "leave --port out to have one chosen, or give another",
        check: |request| (!is_port(request.port)).then(|| format!("the port is {}", request.port)),
    },
    Constraint {
        id: "id-of-a-group",
        inputs: &["ReplicationGroupId"],
        refuses: "ids of groups that are longer than 40 characters, or not of letters, digits and single hyphens",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.ReplicationGroupId",
            says: "A name must contain from 1 to 40 alphanumeric characters or hyphens. The first character must be a letter. A name cannot end with a hyphen or contain two consecutive hyphens",
        },
        remedy: "give another --port, from which the id is derived",
        check: |request| {
            let group = matches!(request.kind, Kind::Group(_));
            (group && !is_id(&request.id, 40)).then(|| format!("the id would be {}", request.id))
        },
    },
    Constraint {
        id: "id-of-a-cluster",
        inputs: &["CacheClusterId"],
        refuses: "ids of clusters that are longer than 50 characters, or not of letters, digits and single hyphens",
        source: Source::Model {
            of: "CreateCacheClusterMessage.CacheClusterId",
            says: "A name must contain from 1 to 50 alphanumeric characters or hyphens. The first character must be a letter. A name cannot end with a hyphen or contain two consecutive hyphens",
        },
        remedy: "give another --port, from which the id is derived",
        check: |request| {
            let cluster = matches!(request.kind, Kind::Cluster(_));
            (cluster && !is_id(&request.id, 50)).then(|| format!("the id would be {}", request.id))
        },
    },
    Constraint {
        id: "description",
        inputs: &["ReplicationGroupDescription"],
        refuses: "a group without a description",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.ReplicationGroupDescription",
            says: "A user-created description for the replication group",
        },
        remedy: "give the group a description, and plan again",
        check: |request| {
            let Kind::Group(group) = &request.kind else { return None };
            group.description.is_empty().then(|| "the description is empty".to_owned())
        },
    },
    Constraint {
        id: "number-of-tags",
        inputs: &["Tags"],
        refuses: "more than 50 tags",
        source: Source::Guide("ElastiCache guide, Tagging-Resources"),
        remedy: "remove an unused tag from the cache",
        check: |request| {
            let count = request.tags.len();
            (count > MOST_TAGS).then(|| {
                format!("with the ownership tags of the re-creation there are {count} tags")
            })
        },
    },
    Constraint {
        id: "tags",
        inputs: &["Tags"],
        refuses: "keys of tags that are empty, longer than 128 characters, or begin with aws:, a key twice, and values longer than 256",
        source: Source::Guide("ElastiCache guide, Tagging-Resources"),
        remedy: "describe the tags of the cache again",
        check: |request| {
            let odd = request.tags.iter().enumerate().find(|(at, tag)| {
                let key = tag.key.chars().count();
                !(1..=128).contains(&key)
                    || tag.value.chars().count() > 256
                    || tag.key.to_ascii_lowercase().starts_with("aws:")
                    || request.tags.iter().take(*at).any(|other| other.key == tag.key)
            });
            odd.map(|(_, tag)| format!("there is the tag `{}`", tag.key))
        },
    },
];

fn is_id(id: &str, most: usize) -> bool {
    (1..=most).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !id.ends_with('-')
        && !id.contains("--")
}
