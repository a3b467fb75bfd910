//! Where the AUTH token comes from.

use crate::reason::Reason;
use crate::request::{Request, Token};
use crate::secret::is_secret;

/// Which token the new cache gets, if the secret that was given fits the cache. An error repeats what was given only if it
/// is an ARN: somebody may have given the token itself.
pub(crate) fn token(request: &Request, secret: Option<&str>) -> Result<Token, Box<Reason>> {
    let reason = |why: &str, remedy: &str| Box::new(Reason::new("AuthToken", why, remedy));
    match (&request.auth_token, secret) {
        (Token::None, None) => Ok(Token::None),
        (Token::None, Some(_)) => Err(reason(
            "a secret was given, and the cache has no AUTH token: the new one would refuse its clients",
            "leave the secret out",
        )),
        (Token::Hidden | Token::Secret(_), None) => Err(reason(
            "the cache has an AUTH token, which AWS never shows: without it the new cache would have no authentication",
            "put the token into a Secrets Manager secret with the tag portcullis:auth-token=yes, and give its ARN with --auth-token-secret, or as the tag portcullis:auth-token-secret of the cache",
        )),
        (Token::Hidden | Token::Secret(_), Some(arn)) if is_secret(arn) => {
            Ok(Token::Secret(arn.to_owned()))
        }
        (Token::Hidden | Token::Secret(_), Some(_)) => Err(reason(
            "what was given is not the ARN of a Secrets Manager secret (it is not repeated here, in case it is the token)",
            "give an ARN as arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, never the token",
        )),
    }
}
