//! What `portcullis undo` has to do for a finding.

use super::entry::source;
use super::{Entry, State, shape};
use crate::action::description;
use crate::facts::IngressRule;
use crate::resolution::{Resolution, Standing};

/// What there is to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// Restore this rule, with its description and tags.
    Restore(IngressRule),
    /// A rule of the same shape is there, again or still; its id.
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
    let same = |rule: &IngressRule| {
        live.and_then(|live| live.iter().find(|there| shape(there) == shape(rule)))
    };
    // It is there: whoever wants it to stay has it snoozed before the sweep closes it.
    if let (State::Open, Some(there)) = (entry.state, same(&record.rule())) {
        return Undo::AlreadyBack(there.id.clone());
    }
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
    if live.is_none() {
        return Undo::GroupGone;
    }
    let rule = record.rule();
    match same(&rule) {
        Some(there) => Undo::AlreadyBack(there.id.clone()),
        None => Undo::Restore(rule),
    }
}

/// The rules that known networks have in place of the rule of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantsNow {
    /// The ids of those that are as they were granted.
    pub as_granted: Vec<String>,
    /// Those that somebody edited since: they are somebody's now.
    pub edited: Vec<IngressRule>,
}

/// What is left of the grants of a finding. `live`: the ingress rules of its group.
pub fn grants_now(entry: &Entry, live: &[IngressRule]) -> GrantsNow {
    let mut now = GrantsNow::default();
    let Some(replaced) = &entry.rule else { return now };
    let description = description(&replaced.source, &entry.id);
    for grant in &entry.grants {
        let Some(there) = live.iter().find(|rule| rule.id == grant.rule) else { continue };
        let as_made = IngressRule { source: source(&grant.source), ..replaced.rule() };
        if shape(there) == shape(&as_made) && there.description.as_ref() == Some(&description) {
            now.as_granted.push(there.id.clone());
        } else {
            now.edited.push(there.clone());
        }
    }
    now
}
