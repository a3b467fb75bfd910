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

const MACHINE: &str = "PORTCULLIS_RECREATE_STATE_MACHINE_ARN";

/// The settings of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `PORTCULLIS_ALERT_TOPIC_ARN`: the SNS topic of the alerts.
    pub alert_topic_arn: String,
    /// `PORTCULLIS_MODE`: `enforce` unless set to `observe`.
    pub mode: Mode,
    /// `PORTCULLIS_OWN_ROLE_ARNS`: IAM roles, comma-separated, whose calls are our own.
    pub own_role_arns: Vec<String>,
    /// `PORTCULLIS_RECREATE_STATE_MACHINE_ARN`: the state machine that moves caches. Where it is set, a
    /// cache on its default port starts a move.
    pub recreate_state_machine_arn: Option<String>,
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
            Some(arn) if is_topic(&arn) => arn,
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
        for arn in own_role_arns.iter().filter(|arn| !is_role(arn)) {
            problems.push(format!(
                "PORTCULLIS_OWN_ROLE_ARNS holds `{}`, and must hold ARNs of IAM roles, comma-separated",
                arn.escape_default()
            ));
        }
        let recreate_state_machine_arn = variable(MACHINE);
        if let Some(wrong) = recreate_state_machine_arn.as_deref().filter(|arn| !is_machine(arn)) {
            let wrong = wrong.escape_default();
            problems.push(format!(
                "{MACHINE} is `{wrong}`, and must be the ARN of a state machine, as \
                 `arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate`, or nothing"
            ));
        }
        match problems.is_empty() {
            true => Ok(Self { alert_topic_arn, mode, own_role_arns, recreate_state_machine_arn }),
            false => Err(SettingsError(problems)),
        }
    }
}

fn is_topic(text: &str) -> bool {
    matches!(arn(text).as_slice(), ["arn", _, "sns", region, account, topic]
        if !region.is_empty() && !account.is_empty() && !topic.is_empty() && !topic.contains(':'))
}

fn is_role(text: &str) -> bool {
    matches!(arn(text).as_slice(), ["arn", _, "iam", "", account, resource]
        if !account.is_empty() && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()))
}

/// Not of a version or an alias: the executions of those have other ARNs.
fn is_machine(text: &str) -> bool {
    matches!(arn(text).as_slice(), ["arn", _, "states", region, account, resource]
        if !region.is_empty() && !account.is_empty()
            && resource.strip_prefix("stateMachine:").is_some_and(|name| !name.is_empty() && !name.contains(':')))
}

