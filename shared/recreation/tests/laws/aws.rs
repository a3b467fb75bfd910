//! What AWS shows of a cache that was made by a request.

use std::collections::BTreeMap;

use portcullis_engine::facts::{Engine, GroupFacts, Tag};
use portcullis_recreation::describe::{
    CacheCluster, CacheNode, Endpoint, GlobalDatastore, LogDelivery, NodeGroup, NodeGroupMember,
    Notification, ParameterGroup, Pending, ReplicationGroup, SecurityGroup,
};
use portcullis_recreation::facts::{Around, Cache, Facts, Room};
use portcullis_recreation::request::{
    ClusterInputs, GroupInputs, Kind, Placement, Request, Shape, Shard, Token,
};

/// The facts of the account in which the request was carried out. `seed` decides what the request
/// does not: the patch level, and in what order members are shown.
pub(crate) fn facts(request: &Request, seed: u64) -> Facts {
    let kind = match request.kind {
        Kind::Group(_) => "replicationgroup",
        Kind::Cluster(_) => "cluster",
    };
    let arn = format!("arn:aws:elasticache:eu-west-1:111122223333:{kind}:{}", request.id);
    let cache = match &request.kind {
        Kind::Group(inputs) => group(request, inputs, &arn, seed),
        Kind::Cluster(inputs) => Cache::Cluster(Box::new(lone(request, inputs, &arn, seed))),
    };
    let mut tags = request.tags.clone();
    if seed.is_multiple_of(3) {
        tags.push(Tag { key: "aws:backup:source-resource".to_owned(), value: "x".to_owned() });
    }
    let group = |id: &String| (id.clone(), GroupFacts { id: id.clone(), ..GroupFacts::default() });
    Facts {
        cache,
        tags: Some(tags),
        subnet_group: None,
        snapshots: None,
        groups: Some(request.security_groups.iter().map(group).collect::<BTreeMap<_, _>>()),
        foreign_groups: BTreeMap::new(),
        neighbours: Vec::new(),
        ours: Vec::new(),
        around: Around::default(),
        room: Room::default(),
        made_by: None,
    }
}

/// A lone node that no call makes any more: what is left of a group of one node when the group is deleted
/// and its primary kept.
pub(crate) fn left_alone(request: &Request, seed: u64) -> Facts {
    let Kind::Group(group) = &request.kind else { panic!("no group") };
    let Shape::Nodes(zones) = &group.shape else { panic!("shards") };
    let arn = format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:{}", request.id);
    let inputs = ClusterInputs { nodes: 1, placement: Placement::One(zones[0].clone()) };
    let cluster = CacheCluster {
        at_rest_encryption_enabled: Some(group.at_rest_encryption),
        transit_encryption_mode: request
            .transit_encryption
            .then(|| group.transit_mode.clone().unwrap_or_else(|| "required".to_owned())),
        ..lone(request, &inputs, &arn, seed)
    };
    Facts { cache: Cache::Cluster(Box::new(cluster)), ..facts(request, seed) }
}

/// The same, in another order.
pub(crate) fn reverse(facts: &mut Facts) {
    if let Some(tags) = &mut facts.tags {
        tags.reverse();
    }
    if let Cache::Group(group, members) = &mut facts.cache {
        members.reverse();
        group.member_clusters.reverse();
        group.user_group_ids.iter_mut().for_each(|ids| ids.reverse());
        group.log_delivery_configurations.iter_mut().for_each(|logs| logs.reverse());
        members.iter_mut().for_each(|member| member.security_groups.reverse());
        let cluster_mode = group.cluster_enabled == Some(true);
        // Without roles, the order of members is all there is to go by.
        for shard in group.node_groups.iter_mut().filter(|_| !cluster_mode) {
            let (primary, mut replicas): (Vec<_>, Vec<_>) = shard
                .node_group_members
                .drain(..)
                .partition(|member| member.current_role.as_deref() == Some("primary"));
            replicas.extend(primary);
            shard.node_group_members = replicas;
        }
    }
}

