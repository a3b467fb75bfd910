//! Acting: the one place that changes the account.
//!
//! INVARIANT: it does what it is told, chooses nothing, and believes nothing but what it sees
//! afterwards. One failure does not stop the rest.

pub(crate) mod revoke;
mod start;

use std::collections::BTreeMap;

use portcullis_engine::action::{Action, Outcomes};
use portcullis_engine::facts::IngressRule;

use crate::shell::Shell;

/// Carries out the actions and says what came of each, by its id. What is open is closed first.
pub(crate) async fn act(shell: &Shell, actions: &[&Action]) -> Outcomes {
    let mut groups: BTreeMap<&str, Vec<&IngressRule>> = BTreeMap::new();
    for (group, rule) in actions.iter().filter_map(|action| action.revokes()) {
        groups.entry(group).or_default().push(rule);
    }
    let mut outcomes = Outcomes::new();
    for (group, rules) in groups {
        outcomes.extend(revoke::revoke(&shell.ec2, group, &rules).await);
    }
    for start in actions.iter().filter_map(|action| action.starts()) {
        outcomes.insert(start.id.clone(), start::start(&shell.sfn, start).await);
    }
    outcomes
}
