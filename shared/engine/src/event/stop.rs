//! Why reading an event stopped, and the members that everything else is named by.

use std::fmt;

/// Why an event leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// Not an API call of CloudTrail, or not one that is watched.
    NotWatched(String),
    /// A record of this `eventType`, which tells of no API call, or of one that has a record of its own.
    NoApiCall(String),
    /// The call failed with this code: it changed nothing.
    Failed(String),
    /// A dry run: it changed nothing.
    DryRun,
    /// We made the call, with this role.
    OwnCall(String),
    /// A replica joined this replication group. It inherits the group's port, security groups and
    /// encryption (CreateCacheCluster refuses its own), so the group's event has said it all.
    Replica(String),
    /// It changed something of this that no check looks at.
    NotJudged(String),
}

impl Ignored {
    /// In one word, in kebab case, without what the event says.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotWatched(_) => "not-watched",
            Self::NoApiCall(_) => "no-api-call",
            Self::Failed(_) => "failed",
            Self::DryRun => "dry-run",
            Self::OwnCall(_) => "own-call",
            Self::Replica(_) => "replica",
            Self::NotJudged(_) => "not-judged",
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWatched(what) => write!(f, "`{}` is not watched", what.escape_default()),
            Self::NoApiCall(kind) => {
                write!(f, "a record of the type `{}` is no API call", kind.escape_default())
            }
            Self::Failed(code) => {
                write!(f, "the call failed with `{}` and changed nothing", code.escape_default())
            }
            Self::DryRun => f.write_str("the call was a dry run and changed nothing"),
            Self::OwnCall(role) => write!(f, "our own call, made with `{role}`"),
            Self::Replica(group) => write!(
                f,
                "a replica joined replication group `{group}`, whose port and security groups it inherits"
            ),
            Self::NotJudged(what) => {
                write!(f, "the call changed nothing of `{what}` that a check looks at")
            }
        }
    }
}

/// What is wrong with an event: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed event: `{at}` {why}")]
pub struct Malformed {
    /// Path of the member, as `detail.requestParameters.port`.
    pub at: &'static str,
    /// What it is and what it should be.
    pub why: String,
}

/// Why reading stopped: both ends of a parse that yields no event.
pub(super) enum Stop {
    Ignored(Ignored),
    Malformed(Malformed),
}

pub(super) fn malformed(at: &'static str, why: impl Into<String>) -> Stop {
    Stop::Malformed(Malformed { at, why: why.into() })
}

/// A member that AWS writes, and that ends up in commands and ARNs: one short word.
pub(super) fn word(text: Option<String>, at: &'static str) -> Result<String, Stop> {
    let text =
        text.ok_or_else(|| malformed(at, "is missing, in the record and in the envelope"))?;
    let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:.+".contains(&b));
    if clean && text.len() <= 64 {
        Ok(text)
    } else {
        Err(malformed(
            at,
            format!("is `{}`, which AWS does not write there", text.escape_default()),
        ))
    }
}

/// An id may end up in a command that a person pastes: only what AWS uses in ids passes.
pub(super) fn id(text: String, at: &'static str, prefix: &str) -> Result<String, Stop> {
    let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && text.len() <= 64;
    if clean && text.starts_with(prefix) {
        return Ok(text);
    }
    Err(malformed(
        at,
        format!("is `{}`, which is no id of the form `{prefix}…`", text.escape_default()),
    ))
}
