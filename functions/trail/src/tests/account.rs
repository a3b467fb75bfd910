//! A scripted account: the trails that cover the Region, the subscriptions of topics, the event rules, and
//! the functions; what goes wrong, and the calls made.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::http::HttpResponse;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::operation::describe_trails::{DescribeTrailsInput, DescribeTrailsOutput};
use aws_sdk_cloudtrail::operation::get_event_selectors::{
    GetEventSelectorsInput, GetEventSelectorsOutput,
};
use aws_sdk_cloudtrail::operation::get_trail_status::{GetTrailStatusInput, GetTrailStatusOutput};
use aws_sdk_cloudtrail::types::Trail;
use aws_sdk_eventbridge::operation::describe_rule::{DescribeRuleInput, DescribeRuleOutput};
use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_lambda::operation::get_function_concurrency::{
    GetFunctionConcurrencyInput, GetFunctionConcurrencyOutput,
};
use aws_sdk_lambda::operation::get_function_configuration::{
    GetFunctionConfigurationInput, GetFunctionConfigurationOutput,
};
use aws_sdk_lambda::types::{EnvironmentError, EnvironmentResponse};
use aws_sdk_sns::operation::list_subscriptions_by_topic::{
    ListSubscriptionsByTopicInput, ListSubscriptionsByTopicOutput,
};
use aws_sdk_sns::types::Subscription;
use aws_smithy_mocks::{MockResponse, Rule, RuleBuilder, RuleMode, mock, mock_client};

const ACCOUNT: &str = "111122223333";

/// The account. A test changes it through [`Account::now`], and reads there what was asked.
#[derive(Clone, Default)]
pub(crate) struct Account(Arc<Mutex<State>>);

/// What there is, and what is asked of it.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) trails: Vec<ScriptedTrail>,
    /// The endpoints that are subscribed to a topic, by its ARN, each with whether it confirmed.
    pub(crate) subscriptions: BTreeMap<String, Vec<(String, bool)>>,
    /// The state of each event rule, by its name.
    pub(crate) rules: BTreeMap<String, RuleState>,
    /// The reserved concurrency of each function, by its ARN, and its mode; without a mode its settings cannot be read.
    pub(crate) functions: BTreeMap<String, (Option<i32>, Option<String>)>,
    calls: Vec<&'static str>,
    /// A call fails with a code where it names this subject.
    failures: Vec<(&'static str, String, &'static str)>,
}

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
    /// The state as it is now.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the account in hand")
    }

    /// From now on, `call` fails with `code` where it names `subject`: the ARN of a trail or of a topic, the name of a
    /// rule; `all` for a call that names nothing.
    pub(crate) fn fail(&self, call: &'static str, subject: &str, code: &'static str) {
        self.now().failures.push((call, subject.to_owned(), code));
    }

    /// The names of the calls made, in order.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.now().calls.clone()
    }

    /// The client that is answered from the state.
    pub(crate) fn cloudtrail(&self) -> Client {
        let script = [
            self.on(
                "DescribeTrails",
                mock!(Client::describe_trails),
                |_| Some("all".to_owned()),
                describe,
            ),
            self.on(
                "GetTrailStatus",
                mock!(Client::get_trail_status),
                |input| input.name.clone(),
                status,
            ),
            self.on(
                "GetEventSelectors",
                mock!(Client::get_event_selectors),
                |input| input.trail_name.clone(),
                selectors,
            ),
        ];
        mock_client!(aws_sdk_cloudtrail, RuleMode::MatchAny, &script, |config| config
            .retry_config(RetryConfig::disabled()))
    }

    /// The same of SNS.
    pub(crate) fn sns(&self) -> aws_sdk_sns::Client {
        let list = self.on(
            "ListSubscriptionsByTopic",
            mock!(aws_sdk_sns::Client::list_subscriptions_by_topic),
            |input| input.topic_arn.clone(),
            subscriptions,
        );
        mock_client!(aws_sdk_sns, RuleMode::MatchAny, &[list], |config| config
            .retry_config(aws_sdk_sns::config::retry::RetryConfig::disabled()))
    }

    /// The same of EventBridge.
    pub(crate) fn events(&self) -> aws_sdk_eventbridge::Client {
        let describe = self.on(
            "DescribeRule",
            mock!(aws_sdk_eventbridge::Client::describe_rule),
            |input| input.name.clone(),
            rule,
        );
        mock_client!(aws_sdk_eventbridge, RuleMode::MatchAny, &[describe], |config| config
            .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled()))
    }

    /// The same of Lambda.
    pub(crate) fn lambda(&self) -> aws_sdk_lambda::Client {
        let script = [
            self.on(
                "GetFunctionConcurrency",
                mock!(aws_sdk_lambda::Client::get_function_concurrency),
                |input| input.function_name.clone(),
                concurrency,
            ),
            self.on(
                "GetFunctionConfiguration",
                mock!(aws_sdk_lambda::Client::get_function_configuration),
                |input| input.function_name.clone(),
                configuration,
            ),
        ];
        mock_client!(aws_sdk_lambda, RuleMode::MatchAny, &script, |config| config
            .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled()))
    }

    /// A call: noted, failed if the script says so, else answered from the state.
    fn on<I, O, E>(
        &self,
        name: &'static str,
        call: RuleBuilder<I, O, E>,
        subject: fn(&I) -> Option<String>,
        answer: fn(&State, &I) -> Result<O, &'static str>,
    ) -> Rule
    where
        I: Debug + Send + Sync + 'static,
        O: Debug + Send + Sync + 'static,
        E: Debug + Send + Sync + std::error::Error + 'static,
    {
        let account = self.clone();
        call.then_compute_response(move |input| {
            let mut state = account.now();
            state.calls.push(name);
            let named = subject(input);
            let failure = state
                .failures
                .iter()
                .find(|(call, subject, _)| *call == name && named.as_ref() == Some(subject));
            let answered = match failure {
                Some((_, _, code)) => Err(*code),
                None => answer(&state, input),
            };
            answered.map_or_else(|code| refused(name, code), MockResponse::Output)
        })
    }
}

