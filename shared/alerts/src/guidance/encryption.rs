//! How a cache that is there, or a new one in its place, gets encryption in transit.
//!
//! Which versions can: ElastiCache user guide, "In-transit encryption"; for Redis OSS before 7.0.5 ElastiCache answers
//! `InvalidParameterCombination: Transit encryption mode is not supported for engine version 6.2.6. Please use engine
//! version 7.0.5 or higher.`

use portcullis_engine::facts::{CacheKind, Engine};
use portcullis_engine::finding::Check;

use super::kind::Kind;
use super::step::{Step, in_place, note};
use super::target::Target;

/// From here on a replication group of Redis OSS can turn it on; Valkey always can.
const IN_PLACE: [u32; 3] = [7, 0, 5];
/// From here on Memcached can be made with it.
const MEMCACHED: [u32; 3] = [1, 6, 12];
/// What an older Memcached is made as.
const NEWER_MEMCACHED: &str = "1.6.22";

impl Target<'_> {
    pub(super) fn plaintext_transit(&self) -> Vec<Step> {
        match (self.engine, self.cache.kind) {
            (Engine::Memcached, _) => self.new_memcached(),
            (_, CacheKind::CacheCluster) => match self.encrypts_in_place() {
                Some(true) => {
                    let mut steps = vec![self.join_group()];
                    steps.extend(self.encrypt(&self.group()));
                    steps.push(note(OF_A_TEMPLATE));
                    steps
                }
                Some(false) => vec![self.join_group(), self.encrypted_group(), note(UPGRADE)],
                None => vec![self.see_version(Check::PlaintextTransit)],
            },
            (_, CacheKind::ReplicationGroup | CacheKind::ServerlessCache) => {
                match self.encrypts_in_place() {
                    Some(true) => {
                        let mut steps = self.encrypt(&self.group());
                        steps.push(in_place(
                            &[
                                "TransitEncryptionEnabled: true",
                                "TransitEncryptionMode: preferred   # later: required",
                            ],
                            &[
                                "transit_encryption_enabled = true",
                                "transit_encryption_mode    = \"preferred\" # later: \"required\"",
                            ],
                            ["ReplicationGroup", "replication_group"],
                        ));
                        steps
                    }
                    Some(false) => vec![self.encrypted_group(), note(UPGRADE)],
                    None => vec![self.see_version(Check::PlaintextTransit)],
                }
            }
        }
    }

    /// Whether a replication group of this engine and version turns it on while it runs; `None` if that is not known.
    pub(super) fn encrypts_in_place(&self) -> Option<bool> {
        match self.engine {
            Engine::Valkey => Some(true),
            Engine::Redis => self.cache.version.as_ref()?.reaches(IN_PLACE),
            Engine::Memcached => Some(false),
            Engine::Unknown(_) => None,
        }
    }

    /// The replication group that is changed: the cache, or the one that a node by itself is put into.
    pub(super) fn group(&self) -> String {
        match self.cache.kind {
            CacheKind::CacheCluster => self.named("-group"),
            CacheKind::ReplicationGroup | CacheKind::ServerlessCache => self.cache.id.clone(),
        }
    }

    /// User guide, "Creating a replication group using an existing cluster": in place, without downtime or loss.
    pub(super) fn join_group(&self) -> Step {
        let (region, id, group) = (self.region, &self.cache.id, self.group());
        Step {
            kind: Kind::JoinGroup,
            words: "A single node can neither turn encryption on nor have users. Put it into a replication group: the \
                    node,\nits data and its endpoint stay. From then on give `portcullis plan` and `move` the id of \
                    the group."
                .to_owned(),
            commands: vec![
                format!(
                    "aws elasticache create-replication-group --region {region} --replication-group-id {group} --replication-group-description 'Of the node {id}' --primary-cluster-id {id}"
                ),
                format!(
                    "aws elasticache wait replication-group-available --region {region} --replication-group-id {group}"
                ),
            ],
        }
    }

    /// Both steps: ElastiCache takes `required` only after `preferred` (API reference, ModifyReplicationGroup).
    pub(super) fn encrypt(&self, group: &str) -> Vec<Step> {
        let prefer = Step {
            kind: Kind::PreferEncryption,
            words: "Let clients connect with TLS and without.".to_owned(),
            commands: vec![self.transit_encryption(group, "preferred")],
        };
        vec![prefer, self.require_encryption(group, "When every client uses TLS, require it.")]
    }

    pub(super) fn require_encryption(&self, group: &str, words: &str) -> Step {
        Step {
            kind: Kind::RequireEncryption,
            words: words.to_owned(),
            commands: vec![self.transit_encryption(group, "required")],
        }
    }

    fn transit_encryption(&self, group: &str, mode: &str) -> String {
        format!(
            "aws elasticache modify-replication-group --region {} --replication-group-id {group} --apply-immediately --transit-encryption-enabled --transit-encryption-mode {mode}",
            self.region
        )
    }

    fn encrypted_group(&self) -> Step {
        Step {
            kind: Kind::EncryptedGroup,
            words: format!(
                "This version can be encrypted in transit only at the creation of a cache. {NEW_CACHE}"
            ),
            commands: self.inputs(&self.group(), " | .TransitEncryptionEnabled = true"),
        }
    }

    fn new_memcached(&self) -> Vec<Step> {
        let id = &self.cache.id;
        match self.cache.version.as_ref().and_then(|version| version.reaches(MEMCACHED)) {
            Some(true) => vec![Step {
                kind: Kind::EncryptedMemcached,
                words: format!("Memcached can be encrypted in transit only at the creation of a cache. {NEW_CACHE}"),
                commands: self.inputs(id, " | .TransitEncryptionEnabled = true"),
            }],
            Some(false) => vec![Step {
                kind: Kind::EncryptedNewerMemcached,
                words: format!(
                    "Encryption in transit needs Memcached 1.6.12, and a cache that is created with it. \
                     {NEW_CACHE}\nIt has AWS's default parameters of Memcached 1.6: use your own parameter group \
                     there, if needed."
                ),
                commands: self.inputs(
                    id,
                    &format!(
                        " | .TransitEncryptionEnabled = true | .EngineVersion = \"{NEWER_MEMCACHED}\" | .CacheParameterGroupName = \"default.memcached1.6\""
                    ),
                ),
            }],
            None => vec![self.see_version(Check::PlaintextTransit)],
        }
    }
}

const NEW_CACHE: &str = "Create one\nbeside this one with the steps that `portcullis plan` prints, with this \
                         create.json, and change the clients to it, with TLS.\nIf a template owns the cache, the plan \
                         is a second resource: turn the encryption on there.";

const UPGRADE: &str =
    "Or upgrade the engine to Redis OSS 7.1 or Valkey first, which can turn it on in place.";

const OF_A_TEMPLATE: &str = "A template that owns the node does not know the group: add it to the template \
                             (PrimaryClusterId in CloudFormation),\nor import it (Terraform).";
