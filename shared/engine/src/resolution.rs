//! How a finding ended: one word for alert, ledger, digest and metrics alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Outcome, Outcomes, Remedy};
use crate::finding::Finding;

/// How a finding ended. The order is that of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// The rule was gone before anything was done.
    AlreadyGone,
    /// An earlier attempt at the same event started the re-creation.
    AlreadyStarted,
    /// A person has to do it.
    #[serde(rename = "by-hand")]
    Manual,
    /// The rule was revoked, and was seen to be gone.
    Done,
    /// It was tried, and is still as it was.
    Failed,
    /// It cannot be told yet.
    Pending,
    /// It went after it had been reported, by nothing of ours.
    #[serde(rename = "recovered")]
    Resolved,
    /// The re-creation was started.
    Started,
    /// It could have been remediated, and was not.
    #[serde(rename = "withheld")]
    NotRemediated,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 9] = [
        Self::AlreadyGone,
        Self::AlreadyStarted,
        Self::Manual,
        Self::Done,
        Self::Failed,
        Self::Pending,
        Self::Resolved,
        Self::Started,
        Self::NotRemediated,
    ];

    /// As alerts, digests and the ledger have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyGone => "already-gone",
            Self::AlreadyStarted => "already-started",
            Self::Manual => "by-hand",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::Resolved => "recovered",
            Self::Started => "started",
            Self::NotRemediated => "withheld",
        }
    }

    /// As people read it: the words of GLOSSARY.md, where the stored ones are older.
    pub fn words(self) -> &'static str {
        match self {
            Self::AlreadyGone => "already removed",
            Self::AlreadyStarted => "already started",
            Self::Manual => "manual",
            Self::Resolved => "resolved",
            Self::NotRemediated => "not remediated",
            Self::Done | Self::Failed | Self::Pending | Self::Started => self.as_str(),
        }
    }

    /// How a finding ended, given what came of the actions. An action without an outcome was not tried.
    pub fn of(finding: &Finding, outcomes: &Outcomes) -> Self {
        match &finding.remedy {
            Remedy::Do(action) => {
                outcomes.get(action.id()).map_or(Self::Failed, Outcome::resolution)
            }
            Remedy::NotRemediated { .. } => Self::NotRemediated,
            Remedy::Manual { .. } => Self::Manual,
            Remedy::Pending(_) => Self::Pending,
            Remedy::Gone(_) => Self::AlreadyGone,
        }
    }

    /// Whether nothing is left to do: it is gone, or on its way.
    pub fn is_dealt_with(self) -> bool {
        match self {
            Self::Done
            | Self::AlreadyGone
            | Self::Started
            | Self::AlreadyStarted
            | Self::Resolved => true,
            Self::Failed | Self::Pending | Self::NotRemediated | Self::Manual => false,
        }
    }

    /// Whether what it is about is gone.
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Done | Self::AlreadyGone | Self::Resolved)
    }

    /// Whether this is no news to whoever was told of `before`. That something cannot be told (any more) never is.
    pub fn is_same_as(self, before: Self) -> bool {
        self == Self::Pending || self.class() == before.class()
    }

    /// What differs in nothing that a reader would do.
    fn class(self) -> u8 {
        match self {
            Self::Done | Self::AlreadyGone | Self::Resolved => 0,
            Self::Started | Self::AlreadyStarted => 1,
            Self::NotRemediated | Self::Manual => 2,
            Self::Failed => 3,
            Self::Pending => 4,
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Outcome {
    /// How a finding ends by it.
    pub fn resolution(&self) -> Resolution {
        match self {
            Self::Done(_) => Resolution::Done,
            Self::AlreadyGone => Resolution::AlreadyGone,
            Self::Started(_) => Resolution::Started,
            Self::AlreadyStarted(_) => Resolution::AlreadyStarted,
            Self::Failed(_) => Resolution::Failed,
        }
    }
}

/// What is about to be done about a finding while it is leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// Its rule is being revoked.
    RevokeIngress,
    /// The re-creation of its cache is being started.
    #[serde(rename = "start-move")]
    StartRecreation,
}

impl Intent {
    /// As in the ledger: the action's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RevokeIngress => "revoke-ingress",
            Self::StartRecreation => "start-move",
        }
    }
}

/// How it stands with an occurrence of a finding: what is about to be done while it is leased, then how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Standing {
    /// This is about to be done. If nothing follows, whoever leased it was killed.
    Leased(Intent),
    /// It ended so.
    Ended(Resolution),
}

impl Standing {
    /// Of a finding before anything is done about it.
    pub fn before(finding: &Finding) -> Self {
        match &finding.remedy {
            Remedy::Do(Action::RevokeIngress { .. }) => Self::Leased(Intent::RevokeIngress),
            Remedy::Do(Action::StartRecreation(_)) => Self::Leased(Intent::StartRecreation),
            Remedy::NotRemediated { .. }
            | Remedy::Manual { .. }
            | Remedy::Pending(_)
            | Remedy::Gone(_) => Self::Ended(Resolution::of(finding, &Outcomes::new())),
        }
    }

    /// As in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leased(intent) => intent.as_str(),
            Self::Ended(resolution) => resolution.as_str(),
        }
    }

    /// Whether a revoke was begun of which it is not known that it failed for good: the rule may be gone by it.
    pub fn may_have_revoked(self) -> bool {
        matches!(self, Self::Leased(Intent::RevokeIngress) | Self::Ended(Resolution::Failed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables in use have these words, and so have the schemas of alerts and digests.
    #[test]
    fn the_stored_words_are_those_of_the_alert() {
        for resolution in Resolution::ALL {
            let stored = serde_json::to_value(Standing::Ended(resolution)).unwrap();
            assert_eq!(stored, resolution.as_str());
            let read: Standing = serde_json::from_value(stored).unwrap();
            assert_eq!(read, Standing::Ended(resolution));
        }
        for intent in [Intent::RevokeIngress, Intent::StartRecreation] {
            let stored = serde_json::to_value(Standing::Leased(intent)).unwrap();
            assert_eq!(stored, intent.as_str());
            let read: Standing = serde_json::from_value(stored).unwrap();
            assert_eq!(read, Standing::Leased(intent));
        }
    }

    #[test]
    fn the_words_are_in_order() {
        let words = Resolution::ALL.map(Resolution::as_str);
        assert!(words.is_sorted(), "{words:?}");
        assert!(Resolution::ALL.is_sorted());
    }
}
