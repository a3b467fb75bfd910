//! What is printed when AWS does not answer with what was asked for: what was tried, what to do, and status 2.
//!
//! The program asks through the real SDK: a server on this machine answers for AWS, or nobody does.

mod bare;
#[path = "account/live.rs"]
mod live;

use std::net::TcpListener;
use std::process::Command;

use bare::command;
use live::LIVE;
use portcullis_testkit::http;
use serde_json::json;
use tempfile::TempDir;

const FINDINGS: &[&str] = &["findings"];
const UNDO: &[&str] = &["undo", "f-0123456789ab", "--reason", "the demo"];
const PLAN: &[&str] = &["plan", "orders"];

/// What the command prints, which fails.
fn failed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(output.stdout.is_empty(), "{error}");
    error
}

/// A command with keys, in a Region, that calls this address.
fn at(url: &str, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL", url);
    command
}

/// What is printed when each call is answered so.
fn answered(arguments: &[&str], answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> String {
    let url = http::serve(move |request| answer(request.call().unwrap_or_default()));
    let told = failed(&mut at(&url, arguments));
    assert!(!told.contains(&url), "the address is of the test: {told}");
    told
}

/// What is printed when DynamoDB answers with an error.
fn dynamodb(status: u16, code: &str, message: &str) -> String {
    let body = json!({"__type": format!("com.amazon.coral.service#{code}"), "message": message});
    answered(FINDINGS, move |_| (status, body.to_string()))
}

// Credentials ----------------------------------------------------------------------------

/// A home with this configuration of the AWS CLI.
fn home(config: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let aws = home.path().join(".aws");
    std::fs::create_dir_all(aws.join("sso/cache")).unwrap();
    std::fs::write(aws.join("config"), config).unwrap();
    home
}

/// `portcullis findings` in that home, with these options.
fn in_home(home: &TempDir, options: &[&str]) -> Command {
    let mut command = command(&[FINDINGS, &["--region", "eu-west-1"], options].concat());
    command.env("HOME", home.path()).env("AWS_CONFIG_FILE", home.path().join(".aws/config"));
    command
}

#[test]
fn without_credentials() {
    insta::assert_snapshot!(failed(&mut in_home(&home(""), &[])));
    insta::assert_snapshot!(failed(&mut in_home(
        &home("[profile dev]\nregion=eu-west-1\n"),
        &["--profile", "dev"]
    )));
    insta::assert_snapshot!(failed(&mut in_home(&home(""), &["--profile", "nope"])));
    insta::assert_snapshot!(failed(in_home(&home(""), &[]).env("AWS_PROFILE", "nope")));
}

/// As in the AWS CLI: who names a profile means its account, whatever keys are in the environment.
#[test]
fn a_profile_that_is_named_comes_before_keys_of_the_environment() {
    let home = home("");
    let ran = home.path().join("ran");
    let keys = json!({"Version": 1, "AccessKeyId": "x", "SecretAccessKey": "x"});
    let script = format!("touch {}; echo '{keys}'", ran.display());
    std::fs::write(home.path().join("keys.sh"), script).unwrap();
    let process = format!("credential_process = sh {}/keys.sh\n", home.path().display());
    std::fs::write(home.path().join(".aws/config"), format!("[profile dev]\n{process}")).unwrap();
    let url = closed_port();
    let run = |options: &[&str], profile: Option<&str>| {
        let mut command = in_home(&home, options);
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
        command.env("AWS_ENDPOINT_URL", &url).envs(profile.map(|name| ("AWS_PROFILE", name)));
        failed(&mut command)
    };
    assert!(run(&[], Some("dev")).contains("cannot be reached") && !ran.exists());
    assert!(run(&["--profile", "dev"], None).contains("cannot be reached") && ran.exists());
    insta::assert_snapshot!(run(&["--profile", "nope"], None));
}

const SESSION: &str = "\
[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = reader

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
";

/// The file that `aws sso login` writes for the session: it is named for the SHA-1 of `corp`.
const CACHED: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

#[test]
fn a_sign_in_that_is_over() {
    let home = home(SESSION);
    let told = || {
        let told = failed(&mut in_home(&home, &["--profile", "dev"]));
        told.replace(home.path().to_str().unwrap(), "~")
    };
    insta::assert_snapshot!(told());
    let token = json!({"accessToken": "t", "expiresAt": "2026-01-01T00:00:00Z", "region": "eu-west-1",
        "startUrl": "https://corp.awsapps.com/start"});
    std::fs::write(home.path().join(CACHED), token.to_string()).unwrap();
    insta::assert_snapshot!(told());
    let token = json!({"accessToken": "t", "expiresAt": "2099-01-01T00:00:00Z", "region": "eu-west-1",
        "startUrl": "https://corp.awsapps.com/start"});
    std::fs::write(home.path().join(CACHED), token.to_string()).unwrap();
    let url = http::serve(|_| {
        (401, json!({"__type": "UnauthorizedException", "message": "Session token not found or invalid"}).to_string())
    });
    insta::assert_snapshot!(failed(
        in_home(&home, &["--profile", "dev"]).env("AWS_ENDPOINT_URL_SSO", url)
    ));
}

#[test]
fn a_profile_that_gives_none() {
    let process = home(
        "[profile dev]\ncredential_process = sh -c 'echo no vault >&2; echo really >&2; exit 3'\n",
    );
    insta::assert_snapshot!(failed(&mut in_home(&process, &["--profile", "dev"])));
    let broken = home("[profile dev]\nsso_session=corp\nsso_account_id=1\nsso_role_name=r\n");
    insta::assert_snapshot!(failed(&mut in_home(&broken, &["--profile", "dev"])));
    let lost = home("[profile dev]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=keys\n");
    insta::assert_snapshot!(failed(&mut in_home(&lost, &["--profile", "dev"])));
    let login = home("[profile dev]\nlogin_session = arn:aws:iam::111122223333:user/alice\n");
    insta::assert_snapshot!(failed(&mut in_home(&login, &["--profile", "dev"])));
    let role = home(
        "[profile keys]\naws_access_key_id=x\naws_secret_access_key=x\n\
         [profile dev]\nrole_arn=arn:aws:iam::111122223333:role/reader\nsource_profile=keys\n",
    );
    let url = http::serve(|_| {
        (
            403,
            query(
                "AccessDenied",
                &format!(
                    "{} sts:AssumeRole on resource: arn:aws:iam::111122223333:role/reader",
                    MAY_NOT
                ),
            ),
        )
    });
    insta::assert_snapshot!(failed(
        in_home(&role, &["--profile", "dev"]).env("AWS_ENDPOINT_URL_STS", url)
    ));
    let closed = in_home(&home(""), &[])
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", closed_port() + "/creds")
        .output();
    let told = String::from_utf8(closed.unwrap().stderr).unwrap();
    assert!(told.starts_with("error: the AWS credentials could not be loaded: "), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

// Rights ---------------------------------------------------------------------------------

const MAY_NOT: &str =
    "User: arn:aws:sts::111122223333:assumed-role/reader/alice is not authorized to perform:";

/// An error as ElastiCache and STS write it.
fn query(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    )
}

/// An error as EC2 writes it.
fn ec2(code: &str, message: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
         <RequestID>r</RequestID></Response>"
    )
}

#[test]
fn without_the_right() {
    let table = "dynamodb:Scan on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/portcullis-ledger";
    let policy = "because no identity-based policy allows the dynamodb:Scan action";
    insta::assert_snapshot!(dynamodb(
        400,
        "AccessDeniedException",
        &format!("{MAY_NOT} {table} {policy}")
    ));
    let deny = "with an explicit deny in a service control policy: arn:aws:organizations::999900001111:policy/o-1/p-1";
    insta::assert_snapshot!(dynamodb(
        400,
        "AccessDeniedException",
        &format!("{MAY_NOT} {table} {deny}")
    ));
    insta::assert_snapshot!(dynamodb(400, "AccessDeniedException", ""));
    let groups = format!(
        "{MAY_NOT} elasticache:DescribeReplicationGroups on resource: \
         arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:*"
    );
    insta::assert_snapshot!(answered(PLAN, move |action| match action {
        "DescribeReplicationGroups" => (403, query("AccessDenied", &groups)),
        _ => (200, clusters("")),
    }));
}

#[test]
fn an_arn_of_somewhere_else() {
    let of = |region: &str, account: &str| {
        format!("arn:aws:elasticache:{region}:{account}:cluster:orders")
    };
    let told = |arn: &str| {
        answered(&["plan", arn, "--region", "eu-west-1"], |action| match action {
            "DescribeCacheClusters" => (200, clusters(&cluster())),
            action => (200, empty(action)),
        })
    };
    insta::assert_snapshot!(told(&of("us-east-1", "111122223333")));
    insta::assert_snapshot!(told(&of("eu-west-1", "999900001111")));
    insta::assert_snapshot!(told("arn:aws:elasticache:eu-west-1:111122223333:snapshot:s"));
}

/// EC2 adds a code that only an administrator can read, and that fills a screen.
#[test]
fn without_a_right_of_ec2() {
    let message = format!(
        "You are not authorized to perform this operation. {MAY_NOT} ec2:DescribeSecurityGroups because no \
         identity-based policy allows the ec2:DescribeSecurityGroups action. Encoded authorization failure message: aBcD"
    );
    let told = answered(PLAN, move |action| match action {
        "DescribeCacheClusters" => (200, clusters(&cluster())),
        "DescribeReplicationGroups" => (200, empty(action)),
        "DescribeSecurityGroups" => (403, ec2("UnauthorizedOperation", &message)),
        // Lost, and asked for again, some time later.
        _ => (0, String::new()),
    });
    insta::assert_snapshot!(told);
}

#[test]
fn with_credentials_that_are_over_or_unknown() {
    insta::assert_snapshot!(dynamodb(
        400,
        "ExpiredTokenException",
        "The security token included in the request is expired"
    ));
    insta::assert_snapshot!(dynamodb(
        400,
        "UnrecognizedClientException",
        "The security token included in the request is invalid."
    ));
    insta::assert_snapshot!(answered(PLAN, |action| match action {
        "DescribeReplicationGroups" =>
            (400, query("ExpiredToken", "The security token\nincluded in the request is expired")),
        _ => (200, clusters("")),
    }));
}

/// What is wrong, in two lines, from whichever command: what was tried and what AWS said, and what to do.
#[test]
fn every_command_says_what_it_tried_and_what_to_do() {
    let denied = format!("{MAY_NOT} this:Action on resource: * because no policy allows it");
    let kinds = [
        (400, "ExpiredTokenException", "The token has expired", "the credentials have expired"),
        (403, "AccessDeniedException", denied.as_str(), "may not this:Action"),
        (400, "ThrottlingException", "Rate exceeded", "too many calls"),
        (503, "ServiceUnavailable", "", "a fault of AWS"),
        (400, "UnrecognizedClientException", "No such key", "does not accept the credentials"),
        (200, "", "", "the answer is not from AWS"),
        (0, "", "", "cannot be reached"),
    ];
    std::thread::scope(|scope| {
        for arguments in LIVE {
            for (status, code, message, says) in kinds {
                scope.spawn(move || says_it_in_two_lines(arguments, status, code, message, says));
            }
        }
    });
}

fn says_it_in_two_lines(arguments: &[&str], status: u16, code: &str, message: &str, says: &str) {
    let texts = [
        json!({"__type": format!("com.amazon.coral.service#{code}"), "message": message})
            .to_string(),
        query(code, message),
    ];
    let url = match status {
        0 => closed_port(),
        _ => http::serve(move |request| {
            let [json, xml] = &texts;
            let answer = if request.header("x-amz-target").is_some() { json } else { xml };
            (status, if status == 200 { "<html>".to_owned() } else { answer.clone() })
        }),
    };
    let told = failed(&mut at(&url, arguments));
    let [what, todo] = told.lines().collect::<Vec<_>>()[..] else {
        panic!("{arguments:?}: {told}")
    };
    assert!(what.starts_with("error: ") && what.contains(says), "{arguments:?}: {told}");
    assert!(what.contains(" in eu-west-1: "), "the call and its Region: {arguments:?}: {told}");
    assert!(todo.starts_with("help: ") && todo.len() > 20, "{arguments:?}: {told}");
}

// Region and network ---------------------------------------------------------------------

/// An address where nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn without_a_network() {
    let closed = closed_port();
    let told = failed(&mut at(&closed, FINDINGS));
    insta::assert_snapshot!(told.replace(&closed, "http://127.0.0.1:PORT"));
    // RFC 6761: `.invalid` is no name of any host. So is that of a Region that does not exist.
    let told = failed(&mut at("http://dynamodb.invalid", FINDINGS));
    let told = told.lines().collect::<Vec<_>>();
    let [what, todo] = told.as_slice() else { panic!("{told:?}") };
    let says = "error: listing in table portcullis-ledger: Scan in eu-west-1: http://dynamodb.invalid cannot be reached: ";
    assert!(what.starts_with(says) && what.contains("lookup"), "{what}");
    assert_eq!(
        *todo,
        "help: start what listens there, or unset AWS_ENDPOINT_URL if AWS itself is meant"
    );
}

