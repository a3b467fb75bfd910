//! Acting: the one place that changes the account.
//!
//! INVARIANT: it does what it is told, chooses nothing, and believes nothing but what it sees
//! afterwards. One failure does not stop the rest.

pub(crate) mod revoke;

use std::collections::BTreeMap;

use portcullis_engine::action::{Action, Outcome, Outcomes, StartRecreation};
use portcullis_engine::facts::IngressRule;

use crate::shell::Shell;

/// Carries out the actions and says what came of each, by its id. What is open is closed first. `start` starts a
/// re-creation.
pub(crate) async fn act<S>(shell: &Shell, actions: &[&Action], start: &S) -> Outcomes
where
    S: AsyncFn(&StartRecreation) -> Outcome,
{
    let mut groups: BTreeMap<&str, Vec<&IngressRule>> = BTreeMap::new();
    for (group, rule) in actions.iter().filter_map(|action| action.revokes()) {
        groups.entry(group).or_default().push(rule);
    }
    let mut outcomes = Outcomes::new();
    for (group, rules) in groups {
        outcomes.extend(revoke::revoke(&shell.ec2, group, &rules).await);
    }
    for moving in actions.iter().filter_map(|action| action.starts()) {
        outcomes.insert(moving.id.clone(), start(moving).await);
    }
    outcomes
}

/// No event about a group leads to a re-creation.
pub(crate) async fn no_start(_: &StartRecreation) -> Outcome {
    Outcome::Failed("only the function `cache` starts re-creations".to_owned())
}
