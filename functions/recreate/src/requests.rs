//! The request of a plan as the SDK takes it. A test compares what is sent with the plan's own JSON,
//! input by input.

use anyhow::Result;
use aws_sdk_elasticache::operation::create_cache_cluster::builders::CreateCacheClusterInputBuilder;
use aws_sdk_elasticache::operation::create_replication_group::builders::CreateReplicationGroupInputBuilder;
use aws_sdk_elasticache::types::{
    AzMode, CloudWatchLogsDestinationDetails, DestinationDetails,
    KinesisFirehoseDestinationDetails, LogDeliveryConfigurationRequest, NodeGroupConfiguration,
    Tag,
};
use portcullis_engine::facts;
use portcullis_recreation::describe::LogDelivery;
use portcullis_recreation::request::{
    ClusterInputs, GroupInputs, Placement, Request, Shape, Shard,
};

use crate::error::lasting;
use crate::tokens::AuthToken;

/// CreateReplicationGroup of a plan.
pub(crate) fn group(
    request: &Request,
    inputs: &GroupInputs,
    token: Option<AuthToken>,
) -> Result<CreateReplicationGroupInputBuilder> {
    let create = CreateReplicationGroupInputBuilder::default()
        .replication_group_id(&request.id)
        .replication_group_description(&inputs.description)
        .automatic_failover_enabled(inputs.automatic_failover)
        .multi_az_enabled(inputs.multi_az)
        .cache_node_type(&request.node_type)
        .engine(request.engine.as_str())
        .engine_version(&request.engine_version)
        .cache_parameter_group_name(&request.parameter_group)
        .cache_subnet_group_name(&request.subnet_group)
        .set_security_group_ids(some(request.security_groups.clone()))
        .set_tags(some(tags(&request.tags)))
        .set_snapshot_name(request.snapshot.clone())
        .preferred_maintenance_window(&request.maintenance_window)
        .port(i32::from(request.port))
        .set_notification_topic_arn(request.topic.clone())
        .auto_minor_version_upgrade(request.auto_minor_version_upgrade)
        .set_snapshot_retention_limit(number(request.snapshot_retention)?)
        .set_snapshot_window(request.snapshot_window.clone())
        .set_auth_token(token.map(AuthToken::into_inner))
        .set_transit_encryption_enabled(request.transit_encryption_input())
        .set_transit_encryption_mode(inputs.transit_mode.as_deref().map(Into::into))
        .set_at_rest_encryption_enabled(request.at_rest_encryption_input())
        .set_kms_key_id(inputs.kms_key.clone())
        .set_user_group_ids(some(inputs.user_groups.clone()))
        .set_log_delivery_configurations(some(logs(&request.logs)))
        .set_data_tiering_enabled(inputs.data_tiering.then_some(true))
        .set_network_type(request.network_type.as_deref().map(Into::into))
        .set_ip_discovery(request.ip_discovery.as_deref().map(Into::into))
        .set_cluster_mode(request.cluster_mode_input().map(Into::into))
        .set_durability(inputs.durability.as_deref().map(Into::into));
    Ok(match &inputs.shape {
        Shape::Nodes(zones) => create
            .num_cache_clusters(count_of(zones.len())?)
            .set_preferred_cache_cluster_azs(some(zones.clone())),
        Shape::Shards(shards) => create
            .num_node_groups(count_of(shards.len())?)
            .set_node_group_configuration(Some(shards.iter().map(shard).collect::<Result<_>>()?)),
    })
}

/// CreateCacheCluster of a plan.
pub(crate) fn cluster(
    request: &Request,
    inputs: &ClusterInputs,
    token: Option<AuthToken>,
) -> Result<CreateCacheClusterInputBuilder> {
    let create = CreateCacheClusterInputBuilder::default()
        .cache_cluster_id(&request.id)
        .set_num_cache_nodes(number(Some(inputs.nodes))?)
        .cache_node_type(&request.node_type)
        .engine(request.engine.as_str())
        .engine_version(&request.engine_version)
        .cache_parameter_group_name(&request.parameter_group)
        .cache_subnet_group_name(&request.subnet_group)
        .set_security_group_ids(some(request.security_groups.clone()))
        .set_tags(some(tags(&request.tags)))
        .set_snapshot_name(request.snapshot.clone())
        .preferred_maintenance_window(&request.maintenance_window)
        .port(i32::from(request.port))
        .set_notification_topic_arn(request.topic.clone())
        .auto_minor_version_upgrade(request.auto_minor_version_upgrade)
        .set_snapshot_retention_limit(number(request.snapshot_retention)?)
        .set_snapshot_window(request.snapshot_window.clone())
        .set_auth_token(token.map(AuthToken::into_inner))
        .set_transit_encryption_enabled(request.transit_encryption_input())
        .set_log_delivery_configurations(some(logs(&request.logs)))
        .set_network_type(request.network_type.as_deref().map(Into::into))
        .set_ip_discovery(request.ip_discovery.as_deref().map(Into::into));
    Ok(match &inputs.placement {
        Placement::One(zone) => create.preferred_availability_zone(zone),
        Placement::Many(zones) => {
            create.az_mode(AzMode::CrossAz).set_preferred_availability_zones(some(zones.clone()))
        }
    })
}

/// Tags as ElastiCache takes them.
pub(crate) fn tags(tags: &[facts::Tag]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build()).collect()
}

fn shard(shard: &Shard) -> Result<NodeGroupConfiguration> {
    Ok(NodeGroupConfiguration::builder()
        .node_group_id(&shard.id)
        .set_slots(shard.slots.clone())
        .replica_count(count_of(shard.replica_zones.len())?)
        .primary_availability_zone(&shard.primary_zone)
        .set_replica_availability_zones(some(shard.replica_zones.clone()))
        .build())
}

fn logs(logs: &[LogDelivery]) -> Vec<LogDeliveryConfigurationRequest> {
    let one = |log: &LogDelivery| {
        let to = &log.destination_details;
        let group = to.cloud_watch_logs.as_ref().and_then(|to| to.log_group.clone());
        let stream = to.kinesis_firehose.as_ref().and_then(|to| to.delivery_stream.clone());
        let details =
            DestinationDetails::builder()
                .set_cloud_watch_logs_details(group.map(|group| {
                    CloudWatchLogsDestinationDetails::builder().log_group(group).build()
                }))
                .set_kinesis_firehose_details(stream.map(|stream| {
                    KinesisFirehoseDestinationDetails::builder().delivery_stream(stream).build()
                }));
        LogDeliveryConfigurationRequest::builder()
            .set_log_type(log.log_type.as_deref().map(Into::into))
            .set_destination_type(log.destination_type.as_deref().map(Into::into))
            .destination_details(details.build())
            .set_log_format(log.log_format.as_deref().map(Into::into))
            .enabled(true)
            .build()
    };
    logs.iter().map(one).collect()
}

/// An empty list is not sent at all.
fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn number(number: Option<i64>) -> Result<Option<i32>> {
    let fits = |number: i64| {
        i32::try_from(number).map_err(|_| lasting(format!("{number} is no number of a request")))
    };
    number.map(fits).transpose()
}

fn count_of(count: usize) -> Result<i32> {
    i32::try_from(count).map_err(|_| lasting(format!("{count} is no number of a request")))
}

#[cfg(test)]
mod tests;
