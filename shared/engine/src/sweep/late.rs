//! A revisit that nothing had invoked.

use serde::{Deserialize, Serialize};

/// A revisit that was due, and that a run made up for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRevisit {
    /// What it is about.
    pub subject: String,
    /// Why it is looked at again.
    pub why: String,
    /// When it was due, ISO 8601.
    pub due: String,
    /// Why the function could not be invoked, if it could not.
    pub failed: Option<String>,
}
