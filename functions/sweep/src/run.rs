//! One run: a lease, then everything is read and compared with the ledger, written, told and recorded.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_config::SdkConfig;
use portcullis_alerts::audited::owner_of;
use portcullis_aws::{Ledger, Message, Notifier, count_found, count_sweep};
use portcullis_engine::case::{Cause, PolicyContext, Written};
use portcullis_engine::exceptions::Exceptions;
use portcullis_engine::ledger::{Lease, Memory, Wanted};
use portcullis_engine::scan::Place;
use portcullis_engine::settings::Settings;
use portcullis_engine::sweep::{
    Comparison, Enforce, Follow, Ledgered, Observations, Run, Taken, compare, wanted,
};
use portcullis_engine::time::iso;
use portcullis_exceptions::{End, Policies};
use portcullis_inventory::survey::{Item, Survey, Surveyed, survey};

use crate::revisits::Revisits;
use crate::told::{Seen, told};

/// Calls to EC2 in a second at the most. Half of EC2's bucket stays for the functions that close rules.
const CALLS_PER_SECOND: f64 = 10.0;

/// Entries that are read whole at once: an entry has kilobytes, and one read may have 8 MB.
const ENTRIES: usize = 500;

/// All that a run needs.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) settings: Settings,
    /// `Sweep=enforce`
    pub(crate) enforce: Option<Enforce>,
    pub(crate) exceptions: Box<dyn Exceptions>,
    pub(crate) config: SdkConfig,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) ledger: Ledger,
    pub(crate) notifier: Notifier,
    pub(crate) revisits: Revisits,
    pub(crate) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(crate) scheduler: aws_sdk_scheduler::Client,
}

/// What a run is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The id of the invocation.
    pub(crate) by: String,
    /// The function, as it was invoked.
    pub(crate) arn: String,
    /// Only what the last run left is looked at.
    pub(crate) follows_up: bool,
    /// In seconds since 1970.
    pub(crate) now: i64,
}

impl Sweep {
    /// Runs, unless another run is under way.
    ///
    /// # Errors
    ///
    /// If the ledger does not answer, or nobody takes the message. Then the next run tells it.
    pub(crate) async fn run(&self, asked: &Asked) -> Result<String> {
        let now = asked.now;
        let Some(mut begun) = Run::begin(self.ledger.run().await?, &asked.by, now) else {
            return Ok("another run is under way".to_owned());
        };
        let before = begun.run.follow.clone();
        let left = before.as_ref().filter(|before| asked.follows_up && before.is_ripe(now));
        if asked.follows_up && left.is_none() {
            return Ok("nothing is to be followed up".to_owned());
        }
        if !self.ledger.write_run(&begun.run, now).await? {
            return Ok("another run began at the same time".to_owned());
        }
        let (surveyed, ledger, looked) = self.look(left.map(Follow::subjects), now).await?;
        let mut compared = compare(&looked, &ledger, now);
        let late = match left {
            None => self.revisits.make_up(&ledger.overdue(now)).await,
            Some(left) => {
                compared.only(left);
                Vec::new()
            }
        };
        let looked_late = (&looked, late);
        let followed =
            self.follow(asked, &begun, before.as_ref(), looked_late, &mut compared).await;
        if followed.next.is_some() {
            // It is said with the rest.
            begun.monday = None;
        }
        let taken = self.take(&compared, &looked, &ledger, &begun.lease, now).await?;
        let place = self.place(now);
        let seen = Seen {
            place: &place,
            begun: &begun,
            surveyed: &surveyed,
            looked: &looked,
            ledger: &ledger,
            followed: &followed,
            compared: &compared,
            taken: &taken,
            ends: &self.ends(now),
        };
        let mut told = told(&self.settings, &seen, portcullis_aws::now());
        if left.is_some() {
            (told.open, told.snoozed) = seen.open_of_all(now);
        }
        if let Some(enforce) = self.enforce {
            self.announce(enforce, &looked, &mut told, now);
        }
        let remediated = match (self.enforce, left) {
            (_, Some(_)) => None,
            (Some(enforce), None) => {
                let seen = (&compared, &looked, &ledger);
                self.remediate(enforce, seen, &mut told, &asked.by, now).await?
            }
            (None, None) => {
                self.forget_ramp(now).await?;
                None
            }
        };
        let monday = begun.monday.clone();
        let mut summary = told.log();
        let sent = if told.is_silent() {
            summary += "; nothing to say";
            Ok(())
        } else {
            let sweep = told.compose();
            let message = Message::new(&sweep.subject, &sweep.mail, &sweep.document);
            let sent = self.notifier.send(&place.time, &message, &sweep.chat).await;
            sent.inspect_err(|_| {
                tracing::error!(
                    sweep = sweep.document,
                    "the message of the sweep could not be sent"
                );
            })
        };
        let now = portcullis_aws::now();
        if let Some(remediated) = remediated {
            let sent = sent.as_ref().map(drop).map_err(|error| format!("{error:#}"));
            remediated.record(sent, now).await?;
        }
        sent?;
        if let Written::Conflict(keys) = self.ledger.write(&taken.record(now), now).await? {
            tracing::warn!("{} findings were written by others meanwhile", keys.len());
        }
        let run = match left {
            None => begun.run.end(monday, followed.next, now),
            Some(_) => begun.run.end_follow_up(monday, now),
        };
        self.ledger.write_run(&run.missing(followed.missed, now), now).await?;
        if left.is_none() {
            count_sweep(&place.time, told.unread, told.stopped);
        }
        count_found(&place.time, told.new.len(), followed.missed);
        tracing::info!("{summary}");
        Ok(summary)
    }

