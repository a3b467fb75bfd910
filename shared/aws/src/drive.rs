//! Carries out what a [`Case`] says, step by step, and hands back what came of it. It chooses nothing.

use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::future::{BoxFuture, OptionFuture, join, join_all};
use portcullis_engine::action::{Outcome, StartRecreation};
use portcullis_engine::case::{
    Answered, Arranged, Case, Count, Counted, Fact, Notification, PolicyContext, Read, Step,
    Summary,
};
use portcullis_engine::ledger::Revisit;
use portcullis_engine::report::Report;
use portcullis_engine::servers::Server;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use crate::act::{act, no_start};
use crate::dispatch::{About, Invocation};
use crate::shell::Shell;
use crate::{arrange, gather, metrics, notify};

/// How the Memcached servers of an instance are asked: what they say, or why nobody knows.
pub type Ask = Box<dyn Fn(String) -> BoxFuture<'static, Result<Vec<Server>, String>> + Send + Sync>;

/// Deals with an event about a security group. `ask` asks the servers behind a rule, if the stack does.
///
/// # Errors
///
/// If the group could not be read, a revoke failed, nobody took the alert, or another invocation went on
/// dealing with the same: the event is then tried again, and kept in the failure queue in the end. Dealing with it
/// twice is safe.
pub async fn ingress(shell: &Shell, invocation: &Invocation, ask: Option<&Ask>) -> Result<Summary> {
    if !invocation.about.is_of_group() {
        bail!(
            "{} is not about a security group: it belongs to the function `cache`",
            invocation.about
        );
    }
    drive(shell, invocation, &no_start, ask).await
}

/// Deals with an event about a cache. `start` starts a re-creation.
///
/// # Errors
///
/// As [`ingress`].
pub async fn cache<S>(shell: &Shell, invocation: &Invocation, start: S) -> Result<Summary>
where
    S: AsyncFn(&StartRecreation) -> Outcome,
{
    if invocation.about.is_of_group() {
        bail!("{} is not about a cache: it belongs to the function `ingress`", invocation.about);
    }
    drive(shell, invocation, &start, None).await
}

async fn drive<S>(
    shell: &Shell,
    invocation: &Invocation,
    start: &S,
    ask: Option<&Ask>,
) -> Result<Summary>
where
    S: AsyncFn(&StartRecreation) -> Outcome,
{
    let policy = PolicyContext { settings: &shell.settings, exceptions: shell.exceptions.as_ref() };
    let id = &invocation.id;
    let mut case = match &invocation.about {
        About::Event(event) => Case::new(event.as_ref().clone(), id, policy),
        About::Replay(event) => Case::replayed(event.as_ref().clone(), id, policy),
        About::Redelivered(event) => Case::redelivered(event.as_ref().clone(), id, policy),
        About::Revisit(revisit) => Case::revisit(revisit, id, policy),
    }
    .after(shell.spent.of((shell.now)()));
    let is_call = matches!(invocation.about, About::Event(_));
    let mut counted = false;
    // Why what is left undecided has no schedule.
    let mut unscheduled: Option<(Box<Revisit>, String)> = None;
    let mut beside = Background::default();
    loop {
        beside.hand_in(&mut case);
        let step = case.next((shell.now)());
        // As soon as it is known.
        if let Some(report) = case.report().filter(|_| !counted) {
            metrics::print(metrics::acted(report, is_call), shell.metrics);
            counted = true;
        }
        if let (Step::Done(_) | Step::Fail(_), Some((revisit, why))) = (&step, &unscheduled) {
            metrics::count_unscheduled_revisit(revisit, why, shell.metrics);
        }
        let Some(step) = carry_out(shell, &mut case, &mut beside, step, start, ask).await else {
            continue;
        };
        match step {
            Step::Revisit(revisit) => {
                let arranged = arrange::arrange(shell, &revisit, &invocation.function_arn).await;
                unscheduled = match &arranged {
                    Arranged::OnlyRecorded(why) => Some((revisit, why.clone())),
                    Arranged::Scheduled | Arranged::Lost | Arranged::Not(_) => None,
                };
                case.answer(Answered::Arranged(arranged));
            }
            Step::Notify(notification) => {
                let Notification { report, channel } = *notification;
                let notified = notify::notify(shell, &report, channel).await;
                case.answer(Answered::Notified(notified.map_err(|error| format!("{error:#}"))));
            }
            Step::Done(summary) => return Ok(summary),
            Step::Fail(why) => bail!(why),
            Step::Read { .. }
            | Step::Lease { .. }
            | Step::Remediate(_)
            | Step::Record(_)
            | Step::Wait(_) => {}
        }
    }
}

