//! Many alerts as one message: a table for people, every row for machines, a short list for a chat.
//!
//! When a deployment opens fifty rules, fifty mails are fifty reasons to filter them away. Nothing is lost in a
//! digest: a row has the finding's id, by which `portcullis undo` puts it back, and what does not fit is counted.

mod mail;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::alert::notification::Notification;
use crate::alert::{MESSAGE_LIMIT, SUBJECT_LIMIT, by_protocol};
use crate::text;

pub use row::{About, NoRow, Row, Tally, Told};

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
                document: whole.document(told),
                chat: whole.chat(),
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

/// What holds for all rows together.
struct Whole<'a> {
    rows: &'a [Row],
    worst: &'a Row,
    tally: Tally,
    from: &'a str,
    to: &'a str,
}

impl<'a> Whole<'a> {
    /// Rows in their order.
    fn of(rows: &'a [Row]) -> Option<Self> {
        let times = rows.iter().map(|row| row.time.as_str());
        let mut tally = Tally::new();
        for (severity, ends) in rows.iter().flat_map(|row| &row.tally) {
            let of_severity = tally.entry(severity.clone()).or_default();
            for (end, count) in ends {
                let sum = of_severity.entry(*end).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        Some(Self {
            rows,
            worst: rows.first()?,
            tally,
            from: times.clone().min()?,
            to: times.max()?,
        })
    }

    fn findings(&self) -> u64 {
        self.rows.iter().map(Row::count).sum()
    }

    fn open(&self) -> u64 {
        self.rows.iter().map(Row::open).sum()
    }

    /// `37 findings in one minute`
    fn headline(&self) -> String {
        let (from, to) = (minute(self.from), minute(self.to));
        // A row without findings is good news: something is gone that was told before.
        let (count, what) = match self.findings() {
            0 => (u64::try_from(self.rows.len()).unwrap_or(u64::MAX), "notice"),
            findings => (findings, "finding"),
        };
        let findings = format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        match from == to {
            true => format!("{findings} in one minute"),
            false => format!("{findings} from {} to {}", clock(from), clock(to)),
        }
    }

    fn subject(&self) -> String {
        let severity = self.worst.severity.to_uppercase();
        let (accounts, regions) = (self.all(|row| &row.account), self.all(|row| &row.region));
        let of = |all: &BTreeSet<&str>, what: &str| match all.len() {
            1 => all.first().copied().unwrap_or_default().to_owned(),
            many => format!("{many} {what}"),
        };
        let (account, region) = (of(&accounts, "accounts"), of(&regions, "Regions"));
        format!("[{severity}] {} ({account} {region})", self.headline())
    }

    fn all(&self, member: fn(&Row) -> &str) -> BTreeSet<&'a str> {
        self.rows.iter().map(member).collect()
    }

    fn document(&self, told: &[Row]) -> String {
        let document = Document {
            schema: "portcullis.digest.v1",
            id: self.id(),
            account: self.all(|row| &row.account),
            region: self.all(|row| &row.region),
            severity: self.tally.keys().map(String::as_str).collect(),
            checks: self.rows.iter().flat_map(|row| &row.checks).map(String::as_str).collect(),
            from: self.from,
            to: self.to,
            findings: self.findings(),
            tally: self.tally.clone(),
            rows: told,
            omitted: self.rows.len() - told.len(),
        };
        // Strings, numbers and arrays of them always serialise.
        text::harmless_json(&serde_json::to_string(&document).unwrap_or_default())
    }

    /// The same however often these rows are told.
    fn id(&self) -> String {
        format!("digest-{}", self.worst.event)
    }

    fn chat(&self) -> String {
        let title = text::chat(&self.headline(), 200);
        let severity = self.worst.severity.as_str();
        let (account, region) = (self.worst.account.as_str(), self.worst.region.as_str());
        let day = self.from.split('T').next().unwrap_or_default();
        let mut description = mail::totals(self, text::chat, text::code);
        description.extend(self.rows.iter().take(IN_CHAT).map(in_chat));
        if let Some(more) = self.rows.len().checked_sub(IN_CHAT).filter(|more| *more > 0) {
            description.push(format!("- ... and {more} more: the mail has them."));
        }
        let see = "See all: `portcullis findings`".to_owned();
        let undo =
            "Put a rule back, by the id that is in its row: `portcullis undo f-... --reason '...'`"
                .to_owned();
        Notification {
            id: text::chat(&self.id(), 200),
            title: format!("[{}] {title}", severity.to_uppercase()),
            description,
            next_steps: vec![see, undo],
            keywords: [severity, account, region].map(|word| text::chat(word, 120)).into(),
            thread: text::chat(&format!("portcullis digest {account} {region} {day}"), 200),
            event_type: "portcullis-digest",
            resources: self.rows.iter().map(|row| text::chat(&row.subject.arn, 500)).collect(),
            context: BTreeMap::from([
                ("account", text::chat(account, 120)),
                ("region", text::chat(region, 120)),
                ("severity", text::chat(severity, 120)),
            ]),
        }
        .document()
    }
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

/// `2026-11-21T16:40` of a time.
fn minute(time: &str) -> &str {
    time.get(..16).unwrap_or(time)
}

/// `16:40` of a minute.
fn clock(minute: &str) -> &str {
    minute.split('T').nth(1).unwrap_or(minute)
}
