//! Looking at the cache, and planning.

use anyhow::Result;
use portcullis_approval::{About, Answer, Lock, Question, Record, Through, Work};
use portcullis_inventory::{self as inventory, LookError};
use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use portcullis_recreation::idle::fresh;
use portcullis_recreation::plan::{self, Choices, Plan};
use portcullis_recreation::reason::Reason;

use super::{State, Step};
use crate::account;
use crate::error::{lasting, of};
use portcullis_recreation::mail;

/// Minutes that a cache is looked at to tell whether it is fresh: as old as it may be.
const FRESH: u32 = 60;

/// How long a cache that may be fresh is waited for, for CloudWatch to show anything of it: seconds since
/// it was made. A cache takes some ten minutes to be made, and the values of a minute come some minutes later.
const SHOWN: i64 = 45 * 60;

/// The states that a cache passes through by itself (API references of CacheCluster and ReplicationGroup).
const PASSING: [&str; 4] = ["creating", "modifying", "snapshotting", "rebooting cluster nodes"];

impl Step<'_> {
    /// Waits until the cache can be planned for. One that is gone, or broken, the plan tells of.
    pub(super) async fn settle(&self) -> Result<State> {
        let Some(live) = account::cache(&self.shell.look.elasticache, &self.old).await? else {
            return Ok(State::Done);
        };
        if PASSING.contains(&live.status()) {
            return Ok(State::Waiting);
        }
        let now = (self.shell.now)();
        let young = live.created().is_some_and(|created| now - created < SHOWN);
        if !(self.shell.settings.recreates_fresh && young) {
            return Ok(State::Done);
        }
        let (facts, _) = self.look(&self.of.cache).await?;
        let used = inventory::usage(&self.shell.look.cloudwatch, &facts, FRESH).await?;
        Ok(if used.is_shown() { State::Done } else { State::Waiting })
    }

    /// Plans, and keeps what the plan was made from.
    pub(super) async fn plan(&self) -> Result<State> {
        self.lock().await?;
        let (facts, document) = self.look(&self.of.cache).await?;
        let plan = match plan::plan(&facts, &self.choices()) {
            plan::Answer::Plan(plan) => *plan,
            plan::Answer::Refused(refusal) => {
                self.tell(mail::refused(&refusal, &self.context())).await?;
                self.unlock().await?;
                return Ok(State::Refused);
            }
        };
        let agreed = self.agreed(&facts, &plan).await?;
        let state = if agreed.is_some() { State::Agreed } else { State::Planned };
        let record = Record {
            id: self.of.id.clone(),
            subject: self.of.cache.clone(),
            asked_by: self.of.asked_by.clone(),
            why: self.of.why.clone(),
            work: Work::Recreation { choices: self.choices(), document },
            fingerprint: plan.fingerprint,
            stage: "planned".to_owned(),
            execution: self.execution.clone(),
            questions: agreed.into_iter().map(|question| (About::Recreation, question)).collect(),
        };
        self.shell.table.put(&record, (self.shell.now)()).await?;
        Ok(state)
    }

    /// Plans again, as the workflow begins to act. What people agreed to is done, or nothing: the plans are compared
    /// whole, for whoever writes a part of both can make their fingerprints alike.
    pub(super) async fn check(&self) -> Result<State> {
        let (record, planned) = self.begin("check").await?;
        self.answer_of(&record, About::Recreation)?;
        let (facts, _) = self.look(&self.of.cache).await?;
        let why = match plan::plan(&facts, &self.choices()) {
            plan::Answer::Plan(plan) if plan.does_the_same(&planned) => return Ok(State::Same),
            plan::Answer::Plan(_) => String::new(),
            plan::Answer::Refused(refusal) => {
                let why = |reason: &Reason| format!("{}: {}", reason.field, reason.why);
                refusal.reasons.iter().map(why).collect::<Vec<_>>().join("; ")
            }
        };
        self.tell(mail::changed(&planned, &self.context(), &why)).await?;
        self.end("changed meanwhile").await?;
        Ok(State::Changed)
    }

    /// # Errors
    ///
    /// If nobody agreed.
    pub(super) fn answer_of(&self, record: &Record, about: About) -> Result<()> {
        let answer = record.question(about).and_then(|question| question.answer.as_ref());
        match answer {
            Some(answer) if answer.yes => Ok(()),
            Some(_) | None => Err(lasting(format!("nobody approved this {}", about.as_str()))),
        }
    }

    /// What a person asked for goes before what the stack says.
    fn choices(&self) -> Choices {
        Choices {
            port: self.of.port.or(self.shell.settings.port),
            auth_token_secret: self.of.auth_token_secret.clone(),
        }
    }

    /// A cache with everything around it, and the document that says so.
    pub(super) async fn look(&self, cache: &str) -> Result<(Facts, String)> {
        let looked = inventory::document(&self.shell.look, cache).await;
        let document = looked
            .map_err(|error| match error {
                LookError::NotFound { .. }
                | LookError::Serverless(_)
                | LookError::OtherRegion { .. }
                | LookError::OtherAccount { .. }
                | LookError::NotACache(_) => lasting(error.to_string()),
                LookError::Other(error) => error,
            })?
            .to_string();
        let facts = document::read(&document, Some(cache));
        Ok((facts.map_err(|error| lasting(error.to_string()))?, document))
    }

    /// The answer that the owner's setting gives for a fresh cache; else people are asked.
    async fn agreed(&self, facts: &Facts, plan: &Plan) -> Result<Option<Question>> {
        if !self.shell.settings.recreates_fresh {
            return Ok(None);
        }
        let live = account::cache(&self.shell.look.elasticache, &self.old).await?;
        let created = live.and_then(|live| live.created());
        let used = inventory::usage(&self.shell.look.cloudwatch, facts, FRESH).await?;
        if let Err(why) = fresh(facts, &used, created, (self.shell.now)()) {
            tracing::info!(r#move = self.of.id, "not fresh: {}", why.join("; "));
            return Ok(None);
        }
        let now = (self.shell.now)();
        let answer = Answer {
            yes: true,
            by: "the stack's parameter MoveCaches".to_owned(),
            reason: "it is new and empty, and nobody uses it".to_owned(),
            at: now,
            through: Through::Setting,
        };
        Ok(Some(Question {
            asked_at: now,
            until: now,
            plan: plan.fingerprint.clone(),
            note: String::new(),
            token: None,
            answer: Some(answer),
            passed_on: true,
        }))
    }

    /// Takes the cache for this move: from nobody, or from a move whose execution ended.
    async fn lock(&self) -> Result<()> {
        let (table, now) = (&self.shell.table, (self.shell.now)());
        let take = async |from: Option<&str>| {
            table.lock(&self.of.cache, &self.of.id, &self.execution, from, now).await
        };
        let Lock::Lease { by, execution } = take(None).await? else { return Ok(()) };
        if self.runs(&execution).await? {
            return Err(lasting(format!(
                "the re-creation {by} of this cache is in progress; wait for its end, or stop it: aws stepfunctions \
                 stop-execution --execution-arn {execution}"
            )));
        }
        match take(Some(&by)).await? {
            Lock::Ours => Ok(()),
            Lock::Lease { by, .. } => Err(lasting(format!(
                "the re-creation {by} of this cache was started at the same time"
            ))),
        }
    }

    /// Whether an execution goes on. One that is not known any more ended 90 days ago.
    async fn runs(&self, execution: &str) -> Result<bool> {
        let asked = self.shell.sfn.describe_execution().execution_arn(execution).send().await;
        match asked {
            Ok(answer) => Ok(matches!(answer.status().as_str(), "RUNNING" | "PENDING_REDRIVE")),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist()) =>
            {
                Ok(false)
            }
            Err(error) => Err(of("DescribeExecution", &error)),
        }
    }

    /// Lets the cache go: another move of it may begin.
    pub(super) async fn unlock(&self) -> Result<()> {
        self.shell.table.unlock(&self.of.cache, &self.of.id).await
    }
}
