//! Older faults, with `Sweep=enforce`: what the engine chose is carried out subject by subject, told in the message of the
//! run, and recorded. Each is a case of its own that reads all of it fresh.

use std::collections::BTreeMap;

use anyhow::Result;
use portcullis_alerts::sweep::{NotRemediated, Row, SweepReport};
use portcullis_aws::{Shell, closing};
use portcullis_engine::case::{Answered, Case, Channel, PolicyContext};
use portcullis_engine::ledger::{Entry, Key, Wanted};
use portcullis_engine::report::Report;
use portcullis_engine::resolution::Resolution;
use portcullis_engine::settings::{Mode, stack_option};
use portcullis_engine::sweep::{
    Comparison, Enforce, Found, Ledgered, Observations, Older, Ramp, closed_after, older,
};
use portcullis_engine::time::iso;

use crate::run::Sweep;

/// What a run closed, before it is told.
pub(crate) struct Remediated<'a> {
    shell: Shell,
    cases: Vec<Case<'a>>,
    ramp: Ramp,
    closed: Vec<Key>,
}

impl Sweep {
    /// Without `Sweep=enforce` a ramp that is there is forgotten: the next one begins with notice, and at the first step.
    pub(crate) async fn forget_ramp(&self, now: i64) -> Result<()> {
        if let Some(ramp) = self.ledger.ramp().await?.filter(|ramp| !ramp.is_over()) {
            self.ledger.write_ramp(&ramp.over(), now).await?;
        }
        Ok(())
    }

    /// Closes what was reported long enough ago, and adds it to what is told. `by` is the id of the invocation.
    ///
    /// # Errors
    ///
    /// If the ledger does not answer before anything is closed.
    pub(crate) async fn remediate(
        &self,
        enforce: Enforce,
        (compared, looked, ledger): (&Comparison, &Observations, &Ledgered),
        told: &mut SweepReport,
        by: &str,
        now: i64,
    ) -> Result<Option<Remediated<'_>>> {
        let before = self.ledger.ramp().await?;
        let is_first = before.as_ref().is_none_or(Ramp::is_over);
        let ramp = Ramp::begin(before, ledger, now);
        if !self.ledger.write_ramp(&ramp, now).await? {
            tracing::warn!("the ramp was written by somebody else meanwhile: nothing is closed");
            return Ok(None);
        }
        told.enforces = is_first || ramp.stops_now(now);
        let chosen = older(compared, looked, ledger, (enforce, &ramp), &self.settings, now);
        let Older { closings, stays } = chosen;
        for (key, stays) in stays {
            told.not_remediated.extend(left(&key, looked, stays.to_string(), false));
        }
        let keys = closings.iter().flat_map(|closing| closing.keys.iter().cloned());
        let whole = self.ledger.read(&Wanted::of_keys(keys)).await?;
        let shell = Shell::new(self.settings.clone()).await;
        let mut remediated = Remediated { shell, cases: Vec::new(), ramp, closed: Vec::new() };
        let policy =
            PolicyContext { settings: &self.settings, exceptions: self.exceptions.as_ref() };
        for one in &closings {
            let mut case = Case::closing(one, by, policy);
            let failed = closing(&remediated.shell, &mut case).await.err();
            let report = case.report();
            for key in &one.keys {
                let entry = whole.entries.get(key);
                match (report.and_then(|report| ended(report, key)), &failed) {
                    (Some((Resolution::Done, _)), _) => {
                        remediated.closed.push(key.clone());
                        tracing::info!(subject = key.subject, "{} was closed", key.id());
                        told.remediated.extend(self.row(key, looked, entry));
                    }
                    (Some((Resolution::AlreadyGone, _)), _) => {}
                    (Some((Resolution::Failed, why)), _) => {
                        told.not_remediated.extend(left(key, looked, why, true));
                    }
                    (Some((_, why)), _) => {
                        told.not_remediated.extend(left(key, looked, why, false));
                    }
                    (None, Some(error)) => {
                        let why = format!("{error:#}");
                        tracing::error!("{} was not closed: {why}", key.id());
                        told.not_remediated.extend(left(key, looked, why, true));
                    }
                    (None, None) => {}
                }
            }
            remediated.cases.push(case);
        }
        told.stopped = Some(remediated.ramp.stopped.is_some());
        Ok(Some(remediated))
    }

    /// What is new says when it will be closed.
    pub(crate) fn announce(
        &self,
        enforce: Enforce,
        looked: &Observations,
        told: &mut SweepReport,
        now: i64,
    ) {
        let found: BTreeMap<String, &Found> =
            looked.found.iter().map(|(key, found)| (key.id(), found)).collect();
        for row in told.new.iter_mut().chain(&mut told.risen) {
            if found.get(&row.id).is_some_and(|found| found.closable().is_some()) {
                let after = iso(closed_after(enforce, now));
                let note = match self.settings.mode {
                    Mode::Enforce => format!("will be closed after {after}"),
                    Mode::Observe => format!("in enforce mode it would be closed after {after}"),
                };
                row.note =
                    Some(row.note.take().map_or(note.clone(), |had| format!("{had}; {note}")));
                told.closes = true;
            }
        }
    }

    fn row(&self, key: &Key, looked: &Observations, entry: Option<&Entry>) -> Option<Row> {
        let stack = self.settings.stack.as_deref().map(stack_option).unwrap_or_default();
        let undo = format!("undo: portcullis undo {}{stack} --reason '<why>'", key.id());
        Some(Row::of_found(looked.found.get(key)?, entry?, Some(undo)))
    }
}

impl Remediated<'_> {
    /// What was told, or not, is handed to each case, which records how it ended. Then the ramp knows what was closed.
    ///
    /// # Errors
    ///
    /// If the ramp cannot be written. What the ledger does not take is in the log: the next run sees that the rule is gone.
    pub(crate) async fn record(mut self, sent: Result<(), String>, now: i64) -> Result<()> {
        for case in &mut self.cases {
            case.answer(Answered::Notified(sent.clone().map(|()| Channel::Alert)));
            if let Err(error) = closing(&self.shell, case).await {
                tracing::error!("what was closed is not recorded: {error:#}");
            }
        }
        let ledger = &self.shell.ledger;
        let written = ledger.write_ramp(&self.ramp.end(self.closed, now), now).await?;
        if !written {
            tracing::warn!("the ramp was written by somebody else meanwhile");
        }
        Ok(())
    }
}

/// How a finding ended, and why so.
fn ended(report: &Report, key: &Key) -> Option<(Resolution, String)> {
    let mut all = report.findings.iter().chain(&report.known);
    let found = all.find(|reported| reported.key == *key)?;
    Some((found.resolution, found.because.clone().unwrap_or_default()))
}

fn left(key: &Key, looked: &Observations, because: String, failed: bool) -> Option<NotRemediated> {
    let severity = looked.found.get(key)?.rating.severity;
    Some(NotRemediated { id: key.id(), severity, because, failed })
}
