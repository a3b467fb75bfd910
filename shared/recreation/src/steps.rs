//! Each step of a move, as data: for a page, a terminal and a mail. The workflow does those of Portcullis
//! under the same names.

mod commands;
mod order;

pub(crate) use order::steps;

/// Who does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Portcullis
    Portcullis,
    /// A person
    Person,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name, the same in every plan.
    pub id: &'static str,
    /// Who does it.
    pub who: Who,
    /// What it does, in a sentence.
    pub does: String,
    /// What takes it back, if it changes anything.
    pub undo: Option<String>,
    /// The commands of the AWS CLI that do it by hand.
    pub commands: Vec<String>,
}

impl Step {
    pub(super) fn new(id: &'static str, who: Who, does: impl Into<String>) -> Self {
        Self { id, who, does: does.into(), undo: None, commands: Vec::new() }
    }

    pub(super) fn undo(self, undo: impl Into<String>) -> Self {
        Self { undo: Some(undo.into()), ..self }
    }

    pub(super) fn commands(self, commands: Vec<String>) -> Self {
        Self { commands, ..self }
    }
}
