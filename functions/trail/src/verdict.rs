//! What one part of the check comes to.

/// INVARIANT: what cannot be told is neither right nor wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is as it should be: what was seen, and what of it was taken on trust.
    Right(String),
    /// Something is wrong: what, and what to do.
    Wrong(String),
    /// It could not be told: why not.
    Unknown(String),
}

impl Verdict {
    /// Of several things, of which each has to be right. What is wrong hides what is unknown.
    pub(crate) fn of(each: impl IntoIterator<Item = Self>) -> Self {
        let (mut right, mut wrong, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for verdict in each {
            match verdict {
                Self::Right(text) => right.push(text),
                // What two of them say is said once.
                Self::Wrong(text) if wrong.contains(&text) => {}
                Self::Wrong(text) => wrong.push(text),
                Self::Unknown(text) => unknown.push(text),
            }
        }
        if !wrong.is_empty() {
            Self::Wrong(wrong.join(". "))
        } else if !unknown.is_empty() {
            Self::Unknown(unknown.join("; "))
        } else {
            Self::Right(right.join("; "))
        }
    }
}
