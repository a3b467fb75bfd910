//! The two questions: whether the cache is to be moved, and whether the old one is to be deleted.

use anyhow::Result;
use portcullis_approval::{About, Desk, Question, Record};
use portcullis_recreation::mail;
use portcullis_recreation::plan::Plan;

use super::watch::InUse;
use super::{State, Step};
use crate::shell::Shell;

impl Step<'_> {
    pub(super) async fn ask(&self, token: String) -> Result<State> {
        let (record, plan) = self.begin("ask").await?;
        let Some((question, link)) = self.question(&record, About::Recreation, "", token).await?
        else {
            return Ok(State::Done);
        };
        let mail = mail::ask(&plan, &self.context(), link.as_deref(), question.until);
        self.tell(mail).await?;
        Ok(State::Waiting)
    }

    pub(super) async fn ask_deletion(&self, token: String) -> Result<State> {
        let (record, plan) = self.begin("ask-deletion").await?;
        let seen = match self.in_use(&record).await? {
            InUse::No(seen) | InUse::Yes(seen) => seen,
            InUse::Gone => "the cache does not exist any more".to_owned(),
        };
        let Some((question, link)) = self.question(&record, About::Deletion, &seen, token).await?
        else {
            return Ok(State::Done);
        };
        let (context, link) = (self.context(), link.as_deref());
        let mail = mail::ask_deletion(&plan, &context, &seen, link, question.until);
        self.tell(mail).await?;
        Ok(State::Waiting)
    }

    async fn question(
        &self,
        record: &Record,
        about: About,
        note: &str,
        token: String,
    ) -> Result<Option<(Question, Option<String>)>> {
        let Shell { table, kms, sfn, settings, now, .. } = self.shell;
        settings.asker.ask(Desk { table, kms, sfn }, record, (about, note), token, now()).await
    }

    pub(super) async fn answered(&self) -> Result<State> {
        let (record, plan) = self.begin("answered").await?;
        match self.answer(&record, &plan, About::Recreation).await? {
            Some(state) => Ok(state),
            None => Ok(State::Waiting),
        }
    }

    pub(super) async fn deletion_answered(&self) -> Result<State> {
        let (record, plan) = self.begin("deletion-answered").await?;
        match self.answer(&record, &plan, About::Deletion).await? {
            Some(State::Yes) => {}
            Some(state) => return Ok(state),
            None => return Ok(State::Waiting),
        }
        match self.in_use(&record).await? {
            InUse::No(_) | InUse::Gone => Ok(State::Yes),
            InUse::Yes(why) => {
                self.tell(mail::used_again(&plan, &self.context(), &why)).await?;
                self.shell.table.forget(&self.of.id, About::Deletion).await?;
                Ok(State::Used)
            }
        }
    }

    pub(super) async fn nobody_answered(&self) -> Result<State> {
        self.in_the_end(About::Recreation).await
    }

    /// Nobody answered whether the old cache is to be deleted: it is kept.
    pub(super) async fn kept(&self) -> Result<State> {
        self.in_the_end(About::Deletion).await
    }

    /// The time to answer is over, but an answer of the last second counts.
    async fn in_the_end(&self, about: About) -> Result<State> {
        let (record, plan) = self.begin("nobody-answered").await?;
        if let Some(state) = self.answer(&record, &plan, about).await? {
            return Ok(state);
        }
        let mail = match about {
            About::Recreation => mail::nobody_answered(&plan, &self.context()),
            About::Deletion | About::Hardening => {
                mail::kept(&plan, &self.context(), "nobody approved or rejected its deletion")
            }
        };
        self.tell(mail).await?;
        self.end("nobody answered").await?;
        Ok(State::No)
    }

    /// What was answered, from the table: nothing else is believed.
    async fn answer(&self, record: &Record, plan: &Plan, about: About) -> Result<Option<State>> {
        let answer = record.question(about).and_then(|question| question.answer.as_ref());
        let Some(answer) = answer else { return Ok(None) };
        if answer.yes {
            return Ok(Some(State::Yes));
        }
        let mail = match about {
            About::Recreation => mail::rejected(plan, &self.context(), &answer.by, &answer.reason),
            About::Deletion | About::Hardening => {
                let why = format!("{} rejected its deletion: {}", answer.by, answer.reason);
                mail::kept(plan, &self.context(), &why)
            }
        };
        self.tell(mail).await?;
        self.end("rejected").await?;
        Ok(Some(State::No))
    }

    /// The move ends here.
    pub(super) async fn end(&self, stage: &str) -> Result<()> {
        self.shell.table.stage(&self.of.id, stage).await?;
        self.unlock().await
    }
}
