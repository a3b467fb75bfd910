//! Whether a new cache is what its plan asked for, in every setting that AWS shows.

use super::{Difference, verify};
use crate::describe::{CacheCluster, ReplicationGroup};
use crate::facts::{Cache, Facts};
use crate::marks;
use crate::plan::{Afterwards, Plan};
use crate::recover::recover;
use crate::refuse::{Reason, state};
use crate::request::{GroupInputs, Kind, Request, Token};

/// Every difference between what a plan asked for and the new cache, as read from its own document. None
/// means that clients can be told of it.
///
/// What can be recovered from the cache is compared input by input, as [`verify`] does. Beside that:
/// what was set afterwards, encryption and authentication on every member, every endpoint's port, and
/// whether the cache is through with its making.
pub fn verify_clone(plan: &Plan, found: &Facts) -> Vec<Difference> {
    let recovered = recover(found);
    let mut all = verify(&plan.create, &recovered.request);
    all.extend(recovered.reasons.into_iter().chain(state(&found.cache)).map(of_reason));
    let mut check = Check { asked: &plan.create, all };
    check.names(plan, found);
    check.ports(found);
    check.afterwards(plan, &found.cache);
    for cluster in found.cache.clusters() {
        check.cluster(cluster);
    }
    if let (Cache::Group(group, members), Kind::Group(inputs)) = (&found.cache, &plan.create.kind) {
        check.group(group, inputs);
        members.iter().for_each(|member| check.member(member));
    }
    check.all
}

/// What could not be recovered, or is not as it must be.
fn of_reason(reason: Reason) -> Difference {
    Difference { setting: reason.field, asked: "as in the plan".to_owned(), found: reason.why }
}

struct Check<'a> {
    asked: &'a Request,
    all: Vec<Difference>,
}

