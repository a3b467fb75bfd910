//! One message of SNS: what it may hold, and who gets which body of it.

use std::collections::BTreeMap;

use portcullis_engine::text;

/// SNS takes 262,144 bytes with attributes (API reference, Publish). What is kept free is for the
/// envelope that SNS puts around a message for queues and HTTP.
pub(crate) const MESSAGE_LIMIT: usize = 262_144 - 16_384;

/// An SNS subject is below 100 characters (API reference, Publish).
pub(crate) const SUBJECT_LIMIT: usize = 99;

/// A text message is the first lines of the mail. SNS takes 1,600 characters of it (API reference, Publish).
const SMS_LINES: usize = 3;
const SMS: usize = 1_200;

/// The `Message` for `MessageStructure=json`: people get the mail, and everything else the document.
///
/// The document is the `default`, so that whichever of the bodies SNS holds a filter policy against for a machine
/// (its guide does not say), it is that one.
pub fn by_protocol(mail: &str, document: &str) -> String {
    let first: Vec<&str> = mail.lines().take(SMS_LINES).collect();
    let first = text::bounded(&first.join("\n"), SMS);
    let by_protocol = BTreeMap::from([("default", document), ("email", mail), ("sms", &first)]);
    // A map of strings always serialises.
    serde_json::to_string(&by_protocol).unwrap_or_default()
}
