//! A call of AWS that failed.

use portcullis_aws::error::{Cause, DENIED, Failed};

use super::error::{Advice, line};
use super::place::Place;

/// Credentials whose time is over (API references, "Common errors"; of EC2 and of STS).
const EXPIRED: [&str; 4] =
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];

/// Credentials that AWS does not know, there (the same pages). A Region that the account did not enable
/// does not know those of other Regions.
const UNKNOWN: [&str; 9] = [
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Too many calls: the codes that the SDK tries again for this reason (aws-runtime, `THROTTLING_ERRORS`).
const THROTTLED: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// A fault of AWS.
const UNWELL: [&str; 7] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
];

const NOT_AWS: &str = "check that no proxy or sign-in page of a network answers instead of AWS";
const NETWORK: &str = "check the network (VPN, proxy, firewall), then run it again";

/// What was tried, and what to do.
pub(super) fn advice(failed: &Failed, place: &Place) -> Advice {
    let call = format!("{}{}", failed.call, within(place));
    let (why, todo) = match &failed.cause {
        Cause::Answered { code, message } => {
            answered(code, message.as_deref().unwrap_or_default(), place)
        }
        Cause::Unreached(errors) => unreached(errors, place),
        Cause::TimedOut(errors) => {
            (format!("no answer in time: {}", last(errors)), NETWORK.to_owned())
        }
        Cause::Odd(errors) => {
            let why = format!("the answer is not from AWS: {}", last(errors));
            (why.trim_end_matches(": ").to_owned(), NOT_AWS.to_owned())
        }
    };
    Advice { what: format!("{call}: {why}"), todo }
}

/// ` in eu-west-1`
fn within(place: &Place) -> String {
    if place.region.is_empty() { String::new() } else { format!(" in {}", place.region) }
}

/// An error that AWS answered with, and what to do.
pub(super) fn answered(code: &str, message: &str, place: &Place) -> (String, String) {
    let said = format!("{}: {}", line(code), line(message)).trim_end_matches(": ").to_owned();
    let owned = str::to_owned;
    if DENIED.contains(&code) {
        denied(&said, message)
    } else if EXPIRED.contains(&code) {
        let todo = format!("sign in again ({}), or set new credentials", sign_in(place));
        (format!("the credentials have expired ({said})"), todo)
    } else if UNKNOWN.contains(&code) {
        let region = if place.region.is_empty() { "the Region" } else { &place.region };
        let todo = format!(
            "run `aws sts get-caller-identity{}`; if that works, see whether {region} is enabled for the account",
            profile(place)
        );
        (format!("AWS does not accept the credentials ({said})"), todo)
    } else if THROTTLED.contains(&code) {
        let todo = "wait a minute, then run it again: the limit is of the whole account and Region";
        (format!("too many calls ({said})"), owned(todo))
    } else if UNWELL.contains(&code) {
        let todo =
            "run it again in a minute; https://health.aws.amazon.com shows what AWS knows of";
        (format!("a fault of AWS ({said})"), owned(todo))
    } else if code.contains("NotFound") || code.contains("DoesNotExist") {
        let todo = "try another Region (--region), account (--profile), or name";
        (said, owned(todo))
    } else {
        (said, owned("change what AWS names here, then run it again"))
    }
}

/// `User: WHO is not authorized to perform: ACTION on resource: RESOURCE because …` (IAM user guide,
/// "Troubleshoot access denied error messages"); EC2 puts a sentence before it, and a code after.
fn denied(said: &str, message: &str) -> (String, String) {
    let other = "or use other credentials (--profile NAME)";
    let message = line(message);
    let message =
        message.split(" Encoded authorization failure message").next().unwrap_or_default();
    let Some((before, after)) = message.split_once(" is not authorized to perform: ") else {
        return (
            format!("AWS does not allow it ({said})"),
            format!("have an administrator allow it, {other}"),
        );
    };
    let who = before.rsplit("User: ").next().unwrap_or_default();
    let (action, rest) = word(after);
    let (resource, rest) = match rest.strip_prefix("on resource: ").map(word) {
        Some((resource, rest)) => (format!(" on {resource}"), rest),
        None => (String::new(), rest),
    };
    let because = rest.trim_end_matches('.');
    let because = if because.is_empty() { String::new() } else { format!(", {because}") };
    let todo = if because.contains("explicit deny") {
        format!("have an administrator lift the deny of {action}{resource}, {other}")
    } else {
        format!("have an administrator allow {action}{resource}, {other}")
    };
    (format!("{who} may not {action}{resource}{because}"), todo)
}

