//! The alert: one SNS message per event that found anything.

use portcullis_engine::report::Report;

use crate::message::{MESSAGE_LIMIT, by_protocol};
use crate::{chat, document, mail};

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
            report.suppressed.len(),
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
