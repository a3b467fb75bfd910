//! What we can do about a fault, why we may not, and what came of it.

mod start_recreation;

use std::collections::BTreeMap;
use std::fmt;

use crate::facts::{IngressRule, PROTECT};

pub use start_recreation::{StartRecreation, recreation_id};

/// A change to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Revoke this one ingress rule, by its id.
    RevokeIngress {
        /// The group that has it, `sg-…`.
        group: String,
        /// The rule as it was read, so that it can be put back.
        rule: IngressRule,
    },
    /// Start the move of a cache to another port.
    ///
    /// It is the same move however often it is started, and is found again by its name. So whoever tries
    /// the event again can tell of it.
    StartRecreation(StartRecreation),
}

impl Action {
    /// Its name, in kebab case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RevokeIngress { .. } => "revoke-ingress",
            Self::StartRecreation(_) => "start-move",
        }
    }

    /// What its outcome goes by: the id of the rule, or of the move.
    pub fn id(&self) -> &str {
        match self {
            Self::RevokeIngress { rule, .. } => &rule.id,
            Self::StartRecreation(start) => &start.id,
        }
    }

    /// The rule that it revokes, with its group.
    pub fn revokes(&self) -> Option<(&str, &IngressRule)> {
        match self {
            Self::RevokeIngress { group, rule } => Some((group, rule)),
            Self::StartRecreation(_) => None,
        }
    }

    /// The move that it starts.
    pub fn starts(&self) -> Option<&StartRecreation> {
        match self {
            Self::StartRecreation(start) => Some(start),
            Self::RevokeIngress { .. } => None,
        }
    }
}

/// What is to be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Do it.
    Do(Action),
    /// It could be done, and is not: why.
    NotRemediated {
        /// What would be done.
        action: Action,
        /// Why not.
        because: Because,
    },
    /// A person must do it: why, and the change where it is one that we know.
    Manual {
        /// The change, if it is a single one.
        action: Option<Action>,
        /// Why a person.
        because: Because,
    },
    /// It cannot be told yet: why.
    Pending(String),
    /// Nothing: it is gone, whoever closed it. It is told all the same, because that may have been
    /// us, and the alert of it lost. The rule is as the event tells it, which knows no tags.
    Gone(Action),
}

impl Remedy {
    /// The change, where it is a single one, whether it is made or not.
    pub fn action(&self) -> Option<&Action> {
        match self {
            Self::Do(action) | Self::NotRemediated { action, .. } | Self::Gone(action) => {
                Some(action)
            }
            Self::Manual { action, .. } => action.as_ref(),
            Self::Pending(_) => None,
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Do(Action::RevokeIngress { .. }) => f.write_str("revoke"),
            Self::Do(Action::StartRecreation(start)) => write!(f, "start move {}", start.id),
            Self::NotRemediated { because, .. } => write!(f, "not remediated: {because}"),
            Self::Manual { because, .. } => write!(f, "manual: {because}"),
            Self::Pending(why) => write!(f, "pending: {why}"),
            Self::Gone(_) => f.write_str("already removed"),
        }
    }
}

/// Why something is not done by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// `PORTCULLIS_MODE=observe`
    Observe,
    /// The group has the tag [`crate::facts::PROTECT`].
    Protected,
    /// The exceptions cannot be read: why.
    ExceptionsUnreadable(String),
    /// An exception looks at something that could not be read.
    ExceptionsNotKnown,
    /// The event did not touch the rule.
    NotTouched,
    /// The record does not say which rules it touched.
    TouchedUnknown(String),
    /// The rule's source could not be read.
    SourceUnknown(String),
    /// The group belongs to this account, and only that one can change it.
    OtherOwner(String),
    /// These interfaces that are no cache's carry the group too.
    SharedGroup(Vec<String>),
    /// Who else carries the group could not be read.
    SharingUnknown(String),
    /// The rule is for all traffic of a few addresses: UDP 11211 is the least of it.
    AllTraffic,
    /// A cache's port is fixed when it is made.
    PortIsFixed,
    /// Encryption in transit changes how every client connects.
    ClientsMustChange,
    /// Where the endpoint of a serverless cache is, is fixed when it is made.
    ConnectionIsFixed,
    /// The routes of a subnet are everybody's there, and a cache keeps its subnet group.
    SubnetsAreShared,
    /// It was closed, and came back, more often within an hour than we close it again.
    Flapping {
        /// How often, in the hour before the event.
        times: usize,
        /// Who brought it back last.
        who: String,
        /// What the call came through, where that can be told.
        through: Option<String>,
    },
    /// More would be closed at once than is closed without asking.
    TooMany {
        /// The limit.
        most: usize,
        /// In what.
        per: Per,
    },
}

