//! The secret of Secrets Manager that holds a cache's AUTH token: its ARN, and the command that reads the token.

use portcullis_engine::arn::Arn;

use crate::region;
use crate::request::Token;

/// What jq makes of the secret: the member `authToken` of a JSON object, or else the text as it is. The
/// function of a move reads a secret by the same rule.
///
/// With `-e` and no output jq fails: a secret that could not be read is no empty token.
const TOKEN_OF: &str = "jq -Rers '(fromjson? | .authToken? | strings) // . | select(length > 0)'";

/// Whether the text is the ARN of a secret, with nothing in it that a shell would act upon.
pub(crate) fn is_secret(arn: &str) -> bool {
    let of = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    Arn::parse(arn).is_ok_and(|arn| {
        arn.service == "secretsmanager"
            && of(arn.partition, "-")
            && of(arn.region, "-")
            && arn.account.len() == 12
            && arn.account.bytes().all(|b| b.is_ascii_digit())
            && arn.resource.strip_prefix("secret:").is_some_and(|name| of(name, "/_+=.@-"))
    })
}

/// The command that prints the token, asked of the Region that the secret is in.
pub(crate) fn read(arn: &str) -> String {
    let region = region::option(arn);
    format!(
        "aws secretsmanager get-secret-value{region} --secret-id {arn} --query SecretString --output text | {TOKEN_OF}"
    )
}

/// A command that makes a cache, with the token that the cache is to have.
pub(crate) fn given(token: &Token, command: String) -> String {
    match token {
        Token::None | Token::Hidden => command,
        // In two parts: a token that could not be read must not become an empty one.
        Token::Secret(arn) => {
            format!("TOKEN=$({}) && {command} --auth-token \"$TOKEN\"", read(arn))
        }
    }
}
