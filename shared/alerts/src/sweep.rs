//! What a run of the sweep tells: one message, however much it found.
//!
//! The document has at most [`ROWS`] rows a list and says how many there are more; each is in the ledger, by its id.

mod document;
mod mail;
mod told;

use std::collections::BTreeMap;

use portcullis_engine::text;

use crate::message::{SUBJECT_LIMIT, by_protocol};
use crate::notification::Notification;

pub use told::{Ending, NotRemediated, Row, SweepReport};

/// How many rows a list has at the most.
pub const ROWS: usize = 50;

/// How many rows a chat shows.
const IN_CHAT: usize = 8;

/// The most that one message may have: SNS takes 256 KB, and what it puts around it counts.
const MOST: usize = 200_000;

/// What goes to SNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// `Subject`: ASCII, below 100 characters, severity first.
    pub subject: String,
    /// The mail, in plain text of at most 80 columns.
    pub mail: String,
    /// The JSON document for machines, `portcullis.sweep.v1`.
    pub document: String,
    /// The JSON for a chat, by `docs/chat.schema.json`.
    pub chat: String,
}

impl SweepReport {
    /// The message.
    pub fn compose(&self) -> Sweep {
        let severity = self.severity().as_str().to_uppercase();
        let headline = self.headline();
        let place = format!("({} {})", self.account, self.region);
        // The account and the Region are always there.
        let taken = severity.len() + place.len() + "[]  ...".len();
        let room = (SUBJECT_LIMIT - 3).saturating_sub(taken);
        let subject = format!("[{severity}] {} {place}", text::ascii(&headline, room));
        let mut rows = ROWS;
        loop {
            let sweep = Sweep {
                subject: text::ascii(&subject, SUBJECT_LIMIT - 3),
                mail: mail::body(self, rows),
                document: document::document(self, rows),
                chat: self.chat(),
            };
            if rows == 0 || sweep.message().len() <= MOST {
                return sweep;
            }
            rows /= 2;
        }
    }

    fn chat(&self) -> String {
        let severity = self.severity().as_str();
        let id = format!("sweep/{}", self.run);
        let day = self.run.split('T').next().unwrap_or_default();
        let mut description = mail::summary(self);
        let news: Vec<&Row> = self.new.iter().chain(&self.risen).chain(&self.remediated).collect();
        description.extend(news.iter().take(IN_CHAT).map(|row| {
            format!(
                "- {}: {} {}, {}",
                row.severity.as_str(),
                text::chat(&row.subject, 120),
                text::chat(&row.title, 200),
                text::chat(&row.id, 20)
            )
        }));
        if let Some(more) = news.len().checked_sub(IN_CHAT).filter(|more| *more > 0) {
            description.push(format!("- ... and {more} more: the mail has them."));
        }
        Notification {
            id: text::chat(&id, 200),
            title: format!("[{}] {}", severity.to_uppercase(), text::chat(&self.headline(), 200)),
            description,
            next_steps: vec![format!(
                "See all that is open: `portcullis findings{}`",
                self.option()
            )],
            keywords: [severity, &self.account, &self.region]
                .map(|word| text::chat(word, 120))
                .into(),
            thread: text::chat(
                &format!("portcullis sweep {} {} {day}", self.account, self.region),
                200,
            ),
            event_type: "portcullis-sweep",
            resources: news.iter().map(|row| text::chat(&row.subject, 500)).collect(),
            context: BTreeMap::from([
                ("account", text::chat(&self.account, 120)),
                ("region", text::chat(&self.region, 120)),
                ("severity", text::chat(severity, 120)),
            ]),
        }
        .document()
    }
}

impl Sweep {
    /// The `Message` for `MessageStructure=json`.
    pub fn message(&self) -> String {
        by_protocol(&self.mail, &self.document)
    }
}
