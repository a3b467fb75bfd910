//! Encryption, tokens and users.

use portcullis_engine::facts::Engine;

use super::row::{Constraint, Source};
use crate::request::{GroupInputs, Kind, Request, Token};
use crate::versions::Feature;

pub(super) const ROWS: &[Constraint] = &[
    Constraint {
        id: "encryption-of-a-cluster",
        inputs: &["TransitEncryptionEnabled", "Engine"],
        refuses: "encryption of Redis OSS in CreateCacheCluster",
        source: Source::Answer {
            says: "Encryption feature is not supported for engine REDIS.",
            met: "hashicorp/terraform-provider-aws#49066, aws/aws-cdk#27379",
        },
        remedy: "create a replication group of one node",
        check: |request| {
            let redis = request.engine != Engine::Memcached;
            let lone = matches!(request.kind, Kind::Cluster(_));
            (lone && redis && request.transit_encryption)
                .then(|| "the cluster is encrypted in transit".to_owned())
        },
    },
    Constraint {
        id: "token-of-a-cluster",
        inputs: &["AuthToken"],
        refuses: "an AUTH token in CreateCacheCluster",
        source: Source::Model {
            of: "CreateCacheClusterMessage.AuthToken",
            says: "Reserved parameter.",
        },
        remedy: "create a replication group of one node",
        check: |request| {
            let lone = matches!(request.kind, Kind::Cluster(_));
            (lone && has_token(request)).then(|| "the cluster has an AUTH token".to_owned())
        },
    },
    Constraint {
        id: "transit-encryption-of-the-version",
        inputs: &["TransitEncryptionEnabled", "Engine", "EngineVersion"],
        refuses: "TLS of Redis OSS but for 3.2.6 and from 4.0 on, and of Memcached before 1.6.12",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.TransitEncryptionEnabled",
            says: "Redis OSS version 3.2.6 , 4.x or later",
        },
        remedy: "describe the cache again",
        check: |request| {
            let known = request.knows(Feature::TransitEncryption);
            (request.transit_encryption && !known).then(|| version(request, "encrypted in transit"))
        },
    },
    Constraint {
        id: "at-rest-encryption-of-the-version",
        inputs: &["AtRestEncryptionEnabled", "Engine", "EngineVersion"],
        refuses: "encryption at rest of Redis OSS but for 3.2.6 and from 4.0 on",
        source: Source::Guide("ElastiCache guide, at-rest-encryption"),
        remedy: "describe the cache again",
        check: |request| {
            let on = of_group(request, |group| group.at_rest_encryption);
            (on && !request.knows(Feature::AtRestEncryption))
                .then(|| version(request, "encrypted at rest"))
        },
    },
    Constraint {
        id: "token-without-tls",
        inputs: &["AuthToken", "TransitEncryptionEnabled"],
        refuses: "an AUTH token without encryption in transit",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.AuthToken",
            says: "AuthToken can be specified only on replication groups where TransitEncryptionEnabled is true",
        },
        remedy: "turn on encryption in transit, and plan again",
        check: |request| {
            (has_token(request) && !request.transit_encryption)
                .then(|| "the cache has an AUTH token and no encryption in transit".to_owned())
        },
    },
    Constraint {
        id: "users-without-tls",
        inputs: &["UserGroupIds", "TransitEncryptionEnabled"],
        refuses: "user groups without encryption in transit",
        source: Source::Answer {
            says: "User group based access control requires encryption-in-transit to be enabled on the replication group.",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-user-group-transit-encryption",
        },
        remedy: "turn on encryption in transit, and plan again",
        check: |request| {
            let users = of_group(request, |group| !group.user_groups.is_empty());
            (users && !request.transit_encryption)
                .then(|| "the group has user groups and no encryption in transit".to_owned())
        },
    },
    Constraint {
        id: "users-of-the-version",
        inputs: &["UserGroupIds", "Engine", "EngineVersion"],
        refuses: "user groups before Redis OSS 6.0",
        source: Source::Guide("ElastiCache guide, Clusters.RBAC"),
        remedy: "describe the group again",
        check: |request| {
            let users = of_group(request, |group| !group.user_groups.is_empty());
            (users && !request.knows(Feature::UserGroups))
                .then(|| version(request, "used with user groups"))
        },
    },
    Constraint {
        id: "token-beside-users",
        inputs: &["AuthToken", "UserGroupIds"],
        refuses: "an AUTH token and user groups at once",
        source: Source::Tool(
            "hashicorp/terraform-provider-aws, replication_group.go: auth_token conflicts with user_group_ids",
        ),
        remedy: "take the token away or the user groups, and plan again",
        check: |request| {
            let users = of_group(request, |group| !group.user_groups.is_empty());
            (users && has_token(request)).then(|| "the group has both".to_owned())
        },
    },
    Constraint {
        id: "preferred-tls",
        inputs: &["TransitEncryptionMode", "TransitEncryptionEnabled", "Engine", "EngineVersion"],
        refuses: "the mode `preferred` without encryption in transit, and before Redis OSS 7",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.TransitEncryptionMode",
            says: "When setting TransitEncryptionEnabled to true , you can set your TransitEncryptionMode to preferred in the same request",
        },
        remedy: "finish the change to encryption in transit, and plan again",
        check: |request| {
            let preferred = of_group(request, |group| group.transit_mode.is_some());
            (preferred && !(request.transit_encryption && request.knows(Feature::PreferredTls)))
                .then(|| version(request, "in the mode `preferred`"))
        },
    },
    Constraint {
        id: "key-without-encryption",
        inputs: &["KmsKeyId", "AtRestEncryptionEnabled"],
        refuses: "a key without encryption at rest",
        source: Source::Answer {
            says: "Please enable encryption at rest to use Customer Managed CMK",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-kms-key",
        },
        remedy: "describe the group again",
        check: |request| {
            of_group(request, |group| group.kms_key.is_some() && !group.at_rest_encryption)
                .then(|| "the group names a key, and is not encrypted at rest".to_owned())
        },
    },
];

fn has_token(request: &Request) -> bool {
    request.auth_token != Token::None
}

/// Whether something holds of a replication group.
pub(super) fn of_group(request: &Request, holds: impl Fn(&GroupInputs) -> bool) -> bool {
    matches!(&request.kind, Kind::Group(group) if holds(group))
}

fn version(request: &Request, what: &str) -> String {
    format!("{} {} is {what}", request.engine.name(), request.engine_version)
}
