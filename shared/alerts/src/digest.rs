//! Many alerts as one message: a table for people, every row for machines, a short list for a chat.
//!
//! When a deployment opens fifty rules, fifty mails are fifty reasons to filter them away. Nothing is lost in a
//! digest: a row has the finding's id, by which `portcullis undo` restores its rule, and what does not fit is counted.

mod mail;
mod row;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::text;
use serde::Serialize;

use crate::message::{MESSAGE_LIMIT, SUBJECT_LIMIT, by_protocol};
use crate::notification::Notification;

use mail::totals;
use whole::Whole;

pub use row::{About, Finding, NoRow, Row, Tally};

/// How many rows a chat shows.
const IN_CHAT: usize = 10;

/// What goes to SNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// `Subject`: ASCII, below 100 characters, severity first.
    pub subject: String,
    /// The mail, in plain text of at most 80 columns.
    pub mail: String,
    /// The JSON document for machines, `portcullis.digest.v1`.
    pub document: String,
    /// The JSON for a chat, by `docs/chat.schema.json`.
    pub chat: String,
}

/// `portcullis.digest.v1`. The members that filter policies look at are called as in an alert, and are lists: SNS
/// takes a message if one of them matches.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: String,
    account: BTreeSet<&'a str>,
    region: BTreeSet<&'a str>,
    severity: BTreeSet<&'a str>,
    checks: BTreeSet<&'a str>,
    from: &'a str,
    to: &'a str,
    findings: u64,
    tally: Tally,
    rows: &'a [Row],
    omitted: usize,
}

impl Digest {
    /// Of at least one row; `None` of none. A row that came twice is told once: SQS may deliver twice.
    pub fn compose(mut rows: Vec<Row>) -> Option<Self> {
        rows.sort_by_cached_key(Row::order);
        rows.dedup();
        let whole = Whole::of(&rows)?;
        let mut room = rows.len();
        loop {
            let told = rows.get(..room).unwrap_or_default();
            let digest = Self {
                subject: text::ascii(&whole.subject(), SUBJECT_LIMIT - 3),
                mail: mail::body(&whole, told),
                document: document(&whole, told),
                chat: chat(&whole),
            };
            if room == 0 || digest.message().len() <= MESSAGE_LIMIT {
                return Some(digest);
            }
            room /= 2;
        }
    }

    /// The `Message` for `MessageStructure=json`.
    pub fn message(&self) -> String {
        by_protocol(&self.mail, &self.document)
    }
}

/// The JSON, with the rows that are told.
fn document(whole: &Whole<'_>, told: &[Row]) -> String {
    let document = Document {
        schema: "portcullis.digest.v1",
        id: whole.id(),
        account: whole.all(|row| &row.account),
        region: whole.all(|row| &row.region),
        severity: whole.tally.keys().map(String::as_str).collect(),
        checks: whole.rows.iter().flat_map(|row| &row.checks).map(String::as_str).collect(),
        from: whole.from,
        to: whole.to,
        findings: whole.findings(),
        tally: whole.tally.clone(),
        rows: told,
        omitted: whole.rows.len() - told.len(),
    };
    // Strings, numbers and arrays of them always serialise.
    text::harmless_json(&serde_json::to_string(&document).unwrap_or_default())
}

fn chat(whole: &Whole<'_>) -> String {
    let title = text::chat(&whole.headline(), 200);
    let severity = whole.worst.severity.as_str();
    let (account, region) = (whole.worst.account.as_str(), whole.worst.region.as_str());
    let day = whole.from.split('T').next().unwrap_or_default();
    let mut description = totals(whole, text::chat, text::code);
    description.extend(whole.rows.iter().take(IN_CHAT).map(in_chat));
    if let Some(more) = whole.rows.len().checked_sub(IN_CHAT).filter(|more| *more > 0) {
        description.push(format!("- ... and {more} more: the mail has them."));
    }
    let see = "See all: `portcullis findings`".to_owned();
    let undo =
        "Restore a rule, by the id in its row: `portcullis undo f-... --reason '...'`".to_owned();
    Notification {
        id: text::chat(&whole.id(), 200),
        title: format!("[{}] {title}", severity.to_uppercase()),
        description,
        next_steps: vec![see, undo],
        keywords: [severity, account, region].map(|word| text::chat(word, 120)).into(),
        thread: text::chat(&format!("portcullis digest {account} {region} {day}"), 200),
        event_type: "portcullis-digest",
        resources: whole.rows.iter().map(|row| text::chat(&row.subject.arn, 500)).collect(),
        context: BTreeMap::from([
            ("account", text::chat(account, 120)),
            ("region", text::chat(region, 120)),
            ("severity", text::chat(severity, 120)),
        ]),
    }
    .document()
}

fn in_chat(row: &Row) -> String {
    let id = row.findings.first().map(|told| format!(", {}", text::chat(&told.id, 20)));
    format!(
        "- {}: {} {}, by {}{}",
        text::chat(&row.severity, 20),
        text::chat(&row.subject.id, 120),
        text::chat(&row.what, 200),
        text::code(&row.who, 120),
        id.unwrap_or_default()
    )
}
