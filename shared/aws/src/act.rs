//! Acting: the one place that changes the account.
//!
//! INVARIANT: it does what it is told, chooses nothing, and believes nothing but what it sees
//! afterwards. One failure does not stop the rest.

mod grant;
pub(crate) mod permission;
pub(crate) mod revoke;

use std::collections::BTreeMap;

use portcullis_engine::action::{Action, AllGranted, Outcome, Outcomes, StartRecreation};
use portcullis_engine::facts::IngressRule;

use crate::shell::Shell;

/// Carries out the actions and says what came of each, by its id. What is open is closed first. `start` starts a
/// re-creation.
pub(crate) async fn act<S>(shell: &Shell, actions: &[&Action], start: &S) -> (Outcomes, AllGranted)
where
    S: AsyncFn(&StartRecreation) -> Outcome,
{
    let mut groups: BTreeMap<&str, Vec<&Action>> = BTreeMap::new();
    for action in actions {
        if let Some((group, _)) = action.revokes() {
            groups.entry(group).or_default().push(action);
        }
    }
    let (mut outcomes, mut granted) = (Outcomes::new(), AllGranted::new());
    for (group, actions) in groups {
        let rules: Vec<&IngressRule> =
            actions.iter().filter_map(|action| action.revokes()).map(|(_, rule)| rule).collect();
        // INVARIANT: whatever comes of it, the rules are revoked.
        let asked = grant::grant(&shell.ec2, group, &actions).await;
        let (revoked, shown) = revoke::revoke_and_read(&shell.ec2, group, &rules).await;
        outcomes.extend(revoked);
        let shown = grant::again(&shell.ec2, group, &actions, &asked, shown).await;
        for action in actions {
            let found = action.granted(&shown, asked.why());
            granted.extend(found.map(|found| (action.id().to_owned(), found)));
        }
    }
    for moving in actions.iter().filter_map(|action| action.starts()) {
        outcomes.insert(moving.id.clone(), start(moving).await);
    }
    (outcomes, granted)
}

/// No event about a group leads to a re-creation.
pub(crate) async fn no_start(_: &StartRecreation) -> Outcome {
    Outcome::Failed("only the function `cache` starts re-creations".to_owned())
}
