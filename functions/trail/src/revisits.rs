//! Making up for revisits that nothing will invoke: their schedule could not be made, or somebody deleted it, or its
//! invocation failed. The ledger has them, and says when they are due.

use anyhow::{Context, Result};
use aws_sdk_scheduler::Client;
use portcullis_aws::{Ledger, count_unscheduled_revisit, schedule, to_stdout, variable};
use portcullis_engine::ledger::{Revisit, due};
use portcullis_engine::settings::{Schedules, Settings};

const INGRESS: &str = "PORTCULLIS_INGRESS_FUNCTION_ARN";
const CACHE: &str = "PORTCULLIS_CACHE_FUNCTION_ARN";

/// How long before it is due the schedule of a revisit is looked for, in seconds: twice the time from one check to the
/// next.
const AHEAD: i64 = 30 * 60;

/// How long after it was due a revisit is taken for lost, in seconds: Lambda retries it for three minutes.
const LOST: i64 = 10 * 60;

/// Of the table, a megabyte each. A larger one is read as far as that: the check comes again, and must not cost more than
/// what it checks.
const PAGES: usize = 16;

/// The most schedules that one check makes.
const MOST: usize = 200;

/// What is needed to make a schedule.
#[derive(Debug)]
pub(crate) struct Revisits {
    pub(crate) ledger: Ledger,
    pub(crate) scheduler: Client,
    place: Place,
}

/// Where schedules are, and the functions that they invoke, by their ARNs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) table: String,
    schedules: Schedules,
    ingress: String,
    cache: String,
}

impl Place {
    /// From the settings of the stack.
    ///
    /// # Errors
    ///
    /// If one is missing or wrong.
    pub(crate) fn read() -> Result<Self> {
        let settings = Settings::read(variable)?;
        let schedules = settings.schedules.context("no group of schedules is set")?;
        let function = |name: &str| variable(name).with_context(|| format!("{name} is not set"));
        let (ingress, cache) = (function(INGRESS)?, function(CACHE)?);
        Ok(Self { table: settings.ledger_table, schedules, ingress, cache })
    }
}

impl Revisits {
    pub(crate) fn new(ledger: Ledger, scheduler: Client, place: Place) -> Self {
        Self { ledger, scheduler, place }
    }

    /// Makes the schedules that are missing. One that is there is made again in vain, for it has the same name.
    pub(crate) async fn make_up(&self, now: i64) {
        let found = match self.ledger.revisits(PAGES).await {
            Ok(found) => found,
            Err(error) => {
                return tracing::error!(
                    "missing schedules of revisits could not be made: {error:#}"
                );
            }
        };
        let wanted = wanted(found, now);
        tracing::info!("{} revisits are due, or will be within half an hour", wanted.len());
        let Place { schedules, ingress, cache, .. } = &self.place;
        for revisit in wanted {
            let function = if revisit.call.is_of_group() { ingress } else { cache };
            let planned = revisit.schedule();
            if let Err(why) = schedule(&self.scheduler, schedules, function, &planned).await {
                count_unscheduled_revisit(&revisit, &why, to_stdout);
            }
        }
    }
}

/// The revisits whose schedule has to be there, the earliest first; one that is lost, as soon as possible.
fn wanted(found: Vec<Revisit>, now: i64) -> Vec<Revisit> {
    let schedule = |revisit: Revisit| {
        let ahead = revisit.due.saturating_sub(now);
        if ahead < -LOST {
            return Some(Revisit { due: due(now, 0), ..revisit });
        }
        (revisit.is_ahead(now) && ahead <= AHEAD).then_some(revisit)
    };
    let mut wanted: Vec<Revisit> = found.into_iter().filter_map(schedule).collect();
    wanted.sort_by_key(|revisit| revisit.due);
    wanted.truncate(MOST);
    wanted
}

#[cfg(test)]
mod tests {
    use portcullis_engine::event::{GroupLead, GroupRef, Lead, Touched};
    use portcullis_engine::ledger::Why;
    use portcullis_testkit::example;

    use super::*;

    const NOW: i64 = 1_795_255_200;

    fn revisit(due: i64) -> Revisit {
        let touched = Touched::Rules(Vec::new());
        let lead = GroupLead { group: GroupRef::Id("sg-1".to_owned()), touched };
        Revisit {
            subject: "sg-1".to_owned(),
            event: format!("e-{due}"),
            due: NOW + due,
            why: Why::Limit,
            tries: 0,
            call: example::event(Lead::Group(lead)),
            version: 1,
            settled: false,
        }
    }

    /// Of those that were due just now, an invocation may be under way.
    #[test]
    fn what_is_due_soon_or_lost_has_to_be_scheduled() {
        let found = [7200, 1800, 60, 0, -600, -3600].map(revisit).to_vec();
        let wanted: Vec<_> =
            wanted(found, NOW).into_iter().map(|one| (one.event, one.due - NOW)).collect();
        let expected = [("e-60", 60), ("e--3600", 60), ("e-1800", 1800)];
        assert_eq!(wanted, expected.map(|(event, due)| (event.to_owned(), due)));
    }

    #[test]
    fn a_check_makes_no_more_than_it_has_time_for() {
        assert_eq!(wanted(vec![revisit(60); MOST + 1], NOW).len(), MOST);
    }
}