fn group(request: &Request, inputs: &GroupInputs, arn: &str, seed: u64) -> Cache {
    let id = &request.id;
    let on = |flag: bool| Some(if flag { "enabled" } else { "disabled" }.to_owned());
    let shards: Vec<NodeGroup> = match &inputs.shape {
        Shape::Nodes(zones) => vec![nodes(request, zones, seed)],
        Shape::Shards(shards) => {
            let each = 16_384 / shards.len();
            let shard =
                |(at, one): (usize, &Shard)| shard(request, one, (at * each, (at + 1) * each));
            shards.iter().enumerate().map(shard).collect()
        }
    };
    let cluster_mode = matches!(inputs.shape, Shape::Shards(_));
    let ids: Vec<String> = shards
        .iter()
        .flat_map(|shard| &shard.node_group_members)
        .filter_map(|member| member.cache_cluster_id.clone())
        .collect();
    let members = ids
        .iter()
        .map(|id| CacheCluster {
            replication_group_id: Some(request.id.clone()),
            ..member(request, id, seed)
        })
        .collect();
    let group = ReplicationGroup {
        replication_group_id: id.clone(),
        arn: Some(arn.to_owned()),
        description: Some(inputs.description.clone()),
        status: Some("available".to_owned()),
        member_clusters: ids,
        node_groups: shards,
        automatic_failover: on(inputs.automatic_failover),
        multi_az: on(inputs.multi_az),
        configuration_endpoint: cluster_mode.then(|| endpoint("clustercfg", request)),
        snapshot_retention_limit: request.snapshot_retention,
        snapshot_window: request.snapshot_window.clone(),
        cluster_enabled: Some(cluster_mode),
        cache_node_type: Some(request.node_type.clone()),
        auth_token_enabled: Some(request.auth_token != Token::None),
        transit_encryption_enabled: Some(request.transit_encryption),
        // It may be on in effect where it is not by this flag.
        at_rest_encryption_enabled: Some(inputs.at_rest_encryption && !seed.is_multiple_of(5)),
        kms_key_id: inputs.kms_key.clone(),
        storage_encryption_type: Some(
            match (inputs.at_rest_encryption, &inputs.kms_key) {
                (false, _) => "none",
                (true, None) => "sse-elasticache",
                (true, Some(_)) => "sse-kms",
            }
            .to_owned(),
        ),
        user_group_ids: Some(inputs.user_groups.clone()),
        log_delivery_configurations: Some(logs(&request.logs)),
        data_tiering: on(inputs.data_tiering),
        auto_minor_version_upgrade: Some(request.auto_minor_version_upgrade),
        network_type: request.network_type.clone().or_else(ipv4),
        ip_discovery: request.ip_discovery.clone().or_else(ipv4),
        transit_encryption_mode: request
            .transit_encryption
            .then(|| inputs.transit_mode.clone().unwrap_or_else(|| "required".to_owned())),
        cluster_mode: on(cluster_mode),
        global_replication_group_info: Some(GlobalDatastore::default()),
        pending_modified_values: Some(Pending::default()),
        engine: Some(request.engine.as_str().to_owned()),
        durability: inputs.durability.clone().or_else(|| Some("default".to_owned())),
        effective_durability: inputs.durability.clone().or_else(|| Some("disabled".to_owned())),
        ..ReplicationGroup::default()
    };
    Cache::Group(Box::new(group), members)
}

/// Cluster mode disabled. AWS may show the members in any order; the role tells the primary.
fn nodes(request: &Request, zones: &[String], seed: u64) -> NodeGroup {
    let mut members: Vec<NodeGroupMember> = (0..zones.len())
        .map(|at| NodeGroupMember {
            cache_cluster_id: Some(format!("{}-{:03}", request.id, at + 1)),
            read_endpoint: Some(endpoint(&format!("{:03}", at + 1), request)),
            preferred_availability_zone: zones.get(at).cloned(),
            current_role: Some(if at == 0 { "primary" } else { "replica" }.to_owned()),
            ..NodeGroupMember::default()
        })
        .collect();
    if let Some(primary) = (!members.is_empty()).then(|| members.remove(0)) {
        let places = u64::try_from(members.len()).unwrap() + 1;
        members.insert(usize::try_from(seed % places).unwrap(), primary);
    }
    NodeGroup {
        node_group_id: Some("0001".to_owned()),
        status: Some("available".to_owned()),
        primary_endpoint: Some(endpoint("master", request)),
        reader_endpoint: Some(endpoint("replica", request)),
        node_group_members: members,
        ..NodeGroup::default()
    }
}

