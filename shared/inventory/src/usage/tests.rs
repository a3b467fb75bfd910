use std::sync::{Arc, Mutex};

use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::operation::get_metric_data::{GetMetricDataInput, GetMetricDataOutput};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use portcullis_recreation::document;
use portcullis_recreation::idle::{Idle, idle};

use super::*;

const NOW: i64 = 1_795_255_230;
/// The last whole minute before now.
const END: i64 = NOW - 30;

fn facts(example: &str) -> Facts {
    let path = format!("{}/../recreation/examples/{example}.json", env!("CARGO_MANIFEST_DIR"));
    document::read(&std::fs::read_to_string(path).unwrap(), None).unwrap()
}

/// The dimensions of a query, its metric and its statistic, in one line.
fn asked(query: &MetricDataQuery) -> String {
    let stat = query.metric_stat().unwrap();
    let metric = stat.metric().unwrap();
    assert_eq!((metric.namespace(), stat.period()), (Some("AWS/ElastiCache"), Some(60)));
    let dimensions: Vec<_> = metric
        .dimensions()
        .iter()
        .map(|d| format!("{}={}", d.name().unwrap(), d.value().unwrap()))
        .collect();
    format!("{} {} {}", dimensions.join(" "), metric.metric_name().unwrap(), stat.stat().unwrap())
}

/// A CloudWatch that gives every metric these values, so many of a metric to a page, and the calls made.
fn cloudwatch(
    values: impl Fn(&str, i64) -> Option<f64> + Send + Sync + 'static,
    page: usize,
) -> (Client, Arc<Mutex<Vec<GetMetricDataInput>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let made = Arc::clone(&calls);
    let rule = mock!(Client::get_metric_data).then_compute_response(move |input| {
        made.lock().unwrap().push(input.clone());
        let start: usize = input.next_token().map_or(0, |token| token.parse().unwrap());
        let (from, to) = (input.start_time().unwrap().secs(), input.end_time().unwrap().secs());
        let minutes: Vec<i64> = (from..to).step_by(60).collect();
        let more = start + page < minutes.len();
        let results = input.metric_data_queries().iter().map(|query| {
            let shown: Vec<_> = minutes
                .iter()
                .skip(start)
                .take(page)
                .filter_map(|minute| Some((*minute, values(&asked(query), *minute)?)))
                .collect();
            MetricDataResult::builder()
                .id(query.id().unwrap())
                .set_timestamps(Some(
                    shown.iter().map(|(at, _)| DateTime::from_secs(*at)).collect(),
                ))
                .set_values(Some(shown.iter().map(|(_, value)| *value).collect()))
                .status_code(if more { StatusCode::PartialData } else { StatusCode::Complete })
                .build()
        });
        MockResponse::Output(
            GetMetricDataOutput::builder()
                .set_metric_data_results(Some(results.collect()))
                .set_next_token(more.then(|| (start + page).to_string()))
                .build(),
        )
    });
    let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&rule], |config| config
        .retry_config(RetryConfig::disabled()));
    (client, calls)
}

fn quiet(asked: &str, _: i64) -> Option<f64> {
    Some(if asked.contains("CurrConnections") { 5.0 } else { 0.0 })
}

#[tokio::test]
async fn every_metric_of_every_node_is_asked_for_by_both_dimensions() {
    let (client, calls) = cloudwatch(quiet, 1000);
    let facts = facts("valkey-with-replicas");
    let used = used(&client, &facts, 60, NOW).await.unwrap();
    let made = calls.lock().unwrap();
    let questions: Vec<String> =
        made.iter().flat_map(|call| call.metric_data_queries()).map(asked).collect();
    let metrics = idle::metrics(&used.engine);
    assert_eq!(questions.len(), used.nodes.len() * metrics.len());
    for node in idle::watched(&facts.cache) {
        for metric in metrics {
            let question = format!(
                "CacheClusterId={} CacheNodeId={} {} {}",
                node.cluster,
                node.node,
                metric.name,
                metric.statistic.as_str()
            );
            assert!(questions.contains(&question), "{question}");
        }
    }
    assert!(matches!(idle(&used), Idle::Quiet { .. }), "{used:?}");
}

