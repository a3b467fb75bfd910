//! A move, as the table keeps it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use portcullis_engine::arn::Arn;
use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use portcullis_recreation::plan::{self, Choices, Plan};
use serde::{Deserialize, Serialize};

/// What people are asked about a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// Whether the cache is to be moved, by the plan.
    Recreation,
    /// Whether the old cache is to be deleted.
    Deletion,
}

impl About {
    /// As in links and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recreation => "move",
            Self::Deletion => "deletion",
        }
    }

    /// What [`About::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Recreation, Self::Deletion].into_iter().find(|about| about.as_str() == text)
    }
}

/// By what way an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    /// The page: whoever holds the link. The name is what they gave, and the address that they came from.
    Page,
    /// `portcullis approve`: the caller of STS, who needs rights in the account.
    CommandLine,
    /// Nobody was asked: the owner lets fresh caches move.
    Setting,
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whether they agree.
    pub yes: bool,
    /// Who.
    pub by: String,
    /// Why; empty if they gave no reason.
    #[serde(default)]
    pub reason: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// By what way.
    pub through: Through,
}

/// A question to people.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// When it was asked, in seconds since 1970.
    pub asked_at: i64,
    /// Until when it can be answered, in seconds since 1970.
    pub until: i64,
    /// The fingerprint of the plan that it is about.
    pub plan: String,
    /// What there is to know beside the plan: for a deletion, the connections that were seen.
    #[serde(default)]
    pub note: String,
    /// The workflow's task token: whoever has it and may call SendTaskSuccess can wake the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The answer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Whether the workflow was woken with it.
    #[serde(default)]
    pub passed_on: bool,
}

impl fmt::Debug for Question {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked_at, until, plan, note, token: _, answer, passed_on } = self;
        let mut all = f.debug_struct("Question");
        all.field("asked_at", asked_at).field("until", until).field("plan", plan);
        all.field("note", note).field("answer", answer).field("passed_on", passed_on).finish()
    }
}

/// A move, from its plan on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The id of the move, which is also the name of its execution.
    pub id: String,
    /// The ARN of the cache.
    pub cache: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Why.
    pub why: String,
    /// What a person chose.
    pub choices: Choices,
    /// What the plan was made from: JSON, as [`document::read`] reads it.
    pub document: String,
    /// The fingerprint of the plan.
    pub fingerprint: String,
    /// The last step that was begun.
    pub stage: String,
    /// The ARN of the execution.
    pub execution: String,
    /// What people were asked.
    pub questions: BTreeMap<About, Question>,
}

impl Record {
    /// What the plan was made from.
    ///
    /// # Errors
    ///
    /// If this version of Portcullis reads the document no more.
    pub fn facts(&self) -> Result<Facts> {
        let facts = document::read(&self.document, Some(&self.cache));
        facts.with_context(|| format!("the document of re-creation {} cannot be read", self.id))
    }

    /// The plan, made again from what it was made from.
    ///
    /// # Errors
    ///
    /// If it is not the same plan any more: then another version of Portcullis made it, and nobody has
    /// agreed to what this one would do.
    pub fn plan(&self) -> Result<Plan> {
        let Self { id, fingerprint, .. } = self;
        if !plan::is_fingerprint(fingerprint) {
            bail!(
                "re-creation {id} was planned by an earlier version of Portcullis, whose fingerprints ({fingerprint}) \
                 could be forged, so its approval is void; start the re-creation again"
            );
        }
        match plan::plan(&self.facts()?, &self.choices) {
            plan::Answer::Plan(plan) if plan.fingerprint == *fingerprint => Ok(*plan),
            plan::Answer::Plan(plan) => bail!(
                "the plan of re-creation {id} is {} now and was {fingerprint}: Portcullis was updated in between; \
                 start the re-creation again",
                plan.fingerprint
            ),
            plan::Answer::Refused(_) => bail!(
                "the plan of re-creation {id} is refused now: Portcullis was updated in between; start the \
                 re-creation again"
            ),
        }
    }

    /// `portcullis approve ID`, with the stack where it has another name: that of the workflow tells.
    pub fn command(&self, verb: &str) -> String {
        let execution = Arn::parse(&self.execution).ok();
        let id = execution.and_then(|execution| execution.id_of("execution")?.split_once(':'));
        match id.and_then(|(workflow, _)| workflow.strip_suffix("-recreate")) {
            Some("portcullis") | None => format!("portcullis {verb} {}", self.id),
            Some(stack) => format!("portcullis {verb} {} --stack {stack}", self.id),
        }
    }

    /// What people were asked, if they were.
    pub fn question(&self, about: About) -> Option<&Question> {
        self.questions.get(&about)
    }
}

