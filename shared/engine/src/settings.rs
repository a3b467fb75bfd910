//! Settings, read once at start. Every problem is told at once, with the variable and the value.

use std::fmt;

/// What a function does about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Act and tell.
    Enforce,
    /// Only tell.
    Observe,
}

impl Mode {
    /// As in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// The settings of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `PORTCULLIS_ALERT_TOPIC_ARN`: the SNS topic of the alerts.
    pub alert_topic_arn: String,
    /// `PORTCULLIS_MODE`: `enforce` unless set to `observe`.
    pub mode: Mode,
    /// `PORTCULLIS_OWN_ROLE_ARNS`: IAM roles, comma-separated, whose calls are our own.
    pub own_role_arns: Vec<String>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings: {}", self.0.join("; "))
    }
}

impl Settings {
    /// Reads the settings from a look-up of environment variables. An empty value is an absent one.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut problems = Vec::new();
        let topic = "PORTCULLIS_ALERT_TOPIC_ARN";
        let form = "the ARN of an SNS topic, as `arn:aws:sns:eu-west-1:111122223333:alerts`";
        let alert_topic_arn = match variable(topic) {
            Some(arn) if is_arn(&arn, "sns") => arn,
            Some(other) => {
                problems
                    .push(format!("{topic} is `{}`, and must be {form}", other.escape_default()));
                String::new()
            }
            None => {
                problems.push(format!("{topic} is not set, and must be {form}"));
                String::new()
            }
        };
        let mode = match variable("PORTCULLIS_MODE").as_deref() {
            None | Some("enforce") => Mode::Enforce,
            Some("observe") => Mode::Observe,
            Some(other) => {
                let other = other.escape_default();
                problems.push(format!(
                    "PORTCULLIS_MODE is `{other}`, and must be `enforce` or `observe`"
                ));
                Mode::Observe
            }
        };
        let roles = variable("PORTCULLIS_OWN_ROLE_ARNS").unwrap_or_default();
        let own_role_arns: Vec<String> = roles
            .split(',')
            .map(str::trim)
            .filter(|arn| !arn.is_empty())
            .map(str::to_owned)
            .collect();
        for arn in own_role_arns.iter().filter(|arn| !is_arn(arn, "iam")) {
            problems.push(format!(
                "PORTCULLIS_OWN_ROLE_ARNS holds `{}`, and must hold ARNs of IAM roles, comma-separated",
                arn.escape_default()
            ));
        }
        match problems.is_empty() {
            true => Ok(Self { alert_topic_arn, mode, own_role_arns }),
            false => Err(SettingsError(problems)),
        }
    }
}

fn is_arn(text: &str, service: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, named, _, _, resource]
        if partition.starts_with("aws") && *named == service && !resource.is_empty())
        && !text.contains(char::is_whitespace)
}
