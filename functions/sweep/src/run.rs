//! One run: a lease, then everything is read and compared with the ledger, written, told and recorded.

use std::cell::RefCell;
use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_config::SdkConfig;
use portcullis_alerts::audited::owner_of;
use portcullis_aws::{Ledger, Message, Notifier, count_sweep};
use portcullis_engine::case::{Cause, PolicyContext, Written};
use portcullis_engine::exceptions::Exceptions;
use portcullis_engine::ledger::{Lease, Memory, Wanted};
use portcullis_engine::scan::Place;
use portcullis_engine::settings::Settings;
use portcullis_engine::sweep::{Compared, Ledgered, Looked, Run, Taken, compare, wanted};
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
    pub(crate) exceptions: Box<dyn Exceptions>,
    pub(crate) config: SdkConfig,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) ledger: Ledger,
    pub(crate) notifier: Notifier,
    pub(crate) revisits: Revisits,
}

impl Sweep {
    /// Runs, unless another run is under way. `by` is the id of the invocation; `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// If the ledger does not answer, or nobody takes the message. Then the next run tells it.
    pub(crate) async fn run(&self, by: &str, now: i64) -> Result<String> {
        let Some(begun) = Run::begin(self.ledger.run().await?, by, now) else {
            return Ok("another run is under way".to_owned());
        };
        if !self.ledger.write_run(&begun.run, now).await? {
            return Ok("another run began at the same time".to_owned());
        }
        let (surveyed, ledger, looked) = self.look(now).await?;
        let late = self.revisits.make_up(&ledger.overdue(now)).await;
        let compared = compare(&looked, &ledger, now);
        let taken = self.take(&compared, &looked, &ledger, &begun.lease, now).await?;
        let place = self.place(now);
        let seen = Seen {
            place: &place,
            begun: &begun,
            surveyed: &surveyed,
            looked: &looked,
            compared: &compared,
            taken: &taken,
            ends: &self.ends(now),
        };
        let told = told(&self.settings, &seen, late, portcullis_aws::now());
        let monday = begun.monday.clone();
        let mut summary = told.log();
        if told.is_silent() {
            summary += "; nothing to say";
        } else {
            let sweep = told.compose();
            let message = Message::new(&sweep.subject, &sweep.mail, &sweep.document);
            let sent = self.notifier.send(&place.time, &message, &sweep.chat).await;
            sent.inspect_err(|_| {
                tracing::error!(
                    sweep = sweep.document,
                    "the message of the sweep could not be sent"
                );
            })?;
        }
        let now = portcullis_aws::now();
        if let Written::Conflict(keys) = self.ledger.write(&taken.record(now), now).await? {
            tracing::warn!("{} findings were written by others meanwhile", keys.len());
        }
        self.ledger.write_run(&begun.run.end(monday, now), now).await?;
        count_sweep(&place.time, told.new.len(), told.unread);
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

    /// Reads the account, and the ledger beside it.
    async fn look(&self, now: i64) -> Result<(Surveyed, Ledgered, Looked)> {
        let policy =
            PolicyContext { settings: &self.settings, exceptions: self.exceptions.as_ref() };
        let place = self.place(now);
        let of = Survey { place, policy, calls_per_second: CALLS_PER_SECOND, unused: false };
        let (remembered, found) = (RefCell::new(None), RefCell::new(Looked::default()));
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
        compared: &Compared,
        looked: &Looked,
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
