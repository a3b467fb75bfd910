//! Looking again later: the record in the ledger first, then the schedule that names it.

use portcullis_engine::case::Arranged;
use portcullis_engine::ledger::Revisit;

use crate::shell::Shell;

/// Writes the record of a revisit, and makes its schedule.
pub(crate) async fn arrange(shell: &Shell, revisit: &Revisit) -> Arranged {
    match shell.ledger.write_revisit(revisit, (shell.now)()).await {
        Ok(true) if revisit.settled => Arranged::Scheduled,
        Ok(true) => Arranged::OnlyRecorded("no group of schedules is set".to_owned()),
        Ok(false) => Arranged::Lost,
        Err(error) => {
            tracing::warn!("the ledger is unavailable: {error:#}");
            Arranged::Not(format!("{error:#}"))
        }
    }
}
