//! A re-creation or a hardening, as the table keeps it.

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

use crate::hardening::Hardening;

/// What people are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// Whether the cache is to be moved, by the plan.
    Recreation,
    /// Whether the old cache is to be deleted.
    Deletion,
    /// Whether a Memcached server is to be hardened.
    Hardening,
}

impl About {
    /// As in links and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recreation => "move",
            Self::Deletion => "deletion",
            Self::Hardening => "hardening",
        }
    }

    /// What [`About::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Recreation, Self::Deletion, Self::Hardening];
        all.into_iter().find(|about| about.as_str() == text)
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
    /// The fingerprint of the plan, or of the hardening, that it is about.
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

/// What is to be done, as people agree to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A cache is re-created.
    Recreation {
        /// What a person chose.
        choices: Choices,
        /// What the plan was made from: JSON, as [`document::read`] reads it.
        document: String,
    },
    /// A Memcached server is hardened.
    Hardening(Hardening),
}

/// What an open question asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Whether the cache is re-created by this plan.
    Recreation(Box<Plan>),
    /// Whether the old cache of this plan is deleted.
    Deletion(Box<Plan>),
    /// Whether this is done to a server.
    Hardening(Hardening),
}

/// A re-creation from its plan on, or a hardening from its report on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id, which is also the name of its execution, or of the report's.
    pub id: String,
    /// The ARN of the cache, or the id of the instance.
    pub subject: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Why.
    pub why: String,
    /// What is to be done.
    pub work: Work,
    /// The fingerprint of it.
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
        let document = match &self.work {
            Work::Recreation { document, .. } => document,
            Work::Hardening(_) => bail!("{} is no re-creation", self.id),
        };
        let facts = document::read(document, Some(&self.subject));
        facts.with_context(|| format!("the document of re-creation {} cannot be read", self.id))
    }

    /// What is done to the server.
    ///
    /// # Errors
    ///
    /// If it is not what was asked: nobody has agreed to that.
    pub fn hardening(&self) -> Result<&Hardening> {
        match &self.work {
            Work::Hardening(hardening) if hardening.fingerprint() == self.fingerprint => {
                Ok(hardening)
            }
            Work::Hardening(_) => {
                bail!("the record of {} is not what was asked: nothing is done", self.id)
            }
            Work::Recreation { .. } => bail!("{} is no request to harden a server", self.id),
        }
    }

    /// What a question about it asks.
    ///
    /// # Errors
    ///
    /// As [`Record::plan`] and [`Record::hardening`].
    pub fn asked(&self, about: About) -> Result<Asked> {
        Ok(match about {
            About::Recreation => Asked::Recreation(Box::new(self.plan()?)),
            About::Deletion => Asked::Deletion(Box::new(self.plan()?)),
            About::Hardening => Asked::Hardening(self.hardening()?.clone()),
        })
    }

    /// The plan, made again from what it was made from.
    ///
    /// # Errors
    ///
    /// If it is not the same plan any more: then another version of Portcullis made it, and nobody has
    /// agreed to what this one would do.
    pub fn plan(&self) -> Result<Plan> {
        let Self { id, fingerprint, work, .. } = self;
        let Work::Recreation { choices, .. } = work else { bail!("{id} is no re-creation") };
        if !plan::is_fingerprint(fingerprint) {
            bail!(
                "re-creation {id} was planned by an earlier version of Portcullis, whose fingerprints ({fingerprint}) \
                 could be forged, so its approval is void; start the re-creation again"
            );
        }
        match plan::plan(&self.facts()?, choices) {
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
        let stack = id.and_then(|(workflow, _)| {
            workflow.strip_suffix("-recreate").or_else(|| workflow.strip_suffix("-ask"))
        });
        match stack {
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<String>,
    asked_by: String,
    why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_token_secret: Option<String>,
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    document: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<Hardening>,
    fingerprint: String,
    pub(crate) stage: String,
    execution: String,
    #[serde(rename = "move", default, skip_serializing_if = "Option::is_none")]
    pub(crate) about_recreation: Option<Question>,
    #[serde(rename = "deletion", default, skip_serializing_if = "Option::is_none")]
    pub(crate) about_deletion: Option<Question>,
    #[serde(rename = "hardening", default, skip_serializing_if = "Option::is_none")]
    pub(crate) about_hardening: Option<Question>,
    /// When DynamoDB may remove it, in seconds since 1970.
    pub(crate) expires: i64,
}

impl Item {
    pub(crate) fn pack(record: &Record, expires: i64) -> Result<Self> {
        let (choices, packed, server) = match &record.work {
            Work::Recreation { choices, document } => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::best());
                packed.write_all(document.as_bytes())?;
                (choices.clone(), Some(packed.finish()?), None)
            }
            Work::Hardening(hardening) => (Choices::default(), None, Some(hardening.clone())),
        };
        Ok(Self {
            id: record.id.clone(),
            cache: packed.as_ref().map(|_| record.subject.clone()),
            asked_by: record.asked_by.clone(),
            why: record.why.clone(),
            port: choices.port,
            auth_token_secret: choices.auth_token_secret,
            document: packed,
            server,
            fingerprint: record.fingerprint.clone(),
            stage: record.stage.clone(),
            execution: record.execution.clone(),
            about_recreation: record.question(About::Recreation).cloned(),
            about_deletion: record.question(About::Deletion).cloned(),
            about_hardening: record.question(About::Hardening).cloned(),
            expires,
        })
    }

    pub(crate) fn unpack(self) -> Result<Record> {
        let (subject, work) = match (self.cache, self.document, self.server) {
            (Some(cache), Some(packed), _) => {
                let mut document = String::new();
                GzDecoder::new(packed.as_slice()).read_to_string(&mut document)?;
                let choices =
                    Choices { port: self.port, auth_token_secret: self.auth_token_secret };
                (cache, Work::Recreation { choices, document })
            }
            (_, _, Some(server)) => (server.instance.clone(), Work::Hardening(server)),
            (_, _, None) => bail!("neither a cache nor a server is in it"),
        };
        let asked = [
            (About::Recreation, self.about_recreation),
            (About::Deletion, self.about_deletion),
            (About::Hardening, self.about_hardening),
        ];
        Ok(Record {
            id: self.id,
            subject,
            asked_by: self.asked_by,
            why: self.why,
            work,
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
            subject: "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders"
                .to_owned(),
            asked_by: String::new(),
            why: String::new(),
            work: Work::Recreation {
                choices: Choices { port: Some(17_321), auth_token_secret: None },
                document: "{}".repeat(1000),
            },
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
        let ask = of("guard-ask").command("approve");
        assert_eq!(ask, "portcullis approve orders-1 --stack guard");
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
        assert!(item.document.as_ref().unwrap().len() < 200);
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
