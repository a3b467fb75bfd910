//! One step: what the workflow asks for, and what it is told.

use anyhow::{Context, Result, bail};
use portcullis_approval::{About, Answer, Hardening, Lock, Record, Work};
use portcullis_aws::{Message, publish};
use portcullis_engine::servers::{HostReport, may_change};
use portcullis_engine::text::harmless_json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mail::{self, Mail, Told};
use crate::settings::Shell;

/// What the workflow invokes the function with.
#[derive(Deserialize)]
struct Payload {
    step: String,
    request: Request,
    execution: String,
    /// The task token of the question.
    #[serde(default)]
    token: Option<String>,
    /// What the script said to `apply`.
    #[serde(default)]
    applied: Option<String>,
    /// What it said to the report after that.
    #[serde(default)]
    verified: Option<String>,
    /// Why one of both is not known.
    #[serde(default)]
    failed: Option<String>,
}

/// What the execution was started with, by the workflow that asks servers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    /// The id, which is also that of the backup: `i-…-14960460`.
    id: String,
    instance: String,
    /// What the script said.
    said: String,
    /// The version of the agent that ran it.
    agent: String,
    /// The document that ran.
    document_version: String,
    document_hash: String,
}

/// What the workflow goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub(crate) enum State {
    /// People are to be asked.
    Planned,
    /// There is nothing to ask.
    Nothing,
    /// The question is asked, or was woken without an answer.
    Waiting,
    /// They agree, to this.
    Yes(Parameters),
    /// They do not, or did not answer, and that was told.
    No,
    /// It is told and recorded.
    Done,
}

/// The parameters of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    listen: String,
    expected: String,
    id: String,
    document_version: String,
    document_hash: String,
}

/// Does one step, and answers `{"state": ...}`.
///
/// # Errors
///
/// If the table, SNS or KMS does not answer, or if the record is not what was asked.
pub(crate) async fn step(shell: &Shell, payload: Value) -> Result<Value> {
    // A task token is in it: no part of it is in an error.
    let Ok(payload) = serde_json::from_value::<Payload>(payload) else {
        bail!("the payload is not that of a step; infra/harden-ask.asl.json has them")
    };
    let (id, step) = (payload.request.id.clone(), payload.step.clone());
    let done = Step { shell, payload }.run().await;
    let state = done.with_context(|| format!("{id}, step {step}"))?;
    tracing::info!(id, step, ?state, "step");
    Ok(serde_json::to_value(state)?)
}

struct Step<'a> {
    shell: &'a Shell,
    payload: Payload,
}