/// Deals with what a run of the sweep closes, up to what there is to tell; `None` if it is over. Whoever tells it hands that
/// in, and goes on by this.
///
/// # Errors
///
/// As [`ingress`]. The next run tries again.
pub async fn closing(shell: &Shell, case: &mut Case<'_>) -> Result<Option<Report>> {
    let mut beside = Background::default();
    loop {
        beside.hand_in(case);
        let step = case.next((shell.now)());
        match carry_out(shell, case, &mut beside, step, &no_start, None).await {
            Some(Step::Notify(notification)) => return Ok(Some(notification.report)),
            Some(Step::Revisit(_)) => {
                let why = "the next run of the sweep looks again".to_owned();
                case.answer(Answered::Arranged(Arranged::Not(why)));
            }
            Some(Step::Fail(why)) => bail!(why),
            Some(Step::Done(_)) => return Ok(None),
            // Carried out already.
            Some(
                Step::Read { .. }
                | Step::Lease { .. }
                | Step::Remediate(_)
                | Step::Record(_)
                | Step::Wait(_),
            )
            | None => {}
        }
    }
}

/// Carries out a step, but for those that are told, arranged or the end: these are handed back.
async fn carry_out<S>(
    shell: &Shell,
    case: &mut Case<'_>,
    beside: &mut Background,
    step: Step,
    start: &S,
    ask: Option<&Ask>,
) -> Option<Step>
where
    S: AsyncFn(&StartRecreation) -> Outcome,
{
    match step {
        Step::Read { decide, inform, patience } => {
            beside.start(shell, inform, ask);
            let facts = join_all(decide.iter().map(|read| gather::gather(shell, read))).await;
            facts.into_iter().for_each(|fact| case.answer(Answered::Fact(fact)));
            beside.wait(case, patience).await;
            case.answer(Answered::Waited);
        }
        Step::Lease { tags, entries, count, inform } => {
            beside.start(shell, inform, ask);
            let now = (shell.now)();
            let write = shell.ledger.leased(&tags, &entries, now);
            let count = OptionFuture::from(count.map(|count| self::count(shell, count, now)));
            let (written, counted) = join(write, count).await;
            case.answer(Answered::Leased { written, counted: counted.flatten() });
        }
        Step::Remediate(actions) => {
            let revokes = actions.iter().filter(|action| action.closes()).count();
            shell.spent.add((shell.now)(), revokes);
            let actions: Vec<_> = actions.iter().collect();
            let (outcomes, granted) = act(shell, &actions, start).await;
            case.answer(Answered::Granted(granted));
            case.answer(Answered::Remediated(outcomes));
        }
        Step::Record(entries) => {
            let written = shell.ledger.written(&entries, (shell.now)()).await;
            case.answer(Answered::Recorded(written));
        }
        Step::Wait(duration) => {
            tokio::time::sleep(duration).await;
            case.answer(Answered::Waited);
        }
        step @ (Step::Revisit(_) | Step::Notify(_) | Step::Done(_) | Step::Fail(_)) => {
            return Some(step);
        }
    }
    None
}

/// What informs, and is under way beside the steps. What is left of it when the event is over is given up.
#[derive(Debug, Default)]
struct Background(JoinSet<Option<Fact>>);

impl Background {
    fn start(&mut self, shell: &Shell, reads: Vec<Read>, ask: Option<&Ask>) {
        for read in reads {
            if let (Read::Servers(instance), Some(ask)) = (&read, ask) {
                let (instance, asked) = (instance.clone(), ask(instance.clone()));
                self.0.spawn(async move { Some(Fact::Servers(instance, asked.await)) });
                continue;
            }
            let (ec2, ledger) = (shell.informs.clone(), shell.ledger.clone());
            self.0.spawn(async move { gather::inform(&ec2, &ledger, &read).await });
        }
    }

    /// Hands in what has arrived.
    fn hand_in(&mut self, case: &mut Case<'_>) {
        while let Some(Ok(fact)) = self.0.try_join_next() {
            fact.into_iter().for_each(|fact| case.answer(Answered::Fact(fact)));
        }
    }

    /// Waits until everything has arrived, or the time is over.
    async fn wait(&mut self, case: &mut Case<'_>, patience: Duration) {
        let over = tokio::time::Instant::now() + patience;
        while !patience.is_zero()
            && let Ok(Some(Ok(fact))) = timeout_at(over, self.0.join_next()).await
        {
            fact.into_iter().for_each(|fact| case.answer(Answered::Fact(fact)));
        }
    }
}

/// Limits are not kept while a minute cannot be counted.
async fn count(shell: &Shell, count: Count, now: i64) -> Option<Counted> {
    let Count { minute, remediations, alerts } = count;
    let counted = shell.ledger.count(&minute, remediations, alerts, now).await;
    counted
        .inspect_err(|error| {
            tracing::warn!("the remediations of this minute could not be counted: {error:#}")
        })
        .ok()
}

#[cfg(test)]
mod tests;
