//! Settings, read once at start, and the clients.

use anyhow::{Result, bail};
use portcullis_approval::{Asker, Desk, StackSettings, Table};
use portcullis_aws::{Patience, config, now, sns};

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `PORTCULLIS_ALERT_TOPIC_ARN`: the SNS topic of the mails.
    pub(crate) topic: String,
    /// `PORTCULLIS_MOVES_TABLE`: the table of requests.
    table: String,
    /// `PORTCULLIS_STACK`: the name of the stack, for the commands in the mails.
    pub(crate) stack: String,
    /// How people are asked.
    pub(crate) asker: Asker,
}

impl Settings {
    /// Reads them from a look-up of environment variables. An empty value is an absent one.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut problems = Vec::new();
        let StackSettings { topic, table, stack } = StackSettings::read(variable, &mut problems);
        let asker = Asker::read(variable, &mut problems);
        if !problems.is_empty() {
            bail!("settings: {}", problems.join("; "));
        }
        Ok(Self { topic, table, stack, asker })
    }
}

/// Everything that the steps need.
#[derive(Debug)]
pub(crate) struct Shell {
    /// Their settings.
    pub(crate) settings: Settings,
    /// What was asked before.
    pub(crate) table: Table,
    /// Wakes the workflow.
    pub(crate) sfn: aws_sdk_sfn::Client,
    /// Signs links.
    pub(crate) kms: aws_sdk_kms::Client,
    /// SNS, in the topic's Region.
    pub(crate) sns: aws_sdk_sns::Client,
    /// Seconds since 1970.
    pub(crate) now: fn() -> i64,
}

impl Shell {
    /// Makes the clients.
    pub(crate) async fn new(settings: Settings) -> Self {
        let config = config(Patience::Long).await;
        Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(&config), settings.table.as_str()),
            sfn: aws_sdk_sfn::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            sns: sns(&config, &settings.topic),
            now,
            settings,
        }
    }

    /// What a question goes by.
    pub(crate) fn desk(&self) -> Desk<'_> {
        Desk { table: &self.table, kms: &self.kms, sfn: &self.sfn }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once() {
        let set =
            |name: &str| Some(if name == "PORTCULLIS_ANSWER_DAYS" { "0" } else { " " }.to_owned());
        let error = Settings::read(set).unwrap_err().to_string();
        for part in ["TOPIC_ARN is not set", "TABLE is not set", "STACK is not set", "DAYS is `0`"]
        {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