impl Check<'_> {
    /// A setting that must be this, where it is shown.
    fn shown(&mut self, setting: impl Into<String>, asked: &str, found: Option<&str>) {
        if let Some(found) = found.filter(|found| *found != asked) {
            let (asked, found) = (asked.to_owned(), found.to_owned());
            self.all.push(Difference { setting: setting.into(), asked, found });
        }
    }

    /// A setting that must be this, and be shown.
    fn must(&mut self, setting: impl Into<String>, asked: &str, found: Option<&str>) {
        self.shown(setting, asked, Some(found.unwrap_or("not shown")));
    }

    /// Who it is, and by which mark a later run will know it.
    fn names(&mut self, plan: &Plan, found: &Facts) {
        let stem = plan.cache.arn.strip_suffix(plan.cache.id.as_str()).unwrap_or_default();
        self.must("ARN", &format!("{stem}{}", self.asked.id), found.cache.arn());
        let tags = found.tags.as_deref().unwrap_or_default();
        let mark = marks::value(tags, marks::MOVED_FROM);
        self.must(format!("Tags, {}", marks::MOVED_FROM), &plan.cache.arn, mark);
    }

    /// Every endpoint that clients may use, not the first alone.
    fn ports(&mut self, found: &Facts) {
        let asked = self.asked.port.to_string();
        let mut ports = Vec::new();
        if let Cache::Group(group, _) = &found.cache {
            ports.push(("ConfigurationEndpoint.Port", group.configuration_endpoint.as_ref()));
            for shard in &group.node_groups {
                ports.push(("PrimaryEndpoint.Port", shard.primary_endpoint.as_ref()));
                ports.push(("ReaderEndpoint.Port", shard.reader_endpoint.as_ref()));
                let members = shard.node_group_members.iter();
                ports.extend(members.map(|m| ("ReadEndpoint.Port", m.read_endpoint.as_ref())));
            }
        }
        for cluster in found.cache.clusters() {
            ports.push(("ConfigurationEndpoint.Port", cluster.configuration_endpoint.as_ref()));
            let nodes = cluster.cache_nodes.iter();
            ports.extend(nodes.map(|node| ("Endpoint.Port", node.endpoint.as_ref())));
        }
        for (setting, endpoint) in ports {
            let found = endpoint.and_then(|endpoint| endpoint.port).map(|port| port.to_string());
            self.shown(setting, &asked, found.as_deref());
        }
    }

    /// What Modify set. Where nothing was to be set, the topic must not be silent.
    fn afterwards(&mut self, plan: &Plan, cache: &Cache) {
        let silent = plan.afterwards.contains(&Afterwards::SilentTopic);
        for cluster in cache.clusters() {
            let topic = cluster.notification_configuration.as_ref();
            let status = topic.and_then(|topic| topic.topic_status.as_deref());
            let setting = format!("NotificationTopicStatus of {}", cluster.cache_cluster_id);
            if silent {
                self.must(setting, "inactive", status);
            } else {
                self.shown(setting, "active", status);
            }
        }
        for setting in &plan.afterwards {
            if let Afterwards::SnapshottingCluster(id) = setting {
                let found = match cache {
                    Cache::Group(group, _) => group.snapshotting_cluster_id.as_deref(),
                    Cache::Cluster(_) => None,
                };
                self.must("SnapshottingClusterId", id, found);
            }
        }
    }

    /// What each cluster shows for itself, where a group shows it too: it must not differ.
    fn cluster(&mut self, cluster: &CacheCluster) {
        let asked = self.asked;
        let of = |setting: &str| format!("{setting} of {}", cluster.cache_cluster_id);
        let flag = |flag: bool| if flag { "yes" } else { "no" };
        let texts = [
            ("Engine", Some(asked.engine.as_str()), cluster.engine.as_deref()),
            ("NetworkType", asked.network_type.as_deref(), cluster.network_type.as_deref()),
            ("IpDiscovery", asked.ip_discovery.as_deref(), cluster.ip_discovery.as_deref()),
        ];
        for (setting, wanted, found) in texts {
            self.shown(of(setting), wanted.or(found).unwrap_or_default(), found);
        }
        let token = asked.auth_token != Token::None;
        let upgrade = cluster.auto_minor_version_upgrade;
        let flags = [
            ("AutoMinorVersionUpgrade", asked.auto_minor_version_upgrade.or(upgrade), upgrade),
            (
                "TransitEncryptionEnabled",
                Some(asked.transit_encryption),
                cluster.transit_encryption_enabled,
            ),
            ("AuthTokenEnabled", Some(token), cluster.auth_token_enabled),
        ];
        for (setting, wanted, found) in flags {
            self.shown(of(setting), flag(wanted.unwrap_or_default()), found.map(flag));
        }
        self.transit_mode(&of("TransitEncryptionMode"), cluster.transit_encryption_mode.as_deref());
        // A group's own StorageEncryptionType says what is in effect where a flag does not.
        if cluster.at_rest_encryption_enabled == Some(true) && !self.at_rest() {
            self.shown(of("AtRestEncryptionEnabled"), "no", Some("yes"));
        }
        let nodes = match &asked.kind {
            Kind::Group(_) => 1,
            Kind::Cluster(inputs) => inputs.nodes,
        };
        self.shown(
            of("CacheNodes"),
            &nodes.to_string(),
            Some(&cluster.cache_nodes.len().to_string()),
        );
        let zone = cluster.preferred_availability_zone.as_deref();
        for node in &cluster.cache_nodes {
            let own = node.customer_availability_zone.as_deref();
            if let Some(zone) = zone.filter(|zone| *zone != "Multiple") {
                self.shown(of("CustomerAvailabilityZone"), zone, own);
            }
        }
    }

    fn at_rest(&self) -> bool {
        match &self.asked.kind {
            Kind::Group(inputs) => inputs.at_rest_encryption,
            Kind::Cluster(_) => false,
        }
    }

    fn transit_mode(&mut self, setting: &str, found: Option<&str>) {
        let preferred = match &self.asked.kind {
            Kind::Group(inputs) => inputs.transit_mode.as_deref(),
            Kind::Cluster(_) => None,
        };
        if self.asked.transit_encryption {
            self.shown(setting, preferred.unwrap_or("required"), found);
        }
    }

    fn group(&mut self, group: &ReplicationGroup, inputs: &GroupInputs) {
        self.transit_mode("TransitEncryptionMode", group.transit_encryption_mode.as_deref());
        let storage = match (inputs.at_rest_encryption, &inputs.kms_key) {
            (false, _) => "none",
            (true, None) => "sse-elasticache",
            (true, Some(_)) => "sse-kms",
        };
        self.shown("StorageEncryptionType", storage, group.storage_encryption_type.as_deref());
        let durability = group.durability.as_deref().filter(|set| *set != "default");
        self.shown("Durability", inputs.durability.as_deref().unwrap_or("disabled"), durability);
        let mut named: Vec<&str> = group.member_clusters.iter().map(String::as_str).collect();
        let shards = group.node_groups.iter().flat_map(|shard| &shard.node_group_members);
        let mut in_shards: Vec<&str> =
            shards.filter_map(|member| member.cache_cluster_id.as_deref()).collect();
        named.sort_unstable();
        in_shards.sort_unstable();
        self.shown("NodeGroupMembers", &named.join(", "), Some(&in_shards.join(", ")));
    }

    fn member(&mut self, member: &CacheCluster) {
        let of = |setting: &str| format!("{setting} of {}", member.cache_cluster_id);
        let id = self.asked.id.clone();
        self.must(of("ReplicationGroupId"), &id, member.replication_group_id.as_deref());
        let nodes = member.num_cache_nodes.map(|nodes| nodes.to_string());
        self.shown(of("NumCacheNodes"), "1", nodes.as_deref());
    }
}