/// What a limit of closings is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One event.
    Event,
    /// A minute, by all invocations together.
    Minute,
}

impl Per {
    /// The setting that says how many.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Event => "PORTCULLIS_ACTIONS_PER_EVENT",
            Self::Minute => "PORTCULLIS_ACTIONS_PER_MINUTE",
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observe => f.write_str("Portcullis is in observe mode"),
            Self::Protected => write!(f, "the group has the tag {PROTECT}"),
            Self::ExceptionsUnreadable(why) => write!(
                f,
                "the exceptions cannot be read, so nothing is suppressed and nothing is remediated: {why}"
            ),
            Self::ExceptionsNotKnown => f.write_str(
                "an exception may suppress it, but asks for facts that could not be read: tags, name or interfaces",
            ),
            Self::NotTouched => f.write_str("this event did not touch the rule"),
            Self::TouchedUnknown(why) => write!(f, "the event does not say which rules it touched: {why}"),
            Self::SourceUnknown(why) => write!(f, "its sources could not be read: {why}"),
            Self::OtherOwner(owner) => write!(f, "the group belongs to account {owner}"),
            Self::SharedGroup(ids) => {
                write!(f, "other resources than caches use the group too: {}", ids.join(", "))
            }
            Self::SharingUnknown(why) => {
                write!(f, "it is unknown which other resources use the group: {why}")
            }
            Self::AllTraffic => f.write_str(
                "the rule admits all traffic from a few addresses, and may be meant for something else",
            ),
            Self::PortIsFixed => f.write_str("ElastiCache cannot change the port of a cache"),
            Self::ClientsMustChange => f.write_str("enabling this changes how every client connects"),
            Self::ConnectionIsFixed => {
                f.write_str("ElastiCache cannot change the connection type of a cache")
            }
            Self::SubnetsAreShared => f.write_str(
                "ElastiCache cannot change the subnet group of a cache, and other resources in the subnets may need \
                 their routes",
            ),
            Self::Flapping { times, who, through } => {
                write!(
                    f,
                    "it is flapping: it recurred {times} times within an hour after a revoke, the last time by {}{}. \
                     Portcullis no longer revokes it (PORTCULLIS_COMEBACKS_PER_HOUR), so it is open now: {}",
                    who.escape_debug(),
                    through_what(through.as_deref()),
                    end_of_fight(through.as_deref())
                )
            }
            Self::TooMany { most, per } => {
                let within = match per {
                    Per::Event => "for one event",
                    Per::Minute => "within a minute",
                };
                write!(
                    f,
                    "more than {most} rules would be revoked {within} ({}). The worst were revoked first, and this \
                     one is open: close it, and find out what opens so many",
                    per.setting()
                )
            }
        }
    }
}

fn through_what(through: Option<&str>) -> String {
    match through {
        Some("AWS console") => " through the AWS console".to_owned(),
        Some(through) => format!(" through {}", through.escape_debug()),
        None => String::new(),
    }
}

/// What ends a fight, by what the call came through.
fn end_of_fight(through: Option<&str>) -> &'static str {
    match through {
        Some("AWS console") => "a person opens it, so ask them before you close it",
        Some("Terraform" | "OpenTofu" | "Pulumi" | "cloudformation.amazonaws.com") => {
            "change it where it is declared, then close it"
        }
        Some(service) if service.ends_with(".amazonaws.com") => {
            "change what makes this service open it, then close it"
        }
        Some(_) | None => "find the controller or script that opens it, then close it",
    }
}

/// What came of an action, as seen in the account afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and seen to be; with the rule as it was when it went, if somebody had edited it since
    /// it was read.
    Done(Option<Box<IngressRule>>),
    /// It was so before we came.
    AlreadyGone,
    /// The move is under way, as this execution.
    Started(String),
    /// An earlier try of the same event started the move, as this execution, which may have ended.
    AlreadyStarted(String),
    /// Not done: why.
    Failed(String),
}

impl Outcome {
    /// The ARN of the execution that was started.
    pub fn execution(&self) -> Option<&str> {
        match self {
            Self::Started(execution) | Self::AlreadyStarted(execution) => Some(execution),
            Self::Done(_) | Self::AlreadyGone | Self::Failed(_) => None,
        }
    }

    /// The rule as it was when it went, if not as it was read.
    pub fn went_as(&self) -> Option<&IngressRule> {
        match self {
            Self::Done(changed) => changed.as_deref(),
            Self::AlreadyGone | Self::Started(_) | Self::AlreadyStarted(_) | Self::Failed(_) => {
                None
            }
        }
    }
}

/// What came of the actions, by [`Action::id`].
pub type Outcomes = BTreeMap<String, Outcome>;
