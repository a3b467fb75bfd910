//! Looking at the trails that EventBridge gets its API calls from.

use anyhow::{Context, Result};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudtrail::types::{
    AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType,
    Trail as DescribedTrail,
};
use futures_util::future::{join, join_all};
use portcullis_aws::error::{code, why};

use crate::coverage::{BasicSelector, FieldSelector, Reading, Selectors, Trail, verdict};
use crate::verdict::Verdict;

/// Whether the trails of this Region log what the functions are to see. The trails of other
/// Regions that cover this one, and those of the organization, are among them.
///
/// # Errors
///
/// If they could not be listed.
pub(crate) async fn look(cloudtrail: &Client) -> Result<Verdict> {
    let request = cloudtrail.describe_trails().include_shadow_trails(true);
    let described = request.send().await.context("listing the trails")?;
    let trails = described.trail_list.unwrap_or_default();
    let trails = join_all(trails.into_iter().map(|trail| read(cloudtrail, trail))).await;
    Ok(verdict(&trails))
}

/// By its ARN, for a trail of another Region is not found by its name.
async fn read(cloudtrail: &Client, described: DescribedTrail) -> Trail {
    let name = described.name.unwrap_or_default();
    let arn = described.trail_arn.unwrap_or_else(|| name.clone());
    let foreign = described.is_organization_trail == Some(true);
    let status = cloudtrail.get_trail_status().name(&arn).send();
    let selectors = cloudtrail.get_event_selectors().trail_name(&arn).send();
    let (status, selectors) = join(status, selectors).await;
    let logging = match status {
        Ok(status) => Reading::Read(status.is_logging == Some(true)),
        Err(error) => unread("GetTrailStatus", &error, foreign),
    };
    let selectors = match selectors {
        Ok(found) => Reading::Read(match found.advanced_event_selectors {
            Some(advanced) if !advanced.is_empty() => {
                Selectors::Advanced(advanced.into_iter().map(fields).collect())
            }
            _ => Selectors::Basic(
                found.event_selectors.unwrap_or_default().into_iter().map(basic).collect(),
            ),
        }),
        Err(error) => unread("GetEventSelectors", &error, foreign),
    };
    Trail { name, arn, logging, selectors }
}

/// A member account sees the trail of its organization, and may not look into it. With a trail of
/// one's own, a refusal means that the function's role was broken.
fn unread<T, E, R>(call: &str, error: &SdkError<E, R>, foreign: bool) -> Reading<T>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let refused = matches!(
        code(error),
        Some(
            "AccessDenied"
                | "AccessDeniedException"
                | "NotOrganizationMasterAccountException"
                | "OperationNotPermittedException"
                | "TrailNotFoundException"
                | "UnsupportedOperationException"
        )
    );
    if refused && foreign {
        Reading::Denied(why(call, error))
    } else {
        Reading::Failed(why(call, error))
    }
}

fn basic(selector: EventSelector) -> BasicSelector {
    BasicSelector {
        management: selector.include_management_events != Some(false),
        writes: selector.read_write_type != Some(ReadWriteType::ReadOnly),
        excluded: selector.exclude_management_event_sources.unwrap_or_default(),
    }
}

fn fields(selector: AdvancedEventSelector) -> Vec<FieldSelector> {
    selector.field_selectors.into_iter().map(field).collect()
}

fn field(selector: AdvancedFieldSelector) -> FieldSelector {
    FieldSelector {
        field: selector.field,
        equals: selector.equals.unwrap_or_default(),
        starts_with: selector.starts_with.unwrap_or_default(),
        ends_with: selector.ends_with.unwrap_or_default(),
        not_equals: selector.not_equals.unwrap_or_default(),
        not_starts_with: selector.not_starts_with.unwrap_or_default(),
        not_ends_with: selector.not_ends_with.unwrap_or_default(),
    }
}
