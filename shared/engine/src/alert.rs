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

use crate::action::{Outcome, Remedy};
use crate::checks::{Finding, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::facts::IngressRule;
use crate::text;

pub(crate) use command::undo_of;
pub use command::{exempt, revoke, stack_option, undo};
pub(crate) use mail::{headline, title};

/// What came of the actions, by [`crate::action::Action::id`].
pub type Outcomes = BTreeMap<String, Outcome>;

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
    pub fn compose(event: &Event, decision: &Decision, outcomes: &Outcomes) -> Self {
        let lists = [
            decision.findings.len(),
            decision.older.len(),
            decision.tolerated.len(),
            decision.remarks.recovered.len(),
        ];
        let mut room = lists.into_iter().max().unwrap_or_default();
        let chat = chat::document(event, decision, outcomes);
        loop {
            let alert = Self {
                subject: mail::subject(event, decision, outcomes),
                mail: mail::body(event, decision, outcomes, room),
                document: document::document(event, decision, outcomes, room),
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

/// What a finding ended as.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// With the rule as it went, if not as it was read.
    Done(Option<IngressRule>),
    AlreadyGone,
    /// With the ARN of the execution.
    Started(String),
    AlreadyStarted(String),
    Failed(String),
    Withheld(String),
    ByHand(String),
    Pending(String),
}

impl End {
    fn of(finding: &Finding, outcomes: &Outcomes) -> Self {
        match &finding.remedy {
            Remedy::Do(action) => match outcomes.get(action.id()) {
                Some(Outcome::Done(changed)) => Self::Done(changed.as_deref().cloned()),
                Some(Outcome::AlreadyGone) => Self::AlreadyGone,
                Some(Outcome::Started(execution)) => Self::Started(execution.clone()),
                Some(Outcome::AlreadyStarted(execution)) => Self::AlreadyStarted(execution.clone()),
                Some(Outcome::Failed(why)) => Self::Failed(why.clone()),
                None => Self::Failed("it was not tried".to_owned()),
            },
            Remedy::Withheld { because, .. } => Self::Withheld(because.to_string()),
            Remedy::ByHand { because, .. } => Self::ByHand(because.to_string()),
            Remedy::Pending(why) => Self::Pending(why.clone()),
            Remedy::Gone(_) => Self::AlreadyGone,
        }
    }

    /// As in the document.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::AlreadyGone => "already-gone",
            Self::Started(_) => "started",
            Self::AlreadyStarted(_) => "already-started",
            Self::Failed(_) => "failed",
            Self::Withheld(_) => "withheld",
            Self::ByHand(_) => "by-hand",
            Self::Pending(_) => "pending",
        }
    }

    /// What is told first: the lowest.
    fn urgency(&self) -> u8 {
        match self {
            Self::Failed(_) => 0,
            Self::Withheld(_) | Self::ByHand(_) => 1,
            Self::Pending(_) | Self::Started(_) | Self::AlreadyStarted(_) => 2,
            Self::Done(_) | Self::AlreadyGone => 3,
        }
    }

    fn because(&self) -> Option<&str> {
        match self {
            Self::Done(_) | Self::AlreadyGone | Self::Started(_) | Self::AlreadyStarted(_) => None,
            Self::Failed(why) | Self::Withheld(why) | Self::ByHand(why) | Self::Pending(why) => {
                Some(why)
            }
        }
    }
}

/// What a finding ended as, in the document's word.
pub(crate) fn end(finding: &Finding, outcomes: &Outcomes) -> &'static str {
    End::of(finding, outcomes).as_str()
}

/// The findings as they are told: those on one rule together, the worst first.
fn by_rule(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let id = rule_of(finding).map(|rule| &rule.id);
        let known = groups.iter_mut().find(|group| {
            id.is_some() && group.first().and_then(|f| rule_of(f)).map(|rule| &rule.id) == id
        });
        match known {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}
