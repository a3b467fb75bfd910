//! The request that would make a cache as it is, recovered from what Describe shows of it.
//!
//! Many settings of a replication group are shown by its members only. What cannot be recovered is
//! a reason to refuse, and all of them are collected: nothing is guessed, and nothing is left to a
//! default that AWS might choose differently from what the cache has.
//!
//! INVARIANT: absent is unknown, never off. A member that is not in the document is a reason to refuse,
//! unless the rest of the document proves that it does not matter (`Reader::need_if`).

mod group;
mod lone;
mod members;
mod network;
mod shape;

pub(crate) use group::is_tiered;
pub(crate) use network::has_nitro;
pub(crate) use shape::primary_first;

use portcullis_engine::facts::{Engine, Tag};

use crate::describe::{CacheCluster, LogDelivery};
use crate::facts::{Cache, Facts};
use crate::marks;
use crate::reason::Reason;
use crate::region;
use crate::request::{ClusterInputs, Kind, Placement, Request, Token};
use crate::versions::{Feature, creatable, knows};

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
    /// The inputs that could not be recovered: what the request has for them means nothing.
    pub unknown: Vec<&'static str>,
    /// What the request leaves out.
    pub losses: Vec<Loss>,
}

/// Recovers the request.
pub fn recover(facts: &Facts) -> Recovered {
    let mut reader = Reader {
        facts,
        reasons: Vec::new(),
        missing: Vec::new(),
        unknown: Vec::new(),
        losses: Vec::new(),
    };
    reader.need("ARN", "ARN", facts.cache.arn().map(str::to_owned));
    let request = match &facts.cache {
        Cache::Group(group, members) => reader.group(group, members),
        Cache::Cluster(cluster) => reader.cluster(cluster),
    };
    reader.states();
    reader.done(request)
}

/// Collects what is wrong while it reads.
struct Reader<'a> {
    facts: &'a Facts,
    reasons: Vec<Reason>,
    /// Members that are not in the document.
    missing: Vec<&'static str>,
    unknown: Vec<&'static str>,
    losses: Vec<Loss>,
}

