//! The request that would make a replication group as it is.

use super::{Reader, sorted};
use crate::describe::{CacheCluster, ReplicationGroup};
use crate::request::{GroupInputs, Kind, Request};
use crate::versions::{Feature, knows};

impl Reader<'_> {
    pub(super) fn group(&mut self, group: &ReplicationGroup, members: &[CacheCluster]) -> Request {
        self.members_agree(group, members);
        let nobody = CacheCluster::default();
        let member = members.first().unwrap_or(&nobody);
        let version = member.engine_version.clone().unwrap_or_default();
        let mut request = self.common(member, group.engine.as_deref().or(member.engine.as_deref()));
        request.id = group.replication_group_id.clone();
        let node_type = group.cache_node_type.as_ref().or(member.cache_node_type.as_ref());
        request.node_type = self.need("CacheNodeType", "CacheNodeType", node_type.cloned());
        self.snapshots(
            &mut request,
            group.snapshot_retention_limit.or(member.snapshot_retention_limit),
            group.snapshot_window.as_ref().or(member.snapshot_window.as_ref()),
        );
        const UPGRADE: &str = "AutoMinorVersionUpgrade";
        let upgrade = group.auto_minor_version_upgrade.or(member.auto_minor_version_upgrade);
        request.auto_minor_version_upgrade = self.need(UPGRADE, UPGRADE, upgrade);
        self.transit(
            &mut request,
            &version,
            group.transit_encryption_enabled.or(member.transit_encryption_enabled),
            group.auth_token_enabled.or(member.auth_token_enabled),
        );
        request.logs = self.logs(&request, &version, group.log_delivery_configurations.as_ref());
        self.network(
            &mut request,
            &version,
            group.network_type.as_ref().or(member.network_type.as_ref()),
            group.ip_discovery.as_ref().or(member.ip_discovery.as_ref()),
        );
        request.port = self.need("Port", "Port", group_port(group).or(member.port()));
        let inputs = self.group_inputs(group, members, &request, &version);
        request.kind = Kind::Group(inputs);
        request
    }

    fn group_inputs(
        &mut self,
        group: &ReplicationGroup,
        members: &[CacheCluster],
        request: &Request,
        version: &str,
    ) -> GroupInputs {
        let nobody = CacheCluster::default();
        let member = members.first().unwrap_or(&nobody);
        let knows = |feature| knows(&request.engine, version, feature);
        let global = group.global_replication_group_info.as_ref();
        const GLOBAL: &str = "GlobalReplicationGroupInfo";
        self.need_if(true, "GlobalReplicationGroupId", GLOBAL, global);
        let pending = group.pending_modified_values.as_ref();
        self.need_if(true, "PendingModifiedValues", "PendingModifiedValues", pending);
        let failover = self.need(
            "AutomaticFailoverEnabled",
            "AutomaticFailover",
            on(group.automatic_failover.as_deref()),
        );
        // Without failover there is no Multi-AZ, and without TLS there are no user groups.
        let multi_az = on(group.multi_az.as_deref());
        let multi_az = self.need_if(failover, "MultiAZEnabled", "MultiAZ", multi_az);
        let users = request.transit_encryption && knows(Feature::UserGroups);
        let users =
            self.need_if(users, "UserGroupIds", "UserGroupIds", group.user_group_ids.clone());
        let mode =
            group.transit_encryption_mode.as_ref().or(member.transit_encryption_mode.as_ref());
        GroupInputs {
            // It must not be empty, and the console writes a blank where nobody wrote anything.
            description: match self.need(
                "ReplicationGroupDescription",
                "Description",
                group.description.clone(),
            ) {
                text if text.is_empty() => " ".to_owned(),
                text => text,
            },
            automatic_failover: failover,
            multi_az: multi_az.unwrap_or_default(),
            shape: self.shape(group, members, knows(Feature::ClusterMode)),
            transit_mode: self.transit_mode(request, version, mode),
            at_rest_encryption: self.at_rest(
                group,
                knows(Feature::AtRestEncryption),
                knows(Feature::Durability),
            ),
            kms_key: group.kms_key_id.clone(),
            user_groups: sorted(users.unwrap_or_default().into_iter()),
            data_tiering: on(group.data_tiering.as_deref())
                .unwrap_or_else(|| is_tiered(&request.node_type)),
            durability: self.durability(group, knows(Feature::Durability)),
        }
    }

    /// The automatic snapshots. AWS shows both members of every cache of Redis OSS and Valkey.
    pub(super) fn snapshots(
        &mut self,
        request: &mut Request,
        retention: Option<i64>,
        window: Option<&String>,
    ) {
        const RETENTION: &str = "SnapshotRetentionLimit";
        request.snapshot_retention = self.need_if(true, RETENTION, RETENTION, retention);
        request.snapshot_window =
            self.need_if(true, "SnapshotWindow", "SnapshotWindow", window).cloned();
    }

    /// Encryption at rest as it is in effect. It can be on where `AtRestEncryptionEnabled` is false, which
    /// `StorageEncryptionType` then shows (service model, AtRestEncryptionEnabled): durability does that.
    /// And where no key is named, only `StorageEncryptionType` says that there is none.
    fn at_rest(&mut self, group: &ReplicationGroup, known: bool, durable: bool) -> bool {
        const AT_REST: &str = "AtRestEncryptionEnabled";
        let storage = group.storage_encryption_type.as_deref();
        if storage == Some("sse-kms") && group.kms_key_id.is_none() {
            self.unclear(
                "KmsKeyId",
                "the data is encrypted with a key of KMS that Describe does not name",
                "find the key, and re-create the cache manually",
            );
        }
        let flag = group.at_rest_encryption_enabled;
        let flag = self.need_if(known, AT_REST, AT_REST, flag).unwrap_or_default();
        let matters = durable || (flag && group.kms_key_id.is_none());
        self.need_if(matters, "KmsKeyId", "StorageEncryptionType", storage);
        flag || matches!(storage, Some("sse-elasticache" | "sse-kms"))
    }

    /// The durability that is in effect, where the engine has any. `default` would be resolved anew, perhaps
    /// differently.
    fn durability(&mut self, group: &ReplicationGroup, known: bool) -> Option<String> {
        let set = group.durability.clone().filter(|durability| durability != "default");
        let effective = group.effective_durability.clone().or(set);
        let effective = self.need_if(known, "Durability", "EffectiveDurability", effective)?;
        (known || effective != "disabled").then_some(effective)
    }
}