#[test]
fn something_that_is_no_answer_of_aws() {
    let page = "<html><body>Sign in to this network, hunter2</body></html>";
    insta::assert_snapshot!(answered(FINDINGS, move |_| (200, page.to_owned())));
    insta::assert_snapshot!(answered(PLAN, move |action| match action {
        "DescribeReplicationGroups" => (200, page.to_owned()),
        _ => (200, clusters("")),
    }));
}

// Load, and what is not there ------------------------------------------------------------

#[test]
fn too_many_calls() {
    insta::assert_snapshot!(dynamodb(
        400,
        "ThrottlingException",
        "Rate of requests exceeds the allowed throughput."
    ));
    insta::assert_snapshot!(dynamodb(500, "InternalServerError", ""));
}

#[test]
fn what_is_not_there() {
    let told = || dynamodb(400, "ResourceNotFoundException", "Requested resource not found");
    insta::assert_snapshot!(told());
    let no_moves = |arguments: &[&str]| {
        let body = json!({"__type": "ResourceNotFoundException", "message": "Requested resource not found"});
        answered(arguments, move |_| (400, body.to_string()))
    };
    let says = no_moves(&["moves", "--stack", "guard"]);
    insta::assert_snapshot!(says);
    assert_eq!(no_moves(&["approve", "orders-1a2b3c4d", "--yes", "--stack", "guard"]), says);
    assert_eq!(
        no_moves(&["reject", "orders-1a2b3c4d", "--reason", "no", "--stack", "guard"]),
        says
    );
    assert_eq!(no_moves(UNDO), told());
    insta::assert_snapshot!(answered(&["approve", "orders-1a2b3c4d", "--yes"], |_| (
        200,
        "{}".to_owned()
    )));
    insta::assert_snapshot!(answered(&["findings", "f-0123456789ab"], |_| (
        200,
        r#"{"Items": []}"#.to_owned()
    )));
    insta::assert_snapshot!(answered(PLAN, |action| (200, empty(action))));
    insta::assert_snapshot!(dynamodb(
        400,
        "ValidationException",
        "TableName must be at least length 3"
    ));
}

fn empty(action: &str) -> String {
    format!("<{action}Response><{action}Result></{action}Result></{action}Response>")
}

fn clusters(clusters: &str) -> String {
    format!(
        "<DescribeCacheClustersResponse><DescribeCacheClustersResult><CacheClusters>{clusters}</CacheClusters>\
         </DescribeCacheClustersResult></DescribeCacheClustersResponse>"
    )
}

/// A cluster of its own.
fn cluster() -> String {
    "<CacheCluster><CacheClusterId>orders</CacheClusterId><Engine>memcached</Engine>\
     <CacheClusterStatus>available</CacheClusterStatus>\
     <ARN>arn:aws:elasticache:eu-west-1:111122223333:cluster:orders</ARN>\
     <SecurityGroups><member><SecurityGroupId>sg-1</SecurityGroupId></member></SecurityGroups></CacheCluster>"
        .to_owned()
}
