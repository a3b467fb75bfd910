//! AUTH tokens. One is read from its secret when the cache is made, and goes nowhere else.

use std::fmt;

use anyhow::Result;
use aws_sdk_secretsmanager::Client;
use serde::Deserialize;

use crate::error::{lasting, of};

/// An AUTH token, which cannot be printed.
pub(crate) struct AuthToken(String);

impl AuthToken {
    pub(crate) fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InJson {
    auth_token: String,
}

/// Reads the token of a secret: plain text, or JSON with `authToken`.
///
/// # Errors
///
/// If the secret cannot be read, or holds no AUTH token; what it holds is in no error.
pub(crate) async fn read(secrets: &Client, arn: &str) -> Result<AuthToken> {
    let answer = secrets.get_secret_value().secret_id(arn).send().await.map_err(|error| {
        let why = of("GetSecretValue", &error);
        why.context(format!(
            "the secret {arn} cannot be read; it needs the tag portcullis:auth-token=yes"
        ))
    })?;
    let text = answer.secret_string().unwrap_or_default();
    let token = match serde_json::from_str::<InJson>(text) {
        Ok(InJson { auth_token }) => auth_token,
        Err(_) => text.trim_end_matches('\n').to_owned(),
    };
    if !is_token(&token) {
        return Err(lasting(format!(
            "the secret {arn} contains no AUTH token: neither plain text of 16 to 128 letters, digits and !&#$^<>-, \
             nor JSON with such an `authToken`"
        )));
    }
    Ok(AuthToken(token))
}

/// 16 to 128 printable characters; of those that are neither letter nor digit, only these (ElastiCache
/// user guide, "Authenticating with the AUTH command").
fn is_token(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"!&#$^<>-".contains(&byte);
    (16..=128).contains(&text.len()) && text.bytes().all(may)
}

#[cfg(test)]
impl AuthToken {
    pub(crate) fn of_test(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::config::http::HttpResponse;
    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    async fn secret(text: &'static str) -> Result<AuthToken> {
        let get = mock!(Client::get_secret_value)
            .then_output(move || GetSecretValueOutput::builder().secret_string(text).build());
        let secrets = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get]);
        read(&secrets, "arn:of:a-secret").await
    }

    #[tokio::test]
    async fn a_token_is_plain_text_or_in_json() {
        let token = "Abc-123!&#$^<>-xyz";
        assert_eq!(secret(token).await.unwrap().into_inner(), token);
        assert_eq!(secret("Abc-123!&#$^<>-xyz\n").await.unwrap().into_inner(), token);
        let json = r#"{"authToken": "Abc-123!&#$^<>-xyz", "user": "x"}"#;
        assert_eq!(secret(json).await.unwrap().into_inner(), token);
    }

    #[tokio::test]
    async fn what_is_no_token_is_in_no_error() {
        let long: &'static str = "a".repeat(129).leak();
        for wrong in [
            "tooshort9",
            "has a space in it, long",
            r#"{"password": "Abc-123456789012"}"#,
            long,
            "",
        ] {
            let error = secret(wrong).await.unwrap_err();
            assert_eq!(crate::error::kind(&error), "Final");
            let error = format!("{error:#} {error:?}");
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
            assert!(error.contains("arn:of:a-secret"));
        }
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_in_no_error() {
        let cut = r#"{"SecretString": "hunter2-hunter2-hunter2", "Name"#;
        let get = mock!(Client::get_secret_value)
            .then_http_response(move || HttpResponse::new(200.try_into().unwrap(), cut.into()));
        let secrets = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get]);
        let error = read(&secrets, "arn:of:a-secret").await.unwrap_err();
        assert!(!format!("{error:#} {error:?}").contains("hunter2"), "{error:#}");
    }

    #[test]
    fn a_token_cannot_be_printed() {
        assert_eq!(format!("{:?}", AuthToken::of_test("hunter2-hunter2-")), "AuthToken");
    }
}
