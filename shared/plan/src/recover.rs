//! The request that would make a cache as it is, recovered from what Describe shows of it.
//!
//! Many settings of a replication group are shown by its members only. What cannot be recovered is
//! a reason to refuse, and all of them are collected: nothing is guessed, and nothing is left to a
//! default that AWS might choose differently from what the cache has.

mod members;
mod shape;
mod version;

pub(crate) use shape::primary_first;

use portcullis_engine::facts::{Engine, Tag};

use crate::describe::{CacheCluster, LogDelivery, ReplicationGroup};
use crate::facts::{Cache, Facts};
use crate::marks;
use crate::refuse::Reason;
use crate::request::{GroupInputs, Kind, Request, Token};
use version::{creatable_version, durability};

/// What is not in the new cache as it is in the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The input that it is about, if it is about one.
    pub input: Option<&'static str>,
    /// What is lost, in a sentence.
    pub what: String,
}

impl Loss {
    /// What is lost with one input.
    pub(crate) fn of(input: &'static str, what: impl Into<String>) -> Self {
        Self { input: Some(input), what: what.into() }
    }

    /// What is lost beside the inputs.
    pub(crate) fn other(what: impl Into<String>) -> Self {
        Self { input: None, what: what.into() }
    }
}

/// What was recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The request. It can be sent only if there are no reasons against it.
    pub request: Request,
    /// What could not be recovered.
    pub reasons: Vec<Reason>,
    /// What the request leaves out.
    pub losses: Vec<Loss>,
}

/// Recovers the request.
pub fn recover(facts: &Facts) -> Recovered {
    let mut reader = Reader { reasons: Vec::new(), losses: Vec::new() };
    reader.need("ARN", facts.cache.arn().map(str::to_owned));
    let request = match &facts.cache {
        Cache::Group(group, members) => reader.group(group, members, facts),
        Cache::Cluster(cluster) => reader.cluster(cluster, facts),
    };
    Recovered { request, reasons: reader.reasons, losses: reader.losses }
}

/// Collects what is wrong while it reads.
struct Reader {
    reasons: Vec<Reason>,
    losses: Vec<Loss>,
}

