//! The schedule of a revisit: EventBridge Scheduler invokes a function once, at a minute, and forgets the schedule.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::create_schedule::builders::CreateScheduleFluentBuilder;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, Target,
};
use portcullis_engine::ledger::Schedule;
use portcullis_engine::settings::Schedules;

use crate::error::{code, why};

/// As long as EventBridge itself tries to deliver an event: the functions' rules say the same.
const RETRIES: i32 = 185;
const RETRY_SECONDS: i32 = 3600;

/// Makes a schedule, in the stack's own group, for a function by its ARN without a version. One of the same name that
/// is there is this one.
///
/// # Errors
///
/// If there is none now, with the reason. Scheduler refuses a time in the past.
pub async fn schedule(
    scheduler: &Client,
    place: &Schedules,
    function_arn: &str,
    schedule: &Schedule,
) -> Result<(), String> {
    match request(scheduler, place, function_arn, schedule)?.send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ConflictException") => Ok(()),
        Err(error) => Err(why("CreateSchedule", &error)),
    }
}

fn request(
    scheduler: &Client,
    place: &Schedules,
    function_arn: &str,
    schedule: &Schedule,
) -> Result<CreateScheduleFluentBuilder, String> {
    let Schedule { name, expression, input } = schedule;
    let Schedules { group, role_arn, undelivered_queue_arn } = place;
    let incomplete = |error: aws_sdk_scheduler::error::BuildError| error.to_string();
    let retries = RetryPolicy::builder()
        .maximum_retry_attempts(RETRIES)
        .maximum_event_age_in_seconds(RETRY_SECONDS);
    let target = Target::builder()
        .arn(function_arn)
        .role_arn(role_arn)
        .input(input)
        .retry_policy(retries.build())
        .dead_letter_config(DeadLetterConfig::builder().arn(undelivered_queue_arn).build());
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
    #[expect(clippy::disallowed_methods, reason = "the one place that schedules")]
    let request = scheduler.create_schedule();
    Ok(request
        .name(name)
        .group_name(group)
        .client_token(name)
        .schedule_expression(expression)
        .schedule_expression_timezone("UTC")
        .flexible_time_window(window.build().map_err(incomplete)?)
        .action_after_completion(ActionAfterCompletion::Delete)
        .target(target.build().map_err(incomplete)?))
}

#[cfg(test)]
mod tests {
    use aws_sdk_scheduler::operation::create_schedule::{
        CreateScheduleError, CreateScheduleOutput,
    };
    use aws_sdk_scheduler::types::error::{
        ConflictException, ResourceNotFoundException, ValidationException,
    };
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:ingress";
    const NAME: &str = "r-0123456789ab-20261129T1001";

    fn place() -> Schedules {
        Schedules {
            group: "portcullis-RevisitGroup-1A".to_owned(),
            role_arn: "arn:aws:iam::111122223333:role/revisit".to_owned(),
            undelivered_queue_arn: "arn:aws:sqs:eu-west-1:111122223333:undelivered".to_owned(),
        }
    }

    async fn scheduled(rule: Rule) -> Result<(), String> {
        let client = mock_client!(aws_sdk_scheduler, RuleMode::MatchAny, &[rule]);
        let asked = Schedule {
            name: NAME.to_owned(),
            expression: "at(2026-11-29T10:01:00)".to_owned(),
            input: "{}".to_owned(),
        };
        schedule(&client, &place(), FUNCTION, &asked).await
    }

    async fn refused(error: CreateScheduleError) -> Result<(), String> {
        let error = std::sync::Mutex::new(Some(error));
        let taken = move || error.lock().expect("no test panics with it").take().expect("once");
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is scheduled")]
        scheduled(mock!(Client::create_schedule).then_error(taken)).await
    }

    #[tokio::test]
    async fn a_function_is_invoked_once_at_its_minute_and_the_schedule_is_forgotten() {
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is scheduled")]
        let rule = mock!(Client::create_schedule)
            .match_requests(|asked| {
                let target = asked.target().expect("it has one");
                let retries = target.retry_policy().expect("it has one");
                asked.name() == Some(NAME)
                    && asked.client_token() == Some(NAME)
                    && asked.group_name() == Some("portcullis-RevisitGroup-1A")
                    && asked.schedule_expression() == Some("at(2026-11-29T10:01:00)")
                    && asked.schedule_expression_timezone() == Some("UTC")
                    && asked.action_after_completion() == Some(&ActionAfterCompletion::Delete)
                    && asked.flexible_time_window().map(FlexibleTimeWindow::mode)
                        == Some(&FlexibleTimeWindowMode::Off)
                    && (target.arn(), target.role_arn(), target.input())
                        == (FUNCTION, place().role_arn.as_str(), Some("{}"))
                    && target.dead_letter_config().and_then(DeadLetterConfig::arn)
                        == Some(place().undelivered_queue_arn.as_str())
                    && retries.maximum_retry_attempts() == Some(185)
                    && retries.maximum_event_age_in_seconds() == Some(3600)
            })
            .then_output(|| {
                CreateScheduleOutput::builder().schedule_arn("arn").build().expect("whole")
            });
        assert_eq!(scheduled(rule).await, Ok(()));
    }

    /// Whoever died after making it makes it again.
    #[tokio::test]
    async fn a_schedule_that_is_there_is_this_one() {
        let there = ConflictException::builder()
            .message("Schedule exists")
            .meta(
                aws_sdk_scheduler::error::ErrorMetadata::builder()
                    .code("ConflictException")
                    .build(),
            )
            .build()
            .expect("it has a message");
        assert_eq!(refused(CreateScheduleError::ConflictException(there)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_refusal_is_said_in_scheduler_s_own_words() {
        let meta = |code: &str| {
            aws_sdk_scheduler::error::ErrorMetadata::builder().code(code).message("no").build()
        };
        let past = ValidationException::builder().message("no").meta(meta("ValidationException"));
        let past = CreateScheduleError::ValidationException(past.build().expect("whole"));
        assert_eq!(refused(past).await, Err("CreateSchedule: ValidationException: no".to_owned()));
        let gone = ResourceNotFoundException::builder()
            .message("no")
            .meta(meta("ResourceNotFoundException"));
        let gone = CreateScheduleError::ResourceNotFoundException(gone.build().expect("whole"));
        let why = refused(gone).await.expect_err("there is no group");
        assert_eq!(why, "CreateSchedule: ResourceNotFoundException: no");
    }
}
