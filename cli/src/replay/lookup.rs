//! The event history of an account and Region, asked for call by call and page by page.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::config::timeout::TimeoutConfig;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use portcullis_aws::error::Failed;
use portcullis_engine::event::{CHANGES, EventName};
use tokio::time::{MissedTickBehavior, interval};

use super::kept::HistoryFile;
use super::progress::Progress;
use crate::moment::iso;

/// Events a page; one attribute a request; two requests a second in an account and Region (API reference, "LookupEvents").
const PAGE: i32 = 50;
const PAUSE: Duration = Duration::from_millis(500);

/// Others may ask too, and use up the limit: it is asked again more often, and longer, than for a person.
const ATTEMPTS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(300);

/// A client that waits its turn.
pub(super) fn client(config: &aws_config::SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .operation_timeout(PATIENCE);
    let config = aws_sdk_cloudtrail::config::Builder::from(config)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts.build());
    Client::from_conf(config.build())
}

/// The calls that matter: first those that are decided about; at last those that tag, of which there may be very many.
fn names() -> Vec<&'static str> {
    let decided = EventName::ALL.iter().map(|name| name.as_str());
    let mut names: Vec<&str> = decided.chain(CHANGES).collect();
    names.sort_by_key(|name| name.ends_with("Tags"));
    names
}

/// Asks for what is not kept yet, and keeps it.
///
/// # Errors
///
/// If a page could not be read or written. Those before it are kept.
pub(super) async fn fetch(
    cloudtrail: &Client,
    kept: &mut HistoryFile,
    progress: &Progress,
) -> Result<()> {
    let names = names();
    let mut turn = interval(PAUSE);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0;
    for (at, name) in names.iter().enumerate() {
        let Some(until) = kept.rest_of(name) else { continue };
        let mut token = None;
        loop {
            turn.tick().await;
            let attribute = LookupAttribute::builder()
                .attribute_key(LookupAttributeKey::EventName)
                .attribute_value(*name)
                .build()?;
            let asked = cloudtrail
                .lookup_events()
                .lookup_attributes(attribute)
                .start_time(DateTime::from_secs(kept.from()))
                .end_time(DateTime::from_secs(until))
                .max_results(PAGE)
                .set_next_token(token)
                .send();
            let page = asked.await.map_err(|error| Failed::of("LookupEvents", &error))?;
            let events = page.events.unwrap_or_default();
            let oldest = events.iter().filter_map(|event| event.event_time).map(|time| time.secs());
            let oldest = oldest.min();
            count += events.len();
            token = page.next_token;
            let records = events.into_iter().filter_map(|event: Event| event.cloud_trail_event);
            kept.add(name, records, oldest, token.is_none())?;
            let back = oldest.map(|time| format!(", back to {}", iso(time))).unwrap_or_default();
            progress.say(&format!(
                "call {} of {} ({name}), {count} events{back}",
                at + 1,
                names.len()
            ));
            if token.is_none() {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
