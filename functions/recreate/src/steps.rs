//! One step: what the workflow asks for, and what it is told.

mod ask;
mod create;
mod delete;
mod ended;
mod plan;
mod ports;
mod snapshot;
mod undo;
mod verify;
mod watch;

use anyhow::{Context, Result};
use portcullis_approval::{Lock, Record};
use portcullis_recreation::plan::{Form, Plan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::Name;
use crate::error::lasting;
use crate::shell::Shell;

/// What the workflow invokes the function with.
#[derive(Debug, Deserialize)]
struct Payload {
    step: String,
    #[serde(rename = "move")]
    of: Recreation,
    execution: String,
    /// The task token of a question.
    #[serde(default)]
    token: Option<Secret>,
    /// What failed before.
    #[serde(default)]
    failed: Option<Failure>,
    /// What failed as it was taken back.
    #[serde(default)]
    left: Option<Failure>,
}

/// A text that is not printed.
#[derive(Deserialize)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What the execution was started with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Recreation {
    /// The id of the move.
    #[serde(rename = "move")]
    pub(crate) id: String,
    /// The ARN of the cache.
    pub(crate) cache: String,
    /// The new port, if one was asked for.
    pub(crate) port: Option<u16>,
    /// The ARN of the secret that keeps the AUTH token, if it was named.
    pub(crate) auth_token_secret: Option<String>,
    /// Who asked.
    pub(crate) asked_by: String,
    /// Why.
    pub(crate) why: String,
}

/// A step that failed, as the workflow caught it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Failure {
    step: String,
    error: String,
    cause: String,
}

impl Failure {
    /// What Lambda tells of an error is JSON with `errorMessage`.
    fn why(&self) -> String {
        let told: Option<Value> = serde_json::from_str(&self.cause).ok();
        let message = told.as_ref().and_then(|told| told.get("errorMessage")?.as_str());
        message.map_or_else(|| format!("{}: {}", self.error, self.cause), str::to_owned)
    }
}

/// What the workflow goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// The step is done.
    Done,
    /// It is begun, and not done yet.
    Waiting,
    /// People are to be asked.
    Planned,
    /// Nobody needs to be asked.
    Agreed,
    /// The plan is refused, and people were told.
    Refused,
    /// The plan is still the same.
    Same,
    /// The cache is not as it was planned for, and that was told.
    Changed,
    /// They agree.
    Yes,
    /// They do not, or did not answer, and that was told.
    No,
    /// Nobody uses the old cache.
    Idle,
    /// Somebody does.
    Used,
    /// It is not there any more.
    Gone,
}

/// A step of one move, with what it needs.
pub(crate) struct Step<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) of: Recreation,
    /// The old cache.
    pub(crate) old: Name,
    /// The ARN of the execution.
    pub(crate) execution: String,
}

/// Does one step, and answers `{"state": ...}`.
///
/// # Errors
///
/// As [`crate::error`] says: those that stay, and those that a second try may mend.
pub(crate) async fn step(shell: &Shell, payload: Value) -> Result<Value> {
    // A task token is in it: no part of it is in an error.
    let payload: Payload = serde_json::from_value(payload).map_err(|_| {
        lasting("the payload is not that of a step; infra/recreate.asl.json has them")
    })?;
    let Payload { step, of, execution, token, failed, left } = payload;
    let old = Name::parse(&of.cache)?;
    let it = Step { shell, of, old, execution };
    let state = it
        .run(&step, token, failed, left)
        .await
        .with_context(|| format!("re-creation {}, step {step}", it.of.id))?;
    tracing::info!(r#move = it.of.id, step, ?state, "step");
    Ok(serde_json::json!({ "state": state }))
}

impl Step<'_> {
    async fn run(
        &self,
        step: &str,
        token: Option<Secret>,
        failed: Option<Failure>,
        left: Option<Failure>,
    ) -> Result<State> {
        let token = || token.map(|Secret(token)| token).ok_or_else(|| lasting("no task token"));
        let failure = || failed.ok_or_else(|| lasting("the workflow does not say what failed"));
        match step {
            "settle" => self.settle().await,
            "plan" => self.plan().await,
            "ask" => self.ask(token()?).await,
            "answered" => self.answered().await,
            "nobody-answered" => self.nobody_answered().await,
            "check" => self.check().await,
            "snapshot" => self.snapshot().await,
            "open-port" => self.open_port().await,
            "create" => self.create().await,
            "set-the-rest" => self.set_the_rest().await,
            "verify" => self.verify().await,
            "hand-over" => self.hand_over().await,
            "watch" => self.watch().await,
            "ask-deletion" => self.ask_deletion(token()?).await,
            "deletion-answered" => self.deletion_answered().await,
            "kept" => self.kept().await,
            "still-used" => self.still_used().await,
            "delete" => self.delete().await,
            "close-port" => self.close_port().await,
            "undo" => self.undo(&failure()?).await,
            "stuck" => self.stuck(&failure()?, left.as_ref()).await,
            "stopped" => self.stopped(&failure()?).await,
            "keep" => self.keep(&failure()?).await,
            other => Err(lasting(format!("there is no step `{}`", other.escape_default()))),
        }
    }

    /// The record of the move, with its plan.
    async fn record(&self) -> Result<(Record, Plan)> {
        let record = self
            .shell
            .table
            .read(&self.of.id)
            .await?
            .ok_or_else(|| lasting("the re-creation is not in the table"))?;
        let plan = record.plan().map_err(|error| lasting(format!("{error:#}")))?;
        Ok((record, plan))
    }

    /// The same, as a step begins. An execution that was stopped can be redriven while another move of the
    /// cache is under way: so each step looks whether the cache is still this move's.
    async fn begin(&self, stage: &str) -> Result<(Record, Plan)> {
        let planned = self.record().await?;
        let (table, now) = (&self.shell.table, (self.shell.now)());
        let lock = table.lock(&self.of.cache, &self.of.id, &self.execution, None, now).await?;
        if let Lock::Lease { by, .. } = lock {
            return Err(lasting(format!(
                "the re-creation {by} of this cache was started meanwhile"
            )));
        }
        if planned.0.stage != stage {
            self.shell.table.stage(&self.of.id, stage).await?;
        }
        Ok(planned)
    }

    /// The new cache of a plan: of the kind that the plan makes, which need not be that of the old one.
    fn new_cache(&self, plan: &Plan) -> Name {
        self.old.beside(&plan.create.id, plan.create.form() == Form::Group)
    }
}

#[cfg(test)]
mod tests;