impl Step<'_> {
    async fn run(&self) -> Result<State> {
        match self.payload.step.as_str() {
            "plan" => self.plan().await,
            "ask" => self.ask().await,
            "answered" => self.answered(false).await,
            "nobody-answered" => self.answered(true).await,
            "record" => self.record().await,
            other => bail!("there is no step `{}`", other.escape_default()),
        }
    }

    /// What there is to ask, if that was not asked already.
    async fn plan(&self) -> Result<State> {
        let request = &self.payload.request;
        let (version, hash) = (&request.document_version, &request.document_hash);
        let report = HostReport::read(&request.said).ok();
        let found = report.and_then(|it| Hardening::of(&request.instance, &it, version, hash));
        let Some(hardening) = found.filter(|_| may_change(&request.agent)) else {
            return Ok(State::Nothing);
        };
        let fingerprint = hardening.fingerprint();
        if !self.is_ours(&fingerprint).await? {
            return Ok(State::Nothing);
        }
        let record = Record {
            id: request.id.clone(),
            subject: request.instance.clone(),
            asked_by: "Portcullis".to_owned(),
            why: "a rule let the internet reach port 11211 of this instance".to_owned(),
            work: Work::Hardening(hardening),
            fingerprint,
            stage: "planned".to_owned(),
            execution: self.payload.execution.clone(),
            questions: std::collections::BTreeMap::new(),
        };
        self.shell.table.put(&record, (self.shell.now)()).await?;
        Ok(State::Planned)
    }

    /// Whether this request may ask: while another about the instance is open, or once somebody has rejected the same, it
    /// may not.
    async fn is_ours(&self, fingerprint: &str) -> Result<bool> {
        let Request { id, instance, .. } = &self.payload.request;
        let (table, now) = (&self.shell.table, (self.shell.now)());
        let take = async |from: Option<&str>| {
            table.lock(instance, id, &self.payload.execution, from, now).await
        };
        let Lock::Lease { by, .. } = take(None).await? else { return Ok(true) };
        if let Some(earlier) = table.read(&by).await? {
            let question = earlier.question(About::Hardening);
            let is_open = match question.map(|it| (&it.answer, it.until)) {
                Some((Some(answer), _)) if answer.yes => !ENDS.contains(&earlier.stage.as_str()),
                Some((Some(_), _)) => earlier.fingerprint == fingerprint,
                Some((None, until)) => until > now,
                None => false,
            };
            if is_open {
                return Ok(false);
            }
        }
        Ok(take(Some(&by)).await? == Lock::Ours)
    }

    async fn ask(&self) -> Result<State> {
        let (record, hardening) = self.read().await?;
        let Some(token) = self.payload.token.clone() else { bail!("no task token") };
        self.stage("ask").await?;
        let asked = (About::Hardening, "");
        let Shell { settings, now, .. } = self.shell;
        match settings.asker.ask(self.shell.desk(), &record, asked, token, now()).await? {
            None => Ok(State::Done),
            Some((question, link)) => {
                let told = self.told(&record, &hardening);
                self.tell(&mail::ask(&told, link.as_deref(), question.until)).await?;
                Ok(State::Waiting)
            }
        }
    }

    /// What was answered, from the table: nothing else is believed. At the end an answer of the last second counts.
    async fn answered(&self, is_over: bool) -> Result<State> {
        let (record, hardening) = self.read().await?;
        let told = self.told(&record, &hardening);
        match (answer_of(&record), is_over) {
            (Some(answer), _) if answer.yes => {
                self.stage("apply").await?;
                let Hardening { listen, sha256, document_version, document_hash, .. } = hardening;
                let id = record.id;
                Ok(State::Yes(Parameters {
                    listen,
                    expected: sha256,
                    id,
                    document_version,
                    document_hash,
                }))
            }
            (Some(answer), _) => {
                self.tell(&mail::rejected(&told, &answer.by, &answer.reason)).await?;
                self.stage("rejected").await?;
                Ok(State::No)
            }
            (None, false) => Ok(State::Waiting),
            (None, true) => {
                self.tell(&mail::nobody_answered(&told)).await?;
                self.stage("nobody answered").await?;
                Ok(State::No)
            }
        }
    }

    /// How it ended.
    async fn record(&self) -> Result<State> {
        let (record, hardening) = self.read().await?;
        let Payload { applied, verified, failed, .. } = &self.payload;
        let read = |said: &Option<String>| said.as_deref().map(HostReport::read);
        let ended = mail::Ended {
            applied: read(applied),
            verified: read(verified),
            failed: failed.as_deref(),
        };
        let (mail, stage) = mail::ended(&self.told(&record, &hardening), &ended);
        self.tell(&mail).await?;
        self.stage(stage).await?;
        Ok(State::Done)
    }

    async fn read(&self) -> Result<(Record, Hardening)> {
        let read = self.shell.table.read(&self.payload.request.id).await?;
        let record = read.context("the request is not in the table")?;
        let hardening = record.hardening()?.clone();
        Ok((record, hardening))
    }

    async fn stage(&self, stage: &str) -> Result<()> {
        self.shell.table.stage(&self.payload.request.id, stage).await
    }

    fn told<'a>(&'a self, record: &'a Record, hardening: &'a Hardening) -> Told<'a> {
        let stack = &self.shell.settings.stack;
        Told { record, hardening, stack, answer: answer_of(record) }
    }

    async fn tell(&self, mail: &Mail) -> Result<()> {
        let document = harmless_json(&mail.document.to_string());
        let message = Message::new(&mail.subject, &mail.body, &document);
        publish(&self.shell.sns, &self.shell.settings.topic, &message).await
    }
}

fn answer_of(record: &Record) -> Option<&Answer> {
    record.question(About::Hardening)?.answer.as_ref()
}

/// The stages of a request that somebody agreed to, and that is over.
const ENDS: [&str; 5] = mail::STAGES;

#[cfg(test)]
mod tests;
