//! What people and machines are told: one SNS message per event that found anything.

mod chat;
mod command;
mod document;
mod footer;
pub mod guidance;
mod mail;
mod memory;
mod next;
pub(crate) mod notification;
mod outcome;
mod owner;
mod tolerance;

use std::collections::BTreeMap;

use crate::action::Remedy;
use crate::report::{Report, Reported};
use crate::resolution::Resolution;
use crate::text;

pub(crate) use command::undo_of;
pub use command::{exempt, revoke, stack_option, undo};
pub(crate) use mail::headline;

/// SNS takes 262,144 bytes with attributes (API reference, Publish). What is kept free is for the
/// envelope that SNS puts around a message for queues and HTTP.
pub(crate) const MESSAGE_LIMIT: usize = 262_144 - 16_384;

/// An SNS subject is below 100 characters (API reference, Publish).
pub(crate) const SUBJECT_LIMIT: usize = 99;

/// A text message is the first lines of the mail. SNS takes 1,600 characters of it (API reference, Publish).
const SMS_LINES: usize = 3;
const SMS: usize = 1_200;

/// What goes to SNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// `Subject`: ASCII, below 100 characters, severity first.
    pub subject: String,
    /// The mail, in plain text.
    pub mail: String,
    /// The JSON document for machines, `portcullis.alert.v1`.
    pub document: String,
    /// The JSON for a chat, by `docs/chat.schema.json`.
    pub chat: String,
}

impl Alert {
    /// Says what an event found and what came of it. What does not fit into one SNS message is
    /// counted instead of told.
    pub fn compose(report: &Report) -> Self {
        let lists = [
            report.findings.len(),
            report.older.len(),
            report.tolerated.len(),
            report.resolved.len(),
        ];
        let mut room = lists.into_iter().max().unwrap_or_default();
        let chat = chat::document(report);
        loop {
            let alert = Self {
                subject: mail::subject(report),
                mail: mail::body(report, room),
                document: document::document(report, room),
                chat: chat.clone(),
            };
            if room == 0 || alert.message().len() <= MESSAGE_LIMIT {
                return alert;
            }
            room /= 2;
        }
    }

    /// The `Message` for `MessageStructure=json`.
    pub fn message(&self) -> String {
        by_protocol(&self.mail, &self.document)
    }
}

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

/// What is told first: the lowest.
fn urgency(resolution: Resolution) -> u8 {
    match resolution {
        Resolution::Failed => 0,
        Resolution::NotRemediated | Resolution::Manual => 1,
        Resolution::Pending | Resolution::Started | Resolution::AlreadyStarted => 2,
        Resolution::Done | Resolution::AlreadyGone | Resolution::Resolved => 3,
    }
}

/// The findings as they are told: those on one rule together, the worst first.
fn by_rule(findings: &[Reported]) -> Vec<Vec<&Reported>> {
    let mut groups: Vec<Vec<&Reported>> = Vec::new();
    for reported in findings {
        let id = reported.rule().map(|rule| &rule.id);
        let known = groups.iter_mut().find(|group| {
            id.is_some() && group.first().and_then(|first| first.rule()).map(|rule| &rule.id) == id
        });
        match known {
            Some(group) => group.push(reported),
            None => groups.push(vec![reported]),
        }
    }
    groups
}

/// Of findings on one rule, the one whose end matters most: an action, if any was decided.
fn worst<'a>(group: &[&'a Reported]) -> Option<&'a Reported> {
    let acted = group.iter().find(|reported| matches!(reported.finding.remedy, Remedy::Do(_)));
    acted.or(group.first()).copied()
}
