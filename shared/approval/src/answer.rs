//! Answering, once.

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::to_attribute_value;

use crate::record::{About, Answer, Record};
use crate::table::{Table, failed, text};

/// Which question is answered: that of this plan, asked until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct To<'a> {
    /// The id of the move.
    pub id: &'a str,
    /// What it is about.
    pub about: About,
    /// The fingerprint of the plan that the person saw.
    pub plan: &'a str,
    /// Until when the question that they saw can be answered.
    pub until: i64,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It is recorded, and the workflow goes on.
    Recorded,
    /// It is recorded, and the workflow is not there any more: it was stopped, or timed out.
    NobodyWaits,
    /// Somebody answered before: this holds.
    Already(Answer),
    /// There is no such question: it was never asked, or another one took its place.
    NotAsked,
    /// The time to answer is over.
    TooLate,
}

/// Records the answer, if the question is open, then wakes the workflow. One that was recorded, and that
/// the workflow was not woken with, is passed on now.
///
/// # Errors
///
/// If the table or Step Functions does not answer. Answering again is safe.
pub async fn answer(
    table: &Table,
    sfn: &aws_sdk_sfn::Client,
    to: To<'_>,
    answer: &Answer,
) -> Result<Decided> {
    if record(table, to, answer).await? {
        let record = read(table, to).await?;
        return pass_on(table, sfn, to, &record).await;
    }
    let record = read(table, to).await?;
    let question = record.question(to.about);
    let Some(question) = question.filter(|q| q.until == to.until && q.plan == to.plan) else {
        return Ok(Decided::NotAsked);
    };
    let Some(earlier) = question.answer.clone() else { return Ok(Decided::TooLate) };
    if !question.passed_on {
        pass_on(table, sfn, to, &record).await?;
    }
    Ok(Decided::Already(earlier))
}

async fn read(table: &Table, to: To<'_>) -> Result<Record> {
    match table.read(to.id).await? {
        Some(record) => Ok(record),
        None => bail!("there is no re-creation {} in {}", to.id, table.name),
    }
}

/// Whether the answer is recorded now.
async fn record(table: &Table, to: To<'_>, answer: &Answer) -> Result<bool> {
    #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
    let update = table.client.update_item();
    let answered = update
        .table_name(&table.name)
        .key("id", text(to.id))
        .update_expression("SET #question.#answer = :answer")
        .condition_expression(
            "attribute_exists(#question) AND attribute_not_exists(#question.#answer) \
             AND #question.#plan = :plan AND #question.#until = :until AND #question.#until > :now",
        )
        .expression_attribute_names("#question", to.about.as_str())
        .expression_attribute_names("#answer", "answer")
        .expression_attribute_names("#plan", "plan")
        .expression_attribute_names("#until", "until")
        .expression_attribute_values(":answer", to_attribute_value(answer)?)
        .expression_attribute_values(":plan", text(to.plan))
        .expression_attribute_values(":until", number(to.until))
        .expression_attribute_values(":now", number(answer.at))
        .send()
        .await;
    match answered {
        Ok(_) => Ok(true),
        Err(error) => {
            let service = error.as_service_error();
            if service.is_some_and(|error| error.is_conditional_check_failed_exception()) {
                return Ok(false);
            }
            let about = to.about.as_str();
            Err(failed("UpdateItem")(error)).with_context(|| {
                format!("recording the answer to {about} of re-creation {}", to.id)
            })
        }
    }
}

/// Wakes the workflow that waits with this token. It reads the answer in the table, so nothing is sent
/// that it would believe. `false` if nothing waits with it any more.
///
/// # Errors
///
/// If Step Functions does not answer.
pub async fn wake(sfn: &aws_sdk_sfn::Client, token: &str) -> Result<bool> {
    #[expect(clippy::disallowed_methods, reason = "the one place that wakes the workflow")]
    let wake = sfn.send_task_success();
    match wake.task_token(token).output("{}").send().await {
        Ok(_) => Ok(true),
        Err(error) => {
            let gone = error.as_service_error().is_some_and(|error| {
                error.is_task_does_not_exist()
                    || error.is_task_timed_out()
                    || error.is_invalid_token()
            });
            if gone {
                Ok(false)
            } else {
                Err(failed("SendTaskSuccess")(error)).context("waking the workflow")
            }
        }
    }
}

async fn pass_on(
    table: &Table,
    sfn: &aws_sdk_sfn::Client,
    to: To<'_>,
    record: &Record,
) -> Result<Decided> {
    let question = record.question(to.about);
    let Some(token) = question.and_then(|question| question.token.clone()) else {
        return Ok(Decided::NobodyWaits);
    };
    let woken = match wake(sfn, &token).await {
        Ok(true) => Decided::Recorded,
        Ok(false) => Decided::NobodyWaits,
        Err(error) => {
            return Err(error.context(format!(
                "the answer is recorded, but the workflow of re-creation {} could not be woken; answer again",
                to.id
            )));
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the one place that writes the table")]
    let update = table.client.update_item();
    // If this fails, the workflow is woken twice: the second time, it does not wait any more.
    let _ = update
        .table_name(&table.name)
        .key("id", text(to.id))
        .update_expression("SET #question.passedOn = :yes")
        .condition_expression("#question.#until = :until")
        .expression_attribute_names("#question", to.about.as_str())
        .expression_attribute_names("#until", "until")
        .expression_attribute_values(":yes", AttributeValue::Bool(true))
        .expression_attribute_values(":until", number(to.until))
        .send()
        .await;
    Ok(woken)
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
