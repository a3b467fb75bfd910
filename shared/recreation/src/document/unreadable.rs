//! Why a document is no input.

/// Why a document is no input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("\n"))]
pub struct Unreadable {
    /// Every problem, a line each.
    pub problems: Vec<String>,
    /// What whoever made the document can do: a line, and the commands or options, if any, a line each.
    pub remedy: String,
}

impl Unreadable {
    pub(super) fn one(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()], remedy: remedy.into() }
    }

    /// Of text that is JSON, and not as AWS writes it.
    pub(super) fn odd(problems: Vec<String>) -> Self {
        let remedy =
            "print it again with AWS CLI 2.x, without --query, and give it as it is".to_owned();
        Self { problems, remedy }
    }
}
