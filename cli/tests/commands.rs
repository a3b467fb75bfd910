//! The commands as they are run: their exit status, what they print, and what they never do.

mod bare;
#[path = "account/live.rs"]
mod live;

use std::io::Write;
use std::process::{Output, Stdio};

use bare::command;
use live::LIVE;

fn example(name: &str) -> String {
    format!("{}/../shared/recreation/examples/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn printed(output: &Output) -> (i32, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_plan_is_0_a_refusal_1_and_no_input_2() {
    let plan = run(&["plan", &example("valkey-with-replicas")]);
    let (status, out, error) = printed(&plan);
    assert!(status == 0 && out.starts_with("Plan: orders") && error.is_empty(), "{error}");
    let refused = run(&["plan", &example("redis-auth-token")]);
    let (status, out, error) = printed(&refused);
    assert!(status == 1 && out.starts_with("Refused: checkout") && error.is_empty(), "{error}");
    let (missing, odd, usage) =
        (run(&["plan", "no-such-file.json"]), run(&["plan", file!()]), run(&["plan"]));
    for output in [missing, odd, usage] {
        let (status, out, error) = printed(&output);
        assert!(status == 2 && out.is_empty() && error.starts_with("error: "), "{error}");
    }
}

#[test]
fn what_is_no_input_says_why() {
    let mut child = command(&["plan", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(br#"{"CacheClusters": [{"NumCacheNodes": "x"}]}"#)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    insta::assert_snapshot!(printed(&output).2, @"
    error: - is no input for a plan: CacheClusters[0]: not as AWS writes it, expected i64
    help: print it again with AWS CLI 2.x, without --query, and give it as it is
    ");
}

#[test]
fn a_file_and_standard_input_are_the_same() {
    let file = std::fs::File::open(example("memcached-single-node")).unwrap();
    let output = command(&["plan", "-", "--json"]).stdin(file).output().unwrap();
    let named = run(&["plan", &example("memcached-single-node"), "--json"]);
    assert_eq!(printed(&output), printed(&named));
    assert!(printed(&output).1.contains("\"schema\": \"portcullis.plan.v1\""));
}

#[test]
fn options_are_the_wish() {
    let output = run(&["plan", &example("redis-single-node"), "--port", "7001"]);
    assert!(printed(&output).1.contains("to port 7001"));
    let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout";
    let output = run(&["plan", &example("redis-auth-token"), "--auth-token-secret", secret]);
    assert_eq!(printed(&output).0, 0);
    let output = run(&["plan", &example("redis-single-node"), "--cache", "sessions"]);
    let (status, out, _) = printed(&output);
    assert!(
        status == 1 && out.starts_with("Refused: sessions") && out.contains("1. Tags"),
        "{out}"
    );
    assert_eq!(printed(&run(&["plan", &example("redis-single-node"), "--port", "0"])).0, 2);
}

#[test]
fn a_token_given_for_the_secret_is_repeated_nowhere() {
    for form in [&[][..], &["--json"]] {
        let example = example("redis-auth-token");
        let arguments =
            [&["plan", &example, "--auth-token-secret", "hunter2hunter2hunter2"], form].concat();
        let output = run(&arguments);
        let (status, out, error) = printed(&output);
        assert!(status == 1 && !out.contains("hunter2") && !error.contains("hunter2"));
    }
}

#[test]
fn colours_come_when_asked_for_and_not_into_a_pipe() {
    let coloured = |output: &Output| printed(output).1.contains('\u{1b}');
    let example = example("valkey-with-replicas");
    assert!(!coloured(&run(&["plan", &example])));
    assert!(coloured(&run(&["plan", &example, "--color", "always"])));
    assert!(!coloured(&run(&["plan", &example, "--color", "never"])));
    assert!(!coloured(&command(&["plan", &example]).env("NO_COLOR", "1").output().unwrap()));
    let (plain, painted) =
        (run(&["plan", &example]), run(&["plan", &example, "--color", "always"]));
    let mut without = String::new();
    let mut rest = printed(&painted).1;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        without.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(without + rest, printed(&plain).1);
}

/// As wide as most terminals are: a command that is broken over two lines cannot be pasted.
#[test]
fn no_command_of_the_help_is_broken_over_two_lines() {
    for name in ["plan", "move", "moves", "approve", "reject", "findings", "undo"] {
        let wide = printed(&run(&[name, "--help"])).1.to_owned();
        let narrow = command(&[name, "--help"]).env("COLUMNS", "80").output().unwrap();
        let is_command = |line: &&str| {
            ["aws", "cat", "portcullis"].iter().any(|tool| line.starts_with(&format!("  {tool} ")))
        };
        let commands =
            |text: &str| text.lines().filter(is_command).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(commands(printed(&narrow).1), commands(&wide), "{name}");
    }
}

#[test]
fn the_help_says_it_all() {
    insta::assert_snapshot!(printed(&run(&["--help"])).1);
    for command in ["plan", "move", "moves", "approve", "reject", "findings", "undo"] {
        insta::assert_snapshot!(command, printed(&run(&[command, "--help"])).1);
    }
}

const ARN: &str = "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders";

#[test]
fn without_a_region_or_credentials_it_says_what_to_do() {
    for arguments in LIVE {
        let output = run(arguments);
        let (status, out, error) = printed(&output);
        assert!(status == 2 && out.is_empty(), "{arguments:?}");
        assert_eq!(
            error,
            "error: no Region is set\nhelp: give one (--region REGION), set AWS_REGION, or set `region` in the profile\n"
        );
        let output = run(&[arguments, &["--region", "eu-west-1"]].concat());
        let (status, out, error) = printed(&output);
        assert!(status == 2 && out.is_empty(), "{arguments:?}");
        let says = error.starts_with("error: no AWS credentials: ") && error.contains("--profile");
        assert!(says && error.lines().count() == 2, "{arguments:?}: {error}");
    }
}

#[test]
fn an_arn_says_which_region() {
    for arguments in [["plan", ARN], ["move", ARN]] {
        let output = run(&arguments);
        assert!(printed(&output).2.starts_with("error: no AWS credentials: "), "{output:?}");
    }
}

#[test]
fn a_region_that_is_none_reaches_no_host() {
    let output = command(&["plan", "orders", "--region", "evil.example/"])
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .output()
        .unwrap();
    let error = printed(&output).2;
    assert_eq!(
        error,
        "error: `evil.example/` is not a Region\nhelp: give one as AWS writes it, such as eu-west-1\n"
    );
}

#[test]
fn what_is_of_a_file_is_not_of_a_cache() {
    let of_cache = run(&["plan", "orders", "--cache", "orders", "--region", "eu-west-1"]);
    assert!(printed(&of_cache).2.contains("orders is not a file"), "{of_cache:?}");
    let of_file = run(&["plan", &example("redis-single-node"), "--document"]);
    let (status, out, error) = printed(&of_file);
    assert!(status == 2 && out.is_empty() && error.contains("is a file"), "{error}");
}

#[test]
fn a_rejection_has_a_reason() {
    let output = run(&["reject", "orders-1a2b3c4d"]);
    let (status, _, error) = printed(&output);
    assert!(status == 2 && error.contains("--reason <TEXT>"), "{error}");
}

fn exceptions(below: &str) -> String {
    format!("{}/../infra/exceptions{below}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn exceptions_are_listed_or_their_problems_told() {
    for below in ["", "/strict"] {
        let checked = run(&["exceptions", "check", &exceptions(below)]);
        let (status, out, error) = printed(&checked);
        assert!(status == 0 && error.is_empty(), "{error}");
        assert!(out.contains("public-https: open-ingress (public-web.cedar)"), "{out}");
    }
    let dir = tempfile::tempdir().unwrap();
    let check = || run(&["exceptions", "check", dir.path().to_str().unwrap()]);
    assert_eq!(printed(&check()), (0, "Nothing is suppressed.\n", ""));
    let policy = "@id(\"vendor\")\n@reason(\"Until the move.\")\n@untill(\"2026-12-31\")\npermit (principal, action, resource);\n";
    std::fs::write(dir.path().join("vendor.cedar"), policy).unwrap();
    let checked = check();
    let (status, out, error) = printed(&checked);
    assert!(status == 1 && error.is_empty(), "{error}");
    insta::assert_snapshot!("exceptions_with_a_problem", out);
    std::fs::write(dir.path().join("vendor.cedar"), policy.replace("untill", "until")).unwrap();
    std::fs::write(dir.path().join("portcullis.cedarschema"), "entity Old;").unwrap();
    let checked = check();
    let (status, out, _) = printed(&checked);
    assert!(
        status == 0 && out.contains("2026-12-31") && out.contains("not that of this version"),
        "{out}"
    );
}

#[test]
fn a_directory_without_exceptions_that_is_not_there_is_a_problem() {
    let checked = run(&["exceptions", "check", "no-such-directory"]);
    let (status, out, _) = printed(&checked);
    assert!(
        status == 1 && out.contains("no-such-directory: the directory cannot be read"),
        "{out}"
    );
}
