//! Whether all calls are delivered: the sweep finds those that were not, and says so in the ledger.

use portcullis_aws::Ledger;
use portcullis_engine::time::seconds;

use crate::verdict::Verdict;

/// For so long, in seconds, a call that was missed counts: long enough for a few checks, and the alarm.
const COUNTS: i64 = 3600;

/// What is wrong, if anything is. A ledger that does not answer has alarms of its own.
pub(crate) async fn look(ledger: &Ledger, now: i64) -> Option<Verdict> {
    let run = ledger.run().await;
    let run = run.inspect_err(|error| tracing::warn!("the last sweep is not known: {error:#}"));
    verdict(run.ok().flatten()?.missed.as_deref()?, now)
}

fn verdict(missed: &str, now: i64) -> Option<Verdict> {
    (now.saturating_sub(seconds(missed)) < COUNTS).then(|| {
        Verdict::Wrong(format!(
            "calls are not delivered: at {missed} the sweep found some in the event history, and had them delivered late. Their \
             alerts begin with \"Delivered late\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_were_missed_count_for_an_hour() {
        let missed = "2026-11-21T10:00:00Z";
        let at = seconds(missed);
        assert!(
            matches!(verdict(missed, at + 3599), Some(Verdict::Wrong(why)) if why.contains(missed))
        );
        assert_eq!(verdict(missed, at + 3600), None);
    }
}
