//! The state of a finding, and what changes it. The table is in the documentation of [`super`].

use serde::{Deserialize, Serialize};

/// The state of a finding in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there, as far as is known.
    Open,
    /// Portcullis closed it, and saw that it was gone.
    Closed,
    /// It is gone, and Portcullis did not remove it.
    #[serde(rename = "recovered")]
    Resolved,
    /// It is there, and an exception suppresses it by now: the sweep saw that.
    Suppressed,
}

/// What an invocation sees of the newest occurrence of a finding, or does about it. `begun`: an invocation began to
/// revoke the rule, and nothing says that the rule stayed. Then the rule is gone by that, whoever reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// An event reports it again.
    Occurred,
    /// It is leased, and what it is about is there.
    Present,
    /// It is leased, and its rule is gone.
    Gone { begun: bool },
    /// This invocation removed it.
    Removed,
    /// This invocation ends, and it is still there.
    Left,
    /// It is gone, and that was reported.
    Resolved { begun: bool },
    /// An exception suppresses it, and that was reported.
    Suppressed,
}

impl State {
    /// The state that follows.
    pub(super) fn after(self, step: Step) -> Self {
        match (step, self) {
            (Step::Occurred | Step::Left, _) => Self::Open,
            (Step::Removed, _) => Self::Closed,
            // EC2 may still show a rule for some seconds after it was revoked: that does not open it again.
            (Step::Present, Self::Closed) => Self::Closed,
            (Step::Present, Self::Open | Self::Resolved | Self::Suppressed) => Self::Open,
            (Step::Gone { begun: true }, Self::Open | Self::Suppressed)
            | (Step::Resolved { begun: true }, _) => Self::Closed,
            (Step::Gone { begun: false }, Self::Open | Self::Suppressed)
            | (Step::Resolved { begun: false }, _) => Self::Resolved,
            (Step::Suppressed, Self::Open | Self::Suppressed) => Self::Suppressed,
            (Step::Suppressed, Self::Closed | Self::Resolved) => self,
            // How it went is known.
            (Step::Gone { .. }, Self::Closed | Self::Resolved) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_documentation_is_what_the_code_does() {
        const STATES: [(State, &str); 4] = [
            (State::Open, "open"),
            (State::Closed, "closed"),
            (State::Resolved, "resolved"),
            (State::Suppressed, "suppressed"),
        ];
        let word = |state| STATES.iter().find(|(is, _)| *is == state).map(|(_, word)| *word);
        let steps = [
            (Step::Occurred, "an event reports it again"),
            (Step::Present, "a lease: the rule or the setting is there"),
            (Step::Gone { begun: true }, "a lease: the rule is gone, and a revoke was begun"),
            (Step::Gone { begun: false }, "a lease: the rule is gone, and no revoke was begun"),
            (Step::Removed, "this invocation removed it"),
            (Step::Left, "this invocation ends, and it is still there"),
            (Step::Resolved { begun: true }, "reported as resolved, and a revoke was begun"),
            (Step::Resolved { begun: false }, "reported as resolved, and no revoke was begun"),
            (Step::Suppressed, "the sweep reports that an exception suppresses it now"),
        ];
        let rows = steps.map(|(step, says)| {
            let after = STATES.map(|(state, _)| word(state.after(step)).unwrap());
            format!("//! | {says} | {} |\n", after.join(" | "))
        });
        let table = format!(
            "//! | what happens | open | closed | resolved | suppressed |\n//! |---|---|---|---|---|\n{}",
            rows.concat()
        );
        assert!(include_str!("../ledger.rs").contains(&table), "write into ledger.rs:\n{table}");
    }
}
