//! A reason why a cache is not moved.

/// One reason why a cache is not moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The input, or the member of a Describe output, that it is about.
    pub field: String,
    /// Why the cache is not moved.
    pub why: String,
    /// What a person can do.
    pub remedy: String,
}

impl Reason {
    pub(crate) fn new(
        field: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), why: why.into(), remedy: remedy.into() }
    }
}
