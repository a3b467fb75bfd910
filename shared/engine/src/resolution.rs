//! How a finding ended: one word for alert, ledger, digest and metrics alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Outcome, Outcomes, Remedy};
use crate::finding::Finding;

/// How a finding ended. The order is that of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// The rule was gone before Portcullis could revoke it.
    AlreadyGone,
    /// An earlier attempt at the same event started the re-creation.
    AlreadyStarted,
    /// Only a person can remediate it.
    #[serde(rename = "by-hand")]
    Manual,
    /// The rule was revoked, and a second read proved that it is gone.
    Done,
    /// The remediation was tried and failed.
    Failed,
    /// It cannot be decided yet.
    Pending,
    /// It was reported, and is gone now. This event did not remediate it.
    #[serde(rename = "recovered")]
    Resolved,
    /// The re-creation was started.
    Started,
    /// Portcullis could have remediated it, and did not.
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

    /// The words of GLOSSARY.md, for people. Some stored words are older.
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

    /// How a finding ended, given the outcomes of the remediations. One without an outcome was not tried: it failed.
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

    /// Whether nothing is left to do: the fault is gone, or its re-creation is started.
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

    /// Whether the fault is gone.
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Done | Self::AlreadyGone | Self::Resolved)
    }

    /// Whether the recipient of a report of `before` learns nothing new from this. `pending` is never worth a second
    /// alert.
    pub fn is_same_as(self, before: Self) -> bool {
        self == Self::Pending || self.class() == before.class()
    }

    /// Outcomes of one class ask the same of a reader.
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
    /// How a finding with this outcome ended.
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
    /// Entries of its prefix list are being removed.
    RemoveEntries,
}

impl Intent {
    /// As in the ledger: the action's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RevokeIngress => "revoke-ingress",
            Self::StartRecreation => "start-move",
            Self::RemoveEntries => "remove-entries",
        }
    }
}

/// The outcome of an occurrence in the ledger: what is about to be done while it is leased, then how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Standing {
    /// This is about to be done. If it stays so after the lease has run out, the invocation died.
    Leased(Intent),
    /// It ended so.
    Ended(Resolution),
}

impl Standing {
    /// The outcome to write with the lease, before anything is done.
    pub fn before(finding: &Finding) -> Self {
        match &finding.remedy {
            Remedy::Do(Action::RevokeIngress { .. }) => Self::Leased(Intent::RevokeIngress),
            Remedy::Do(Action::StartRecreation(_)) => Self::Leased(Intent::StartRecreation),
            Remedy::Do(Action::RemoveEntries(_)) => Self::Leased(Intent::RemoveEntries),
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

    /// Whether a revoke was begun that may have removed the rule, or the entries: its invocation died, or it seemed to fail.
    pub fn may_have_revoked(self) -> bool {
        matches!(
            self,
            Self::Leased(Intent::RevokeIngress | Intent::RemoveEntries)
                | Self::Ended(Resolution::Failed)
        )
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
        for intent in [Intent::RevokeIngress, Intent::StartRecreation, Intent::RemoveEntries] {
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
