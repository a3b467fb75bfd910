//! What CloudWatch shows of the use of a cache, minute by minute.
//!
//! INVARIANT: a metric that CloudWatch did not answer for in full is an error, never no use.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode,
};
use portcullis_aws::error::Failed;
use portcullis_aws::now;
use portcullis_engine::facts::Engine;
use portcullis_recreation::facts::{Cache, Facts};
use portcullis_recreation::idle::{self, NAMESPACE, NodeUse, Use, Watched};

/// Queries in a call (API reference, GetMetricData).
const QUERIES: usize = 500;
const MINUTE: i64 = 60;
/// Minutes for which there may be no values yet.
const LATE: i64 = 5;

/// How much the cache was used in so many minutes, up to the last for which there are values.
///
/// # Errors
///
/// If CloudWatch does not answer for every metric of every node.
pub async fn usage(cloudwatch: &Client, facts: &Facts, minutes: u32) -> Result<Use> {
    used(cloudwatch, facts, minutes, now()).await
}

/// The minutes of a metric, each with its value.
type Values = BTreeMap<i64, f64>;

/// A metric of a node.
struct MetricQuery<'a> {
    node: &'a Watched,
    metric: &'static idle::Metric,
}

async fn used(cloudwatch: &Client, facts: &Facts, minutes: u32, now: i64) -> Result<Use> {
    let engine = engine(&facts.cache);
    let nodes = idle::watched(&facts.cache);
    let metrics = idle::metrics(&engine);
    let asked: Vec<MetricQuery<'_>> = nodes
        .iter()
        .flat_map(|node| metrics.iter().map(move |metric| MetricQuery { node, metric }))
        .collect();
    let end = now - now.rem_euclid(MINUTE);
    let start = end - (i64::from(minutes) + LATE) * MINUTE;
    let mut answers = Vec::new();
    for batch in asked.chunks(QUERIES) {
        answers.extend(answer(cloudwatch, batch, start, end).await?);
    }
    // Every node is held to the same minutes, so that one that fell silent shows.
    let last = answers.iter().filter_map(|values| values.keys().next_back()).max();
    let first = last.map_or(end, |last| last - (i64::from(minutes) - 1) * MINUTE);
    let nodes = nodes.iter().map(|node| {
        let own = asked.iter().zip(&answers).filter(|(asked, _)| asked.node.id == node.id);
        let values = own.map(|(asked, values)| {
            (asked.metric.name.to_owned(), values.range(first..).map(|(_, value)| *value).collect())
        });
        NodeUse::of(&node.id, &engine, &values.collect())
    });
    Ok(Use { nodes: nodes.collect(), engine, minutes })
}

fn engine(cache: &Cache) -> Engine {
    let of_group = match cache {
        Cache::Group(group, _) => group.engine.as_deref(),
        Cache::Cluster(_) => None,
    };
    let of_cluster = || cache.clusters().first().and_then(|cluster| cluster.engine.as_deref());
    Engine::parse(of_group.or_else(of_cluster).unwrap_or_default())
}

/// The values of each metric, in the order of the questions.
async fn answer(
    cloudwatch: &Client,
    asked: &[MetricQuery<'_>],
    start: i64,
    end: i64,
) -> Result<Vec<Values>> {
    let queries = asked.iter().enumerate().map(|(at, asked)| query(at, asked));
    let request = cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .start_time(DateTime::from_secs(start))
        .end_time(DateTime::from_secs(end));
    let mut answers = vec![(Values::new(), false); asked.len()];
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Failed::of("GetMetricData", &error))?;
        for result in page.metric_data_results() {
            let at = result.id().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
            let Some((values, whole)) = at.and_then(|at| answers.get_mut(at)) else { continue };
            values.extend(minutes(result));
            *whole = result.status_code() == Some(&StatusCode::Complete);
        }
    }
    let short = asked.iter().zip(&answers).find(|(_, (_, whole))| !whole);
    if let Some((MetricQuery { node, metric }, _)) = short {
        bail!("GetMetricData: no complete answer about {} of {}", metric.name, node.id);
    }
    Ok(answers.into_iter().map(|(values, _)| values).collect())
}

fn minutes(result: &MetricDataResult) -> impl Iterator<Item = (i64, f64)> + '_ {
    result.timestamps().iter().map(DateTime::secs).zip(result.values().iter().copied())
}

fn query(at: usize, asked: &MetricQuery<'_>) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(NAMESPACE)
        .metric_name(asked.metric.name)
        .dimensions(dimension("CacheClusterId", &asked.node.cluster))
        .dimensions(dimension("CacheNodeId", &asked.node.node));
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(60)
        .stat(asked.metric.statistic.as_str());
    MetricDataQuery::builder().id(format!("m{at}")).metric_stat(stat.build()).build()
}

#[cfg(test)]
mod tests;