/// The six parts of an ARN; fewer if it is none.
fn arn(text: &str) -> Vec<&str> {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let known = parts.get(1).is_some_and(|partition| partition.starts_with("aws"));
    if known && !text.contains(char::is_whitespace) { parts } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";
    const STATE_MACHINE: &str =
        "arn:aws-us-gov:states:us-gov-west-1:111122223333:stateMachine:portcullis-recreate";

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn problem(variables: &[(&str, &str)]) -> String {
        read(variables).unwrap_err().to_string()
    }

    #[test]
    fn the_topic_alone_is_enough() {
        let settings = read(&[("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC)]).unwrap();
        let alert_topic_arn = TOPIC.to_owned();
        let expected = Settings {
            alert_topic_arn,
            mode: Mode::Enforce,
            own_role_arns: Vec::new(),
            recreate_state_machine_arn: None,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn every_setting_is_read() {
        let settings = read(&[
            ("PORTCULLIS_ALERT_TOPIC_ARN", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:a"),
            ("PORTCULLIS_MODE", "observe"),
            (
                "PORTCULLIS_OWN_ROLE_ARNS",
                "arn:aws:iam::111122223333:role/a, arn:aws:iam::111122223333:role/path/b,",
            ),
            ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", STATE_MACHINE),
        ])
        .unwrap();
        assert_eq!(settings.recreate_state_machine_arn.as_deref(), Some(STATE_MACHINE));
        assert_eq!(settings.mode, Mode::Observe);
        let roles = ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/path/b"];
        assert_eq!(settings.own_role_arns, roles);
    }

    #[test]
    fn the_mode_reads_as_it_is_written() {
        for (text, mode) in [("enforce", Mode::Enforce), ("observe", Mode::Observe)] {
            let settings =
                read(&[("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC), ("PORTCULLIS_MODE", text)]).unwrap();
            assert_eq!(settings.mode, mode);
            assert_eq!(mode.as_str(), text);
        }
    }

    #[test]
    fn an_empty_value_is_an_absent_one() {
        let settings = read(&[
            ("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC),
            ("PORTCULLIS_MODE", ""),
            ("PORTCULLIS_OWN_ROLE_ARNS", "  "),
            ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", ""),
        ])
        .unwrap();
        assert_eq!(settings.recreate_state_machine_arn, None);
        assert_eq!(settings.mode, Mode::Enforce);
        assert!(settings.own_role_arns.is_empty());
        assert_eq!(problem(&[("PORTCULLIS_ALERT_TOPIC_ARN", "")]), problem(&[]));
    }

    #[test]
    fn a_missing_topic_is_named_with_what_it_must_be() {
        assert_eq!(
            problem(&[]),
            "settings: PORTCULLIS_ALERT_TOPIC_ARN is not set, and must be the ARN of an SNS topic, \
             as `arn:aws:sns:eu-west-1:111122223333:alerts`"
        );
    }

    #[test]
    fn what_is_no_topic_is_named_with_its_value() {
        for wrong in [
            "alerts",
            "arn:aws:sqs:eu-west-1:111122223333:alerts",
            "arn:aws:sns:eu-west-1:111122223333:",
            "arn:aws:sns:eu-west-1:111122223333",
            "arn:other:sns:eu-west-1:111122223333:alerts",
            "arn:aws:sns:eu-west-1:111122223333:my alerts",
            " arn:aws:sns:eu-west-1:111122223333:alerts",
        ] {
            let problem = problem(&[("PORTCULLIS_ALERT_TOPIC_ARN", wrong)]);
            let expected = format!("PORTCULLIS_ALERT_TOPIC_ARN is `{wrong}`, and must be the ARN");
            assert!(problem.contains(&expected), "{problem}");
        }
    }

    #[test]
    fn what_is_no_state_machine_is_named_with_its_value() {
        for wrong in [
            "portcullis-recreate",
            "arn:aws:states:eu-west-1:111122223333:stateMachine:",
            "arn:aws:states:eu-west-1:111122223333:stateMachine:a:live",
            "arn:aws:states:eu-west-1:111122223333:execution:a:b",
            "arn:aws:states::111122223333:stateMachine:a",
            "arn:aws:lambda:eu-west-1:111122223333:stateMachine:a",
            "arn:aws:states:eu-west-1:111122223333:stateMachine:a b",
        ] {
            let set = [
                ("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC),
                ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", wrong),
            ];
            let expected = format!(
                "settings: PORTCULLIS_RECREATE_STATE_MACHINE_ARN is `{wrong}`, and must be the ARN of a state machine"
            );
            assert!(problem(&set).starts_with(&expected), "{}", problem(&set));
        }
    }

    #[test]
    fn a_mode_that_is_neither_is_an_error_and_not_a_default() {
        for wrong in ["dry-run", "Enforce", "observe ", "true"] {
            let set = [("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC), ("PORTCULLIS_MODE", wrong)];
            let expected = format!(
                "settings: PORTCULLIS_MODE is `{wrong}`, and must be `enforce` or `observe`"
            );
            assert_eq!(problem(&set), expected);
        }
    }

    #[test]
    fn each_own_role_that_is_none_is_named() {
        let problem = problem(&[
            ("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC),
            ("PORTCULLIS_OWN_ROLE_ARNS", "first,arn:aws:iam::111122223333:role/a,second"),
        ]);
        for wrong in ["first", "second"] {
            let expected = format!("PORTCULLIS_OWN_ROLE_ARNS holds `{wrong}`, and must hold ARNs");
            assert!(problem.contains(&expected), "{problem}");
        }
        assert!(!problem.contains("role/a"), "{problem}");
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problem = problem(&[
            ("PORTCULLIS_ALERT_TOPIC_ARN", "alerts"),
            ("PORTCULLIS_MODE", "off"),
            ("PORTCULLIS_OWN_ROLE_ARNS", "me"),
            ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", "it"),
        ]);
        for part in [
            "ALERT_TOPIC_ARN is `alerts`",
            "PORTCULLIS_MODE is `off`",
            "OWN_ROLE_ARNS holds `me`",
            "RECREATE_STATE_MACHINE_ARN is `it`",
        ] {
            assert!(problem.contains(part), "{problem}");
        }
    }

    #[test]
    fn a_value_cannot_forge_a_line() {
        let problem = problem(&[
            ("PORTCULLIS_ALERT_TOPIC_ARN", "a\nb"),
            ("PORTCULLIS_MODE", "c\nd\u{1b}"),
            ("PORTCULLIS_OWN_ROLE_ARNS", "e\nf"),
            ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", "g\nh"),
        ]);
        assert!(!problem.contains(char::is_control), "{problem:?}");
    }
}
