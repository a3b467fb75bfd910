//! One constraint, and who says so.

use crate::request::Request;

/// Who says that AWS refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// ElastiCache's service model, in the words of this member's documentation.
    Model {
        /// `Shape.Member`, or the name of an operation.
        of: &'static str,
        /// The words.
        says: &'static str,
    },
    /// AWS's answer, as somebody met it.
    Answer {
        /// AWS's words.
        says: &'static str,
        /// Where it was met.
        met: &'static str,
    },
    /// A page of a guide of AWS.
    Guide(&'static str),
    /// What a tool checks that makes caches all day.
    Tool(&'static str),
}

/// One thing that AWS refuses.
pub struct Constraint {
    /// Its name, the same for ever.
    pub id: &'static str,
    /// The inputs that it is about. Where one of them is unknown, that is the reason, and not this.
    pub inputs: &'static [&'static str],
    /// What is refused, in a clause.
    pub refuses: &'static str,
    /// Who says so.
    pub source: Source,
    /// What a person can do.
    pub remedy: &'static str,
    /// What of a request is refused, if anything.
    pub(super) check: fn(&Request) -> Option<String>,
}
