//! What `portcullis undo` has to do for a finding.

use super::{Entry, State, shape};
use crate::facts::IngressRule;
use crate::resolution::{Resolution, Standing};

/// What there is to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// Restore this rule, with its description and tags.
    Restore(IngressRule),
    /// A rule of the same shape is there already; its id.
    AlreadyBack(String),
    /// The group of the rule is gone, so the rule cannot be restored.
    GroupGone,
    /// Portcullis closed nothing; the reason.
    NothingToUndo(String),
}

/// What there is to undo of a finding. `live`: the ingress rules of its group; `None` if the group is gone.
pub fn undo(entry: &Entry, live: Option<&[IngressRule]>) -> Undo {
    let Some(record) = &entry.rule else {
        let why = format!("it is about a setting of {}, which was not changed", entry.key.subject);
        return Undo::NothingToUndo(why);
    };
    match entry.state {
        State::Open | State::Suppressed => {
            return Undo::NothingToUndo("it was not closed".to_owned());
        }
        // Already removed: perhaps by an invocation of Portcullis that could not write to the ledger. So it may be
        // restored.
        State::Resolved
            if entry
                .latest()
                .is_none_or(|c| c.outcome != Standing::Ended(Resolution::AlreadyGone)) =>
        {
            return Undo::NothingToUndo("it was not closed: somebody else removed it".to_owned());
        }
        State::Resolved | State::Closed => {}
    }
    let Some(live) = live else { return Undo::GroupGone };
    let rule = record.rule();
    match live.iter().find(|there| shape(there) == shape(&rule)) {
        Some(there) => Undo::AlreadyBack(there.id.clone()),
        None => Undo::Restore(rule),
    }
}
