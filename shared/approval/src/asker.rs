//! Asking: for how long, and with a link to which page.

use anyhow::Result;

use crate::answer::{To, wake};
use crate::link::sign;
use crate::record::{About, Question, Record};
use crate::table::Table;

const DAY: i64 = 24 * 3600;

/// How people are asked, by the settings of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// `PORTCULLIS_ANSWER_DAYS`: how long there is to answer, in days.
    pub days: i64,
    /// The approval page, if there is one.
    pub page: Option<Page>,
}

/// The approval page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `PORTCULLIS_APPROVAL_URL`: its address, with a slash at the end.
    pub url: String,
    /// `PORTCULLIS_LINK_KEY_ARN`: the KMS key that signs its links.
    pub key: String,
}

/// Where a function that asks keeps and tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSettings {
    /// `PORTCULLIS_ALERT_TOPIC_ARN`: the SNS topic of the mails.
    pub topic: String,
    /// `PORTCULLIS_MOVES_TABLE`: the DynamoDB table of the requests.
    pub table: String,
    /// `PORTCULLIS_STACK`: the name of the stack, for the commands in the mails.
    pub stack: String,
}

impl StackSettings {
    /// Reads them as [`Asker::read`].
    pub fn read(variable: impl Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> Self {
        let mut needed = |name: &str, what: &str| {
            variable(name).unwrap_or_else(|| {
                problems.push(format!("{name} is not set, and must be {what}"));
                String::new()
            })
        };
        Self {
            topic: needed("PORTCULLIS_ALERT_TOPIC_ARN", "the ARN of an SNS topic"),
            table: needed("PORTCULLIS_MOVES_TABLE", "the name of a DynamoDB table"),
            stack: needed("PORTCULLIS_STACK", "the name of the stack"),
        }
    }
}

/// What a question goes by.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// Where it is recorded.
    pub table: &'a Table,
    /// Signs links.
    pub kms: &'a aws_sdk_kms::Client,
    /// Wakes the workflow.
    pub sfn: &'a aws_sdk_sfn::Client,
}

impl Asker {
    /// Reads the settings from a look-up of variables in which an empty value is an absent one, and adds what is wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> Self {
        let days = variable("PORTCULLIS_ANSWER_DAYS").unwrap_or_else(|| "7".to_owned());
        let days = match days.parse() {
            Ok(days @ 1..=30) => days,
            Ok(_) | Err(_) => {
                let given = days.escape_default();
                problems.push(format!(
                    "PORTCULLIS_ANSWER_DAYS is `{given}`, and must be a number from 1 to 30"
                ));
                0
            }
        };
        let page = match (variable("PORTCULLIS_APPROVAL_URL"), variable("PORTCULLIS_LINK_KEY_ARN"))
        {
            (Some(url), Some(key)) => {
                let slash = if url.ends_with('/') { "" } else { "/" };
                Some(Page { url: format!("{url}{slash}"), key })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                problems.push(
                    "PORTCULLIS_APPROVAL_URL and PORTCULLIS_LINK_KEY_ARN go together: set both or none"
                        .to_owned(),
                );
                None
            }
        };
        Self { days, page }
    }

    /// Asks a question, and makes the link to it. One that is open already is asked anew, until the same
    /// time. `None` if it was answered meanwhile: then the workflow is woken at once.
    ///
    /// # Errors
    ///
    /// If the table, KMS or Step Functions does not answer.
    pub async fn ask(
        &self,
        desk: Desk<'_>,
        record: &Record,
        question: (About, &str),
        token: String,
        now: i64,
    ) -> Result<Option<(Question, Option<String>)>> {
        let (about, note) = question;
        let open = record.question(about).filter(|open| open.until > now);
        let question = Question {
            asked_at: open.map_or(now, |open| open.asked_at),
            until: open.map_or(now.saturating_add(self.days * DAY), |open| open.until),
            plan: record.fingerprint.clone(),
            note: note.to_owned(),
            token: Some(token.clone()),
            answer: None,
            passed_on: false,
        };
        if !desk.table.ask(&record.id, about, &question).await? {
            wake(desk.sfn, &token).await?;
            return Ok(None);
        }
        let to = To { id: &record.id, about, plan: &record.fingerprint, until: question.until };
        let link = match &self.page {
            Some(page) => Some(sign(desk.kms, &page.key, &page.url, to).await?),
            None => None,
        };
        Ok(Some((question, link)))
    }
}
