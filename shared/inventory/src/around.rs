//! What refers to the cache from outside, and what could be made of its engine.

use aws_sdk_applicationautoscaling::types::{ScalableTarget, ServiceNamespace};
use aws_sdk_cloudwatch::types::{Dimension, MetricAlarm, MetricDataQuery};
use futures_util::future::try_join3;
use serde_json::{Value, json};

use crate::answer::{Part, optional};
use crate::caches::{Chosen, versions};
use crate::clients::Clients;
use crate::error::LookError;

/// Engine versions, scaling targets and alarms.
pub(crate) async fn around(clients: &Clients, chosen: &Chosen<'_>) -> Result<Part, LookError> {
    let (versions, targets, alarms) = try_join3(
        versions(&clients.elasticache, chosen.engine()),
        scalable_targets(clients, chosen),
        alarms(clients, chosen),
    )
    .await?;
    Ok([("CacheEngineVersions", versions), ("ScalableTargets", targets), ("MetricAlarms", alarms)]
        .map(|(name, list)| (name.to_owned(), json!(list)))
        .into_iter()
        .collect())
}

/// Only groups are scaled (Application Auto Scaling API reference, `ResourceId`).
async fn scalable_targets(
    clients: &Clients,
    chosen: &Chosen<'_>,
) -> Result<Option<Vec<Value>>, LookError> {
    if chosen.group.is_none() {
        return Ok(None);
    }
    let request = clients
        .scaling
        .describe_scalable_targets()
        .service_namespace(ServiceNamespace::Elasticache)
        .resource_ids(format!("replication-group/{}", chosen.id()));
    let pages = request.into_paginator().items().send();
    let targets = optional("DescribeScalableTargets", pages.try_collect().await)?;
    Ok(targets.map(|targets| targets.iter().map(target).collect()))
}

fn target(target: &ScalableTarget) -> Value {
    json!({
        "ServiceNamespace": target.service_namespace.as_str(),
        "ResourceId": target.resource_id,
        "ScalableDimension": target.scalable_dimension.as_str(),
        "MinCapacity": target.min_capacity,
        "MaxCapacity": target.max_capacity,
    })
}

/// The alarms that name the cache or a member. CloudWatch can only list all of them.
async fn alarms(clients: &Clients, chosen: &Chosen<'_>) -> Result<Option<Vec<Value>>, LookError> {
    let pages = clients.cloudwatch.describe_alarms().max_records(100).into_paginator().send();
    let Some(pages) = optional("DescribeAlarms", pages.try_collect().await)? else {
        return Ok(None);
    };
    let ids = chosen.ids();
    let names_it = |alarm: &&MetricAlarm| {
        let of_queries = alarm.metrics().iter().filter_map(|query| query.metric_stat()?.metric());
        let more = of_queries.flat_map(|metric| metric.dimensions());
        let mut all = alarm.dimensions().iter().chain(more);
        all.any(|dimension| dimension.value().is_some_and(|value| ids.contains(&value)))
    };
    let alarms = pages.iter().flat_map(|page| page.metric_alarms());
    Ok(Some(alarms.filter(names_it).map(alarm).collect()))
}

fn alarm(alarm: &MetricAlarm) -> Value {
    json!({
        "AlarmName": alarm.alarm_name,
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric_name,
        "Dimensions": dimensions(alarm.dimensions()),
        "Metrics": alarm.metrics().iter().map(query).collect::<Vec<_>>(),
    })
}

fn query(query: &MetricDataQuery) -> Value {
    let stat = query.metric_stat.as_ref().map(|stat| {
        let metric = stat.metric.as_ref().map(|metric| {
            json!({
                "Namespace": metric.namespace,
                "MetricName": metric.metric_name,
                "Dimensions": dimensions(metric.dimensions()),
            })
        });
        json!({"Metric": metric})
    });
    json!({"Id": query.id, "MetricStat": stat})
}

fn dimensions(dimensions: &[Dimension]) -> Vec<Value> {
    let shape = |dimension: &Dimension| json!({"Name": dimension.name, "Value": dimension.value});
    dimensions.iter().map(shape).collect()
}