#[tokio::test]
async fn the_minutes_end_with_the_last_that_has_values() {
    // Values come three minutes late, and before the hour the cache was used.
    let values = |asked: &str, minute: i64| {
        let busy = asked.contains("CacheHits") && minute < END - 63 * 60;
        if busy { Some(9.0) } else { quiet(asked, minute).filter(|_| minute < END - 3 * 60) }
    };
    let (client, _) = cloudwatch(values, 1000);
    let used = used(&client, &facts("redis-single-node"), 60, NOW).await.unwrap();
    assert_eq!((used.minutes, used.nodes[0].datapoints), (60, 60));
    assert_eq!((used.nodes[0].connections, used.nodes[0].reads), (Some(5.0), Some(0.0)));
}

#[tokio::test]
async fn a_node_that_fell_silent_is_short_of_values() {
    let values = |asked: &str, minute: i64| {
        let silent = asked.contains("CacheNodeId=0002") && minute >= END - 10 * 60;
        quiet(asked, minute).filter(|_| !silent)
    };
    let (client, _) = cloudwatch(values, 1000);
    let used = used(&client, &facts("memcached-several-nodes"), 60, NOW).await.unwrap();
    let points: Vec<_> = used.nodes.iter().map(|node| (&*node.id, node.datapoints)).collect();
    assert_eq!(points, [("fragments/0001", 60), ("fragments/0002", 50), ("fragments/0003", 60)]);
    assert!(matches!(idle(&used), Idle::Unknown { .. }), "{used:?}");
}

#[tokio::test]
async fn every_page_counts() {
    let values = |asked: &str, minute: i64| {
        quiet(asked, minute).map(|value| value + f64::from(asked.contains("SetTypeCmds")))
    };
    let (client, calls) = cloudwatch(values, 7);
    let used = used(&client, &facts("redis-single-node"), 60, NOW).await.unwrap();
    assert_eq!((used.nodes[0].datapoints, used.nodes[0].writes), (60, Some(60.0)));
    assert_eq!(calls.lock().unwrap().len(), 10, "65 minutes, 7 to a page");
}

#[tokio::test]
async fn many_nodes_are_asked_about_in_calls_of_500_queries() {
    let mut facts = facts("memcached-several-nodes");
    let Cache::Cluster(cluster) = &mut facts.cache else { panic!("it is a cluster") };
    let node = cluster.cache_nodes[0].clone();
    cluster.cache_nodes = (1..=40)
        .map(|n| portcullis_recreation::describe::CacheNode {
            cache_node_id: Some(format!("{n:04}")),
            ..node.clone()
        })
        .collect();
    let (client, calls) = cloudwatch(quiet, 1000);
    let used = used(&client, &facts, 5, NOW).await.unwrap();
    assert_eq!(used.nodes.len(), 40);
    assert!(used.nodes.iter().all(|node| node.datapoints == 5));
    let sizes: Vec<_> =
        calls.lock().unwrap().iter().map(|call| call.metric_data_queries().len()).collect();
    assert_eq!(sizes, [500, 40 * idle::metrics(&used.engine).len() - 500]);
}

#[tokio::test]
async fn a_metric_without_a_complete_answer_is_an_error() {
    for status in [None, Some(StatusCode::InternalError), Some(StatusCode::PartialData)] {
        let rule = mock!(Client::get_metric_data).then_compute_output(move |input| {
            let results = input.metric_data_queries().iter().filter_map(|query| {
                let odd = asked(query).contains("SetTypeCmds");
                let status = if odd { status.clone()? } else { StatusCode::Complete };
                Some(MetricDataResult::builder().id(query.id()?).status_code(status).build())
            });
            GetMetricDataOutput::builder().set_metric_data_results(Some(results.collect())).build()
        });
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&rule]);
        let error = used(&client, &facts("redis-single-node"), 60, NOW).await.unwrap_err();
        let says = "GetMetricData: no complete answer about SetTypeCmds of legacy-jobs";
        assert!(error.to_string().starts_with(says), "{error}");
    }
}

#[tokio::test]
async fn a_refused_call_is_an_error_that_names_it() {
    let rule = mock!(Client::get_metric_data).then_error(|| {
        aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError::generic(
            aws_sdk_cloudwatch::error::ErrorMetadata::builder().code("AccessDenied").build(),
        )
    });
    let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&rule]);
    let error = usage(&client, &facts("redis-single-node"), 60).await.unwrap_err();
    assert_eq!(error.to_string(), "GetMetricData: AccessDenied");
}
