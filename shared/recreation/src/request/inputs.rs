//! The inputs of both calls by their names in the API: those that are sent, and those that never are.

use super::{ClusterInputs, GroupInputs, Kind, Placement, Request, Shape, Value};

/// Inputs of CreateReplicationGroup that are never sent, and why.
pub const GROUP_NEVER: &[(&str, &str)] = &[
    ("GlobalReplicationGroupId", "a member of a Global datastore is refused"),
    ("PrimaryClusterId", "it would promote a node that exists, and keep its port"),
    ("ReplicasPerNodeGroup", "NodeGroupConfiguration gives each shard's own ReplicaCount"),
    ("CacheSecurityGroupNames", "EC2-Classic only, which is refused"),
    ("SnapshotArns", "the snapshot is one of ElastiCache's own: SnapshotName is enough"),
    ("ServerlessCacheSnapshotName", "the snapshot is not one of a serverless cache"),
];

/// Inputs of CreateCacheCluster that are never sent, and why.
pub const CLUSTER_NEVER: &[(&str, &str)] = &[
    ("ReplicationGroupId", "it would create a replica of a group, on the group's port"),
    ("CacheSecurityGroupNames", "EC2-Classic only, which is refused"),
    ("SnapshotArns", "the snapshot is one of ElastiCache's own: SnapshotName is enough"),
    ("OutpostMode", "a cache on an Outpost is refused"),
    ("PreferredOutpostArn", "a cache on an Outpost is refused"),
    ("PreferredOutpostArns", "a cache on an Outpost is refused"),
];

impl Request {
    /// Every input of the operation that is ever sent, with its value, in the order of the service
    /// model. A field that is forgotten here does not compile.
    pub fn inputs(&self) -> Vec<(&'static str, Value)> {
        let Self {
            id,
            node_type,
            engine,
            engine_version,
            parameter_group,
            subnet_group,
            security_groups,
            tags,
            snapshot,
            maintenance_window,
            port,
            topic,
            auto_minor_version_upgrade,
            snapshot_retention,
            snapshot_window,
            auth_token,
            transit_encryption: _,
            logs,
            network_type,
            ip_discovery,
            kind,
        } = self;
        let text = |text: &str| Value::Text(text.to_owned());
        let mut inputs = match kind {
            Kind::Group(group) => group_head(id, group),
            Kind::Cluster(cluster) => cluster_head(id, cluster),
        };
        inputs.extend([
            ("CacheNodeType", text(node_type)),
            ("Engine", text(engine.as_str())),
            ("EngineVersion", text(engine_version)),
            ("CacheParameterGroupName", text(parameter_group)),
            ("CacheSubnetGroupName", text(subnet_group)),
            ("SecurityGroupIds", Value::list(security_groups)),
            ("Tags", if tags.is_empty() { Value::Unset } else { Value::Tags(tags.clone()) }),
            ("SnapshotName", Value::text(snapshot.as_deref())),
            ("PreferredMaintenanceWindow", text(maintenance_window)),
            ("Port", Value::Number((*port).into())),
            ("NotificationTopicArn", Value::text(topic.as_deref())),
            ("AutoMinorVersionUpgrade", Value::Flag(*auto_minor_version_upgrade)),
            ("SnapshotRetentionLimit", snapshot_retention.map_or(Value::Unset, Value::Number)),
            ("SnapshotWindow", Value::text(snapshot_window.as_deref())),
            ("AuthToken", Value::Token(auth_token.clone())),
            ("TransitEncryptionEnabled", Value::flag(self.transit_encryption_input())),
            (
                "LogDeliveryConfigurations",
                if logs.is_empty() { Value::Unset } else { Value::Logs(logs.clone()) },
            ),
            ("NetworkType", Value::text(network_type.as_deref())),
            ("IpDiscovery", Value::text(ip_discovery.as_deref())),
        ]);
        if let Kind::Group(group) = kind {
            inputs.extend(self.group_tail(group));
        }
        inputs
    }

    fn group_tail(&self, group: &GroupInputs) -> Vec<(&'static str, Value)> {
        let GroupInputs {
            description: _,
            automatic_failover: _,
            multi_az: _,
            shape: _,
            transit_mode,
            at_rest_encryption: _,
            kms_key,
            user_groups,
            data_tiering,
            durability,
        } = group;
        vec![
            ("TransitEncryptionMode", Value::text(transit_mode.as_deref())),
            ("AtRestEncryptionEnabled", Value::flag(self.at_rest_encryption_input())),
            ("KmsKeyId", Value::text(kms_key.as_deref())),
            ("UserGroupIds", Value::list(user_groups)),
            ("DataTieringEnabled", Value::flag(data_tiering.then_some(true))),
            ("ClusterMode", Value::text(self.cluster_mode_input())),
            ("Durability", Value::text(durability.as_deref())),
        ]
    }
}

fn group_head(id: &str, group: &GroupInputs) -> Vec<(&'static str, Value)> {
    let (nodes, zones, count, shards) = match &group.shape {
        Shape::Nodes(zones) => {
            (Value::count(zones.len()), Value::list(zones), Value::Unset, Value::Unset)
        }
        Shape::Shards(shards) => {
            (Value::Unset, Value::Unset, Value::count(shards.len()), Value::Shards(shards.clone()))
        }
    };
    vec![
        ("ReplicationGroupId", Value::Text(id.to_owned())),
        ("ReplicationGroupDescription", Value::Text(group.description.clone())),
        ("AutomaticFailoverEnabled", Value::Flag(group.automatic_failover)),
        ("MultiAZEnabled", Value::Flag(group.multi_az)),
        ("NumCacheClusters", nodes),
        ("PreferredCacheClusterAZs", zones),
        ("NumNodeGroups", count),
        ("NodeGroupConfiguration", shards),
    ]
}

fn cluster_head(id: &str, cluster: &ClusterInputs) -> Vec<(&'static str, Value)> {
    let ClusterInputs { nodes, placement } = cluster;
    let (mode, one, many) = match placement {
        Placement::One(zone) => (Value::Unset, Value::Text(zone.clone()), Value::Unset),
        Placement::Many(zones) => {
            (Value::Text("cross-az".to_owned()), Value::Unset, Value::list(zones))
        }
    };
    vec![
        ("CacheClusterId", Value::Text(id.to_owned())),
        ("NumCacheNodes", Value::Number(*nodes)),
        ("AZMode", mode),
        ("PreferredAvailabilityZone", one),
        ("PreferredAvailabilityZones", many),
    ]
}

impl Request {
    /// The inputs of the operation that are never sent, and why.
    pub fn never(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::Group(_) => GROUP_NEVER,
            Kind::Cluster(_) => CLUSTER_NEVER,
        }
    }
}