impl Reader<'_> {
    /// The value of an input, shown as this member; if it is not, that is a reason.
    fn need<T: Default>(
        &mut self,
        input: &'static str,
        member: &'static str,
        value: Option<T>,
    ) -> T {
        self.need_if(true, input, member, value).unwrap_or_default()
    }

    /// The same, where it matters: where it does not, what is not shown is known all the same.
    fn need_if<T>(
        &mut self,
        matters: bool,
        input: &'static str,
        member: &'static str,
        value: Option<T>,
    ) -> Option<T> {
        if matters && value.is_none() {
            self.missing.push(member);
            self.unknown.push(input);
        }
        value
    }

    /// A reason about an input, which is unknown by it.
    fn unclear(&mut self, input: &'static str, why: impl Into<String>, remedy: &str) {
        self.unknown.push(input);
        self.reasons.push(Reason::new(input, why, remedy));
    }

    fn done(mut self, request: Request) -> Recovered {
        self.missing.dedup();
        let mut named: Vec<&str> = Vec::new();
        for member in &self.missing {
            if !named.contains(member) {
                named.push(member);
            }
        }
        if !named.is_empty() {
            let names = named.join(", ");
            let why = format!(
                "not in the document: {names}. What a document does not say is unknown, and never left to a default"
            );
            let remedy = "print it with AWS CLI 2.x, as it is today (an older one does not know every member), with --show-cache-node-info for clusters; or plan the live cache: portcullis plan ID";
            self.reasons.insert(0, Reason::new(names, why, remedy));
        }
        let Self { reasons, unknown, losses, .. } = self;
        Recovered { request, reasons, unknown, losses }
    }

    /// What says whether the cache may be copied right now must be shown, too.
    fn states(&mut self) {
        for cluster in self.facts.cache.clusters() {
            let pending = cluster.pending_modified_values.as_ref();
            self.need_if(true, "PendingModifiedValues", "PendingModifiedValues", pending);
            for group in &cluster.security_groups {
                self.need_if(
                    true,
                    "SecurityGroupIds",
                    "SecurityGroups.Status",
                    group.status.as_ref(),
                );
            }
        }
    }

    /// What groups and clusters are shown in the same way.
    fn common(&mut self, member: &CacheCluster, engine: Option<&str>) -> Request {
        let engine = Engine::parse(&self.need("Engine", "Engine", engine.map(str::to_owned)));
        if let Engine::Unknown(name) = &engine
            && !name.is_empty()
        {
            self.unclear(
                "Engine",
                format!("the engine `{name}` is unknown to this version"),
                "re-create the cache manually",
            );
        }
        let shown = self.need("EngineVersion", "EngineVersion", member.engine_version.clone());
        let engine_version = creatable(&engine, &shown);
        if engine_version != shown {
            self.losses.push(Loss::of(
                "EngineVersion",
                format!("the patch level {shown}: AWS takes {engine_version} and chooses the patch itself"),
            ));
        }
        let parameters = member
            .cache_parameter_group
            .as_ref()
            .and_then(|group| group.cache_parameter_group_name.clone());
        let window = member.preferred_maintenance_window.clone();
        let subnet_group = member.cache_subnet_group_name.clone();
        Request {
            id: String::new(),
            node_type: String::new(),
            engine,
            engine_version,
            parameter_group: self.need(
                "CacheParameterGroupName",
                "CacheParameterGroup",
                parameters,
            ),
            subnet_group: self.need("CacheSubnetGroupName", "CacheSubnetGroupName", subnet_group),
            security_groups: self.security_groups(member),
            tags: self.tags(),
            snapshot: None,
            maintenance_window: self.need(
                "PreferredMaintenanceWindow",
                "PreferredMaintenanceWindow",
                window,
            ),
            port: 0,
            topic: self.topic(member),
            auto_minor_version_upgrade: false,
            snapshot_retention: None,
            snapshot_window: None,
            auth_token: Token::None,
            transit_encryption: false,
            logs: Vec::new(),
            network_type: None,
            ip_discovery: None,
            kind: Kind::Cluster(ClusterInputs {
                nodes: 0,
                placement: Placement::One(String::new()),
            }),
        }
    }

    /// Whether it is encrypted in transit, and whether with a token: what no version of its engine knows, it
    /// has not, and without TLS there is no token (service model, AuthToken).
    fn transit(
        &mut self,
        request: &mut Request,
        version: &str,
        shown: Option<bool>,
        token: Option<bool>,
    ) {
        const TRANSIT: &str = "TransitEncryptionEnabled";
        let known = knows(&request.engine, version, Feature::TransitEncryption);
        request.transit_encryption =
            self.need_if(known, TRANSIT, TRANSIT, shown).unwrap_or_default();
        let matters =
            request.transit_encryption && knows(&request.engine, version, Feature::AuthToken);
        if self.need_if(matters, "AuthToken", "AuthTokenEnabled", token) == Some(true) {
            request.auth_token = Token::Hidden;
        }
    }

    /// `preferred`, where clients may use TLS and need not. Before there was a choice, all had to.
    fn transit_mode(
        &mut self,
        request: &Request,
        version: &str,
        shown: Option<&String>,
    ) -> Option<String> {
        const MODE: &str = "TransitEncryptionMode";
        let matters =
            request.transit_encryption && knows(&request.engine, version, Feature::PreferredTls);
        self.need_if(matters, MODE, MODE, shown).filter(|mode| *mode == "preferred").cloned()
    }

    /// The topic. AWS leaves the member out where there is none.
    fn topic(&mut self, member: &CacheCluster) -> Option<String> {
        let topic = member.notification_configuration.as_ref()?;
        const TOPIC: &str = "NotificationTopicArn";
        self.need_if(true, TOPIC, "TopicStatus", topic.topic_status.as_ref());
        self.need_if(true, TOPIC, "TopicArn", topic.topic_arn.clone())
    }

    fn security_groups(&mut self, member: &CacheCluster) -> Vec<String> {
        let ids: Vec<String> = member.group_ids().map(str::to_owned).collect();
        let whole = !ids.is_empty() && ids.len() == member.security_groups.len();
        let ids = whole.then_some(ids);
        sorted(self.need("SecurityGroupIds", "SecurityGroups", ids).into_iter())
    }

    /// The tags that may be set, by key: `aws:` tags are AWS's own (Tagging guide), and the marks of a
    /// move say of the old cache how it came to be. What its owner says by a tag is carried over.
    fn tags(&mut self) -> Vec<Tag> {
        let Some(mut tags) = self.facts.tags.clone() else {
            let arn = self.facts.cache.arn().unwrap_or("ARN");
            let region = region::option(arn);
            self.unclear(
                "Tags",
                "not in the document: TagList. What a document does not say is unknown: the new cache might lack a tag that rights or costs depend on, and a tag may name the cache's owner",
                &format!(
                    "list them: `aws elasticache list-tags-for-resource{region} --resource-name {arn}`; or plan the live cache: `portcullis plan ID`"
                ),
            );
            return Vec::new();
        };
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
    fn logs(
        &mut self,
        request: &Request,
        version: &str,
        shown: Option<&Vec<LogDelivery>>,
    ) -> Vec<LogDelivery> {
        const LOGS: &str = "LogDeliveryConfigurations";
        let known = knows(&request.engine, version, Feature::SlowLog);
        let mut kept = Vec::new();
        for log in self.need_if(known, LOGS, LOGS, shown).into_iter().flatten() {
            let kind = log.log_type.as_deref().unwrap_or("a log");
            match log.status.as_deref() {
                Some("error" | "disabling") => self.losses.push(Loss::of(
                    LOGS,
                    format!(
                        "the delivery of {kind}: its status is {}",
                        log.status.as_deref().unwrap_or_default()
                    ),
                )),
                Some(_) | None => kept.push(LogDelivery { status: None, ..log.clone() }),
            }
            let details = &log.destination_details;
            let group = details.cloud_watch_logs.as_ref().and_then(|to| to.log_group.as_ref());
            let stream =
                details.kinesis_firehose.as_ref().and_then(|to| to.delivery_stream.as_ref());
            for (member, value) in [
                ("LogType", log.log_type.as_ref()),
                ("DestinationType", log.destination_type.as_ref()),
                ("DestinationDetails", group.or(stream)),
                ("LogFormat", log.log_format.as_ref()),
                ("LogDeliveryConfigurations.Status", log.status.as_ref()),
            ] {
                self.need_if(true, LOGS, member, value);
            }
        }
        kept.sort_by(|a, b| a.log_type.cmp(&b.log_type));
        kept
    }
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    items.sort();
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that has read nothing yet.
    pub(super) fn reader(facts: &Facts) -> Reader<'_> {
        let none = Vec::new;
        Reader {
            facts,
            reasons: none(),
            missing: Vec::new(),
            unknown: Vec::new(),
            losses: Vec::new(),
        }
    }
}
