use super::*;

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";
const STATE_MACHINE: &str =
    "arn:aws-us-gov:states:us-gov-west-1:111122223333:stateMachine:portcullis-recreate";

const TABLE: &str = "portcullis-ledger";

const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/portcullis-digest";

const REVISIT_ROLE: &str = "arn:aws:iam::111122223333:role/portcullis-RevisitRole-1A";

const UNDELIVERED: &str = "arn:aws:sqs:eu-west-1:111122223333:portcullis-UndeliveredQueue-1A";

fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::read(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// What is required, and these.
fn with(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let required = [("PORTCULLIS_ALERT_TOPIC_ARN", TOPIC), ("PORTCULLIS_LEDGER_TABLE", TABLE)];
    // The first one counts.
    read(&[more, &required].concat())
}

fn problem(variables: &[(&str, &str)]) -> String {
    with(variables).unwrap_err().to_string()
}

#[test]
fn the_topic_and_the_table_are_enough() {
    let settings = with(&[]).unwrap();
    let expected = Settings {
        topics: Topics { alert: TOPIC.to_owned(), chat: None },
        stack: None,
        mode: Mode::Enforce,
        own_role_arns: Vec::new(),
        recreate_state_machine_arn: None,
        harden_state_machine_arn: None,
        moves: false,
        exceptions_dir: None,
        ledger_table: TABLE.to_owned(),
        digest_queue_url: None,
        schedules: None,
        actions_per_event: 25,
        actions_per_minute: 100,
        comebacks_per_hour: 3,
        known_networks: Vec::new(),
        enforces_lists: false,
        alerts_per_minute: 10,
    };
    assert_eq!(settings, expected);
}

#[test]
fn every_setting_is_read() {
    let settings = read(&[
        ("PORTCULLIS_ALERT_TOPIC_ARN", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:a"),
        ("PORTCULLIS_MODE", "observe"),
        ("PORTCULLIS_STACK", "guard"),
        (
            "PORTCULLIS_OWN_ROLE_ARNS",
            "arn:aws:iam::111122223333:role/a, arn:aws:iam::111122223333:role/path/b,",
        ),
        ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", STATE_MACHINE),
        ("PORTCULLIS_MOVES", "yes"),
        ("PORTCULLIS_CHAT_TOPIC_ARN", TOPIC),
        ("PORTCULLIS_LEDGER_TABLE", "guard-ledger"),
        ("PORTCULLIS_DIGEST_QUEUE_URL", QUEUE),
        ("PORTCULLIS_REVISIT_GROUP", "portcullis-RevisitGroup-1A"),
        ("PORTCULLIS_REVISIT_ROLE_ARN", REVISIT_ROLE),
        ("PORTCULLIS_UNDELIVERED_QUEUE_ARN", UNDELIVERED),
        ("PORTCULLIS_ACTIONS_PER_EVENT", "1"),
        ("PORTCULLIS_ACTIONS_PER_MINUTE", "2"),
        ("PORTCULLIS_COMEBACKS_PER_HOUR", "3"),
        ("PORTCULLIS_ALERTS_PER_MINUTE", "4"),
    ])
    .unwrap();
    assert_eq!(settings.recreate_state_machine_arn.as_deref(), Some(STATE_MACHINE));
    assert!(settings.moves);
    assert_eq!(settings.topics.chat.as_deref(), Some(TOPIC));
    assert_eq!(settings.ledger_table, "guard-ledger");
    assert_eq!(settings.digest_queue_url.as_deref(), Some(QUEUE));
    let schedules = Schedules {
        group: "portcullis-RevisitGroup-1A".to_owned(),
        role_arn: REVISIT_ROLE.to_owned(),
        undelivered_queue_arn: UNDELIVERED.to_owned(),
    };
    assert_eq!(settings.schedules, Some(schedules));
    assert_eq!((settings.actions_per_event, settings.actions_per_minute), (1, 2));
    assert_eq!((settings.comebacks_per_hour, settings.alerts_per_minute), (3, 4));
    assert_eq!(settings.mode, Mode::Observe);
    let roles = ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/path/b"];
    assert_eq!(settings.own_role_arns, roles);
}

#[test]
fn the_mode_reads_as_it_is_written() {
    for (text, mode) in [("enforce", Mode::Enforce), ("observe", Mode::Observe)] {
        let settings = with(&[("PORTCULLIS_MODE", text)]).unwrap();
        assert_eq!(settings.mode, mode);
        assert_eq!(mode.as_str(), text);
    }
}

#[test]
fn an_empty_value_is_an_absent_one() {
    let settings = with(&[
        ("PORTCULLIS_MODE", ""),
        ("PORTCULLIS_OWN_ROLE_ARNS", "  "),
        ("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", ""),
        ("PORTCULLIS_MOVES", ""),
        ("PORTCULLIS_CHAT_TOPIC_ARN", ""),
        ("PORTCULLIS_DIGEST_QUEUE_URL", ""),
        ("PORTCULLIS_ALERTS_PER_MINUTE", ""),
    ])
    .unwrap();
    assert_eq!(settings.recreate_state_machine_arn, None);
    assert_eq!(settings.topics.chat, None);
    assert_eq!((settings.digest_queue_url, settings.alerts_per_minute), (None, 10));
    assert_eq!(settings.mode, Mode::Enforce);
    assert!(settings.own_role_arns.is_empty());
}

#[test]
fn moves_are_there_or_not() {
    for (text, moves) in [("yes", true), ("no", false)] {
        let settings = with(&[("PORTCULLIS_MOVES", text)]).unwrap();
        assert_eq!(settings.moves, moves);
    }
    let problem = problem(&[("PORTCULLIS_MOVES", "ask")]);
    assert_eq!(problem, "settings: PORTCULLIS_MOVES is `ask`, and must be `yes` or `no`");
}

/// A group without a role would be a revisit that nothing delivers.
#[test]
fn revisits_are_scheduled_with_all_of_their_settings_or_not_at_all() {
    let problem = problem(&[
        ("PORTCULLIS_REVISIT_GROUP", "no such name"),
        ("PORTCULLIS_REVISIT_ROLE_ARN", REVISIT_ROLE),
    ]);
    assert_eq!(
        problem,
        "settings: PORTCULLIS_REVISIT_GROUP is `no such name`, and must be the name of a group of schedules, as \
         `portcullis-RevisitGroup-1A2B3C4D`; PORTCULLIS_UNDELIVERED_QUEUE_ARN is not set, and must be the ARN of an \
         SQS queue, as `arn:aws:sqs:eu-west-1:111122223333:undelivered`"
    );
}

#[test]
fn what_is_required_and_missing_is_named_with_what_it_must_be() {
    let expected = "settings: PORTCULLIS_ALERT_TOPIC_ARN is not set, and must be the ARN of an SNS topic, \
         as `arn:aws:sns:eu-west-1:111122223333:alerts`; \
         PORTCULLIS_LEDGER_TABLE is not set, and must be the name of a DynamoDB table, as `portcullis-ledger`: \
         the stack's output LedgerTableName has it, and `make account` prints it";
    assert_eq!(read(&[]).unwrap_err().to_string(), expected);
    let empty = [("PORTCULLIS_ALERT_TOPIC_ARN", ""), ("PORTCULLIS_LEDGER_TABLE", " ")];
    assert_eq!(read(&empty).unwrap_err().to_string(), expected);
}

/// The function that only sends has neither a table nor a right to one.
#[test]
fn for_sending_the_topics_are_enough() {
    let variable = |name: &str| (name == "PORTCULLIS_ALERT_TOPIC_ARN").then(|| TOPIC.to_owned());
    assert_eq!(Topics::read(variable), Ok(Topics { alert: TOPIC.to_owned(), chat: None }));
    let missing = Topics::read(|_| None).unwrap_err().to_string();
    assert!(missing.starts_with("settings: PORTCULLIS_ALERT_TOPIC_ARN is not set"), "{missing}");
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
        let set = [("PORTCULLIS_RECREATE_STATE_MACHINE_ARN", wrong)];
        let expected = format!(
            "settings: PORTCULLIS_RECREATE_STATE_MACHINE_ARN is `{wrong}`, and must be the ARN of a state machine"
        );
        assert!(problem(&set).starts_with(&expected), "{}", problem(&set));
    }
}

/// A comeback that is not remembered would never be the last one.
#[test]
fn comebacks_are_no_more_than_are_remembered() {
    for wrong in ["0", "11", "-1", "2.5", "three"] {
        let expected = format!(
            "settings: PORTCULLIS_COMEBACKS_PER_HOUR is `{wrong}`, and must be a whole number from 1 to 10"
        );
        assert_eq!(problem_of("PORTCULLIS_COMEBACKS_PER_HOUR", wrong), Some(expected));
    }
    for right in ["1", "10"] {
        assert_eq!(problem_of("PORTCULLIS_COMEBACKS_PER_HOUR", right), None);
    }
}

/// What is wrong with one setting, beside a topic and a table that are right.
fn problem_of(name: &str, value: &str) -> Option<String> {
    with(&[(name, value)]).err().map(|error| error.to_string())
}

#[test]
fn a_limit_is_a_whole_number_of_at_least_one() {
    for name in [
        "PORTCULLIS_ACTIONS_PER_EVENT",
        "PORTCULLIS_ACTIONS_PER_MINUTE",
        "PORTCULLIS_ALERTS_PER_MINUTE",
    ] {
        for wrong in ["0", "-1", "2.5", "1e3", "ten", "3 ", "99999999999999999999999"] {
            let expected =
                format!("settings: {name} is `{wrong}`, and must be a whole number, 1 or more");
            assert_eq!(problem_of(name, wrong), Some(expected));
        }
        assert_eq!(problem_of(name, "1"), None);
    }
}

#[test]
fn what_is_no_chat_topic_table_or_queue_is_named_with_its_value() {
    for (name, right, wrong) in [
        (
            "PORTCULLIS_CHAT_TOPIC_ARN",
            &[TOPIC][..],
            &["chat", "arn:aws:sqs:eu-west-1:111122223333:chat"][..],
        ),
        (
            "PORTCULLIS_LEDGER_TABLE",
            &["portcullis-ledger", "a.b", "a_2"],
            &["ab", "a b", "a/b", "arn:aws:dynamodb:eu-west-1:111122223333:table/a"],
        ),
        (
            "PORTCULLIS_DIGEST_QUEUE_URL",
            &[QUEUE, "http://127.0.0.1:4566/000000000000/digest"],
            &[
                "digest",
                "arn:aws:sqs:eu-west-1:111122223333:digest",
                "https://sqs.eu-west-1.amazonaws.com/digest",
                "https://sqs.eu-west-1.amazonaws.com/11112222/digest",
                "https:///111122223333/digest",
                "https://sqs.eu-west-1.amazonaws.com/111122223333/",
                "https://sqs.eu-west-1.amazonaws.com/111122223333/a/b",
                "ftp://sqs.eu-west-1.amazonaws.com/111122223333/digest",
            ],
        ),
    ] {
        for right in right {
            assert_eq!(problem_of(name, right), None);
        }
        for wrong in wrong {
            let problem = problem_of(name, wrong).unwrap();
            let expected = format!("settings: {name} is `{wrong}`, and must be the ");
            assert!(problem.starts_with(&expected), "{problem}");
            let required = name == "PORTCULLIS_LEDGER_TABLE";
            assert_eq!(problem.ends_with(", or nothing"), !required, "{problem}");
        }
    }
}

#[test]
fn a_mode_that_is_neither_is_an_error_and_not_a_default() {
    for wrong in ["dry-run", "Enforce", "observe ", "true"] {
        let set = [("PORTCULLIS_MODE", wrong)];
        let expected =
            format!("settings: PORTCULLIS_MODE is `{wrong}`, and must be `enforce` or `observe`");
        assert_eq!(problem(&set), expected);
    }
}

#[test]
fn each_own_role_that_is_none_is_named() {
    let problem =
        problem(&[("PORTCULLIS_OWN_ROLE_ARNS", "first,arn:aws:iam::111122223333:role/a,second")]);
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
        ("PORTCULLIS_CHAT_TOPIC_ARN", "chat"),
        ("PORTCULLIS_LEDGER_TABLE", "x"),
        ("PORTCULLIS_DIGEST_QUEUE_URL", "y"),
        ("PORTCULLIS_ACTIONS_PER_EVENT", "none"),
    ]);
    for part in [
        "ALERT_TOPIC_ARN is `alerts`",
        "PORTCULLIS_MODE is `off`",
        "OWN_ROLE_ARNS holds `me`",
        "RECREATE_STATE_MACHINE_ARN is `it`",
        "CHAT_TOPIC_ARN is `chat`",
        "LEDGER_TABLE is `x`",
        "DIGEST_QUEUE_URL is `y`",
        "ACTIONS_PER_EVENT is `none`",
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
        ("PORTCULLIS_LEDGER_TABLE", "i\nj"),
        ("PORTCULLIS_ALERTS_PER_MINUTE", "k\nl"),
    ]);
    assert!(!problem.contains(char::is_control), "{problem:?}");
}

#[test]
fn known_networks_are_lists_and_networks_and_few() {
    let settings =
        with(&[("PORTCULLIS_KNOWN_NETWORKS", "pl-0a1b, 203.0.113.7/24,2001:db8::/32, pl-0a1b")])
            .unwrap();
    let networks: Vec<String> = settings.known_networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["pl-0a1b", "203.0.113.0/24", "2001:db8::/32"]);
    assert!(with(&[]).unwrap().known_networks.is_empty());
    for text in ["203.0.113.7", "pl-", "pl-office", "sg-1", "0.0.0.0/33"] {
        let error = with(&[("PORTCULLIS_KNOWN_NETWORKS", text)]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("PORTCULLIS_KNOWN_NETWORKS holds `{text}`, and must")),
            "{error}"
        );
    }
    let many: Vec<String> = (0..11).map(|at| format!("52.94.{at}.0/24")).collect();
    let error = with(&[("PORTCULLIS_KNOWN_NETWORKS", &many.join(","))]).unwrap_err().to_string();
    assert!(
        error.contains("holds 11 networks, and must hold at most 10: put them into a prefix list"),
        "{error}"
    );
}