/// A record as an item: what Describe showed of 500 nodes fits in packed only (400 KB an item).
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) cache: String,
    asked_by: String,
    why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_token_secret: Option<String>,
    #[serde(with = "serde_bytes")]
    document: Vec<u8>,
    fingerprint: String,
    pub(crate) stage: String,
    execution: String,
    #[serde(rename = "move", default, skip_serializing_if = "Option::is_none")]
    pub(crate) about_recreation: Option<Question>,
    #[serde(rename = "deletion", default, skip_serializing_if = "Option::is_none")]
    pub(crate) about_deletion: Option<Question>,
    /// When DynamoDB may remove it, in seconds since 1970.
    pub(crate) expires: i64,
}

impl Item {
    pub(crate) fn pack(record: &Record, expires: i64) -> Result<Self> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(record.document.as_bytes())?;
        Ok(Self {
            id: record.id.clone(),
            cache: record.cache.clone(),
            asked_by: record.asked_by.clone(),
            why: record.why.clone(),
            port: record.choices.port,
            auth_token_secret: record.choices.auth_token_secret.clone(),
            document: packed.finish()?,
            fingerprint: record.fingerprint.clone(),
            stage: record.stage.clone(),
            execution: record.execution.clone(),
            about_recreation: record.question(About::Recreation).cloned(),
            about_deletion: record.question(About::Deletion).cloned(),
            expires,
        })
    }

    pub(crate) fn unpack(self) -> Result<Record> {
        let mut document = String::new();
        GzDecoder::new(self.document.as_slice()).read_to_string(&mut document)?;
        let asked =
            [(About::Recreation, self.about_recreation), (About::Deletion, self.about_deletion)];
        Ok(Record {
            id: self.id,
            cache: self.cache,
            asked_by: self.asked_by,
            why: self.why,
            choices: Choices { port: self.port, auth_token_secret: self.auth_token_secret },
            document,
            fingerprint: self.fingerprint,
            stage: self.stage,
            execution: self.execution,
            questions: asked.into_iter().filter_map(|(about, q)| Some((about, q?))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(execution: &str) -> Record {
        Record {
            id: "orders-1".to_owned(),
            cache: "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders".to_owned(),
            asked_by: String::new(),
            why: String::new(),
            choices: Choices { port: Some(17_321), auth_token_secret: None },
            document: "{}".repeat(1000),
            fingerprint: "1a2b3c4d5e6f7081".to_owned(),
            stage: "planned".to_owned(),
            execution: execution.to_owned(),
            questions: BTreeMap::new(),
        }
    }

    #[test]
    fn a_command_names_the_stack_where_it_is_not_the_usual_one() {
        let of = |name: &str| {
            record(&format!("arn:aws:states:eu-west-1:111122223333:execution:{name}:orders-1"))
        };
        assert_eq!(of("portcullis-recreate").command("approve"), "portcullis approve orders-1");
        assert_eq!(
            of("guard-recreate").command("reject"),
            "portcullis reject orders-1 --stack guard"
        );
        assert_eq!(record("").command("approve"), "portcullis approve orders-1");
    }

    /// A table in use has moves of the version before.
    #[test]
    fn a_move_of_an_earlier_version_says_that_it_must_be_started_again() {
        for old in ["1a2b3c4d", "", "1A2B3C4D5E6F7081"] {
            let record = Record { fingerprint: old.to_owned(), ..record("arn") };
            let why = record.plan().unwrap_err().to_string();
            assert!(
                why.contains("an earlier version of Portcullis")
                    && why.ends_with("start the re-creation again"),
                "{why}"
            );
            let item = Item::pack(&record, 5).unwrap();
            assert_eq!(item.unpack().unwrap().fingerprint, old, "it can still be read");
        }
    }

    #[test]
    fn a_record_is_the_same_after_the_table_and_its_document_is_packed() {
        let before = record("arn");
        let item = Item::pack(&before, 5).unwrap();
        assert!(item.document.len() < before.document.len() / 10);
        let attributes: std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> =
            serde_dynamo::to_item(&item).unwrap();
        assert!(attributes["document"].as_b().is_ok());
        let item: Item = serde_dynamo::from_item(attributes).unwrap();
        assert_eq!(item.unpack().unwrap(), before);
    }

    #[test]
    fn a_token_is_not_printed() {
        let question = Question {
            asked_at: 0,
            until: 1,
            plan: String::new(),
            note: String::new(),
            token: Some("t0ken".to_owned()),
            answer: None,
            passed_on: false,
        };
        assert!(!format!("{question:?}").contains("t0ken"));
    }
}