fn on(text: Option<&str>) -> Option<bool> {
    match text {
        Some("enabled" | "enabling") => Some(true),
        Some("disabled" | "disabling") => Some(false),
        Some(_) | None => None,
    }
}

/// Nodes of this family have data tiering, and no others can (service model, DataTieringEnabled).
pub(crate) fn is_tiered(node_type: &str) -> bool {
    node_type.starts_with("cache.r6gd.")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recover::tests::reader;

    #[test]
    fn durability_is_what_is_in_effect() {
        let of = |durability: &str, effective: Option<&str>, known| {
            let group = ReplicationGroup {
                durability: Some(durability.to_owned()),
                effective_durability: effective.map(str::to_owned),
                ..ReplicationGroup::default()
            };
            let facts = crate::document::tests::facts("valkey-with-replicas");
            let mut reader = reader(&facts);
            (reader.durability(&group, known), reader.missing)
        };
        assert_eq!(of("default", Some("sync"), true).0.as_deref(), Some("sync"));
        assert_eq!(of("default", Some("disabled"), true).0.as_deref(), Some("disabled"));
        assert_eq!(of("default", Some("disabled"), false), (None, vec![]));
        assert_eq!(of("default", None, true), (None, vec!["EffectiveDurability"]));
        assert_eq!(of("default", None, false), (None, vec![]));
    }
}
