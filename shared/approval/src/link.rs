//! The links that lead to the page: signed by a key that never leaves KMS.

use anyhow::{Context, Result};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::MacAlgorithmSpec;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use portcullis_recreation::plan::FINGERPRINT_DIGITS;

use crate::answer::To;
use crate::record::About;

/// A link, as it came: nothing in it is true before it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The id of the move.
    pub id: String,
    /// What it asks.
    pub about: About,
    /// The fingerprint of the plan that it was sent with.
    pub plan: String,
    /// Until when it holds, in seconds since 1970.
    pub until: i64,
    signature: Vec<u8>,
}

/// What a link is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// We made it, and it holds.
    Valid,
    /// We made it, and its time is over.
    Expired,
    /// We did not make it.
    Forged,
}

/// HMAC_SHA_256 gives 32 bytes (KMS API reference, GenerateMac).
const ALGORITHM: MacAlgorithmSpec = MacAlgorithmSpec::HmacSha256;
const LENGTH: usize = 32;

/// Longest name of an execution, which is the id of a move (Step Functions API reference, StartExecution).
const NAME: usize = 80;

/// The address for a question. `base` is the page's own, with a slash at the end.
///
/// # Errors
///
/// If KMS does not sign.
pub async fn sign(kms: &Client, key: &str, base: &str, to: To<'_>) -> Result<String> {
    let To { id, about, plan, until } = to;
    #[expect(clippy::disallowed_methods, reason = "the one place that signs")]
    let request =
        kms.generate_mac().key_id(key).mac_algorithm(ALGORITHM).message(Blob::new(signed(to)));
    let answer = request.send().await.context("signing a link to the approval page")?;
    let mac = answer.mac.context("KMS gave no MAC")?;
    let sig = BASE64_URL_SAFE_NO_PAD.encode(mac);
    Ok(format!("{base}{id}?about={}&until={until}&plan={plan}&sig={sig}", about.as_str()))
}

/// What the signature is of. No part can hold a line break, so that no two questions are signed alike.
fn signed(to: To<'_>) -> String {
    let To { id, about, plan, until } = to;
    format!("portcullis approval 1\n{id}\n{}\n{plan}\n{until}", about.as_str())
}

impl Link {
    /// Reads the path and the query of a link; `None` if it cannot be one of ours. Costs nothing.
    pub fn parse(path: &str, query: &str) -> Option<Self> {
        let id = path.strip_prefix('/')?;
        let is_word = |text: &str, most: usize| {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=most).contains(&text.len()) && text.bytes().all(word)
        };
        let [mut about, mut until, mut plan, mut sig] = [None; 4];
        for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            let slot = match name {
                "about" => &mut about,
                "until" => &mut until,
                "plan" => &mut plan,
                "sig" => &mut sig,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(sig?).ok()?;
        let plan = plan?;
        // Links of earlier versions have fewer digits. They are good, and lead to a page that says so.
        let digits = FINGERPRINT_DIGITS;
        (is_word(id, NAME) && is_word(plan, digits) && signature.len() == LENGTH).then_some(())?;
        let digits = until.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some(Self {
            id: id.to_owned(),
            about: About::parse(about?)?,
            plan: plan.to_owned(),
            until: digits.parse().ok()?,
            signature,
        })
    }

    /// The question that it is about.
    pub fn to(&self) -> To<'_> {
        To { id: &self.id, about: self.about, plan: &self.plan, until: self.until }
    }

    /// Asks KMS whether we made it.
    ///
    /// # Errors
    ///
    /// If KMS does not answer.
    pub async fn check(&self, kms: &Client, key: &str, now: i64) -> Result<Checked> {
        let request = kms
            .verify_mac()
            .key_id(key)
            .mac_algorithm(ALGORITHM)
            .message(Blob::new(signed(self.to())));
        match request.mac(Blob::new(self.signature.clone())).send().await {
            Ok(answer) if answer.mac_valid() && self.until > now => Ok(Checked::Valid),
            Ok(answer) if answer.mac_valid() => Ok(Checked::Expired),
            Ok(_) => Ok(Checked::Forged),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_kms_invalid_mac_exception()) =>
            {
                Ok(Checked::Forged)
            }
            Err(error) => Err(error).context("checking a link to the approval page"),
        }
    }
}
