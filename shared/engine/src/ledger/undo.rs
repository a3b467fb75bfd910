//! How what was done is undone.

use super::{Entry, State, shape};
use crate::facts::IngressRule;
use crate::resolution::{Resolution, Standing};

/// What there is to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// This rule is to be put back, with its description and tags.
    Restore(IngressRule),
    /// It is back already, as the rule of this id.
    AlreadyBack(String),
    /// Its group is gone, so it cannot be put back.
    GroupGone,
    /// Nothing was closed: why.
    NothingToUndo(String),
}

/// What undoing a finding comes to. `live` are the ingress rules of its group; `None` if the group is gone.
pub fn undo(entry: &Entry, live: Option<&[IngressRule]>) -> Undo {
    let Some(kept) = &entry.rule else {
        let why = format!("it is about a setting of {}, which was not changed", entry.key.subject);
        return Undo::NothingToUndo(why);
    };
    match entry.state {
        State::Open => {
            return Undo::NothingToUndo("it was not closed".to_owned());
        }
        // What was gone before we looked may have been closed by an invocation that could not remember it.
        State::Recovered
            if entry
                .latest()
                .is_none_or(|c| c.outcome != Standing::Ended(Resolution::AlreadyGone)) =>
        {
            return Undo::NothingToUndo("it was not closed: somebody else removed it".to_owned());
        }
        State::Recovered | State::Closed => {}
    }
    let Some(live) = live else { return Undo::GroupGone };
    let rule = kept.rule();
    match live.iter().find(|there| shape(there) == shape(&rule)) {
        Some(there) => Undo::AlreadyBack(there.id.clone()),
        None => Undo::Restore(rule),
    }
}
