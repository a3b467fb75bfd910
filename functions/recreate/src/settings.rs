//! Settings, read once at start. Every problem is told at once.

use anyhow::{Result, bail};
use portcullis_approval::{Asker, StackSettings};

/// The settings of the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `PORTCULLIS_ALERT_TOPIC_ARN`: the SNS topic of the mails.
    pub(crate) topic: String,
    /// `PORTCULLIS_MOVES_TABLE`: the DynamoDB table of the moves.
    pub(crate) table: String,
    /// `PORTCULLIS_STACK`: the name of the stack, for the commands in the mails.
    pub(crate) stack: String,
    /// `PORTCULLIS_MOVE_FRESH`: whether a fresh, empty cache moves without asking.
    pub(crate) recreates_fresh: bool,
    /// `PORTCULLIS_CACHE_PORT`: the new port, if it is the same for all.
    pub(crate) port: Option<u16>,
    /// How people are asked.
    pub(crate) asker: Asker,
}

impl Settings {
    /// Reads the settings from a look-up of environment variables. An empty value is an absent one.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut problems = Vec::new();
        let StackSettings { topic, table, stack } = StackSettings::read(variable, &mut problems);
        let recreates_fresh = match variable("PORTCULLIS_MOVE_FRESH").as_deref() {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => {
                problems.push(wrong("PORTCULLIS_MOVE_FRESH", other, "`yes` or `no`"));
                false
            }
        };
        let port = variable("PORTCULLIS_CACHE_PORT").and_then(|text| {
            let port = text.parse().ok();
            if port.is_none() {
                problems.push(wrong("PORTCULLIS_CACHE_PORT", &text, "a port"));
            }
            port
        });
        let asker = Asker::read(variable, &mut problems);
        if !problems.is_empty() {
            bail!("settings: {}", problems.join("; "));
        }
        Ok(Self { topic, table, stack, recreates_fresh, port, asker })
    }
}

fn wrong(name: &str, value: &str, form: &str) -> String {
    format!("{name} is `{}`, and must be {form}", value.escape_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [(&str, &str); 3] = [
        ("PORTCULLIS_ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:111122223333:alerts"),
        ("PORTCULLIS_MOVES_TABLE", "portcullis-moves"),
        ("PORTCULLIS_STACK", "portcullis"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Settings> {
        let all: Vec<_> = LEAST.iter().chain(more).copied().collect();
        Settings::read(|name| {
            let found = all.iter().rev().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_set_is_the_careful_choice() {
        let settings =
            read(&[("PORTCULLIS_CACHE_PORT", ""), ("PORTCULLIS_LINK_KEY_ARN", "")]).unwrap();
        assert!(!settings.recreates_fresh);
        assert_eq!((settings.port, settings.asker), (None, Asker { days: 7, page: None }));
    }

    #[test]
    fn every_setting_is_read() {
        let settings = read(&[
            ("PORTCULLIS_MOVE_FRESH", "yes"),
            ("PORTCULLIS_CACHE_PORT", "17321"),
            ("PORTCULLIS_ANSWER_DAYS", "3"),
            ("PORTCULLIS_APPROVAL_URL", "https://a.lambda-url.eu-west-1.on.aws"),
            ("PORTCULLIS_LINK_KEY_ARN", "arn:aws:kms:eu-west-1:111122223333:key/k"),
        ])
        .unwrap();
        assert!(settings.recreates_fresh);
        assert_eq!((settings.port, settings.asker.days), (Some(17_321), 3));
        assert_eq!(settings.asker.page.unwrap().url, "https://a.lambda-url.eu-west-1.on.aws/");
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let error = read(&[
            ("PORTCULLIS_STACK", " "),
            ("PORTCULLIS_MOVE_FRESH", "maybe"),
            ("PORTCULLIS_CACHE_PORT", "high"),
            ("PORTCULLIS_ANSWER_DAYS", "0"),
            ("PORTCULLIS_LINK_KEY_ARN", "k"),
        ])
        .unwrap_err()
        .to_string();
        for part in
            ["STACK is not", "FRESH is `maybe`", "PORT is `high`", "DAYS is `0`", "set both"]
        {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
