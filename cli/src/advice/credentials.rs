//! Credentials that could not be had.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::error::ErrorMetadata;

use super::call::{answered, profile, sign_in};
use super::error::{Advice, line};
use super::place::Place;

/// What the SDK puts around the errors that say something.
const SAYS_NOTHING: [&str; 4] = [
    "an error occurred while loading an access token",
    "an error occurred while loading credentials",
    "service error",
    "dispatch failure",
];

/// Why there are none, and what to do.
pub(crate) fn none(error: &CredentialsError, place: &Place) -> anyhow::Error {
    let texts = match causes(error) {
        Causes::Answer { code, message } => {
            let (why, todo) = answered(&code, &message, place);
            let what = format!("the AWS credentials could not be loaded: {why}");
            return anyhow::Error::new(Advice { what, todo });
        }
        Causes::Texts(texts) => texts,
    };
    let why = line(&texts.join(": "));
    let (what, todo) = match error {
        CredentialsError::CredentialsNotLoaded(_) => not_found(&why, place),
        _ if why.contains("credentials-login") => (
            "the profile signs in with `aws login`, which this version does not support".to_owned(),
            format!(
                "give its credentials to the environment, and leave --profile out: eval \"$(aws configure export-credentials{} --format env)\"",
                profile(place)
            ),
        ),
        CredentialsError::InvalidConfiguration(_) => unloaded(&why, place),
        // The SDK has no type for these that others can see.
        _ if ["sso", "session token"].iter().any(|word| why.to_lowercase().contains(word)) => (
            format!("you are not signed in, or the session has expired: {why}"),
            format!("sign in: {}", sign_in(place)),
        ),
        _ => unloaded(&why, place),
    };
    anyhow::Error::new(Advice { what, todo })
}

/// A place that was to have some gave none.
fn unloaded(why: &str, place: &Place) -> (String, String) {
    let why = why.trim_start_matches("ProfileFile provider could not be built: ");
    (
        format!("the AWS credentials could not be loaded: {why}"),
        format!(
            "run `aws sts get-caller-identity{}`, and fix the problem that it reports",
            profile(place)
        ),
    )
}

/// No place has any.
fn not_found(why: &str, place: &Place) -> (String, String) {
    let keys = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let Some(profile) = place.profile.as_deref().map(line) else {
        return (
            "no AWS credentials: none in the environment, the profile `default`, a container or an instance"
                .to_owned(),
            format!("sign in (aws sso login), give a profile (--profile NAME), or {keys}"),
        );
    };
    // Of a configuration without any profile, the SDK does not say that this one is missing.
    let why = match missing(why) {
        Some(missing) if line(missing) == profile => "there is no such profile".to_owned(),
        Some(missing) => format!("there is no profile `{}`, which it names", line(missing)),
        None => "it has none, or is not there".to_owned(),
    };
    (
        format!("no AWS credentials of profile `{profile}`: {why}"),
        format!(
            "give another profile (--profile NAME: ~/.aws/config has the names), or none and {keys}"
        ),
    )
}

/// The profile that is missing: the one that was given, or one that it names.
fn missing(why: &str) -> Option<&str> {
    let (before, _) = why.split_once("` was not defined")?;
    before.rsplit('`').next()
}

/// What is behind the error.
enum Causes {
    /// AWS refused to give them.
    Answer { code: String, message: String },
    /// All else.
    Texts(Vec<String>),
}

fn causes(error: &CredentialsError) -> Causes {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let answer = error.downcast_ref::<ErrorMetadata>();
        if let Some((answer, code)) = answer.and_then(|answer| Some((answer, answer.code()?))) {
            let message = answer.message().unwrap_or_default().to_owned();
            return Causes::Answer { code: code.to_owned(), message };
        }
        let text = error.to_string();
        if !SAYS_NOTHING.contains(&text.as_str()) && !texts.contains(&text) {
            texts.push(text);
        }
        cause = error.source();
    }
    Causes::Texts(texts)
}