impl Reader {
    /// A member that must be there; if it is not, that is a reason.
    fn need<T: Default>(&mut self, field: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            self.reasons.push(Reason::new(
                field,
                "Describe does not show it, and what the new cache gets must not be left to a default",
                "describe the cache again (members with --show-cache-node-info) and plan from that",
            ));
            T::default()
        })
    }

    fn group(
        &mut self,
        group: &ReplicationGroup,
        members: &[CacheCluster],
        facts: &Facts,
    ) -> Request {
        self.members_agree(group, members);
        let nobody = CacheCluster::default();
        let member = members.first().unwrap_or(&nobody);
        let engine = group.engine.as_deref().or(member.engine.as_deref());
        let mut request = self.common(member, engine, facts);
        request.id = group.replication_group_id.clone();
        request.node_type = self.need(
            "CacheNodeType",
            group.cache_node_type.clone().or(member.cache_node_type.clone()),
        );
        request.snapshot_retention =
            group.snapshot_retention_limit.or(member.snapshot_retention_limit);
        request.snapshot_window = group.snapshot_window.clone().or(member.snapshot_window.clone());
        request.auto_minor_version_upgrade =
            group.auto_minor_version_upgrade.or(member.auto_minor_version_upgrade);
        request.auth_token = token(group.auth_token_enabled.or(member.auth_token_enabled));
        request.transit_encryption = self.need(
            "TransitEncryptionEnabled",
            group.transit_encryption_enabled.or(member.transit_encryption_enabled),
        );
        request.logs = self.logs(&group.log_delivery_configurations);
        request.network_type = group.network_type.clone().or(member.network_type.clone());
        request.ip_discovery = group.ip_discovery.clone().or(member.ip_discovery.clone());
        request.port = self.need("Port", group_port(group).or(member.port()));
        let on = |text: &Option<String>| match text.as_deref() {
            Some("enabled" | "enabling") => Some(true),
            Some("disabled" | "disabling") => Some(false),
            Some(_) | None => None,
        };
        let mode =
            group.transit_encryption_mode.as_ref().or(member.transit_encryption_mode.as_ref());
        request.kind = Kind::Group(GroupInputs {
            // It must not be empty, and the console writes a blank where nobody wrote anything.
            description: match group.description.as_deref() {
                None | Some("") => " ".to_owned(),
                Some(text) => text.to_owned(),
            },
            automatic_failover: self
                .need("AutomaticFailoverEnabled", on(&group.automatic_failover)),
            multi_az: on(&group.multi_az).unwrap_or(false),
            shape: self.shape(group),
            transit_mode: mode.filter(|mode| *mode == "preferred").cloned(),
            at_rest_encryption: self.at_rest(group),
            kms_key: group.kms_key_id.clone(),
            user_groups: sorted(group.user_group_ids.iter().cloned()),
            data_tiering: on(&group.data_tiering),
            cluster_mode: group.cluster_mode.clone(),
            durability: durability(group, &request.engine, &request.engine_version),
        });
        request
    }

    fn cluster(&mut self, cluster: &CacheCluster, facts: &Facts) -> Request {
        let mut request = self.common(cluster, cluster.engine.as_deref(), facts);
        request.id = cluster.cache_cluster_id.clone();
        request.node_type = self.need("CacheNodeType", cluster.cache_node_type.clone());
        request.auto_minor_version_upgrade = cluster.auto_minor_version_upgrade;
        request.auth_token = token(cluster.auth_token_enabled);
        request.transit_encryption =
            self.need("TransitEncryptionEnabled", cluster.transit_encryption_enabled);
        request.logs = self.logs(&cluster.log_delivery_configurations);
        request.network_type = cluster.network_type.clone();
        request.ip_discovery = cluster.ip_discovery.clone();
        request.port = self.need("Port", cluster.port());
        if request.engine != Engine::Memcached {
            request.snapshot_retention = cluster.snapshot_retention_limit;
            request.snapshot_window = cluster.snapshot_window.clone();
        }
        request.kind = Kind::Cluster(self.placement(cluster, &request.engine));
        request
    }

    /// What groups and clusters are shown in the same way.
    fn common(&mut self, member: &CacheCluster, engine: Option<&str>, facts: &Facts) -> Request {
        let engine = Engine::parse(&self.need("Engine", engine.map(str::to_owned)));
        if let Engine::Unknown(name) = &engine
            && !name.is_empty()
        {
            self.reasons.push(Reason::new(
                "Engine",
                format!("`{name}` is not an engine that is known here"),
                "move the cache by hand",
            ));
        }
        let shown = self.need("EngineVersion", member.engine_version.clone());
        let engine_version = creatable_version(&engine, &shown);
        if engine_version != shown {
            self.losses.push(Loss::of(
                "EngineVersion",
                format!("the patch level {shown}: AWS takes {engine_version} and chooses the patch itself"),
            ));
        }
        let parameters = member.cache_parameter_group.as_ref();
        let parameter_group = self.need(
            "CacheParameterGroupName",
            parameters.and_then(|group| group.cache_parameter_group_name.clone()),
        );
        let topic = member.notification_configuration.as_ref();
        Request {
            id: String::new(),
            node_type: String::new(),
            engine,
            engine_version,
            parameter_group,
            subnet_group: self.need("CacheSubnetGroupName", member.cache_subnet_group_name.clone()),
            security_groups: self.security_groups(member),
            tags: self.tags(facts),
            snapshot: None,
            maintenance_window: member.preferred_maintenance_window.clone(),
            port: 0,
            topic: topic.and_then(|topic| topic.topic_arn.clone()),
            auto_minor_version_upgrade: None,
            snapshot_retention: None,
            snapshot_window: None,
            auth_token: Token::None,
            transit_encryption: false,
            logs: Vec::new(),
            network_type: None,
            ip_discovery: None,
            kind: Kind::Cluster(crate::request::ClusterInputs {
                nodes: 0,
                placement: crate::request::Placement::One(None),
            }),
        }
    }

    fn security_groups(&mut self, member: &CacheCluster) -> Vec<String> {
        let ids: Vec<String> = member.group_ids().map(str::to_owned).collect();
        let ids = (!ids.is_empty()).then_some(ids);
        sorted(self.need("SecurityGroupIds", ids).into_iter())
    }

    /// The tags that may be set, by key: `aws:` tags are AWS's own (Tagging guide), and the marks of a
    /// move say of the old cache how it came to be. What its owner says by a tag is carried over.
    fn tags(&mut self, facts: &Facts) -> Vec<Tag> {
        let mut tags = self.need("Tags", facts.tags.clone());
        let own: Vec<_> =
            tags.iter().filter(|t| t.key.starts_with("aws:")).map(|t| t.key.clone()).collect();
        if !own.is_empty() {
            self.losses.push(Loss::of(
                "Tags",
                format!("{}: only AWS sets tags that begin with aws:", own.join(", ")),
            ));
        }
        tags.retain(|tag| !tag.key.starts_with("aws:") && !marks::is_mark(&tag.key));
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        tags
    }

    /// The deliveries that work. One that is broken or being taken down would make the call fail, or
    /// bring back what somebody removed.
    fn logs(&mut self, logs: &[LogDelivery]) -> Vec<LogDelivery> {
        let mut kept = Vec::new();
        for log in logs {
            let kind = log.log_type.as_deref().unwrap_or("a log");
            match log.status.as_deref() {
                Some("error" | "disabling") => self.losses.push(Loss::of(
                    "LogDeliveryConfigurations",
                    format!(
                        "the delivery of {kind}: its status is {}",
                        log.status.as_deref().unwrap_or_default()
                    ),
                )),
                Some(_) | None => kept.push(LogDelivery { status: None, ..log.clone() }),
            }
        }
        kept.sort_by(|a, b| a.log_type.cmp(&b.log_type));
        kept
    }

    /// Encryption at rest as it is in effect. It can be on where `AtRestEncryptionEnabled` is false,
    /// which `StorageEncryptionType` then shows (service model, AtRestEncryptionEnabled).
    fn at_rest(&mut self, group: &ReplicationGroup) -> bool {
        let storage = group.storage_encryption_type.as_deref();
        if storage == Some("sse-kms") && group.kms_key_id.is_none() {
            self.reasons.push(Reason::new(
                "KmsKeyId",
                "the data is encrypted with a key of KMS that Describe does not name",
                "find the key, and move the cache by hand",
            ));
        }
        let in_effect = matches!(storage, Some("sse-elasticache" | "sse-kms"));
        self.need("AtRestEncryptionEnabled", group.at_rest_encryption_enabled) || in_effect
    }
}

fn token(enabled: Option<bool>) -> Token {
    if enabled == Some(true) { Token::Hidden } else { Token::None }
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    items.sort();
    items
}

/// The port of a group, where Describe has it: the configuration endpoint in cluster mode, else the
/// primary's (the order that Terraform's provider reads them in).
fn group_port(group: &ReplicationGroup) -> Option<u16> {
    let first = group.node_groups.first();
    let primary = first.and_then(|shard| shard.primary_endpoint.as_ref());
    let reader = first.and_then(|shard| shard.reader_endpoint.as_ref());
    let shown = group.configuration_endpoint.iter().chain(primary).chain(reader);
    shown.filter_map(|endpoint| endpoint.port).find(|port| *port != 0)
}