/// A shard with these slots: in one range, or in two where the request leaves them to AWS.
fn shard(request: &Request, shard: &Shard, (from, to): (usize, usize)) -> NodeGroup {
    let split = || format!("{from}-{from},{}-{}", from + 1, to - 1);
    let zones = [&shard.primary_zone].into_iter().chain(&shard.replica_zones);
    let members = zones.enumerate().map(|(at, zone)| NodeGroupMember {
        cache_cluster_id: Some(format!("{}-{}-{:03}", request.id, shard.id, at + 1)),
        preferred_availability_zone: Some(zone.clone()),
        ..NodeGroupMember::default()
    });
    NodeGroup {
        node_group_id: Some(shard.id.clone()),
        status: Some("available".to_owned()),
        slots: Some(shard.slots.clone().unwrap_or_else(split)),
        node_group_members: members.collect(),
        ..NodeGroup::default()
    }
}

/// A cluster as far as members of groups and lone ones are shown alike.
fn member(request: &Request, id: &str, seed: u64) -> CacheCluster {
    let patch = if request.engine_version.split('.').count() == 2 {
        format!("{}.{}", request.engine_version, seed % 7)
    } else {
        request.engine_version.clone()
    };
    CacheCluster {
        cache_cluster_id: id.to_owned(),
        cache_node_type: Some(request.node_type.clone()),
        engine: Some(request.engine.as_str().to_owned()),
        engine_version: Some(patch),
        cache_cluster_status: Some("available".to_owned()),
        num_cache_nodes: Some(1),
        preferred_maintenance_window: Some(request.maintenance_window.clone()),
        pending_modified_values: Some(Pending::default()),
        notification_configuration: request.topic.clone().map(|topic| Notification {
            topic_arn: Some(topic),
            topic_status: Some(
                if seed.is_multiple_of(2) { "active" } else { "inactive" }.to_owned(),
            ),
        }),
        cache_parameter_group: Some(ParameterGroup {
            cache_parameter_group_name: Some(request.parameter_group.clone()),
            parameter_apply_status: Some("in-sync".to_owned()),
        }),
        cache_subnet_group_name: Some(request.subnet_group.clone()),
        security_groups: request
            .security_groups
            .iter()
            .map(|id| SecurityGroup {
                security_group_id: Some(id.clone()),
                status: Some("active".to_owned()),
            })
            .collect(),
        auto_minor_version_upgrade: Some(request.auto_minor_version_upgrade),
        transit_encryption_enabled: Some(request.transit_encryption),
        network_type: request.network_type.clone().or_else(ipv4),
        ip_discovery: request.ip_discovery.clone().or_else(ipv4),
        cache_nodes: vec![CacheNode {
            endpoint: Some(endpoint(id, request)),
            ..CacheNode::default()
        }],
        ..CacheCluster::default()
    }
}

fn lone(request: &Request, inputs: &ClusterInputs, arn: &str, seed: u64) -> CacheCluster {
    let memcached = request.engine == Engine::Memcached;
    let count = usize::try_from(inputs.nodes).unwrap();
    let (zone, mut zones) = match &inputs.placement {
        Placement::One(zone) => (Some(zone.clone()), vec![Some(zone.clone()); count]),
        Placement::Many(zones) => {
            (Some("Multiple".to_owned()), zones.iter().cloned().map(Some).collect())
        }
    };
    zones.rotate_left(usize::try_from(seed).unwrap_or_default() % count);
    CacheCluster {
        arn: Some(arn.to_owned()),
        num_cache_nodes: Some(inputs.nodes),
        preferred_availability_zone: zone,
        configuration_endpoint: memcached.then(|| endpoint("cfg", request)),
        cache_nodes: zones
            .into_iter()
            .map(|zone| CacheNode {
                endpoint: Some(endpoint("node", request)),
                customer_availability_zone: zone,
                ..CacheNode::default()
            })
            .collect(),
        snapshot_retention_limit: request.snapshot_retention,
        snapshot_window: request.snapshot_window.clone(),
        auth_token_enabled: Some(request.auth_token != Token::None),
        at_rest_encryption_enabled: Some(false),
        log_delivery_configurations: Some(logs(&request.logs)),
        ..member(request, &request.id, seed)
    }
}

fn logs(logs: &[LogDelivery]) -> Vec<LogDelivery> {
    let active =
        |log: &LogDelivery| LogDelivery { status: Some("active".to_owned()), ..log.clone() };
    logs.iter().map(active).collect()
}

fn endpoint(name: &str, request: &Request) -> Endpoint {
    Endpoint {
        address: Some(format!("{name}.{}.cache.amazonaws.com", request.id)),
        port: Some(request.port),
    }
}

fn ipv4() -> Option<String> {
    Some("ipv4".to_owned())
}
