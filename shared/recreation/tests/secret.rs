//! The commands that read an AUTH token from its secret, run by a shell, with jq and an `aws` that shows the secret.

use std::process::{Command, Output};

use portcullis_recreation::document;
use portcullis_recreation::plan::{Answer, Choices, plan};

/// In another Region than the cache.
const SECRET: &str = "arn:aws:secretsmanager:eu-north-1:111122223333:secret:checkout/auth-AbCdEf";
const TOKEN: &str = "Abc-123!&#$^<>-xyz";

/// The command of the plan that makes the new cache.
fn create() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/redis-auth-token.json");
    let facts = document::read(&std::fs::read_to_string(path).unwrap(), None).unwrap();
    let choices = Choices { auth_token_secret: Some(SECRET.to_owned()), ..Choices::default() };
    let Answer::Plan(plan) = plan(&facts, &choices) else { panic!("no plan") };
    let mut commands = plan.steps.iter().flat_map(|step| &step.commands);
    commands.find(|command| command.starts_with("TOKEN=")).unwrap().clone()
}

/// Runs the command. `aws` prints the secret where it is asked for it, and else its own arguments.
fn run(secret: &str) -> Output {
    let aws = r#"
        aws() {
            case "$*" in
                "secretsmanager get-secret-value --region eu-north-1 --secret-id $ARN --query SecretString --output text")
                    [ -n "$SECRET" ] && printf '%s\n' "$SECRET" ;;
                *) printf '<%s>' "$@" ;;
            esac
        }
    "#;
    let script = format!("{aws}\n{}", create());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("ARN", SECRET).env("SECRET", secret).output().unwrap()
}

#[test]
fn a_token_is_plain_text_or_in_json() {
    let in_json = serde_json::json!({"user": "x", "authToken": TOKEN}).to_string();
    // A number is plain text too, and so is JSON of another shape: AWS says what it thinks of that.
    let other = r#"{"password":"x"}"#;
    for (secret, token) in [
        (TOKEN, TOKEN),
        ("Abc-123!&#$^<>-xyz\n", TOKEN),
        (&in_json, TOKEN),
        ("1234567890123456", "1234567890123456"),
        (other, other),
    ] {
        let output = run(secret);
        let sent = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && error.is_empty(), "{error}");
        assert!(sent.starts_with("<elasticache><create-replication-group>"), "{sent}");
        assert!(sent.ends_with(&format!("<--auth-token><{token}>")), "{sent}");
    }
}

#[test]
fn a_secret_that_could_not_be_read_makes_no_cache() {
    let output = run("");
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
}