/// The first word, and the rest.
fn word(text: &str) -> (&str, &str) {
    text.trim_start().split_once(' ').unwrap_or((text.trim(), ""))
}

fn unreached(errors: &[String], place: &Place) -> (String, String) {
    let why = last(errors);
    let is_name =
        errors.iter().any(|error| error.contains("dns error") || error.contains("lookup"));
    let (whom, todo) = match (&place.endpoint, is_name) {
        (Some(address), _) => (
            address.as_str(),
            "start what listens there, or unset AWS_ENDPOINT_URL if AWS itself is meant".to_owned(),
        ),
        (None, true) => {
            let todo = format!(
                "see whether {} is a Region and there is a network, then run it again",
                place.region
            );
            ("AWS", todo)
        }
        (None, false) => ("AWS", NETWORK.to_owned()),
    };
    (format!("{} cannot be reached: {why}", line(whom)), todo)
}

/// What the SDK says of any error of a kind.
const SAYS_NOTHING: [&str; 3] = ["response error", "service error", "unhandled error"];

/// The error at the bottom says most. One that is written for programmers is passed over: it shows what
/// could not be read.
fn last(errors: &[String]) -> String {
    let says = |error: &&String| !error.contains(" { ") && !SAYS_NOTHING.contains(&error.as_str());
    line(errors.iter().rev().find(says).map_or("", String::as_str))
}

/// The command that signs in again.
pub(super) fn sign_in(place: &Place) -> String {
    format!("aws sso login{}", profile(place))
}

/// ` --profile dev`, for a command of the AWS CLI.
pub(super) fn profile(place: &Place) -> String {
    place.profile.as_deref().map(|name| format!(" --profile {}", line(name))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use aws_sdk_sts::config::timeout::TimeoutConfig;
    use aws_sdk_sts::config::{BehaviorVersion, Config, Credentials, Region};

    use super::super::told;
    use super::*;

    /// The kernel takes the connection, and nobody answers.
    #[tokio::test]
    async fn no_answer_in_time() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let patience = TimeoutConfig::builder().operation_timeout(Duration::from_millis(200));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("x", "x", None, None, "test"))
            .endpoint_url(format!("http://{}", silent.local_addr().unwrap()))
            .timeout_config(patience.build());
        let sts = aws_sdk_sts::Client::from_conf(config.build());
        let error = sts.get_caller_identity().send().await.unwrap_err();
        let failed = Failed::of("GetCallerIdentity", &error);
        let place = Place { region: "eu-west-1".to_owned(), ..Place::default() };
        insta::assert_snapshot!(told(&failed.into(), &place), @"
        error: GetCallerIdentity in eu-west-1: no answer in time: operation timeout (all attempts including retries) occurred after 200ms
        help: check the network (VPN, proxy, firewall), then run it again
        ");
    }

    #[test]
    fn what_aws_says_is_on_one_line_and_acts_upon_no_terminal() {
        let message = "User: arn:x\u{1b}[2J is not authorized to perform: a:B\non resource: *\n";
        let cause =
            Cause::Answered { code: "AccessDenied".to_owned(), message: Some(message.to_owned()) };
        let failed = Failed { call: "Describe".to_owned(), cause };
        insta::assert_snapshot!(told(&failed.into(), &Place::default()), @r"
        error: Describe: arn:x\u{1b}[2J may not a:B on *
        help: have an administrator allow a:B on *, or use other credentials (--profile NAME)
        ");
    }

    #[test]
    fn every_code_is_of_one_kind() {
        let mut all: Vec<&str> = [&DENIED[..], &EXPIRED, &UNKNOWN, &THROTTLED, &UNWELL].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
