//! Looking again later: the record in the ledger first, then the schedule that names it.

use portcullis_engine::arn::Arn;
use portcullis_engine::case::Arranged;
use portcullis_engine::ledger::{Revisit, Schedule};

use crate::metrics;
use crate::schedule::schedule;
use crate::shell::Shell;

/// Writes the record of a revisit, and makes the schedule by which this function is invoked again.
pub(crate) async fn arrange(shell: &Shell, revisit: &Revisit, function_arn: &str) -> Arranged {
    match shell.ledger.write_revisit(revisit, (shell.now)()).await {
        Ok(true) if revisit.settled => Arranged::Scheduled,
        Ok(true) => match of_function(shell, &revisit.schedule(), function_arn).await {
            Ok(()) => {
                metrics::print([metrics::arranged(revisit)], shell.metrics);
                Arranged::Scheduled
            }
            Err(why) => Arranged::OnlyRecorded(why),
        },
        Ok(false) => Arranged::Lost,
        Err(error) => {
            tracing::warn!("the ledger is unavailable: {error:#}");
            Arranged::Not(format!("{error:#}"))
        }
    }
}

async fn of_function(shell: &Shell, planned: &Schedule, arn: &str) -> Result<(), String> {
    let place = shell.settings.schedules.as_ref().ok_or("no group of schedules is set")?;
    let function = unqualified(arn).ok_or("the function was invoked without an ARN")?;
    schedule(&shell.scheduler, place, &function, planned).await
}

/// The function itself, whatever version or alias of it was invoked.
pub fn unqualified(arn: &str) -> Option<String> {
    let arn = Arn::parse(arn).ok()?;
    let id = arn.id_of("function")?;
    let name = id.split_once(':').map_or(id, |(name, _)| name);
    Some(Arn { resource: &format!("function:{name}"), ..arn }.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_for_the_function_and_no_version_of_it() {
        let function = "arn:aws:lambda:eu-west-1:111122223333:function:ingress";
        for arn in [function.to_owned(), format!("{function}:live"), format!("{function}:$LATEST")]
        {
            assert_eq!(unqualified(&arn).as_deref(), Some(function));
        }
        assert_eq!((unqualified(""), unqualified("arn:aws:sqs:r:1:function")), (None, None));
    }
}