/// An error as it comes over the wire: SNS speaks XML, the others JSON.
fn refused<O, E>(call: &str, code: &str) -> MockResponse<O, E> {
    let body = if call == "ListSubscriptionsByTopic" {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>as scripted</Message></Error>\
             </ErrorResponse>"
        )
    } else {
        format!(r#"{{"__type":"{code}","message":"as scripted"}}"#)
    };
    let status = 400.try_into().expect("a status code");
    MockResponse::Http(HttpResponse::new(status, body.into()))
}

fn describe(
    state: &State,
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
    state: &State,
    input: &GetTrailStatusInput,
) -> Result<GetTrailStatusOutput, &'static str> {
    let logging = found(state, input.name.as_ref())?.logging;
    Ok(GetTrailStatusOutput::builder().is_logging(logging).build())
}

fn selectors(
    state: &State,
    input: &GetEventSelectorsInput,
) -> Result<GetEventSelectorsOutput, &'static str> {
    Ok(found(state, input.trail_name.as_ref())?.selectors.clone())
}

fn subscriptions(
    state: &State,
    input: &ListSubscriptionsByTopicInput,
) -> Result<ListSubscriptionsByTopicOutput, &'static str> {
    let topic = input.topic_arn.clone().unwrap_or_default();
    let found = state.subscriptions.get(&topic).ok_or("NotFound")?;
    let subscriptions = found.iter().map(|(endpoint, confirmed)| {
        let arn = if *confirmed {
            format!("{topic}:{endpoint}")
        } else {
            "PendingConfirmation".to_owned()
        };
        Subscription::builder().subscription_arn(arn).endpoint(endpoint).build()
    });
    let subscriptions = Some(subscriptions.collect());
    Ok(ListSubscriptionsByTopicOutput::builder().set_subscriptions(subscriptions).build())
}

fn rule(state: &State, input: &DescribeRuleInput) -> Result<DescribeRuleOutput, &'static str> {
    let found = input.name.as_ref().and_then(|name| state.rules.get(name));
    let state = found.ok_or("ResourceNotFoundException")?;
    Ok(DescribeRuleOutput::builder().state(state.clone()).build())
}

fn function<'a>(
    state: &'a State,
    arn: Option<&String>,
) -> Result<&'a (Option<i32>, Option<String>), &'static str> {
    arn.and_then(|arn| state.functions.get(arn)).ok_or("ResourceNotFoundException")
}

fn concurrency(
    state: &State,
    input: &GetFunctionConcurrencyInput,
) -> Result<GetFunctionConcurrencyOutput, &'static str> {
    let (reserved, _) = function(state, input.function_name.as_ref())?;
    let answer = GetFunctionConcurrencyOutput::builder();
    Ok(answer.set_reserved_concurrent_executions(*reserved).build())
}

fn configuration(
    state: &State,
    input: &GetFunctionConfigurationInput,
) -> Result<GetFunctionConfigurationOutput, &'static str> {
    let (_, mode) = function(state, input.function_name.as_ref())?;
    let environment = EnvironmentResponse::builder();
    let environment = match mode {
        Some(mode) => environment.variables("PORTCULLIS_MODE", mode),
        None => environment.error(EnvironmentError::builder().error_code("AccessDenied").build()),
    };
    Ok(GetFunctionConfigurationOutput::builder().environment(environment.build()).build())
}
