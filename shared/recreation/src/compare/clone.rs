//! Whether a new cache is what its plan asked for, in every setting that AWS shows.

use super::{Difference, verify};
use crate::describe::{CacheCluster, ReplicationGroup};
use crate::facts::{Cache, Facts};
use crate::marks;
use crate::plan::{Afterwards, Plan};
use crate::reason::Reason;
use crate::recover::recover;
use crate::refuse::state;
use crate::request::{GroupInputs, Kind, Request, Shape, Token};

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

/// Slots of a group in cluster mode (service model, NodeGroupConfiguration.Slots).
const SLOTS: u32 = 16_384;

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
        self.must("ARN", &plan.new_arn(), found.cache.arn());
        let tags = found.tags.as_deref().unwrap_or_default();
        let mark = marks::value(tags, marks::RECREATED_FROM);
        self.must(format!("Tags, {}", marks::RECREATED_FROM), &plan.cache.arn, mark);
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
        self.shown(of("Engine"), asked.engine.as_str(), cluster.engine.as_deref());
        self.network(&of, cluster.network_type.as_deref(), cluster.ip_discovery.as_deref());
        let token = asked.auth_token != Token::None;
        let (upgrade, tls) = (asked.auto_minor_version_upgrade, asked.transit_encryption);
        for (setting, wanted, found) in [
            ("AutoMinorVersionUpgrade", upgrade, cluster.auto_minor_version_upgrade),
            ("TransitEncryptionEnabled", tls, cluster.transit_encryption_enabled),
            ("AuthTokenEnabled", token, cluster.auth_token_enabled),
        ] {
            self.shown(of(setting), flag(wanted), found.map(flag));
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

    /// Where nothing was asked for, only IPv4 is possible.
    fn network(
        &mut self,
        of: &dyn Fn(&str) -> String,
        network: Option<&str>,
        discovery: Option<&str>,
    ) {
        let ipv4 = |asked: &Option<String>| asked.clone().unwrap_or_else(|| "ipv4".to_owned());
        let asked = self.asked;
        self.shown(of("NetworkType"), &ipv4(&asked.network_type), network);
        self.shown(of("IpDiscovery"), &ipv4(&asked.ip_discovery), discovery);
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
        let own = |setting: &str| setting.to_owned();
        self.network(&own, group.network_type.as_deref(), group.ip_discovery.as_deref());
        self.every_slot(group, inputs);
    }

    /// Where AWS divided the slots, each must be in one shard.
    fn every_slot(&mut self, group: &ReplicationGroup, inputs: &GroupInputs) {
        let Shape::Shards(shards) = &inputs.shape else { return };
        if shards.iter().any(|shard| shard.slots.is_some()) {
            return;
        }
        let ranges: Vec<&str> = group
            .node_groups
            .iter()
            .filter_map(|shard| shard.slots.as_deref())
            .flat_map(|slots| slots.split(','))
            .collect();
        let ends = |range: &&str| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            Some((from.parse::<u32>().ok()?, to.parse::<u32>().ok()?))
        };
        let mut ends: Vec<(u32, u32)> = ranges.iter().filter_map(ends).collect();
        ends.sort_unstable();
        let next = ends
            .iter()
            .try_fold(0, |next, (from, to)| (*from == next && to >= from).then_some(to + 1));
        if next != Some(SLOTS) {
            self.must(
                "Slots",
                "every slot, from 0 to 16383, in one shard",
                Some(&ranges.join(", ")),
            );
        }
    }

    fn member(&mut self, member: &CacheCluster) {
        let of = |setting: &str| format!("{setting} of {}", member.cache_cluster_id);
        let id = self.asked.id.clone();
        self.must(of("ReplicationGroupId"), &id, member.replication_group_id.as_deref());
        let nodes = member.num_cache_nodes.map(|nodes| nodes.to_string());
        self.shown(of("NumCacheNodes"), "1", nodes.as_deref());
    }
}
