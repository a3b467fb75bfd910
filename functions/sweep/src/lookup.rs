//! The event history: which calls may have made what is at fault.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use portcullis_aws::error::Failed;
use portcullis_engine::event::EventName;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Events a page; one attribute a request; two requests a second in an account and Region (API reference, "LookupEvents").
const PAGE: i32 = 50;
const PAUSE: Duration = Duration::from_millis(500);

/// Pages of one call, and time for all, at the most: it is a run's work that waits.
const PAGES: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands each record of these calls since then to `take`, of each call the newest first, until that says that it has all.
/// Whether it was read to its end. Times are in seconds since 1970.
///
/// # Errors
///
/// If CloudTrail does not answer.
pub(crate) async fn search(
    cloudtrail: &Client,
    names: impl IntoIterator<Item = EventName>,
    since: i64,
    until: i64,
    mut take: impl FnMut(&str) -> bool,
) -> Result<bool> {
    let end = Instant::now() + PATIENCE;
    let mut turn = interval(PAUSE);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complete = true;
    for name in names {
        let mut token = None;
        for page in 0.. {
            turn.tick().await;
            if page == PAGES || Instant::now() >= end {
                complete = false;
                break;
            }
            let attribute = LookupAttribute::builder()
                .attribute_key(LookupAttributeKey::EventName)
                .attribute_value(name.as_str())
                .build()?;
            let asked = cloudtrail
                .lookup_events()
                .lookup_attributes(attribute)
                .start_time(DateTime::from_secs(since))
                .end_time(DateTime::from_secs(until))
                .max_results(PAGE)
                .set_next_token(token)
                .send();
            let answer = asked.await.map_err(|error| Failed::of("LookupEvents", &error))?;
            for event in answer.events.unwrap_or_default() {
                if event.cloud_trail_event.is_some_and(|record| take(&record)) {
                    return Ok(true);
                }
            }
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(complete)
}
