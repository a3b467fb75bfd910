//! The check: a text if Portcullis sees, is heard and is on, else the error that an alarm counts.

use aws_sdk_cloudtrail::Client as CloudTrail;
use futures_util::future::join3;
use lambda_runtime::Diagnostic;
use portcullis_aws::{HealthProblem, count_trouble, failure};

use crate::ears::{self, Topic};
use crate::read::look;
use crate::switches::{self, Switches};
use crate::verdict::Verdict;

/// All that is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) cloudtrail: CloudTrail,
    pub(crate) topics: Vec<Topic>,
    pub(crate) switches: Switches,
}

/// Fails if Portcullis is blind, mute or off, or if that could not be told: Lambda counts that, and an alarm looks at the
/// count. `missed` says that calls were not delivered, if some were. Each of the first three is a metric of its own beside it, whose alarm tells again. `now` in seconds since 1970.
pub(crate) async fn check(
    watched: &Watched,
    missed: Option<Verdict>,
    now: i64,
) -> Result<String, Diagnostic> {
    let (seen, heard, on) = join3(
        trails(&watched.cloudtrail),
        ears::look(&watched.topics),
        switches::look(&watched.switches),
    )
    .await;
    for (trouble, verdict) in
        [(HealthProblem::Blind, &seen), (HealthProblem::Mute, &heard), (HealthProblem::Off, &on)]
    {
        match verdict {
            Verdict::Wrong(_) => count_trouble(trouble, tells(now)),
            Verdict::Right(_) => count_trouble(trouble, false),
            // An alarm without data stays as it is.
            Verdict::Unknown(_) => {}
        }
    }
    match Verdict::of([seen, heard, on].into_iter().chain(missed)) {
        Verdict::Right(text) => {
            tracing::info!("{text}");
            Ok(text)
        }
        Verdict::Wrong(why) => Err(failure("NotWatching", why)),
        Verdict::Unknown(why) => {
            Err(failure("NotChecked", format!("it could not be checked: {why}")))
        }
    }
}

async fn trails(cloudtrail: &CloudTrail) -> Verdict {
    match look(cloudtrail).await {
        Ok(Verdict::Right(by)) => {
            Verdict::Right(format!("what Portcullis watches is logged by {by}"))
        }
        Ok(verdict) => verdict,
        Err(error) => Verdict::Unknown(format!("{error:#}")),
    }
}

/// The period of the alarms, in seconds, and how many of them make six hours.
const PERIOD: i64 = 900;
const PERIODS: i64 = 24;

/// Whether what is wrong counts now. An alarm tells when it goes off, and never again while it stays so. So in the first
/// quarter of an hour of every six hours nothing counts: the alarm goes back, says nothing of that, and goes off again.
pub(crate) fn tells(now: i64) -> bool {
    now.div_euclid(PERIOD) % PERIODS != 0
}
