//! CloudTrail: the trails that cover the Region, by ARN.

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::operation::describe_trails::{DescribeTrailsInput, DescribeTrailsOutput};
use aws_sdk_cloudtrail::operation::get_event_selectors::{
    GetEventSelectorsInput, GetEventSelectorsOutput,
};
use aws_sdk_cloudtrail::operation::get_trail_status::{GetTrailStatusInput, GetTrailStatusOutput};
use aws_sdk_cloudtrail::types::Trail;
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::{ACCOUNT, Account, State};

/// A trail with its state.
pub(crate) struct ScriptedTrail {
    pub(crate) described: Trail,
    pub(crate) logging: bool,
    pub(crate) selectors: GetEventSelectorsOutput,
}

impl ScriptedTrail {
    /// A trail of us-east-1 for all Regions, which logs everything.
    pub(crate) fn new(name: &str) -> Self {
        let arn = format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{name}");
        Self {
            described: Trail::builder().name(name).trail_arn(arn).build(),
            logging: true,
            selectors: GetEventSelectorsOutput::builder().build(),
        }
    }

    /// The organization's.
    pub(crate) fn of_organization(mut self) -> Self {
        self.described.is_organization_trail = Some(true);
        self
    }

    pub(crate) fn arn(&self) -> String {
        self.described.trail_arn.clone().expect("it was made with one")
    }
}

impl Account {
    pub(crate) fn cloudtrail(&self) -> Client {
        let script = [
            self.on(
                "DescribeTrails",
                mock!(Client::describe_trails),
                |_| vec![Some("all".to_owned())],
                describe,
            ),
            self.on(
                "GetTrailStatus",
                mock!(Client::get_trail_status),
                |input| vec![input.name.clone()],
                status,
            ),
            self.on(
                "GetEventSelectors",
                mock!(Client::get_event_selectors),
                |input| vec![input.trail_name.clone()],
                selectors,
            ),
        ];
        mock_client!(aws_sdk_cloudtrail, RuleMode::MatchAny, &script, |config| config
            .retry_config(RetryConfig::disabled()))
    }
}

fn describe(
    state: &mut State,
    input: &DescribeTrailsInput,
) -> Result<DescribeTrailsOutput, &'static str> {
    assert_eq!(
        input.include_shadow_trails,
        Some(true),
        "those of other Regions cover this one too"
    );
    let trails = state.trails.iter().map(|trail| trail.described.clone()).collect();
    Ok(DescribeTrailsOutput::builder().set_trail_list(Some(trails)).build())
}

/// A trail of another Region is not found by its name (API reference, GetTrailStatus).
fn found<'a>(state: &'a State, arn: Option<&String>) -> Result<&'a ScriptedTrail, &'static str> {
    let mut trails = state.trails.iter();
    trails.find(|trail| Some(&trail.arn()) == arn).ok_or("TrailNotFoundException")
}

fn status(
    state: &mut State,
    input: &GetTrailStatusInput,
) -> Result<GetTrailStatusOutput, &'static str> {
    let logging = found(state, input.name.as_ref())?.logging;
    Ok(GetTrailStatusOutput::builder().is_logging(logging).build())
}

fn selectors(
    state: &mut State,
    input: &GetEventSelectorsInput,
) -> Result<GetEventSelectorsOutput, &'static str> {
    Ok(found(state, input.trail_name.as_ref())?.selectors.clone())
}
