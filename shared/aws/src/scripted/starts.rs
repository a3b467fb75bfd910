//! Re-creations that are started, as the function `cache` starts them.

use portcullis_engine::action::{Outcome, StartRecreation};

use super::Account;

/// The state machine that re-creates caches.
pub(crate) const MACHINE: &str =
    "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate";

impl Account {
    /// The same name is the same execution while it runs, and is taken once it has ended.
    pub(crate) fn start(&self, start: &StartRecreation) -> Outcome {
        let mut state = self.now();
        let failure = state
            .failures
            .iter()
            .find(|(call, subject, _)| *call == "StartExecution" && *subject == start.machine);
        if let Some((_, _, code)) = failure {
            return Outcome::Failed((*code).to_owned());
        }
        let runs = *state.executions.entry(start.id.clone()).or_insert(true);
        let outcome = if runs { Outcome::Started } else { Outcome::AlreadyStarted };
        outcome(start.execution())
    }

    /// Every execution ends.
    pub(crate) fn end_executions(&self) {
        self.now().executions.values_mut().for_each(|running| *running = false);
    }
}