    /// The exceptions that have ended, or end soon. None if they cannot be read: that is an error of its own.
    fn ends(&self, now: i64) -> Vec<End> {
        let dir = self.settings.exceptions_dir.as_deref();
        let read = dir.and_then(|dir| Policies::read(Path::new(dir)).ok());
        read.map(|policies| policies.ends(now)).unwrap_or_default()
    }

    fn place(&self, now: i64) -> Place {
        Place {
            account: self.account.clone(),
            region: self.region.clone(),
            time: iso(now),
            cause: Cause::Sweep,
        }
    }

    /// Reads the account, or only these subjects of it, and the ledger beside it.
    async fn look(
        &self,
        only: Option<BTreeSet<String>>,
        now: i64,
    ) -> Result<(Surveyed, Ledgered, Observations)> {
        let policy =
            PolicyContext { settings: &self.settings, exceptions: self.exceptions.as_ref() };
        let (place, calls_per_second) = (self.place(now), CALLS_PER_SECOND);
        let of = Survey { place, policy, calls_per_second, only, unused: false };
        let (remembered, found) = (RefCell::new(None), RefCell::new(Observations::default()));
        let snoozes = async {
            let read = self.ledger.remembered().await;
            let snoozes = read.as_ref().map_or_else(|_| Memory::new(), |all| all.snoozes.clone());
            remembered.replace(Some(read));
            snoozes
        };
        let mut surveyed = survey(&self.config, &of, snoozes, &|item| match item {
            Item::Report(report) => {
                let owner = owner_of(&report).map(|owner| owner.who);
                found.borrow_mut().add(&report, owner.as_deref());
            }
            Item::Progress(_) => {}
        })
        .await;
        let ledger = remembered.into_inner().context("the ledger was not asked")??;
        let looked = std::mem::take(&mut surveyed.looked).and(found.into_inner());
        Ok((surveyed, ledger, looked))
    }

    /// Leases what is to be told, so that nobody else tells it. What somebody wrote meanwhile is theirs.
    async fn take(
        &self,
        compared: &Comparison,
        looked: &Observations,
        ledger: &Ledgered,
        lease: &Lease,
        now: i64,
    ) -> Result<Taken> {
        let mut memory = Memory::new();
        for keys in wanted(compared, ledger).chunks(ENTRIES) {
            memory.extend(self.ledger.read(&Wanted::of_keys(keys.iter().cloned())).await?);
        }
        let mut taken = Taken::of(compared, looked, ledger, memory, lease, now);
        match self.ledger.write(&taken.entries(), now).await? {
            Written::All => {}
            Written::Conflict(lost) => taken.without(&lost),
            Written::Unavailable(why) => bail!(why),
        }
        Ok(taken)
    }
}
