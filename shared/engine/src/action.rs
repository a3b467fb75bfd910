//! The remediations, the reasons not to remediate, and the outcomes.

mod grants;
mod lists;
mod start_recreation;

use std::collections::BTreeMap;
use std::fmt;

use crate::facts::{IngressRule, ListEntry, PROTECT};
use crate::time::iso;

pub use grants::{
    AllGranted, Granted, Grants, MOST_NAMED, NoGrant, NotGranted, REPLACES, description,
};
pub use lists::{ListStays, RemoveEntries};
pub use start_recreation::{Input, StartRecreation, recreation_id};

/// A change to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Revoke this one ingress rule, by its id.
    RevokeIngress {
        /// The group that has it, `sg-…`.
        group: String,
        /// The rule as it was read, so that `undo` can restore it.
        rule: IngressRule,
        /// What the known networks get before it is revoked.
        grants: Grants,
    },
    /// Start the re-creation of a cache on another port.
    ///
    /// Its execution has a name that follows from the event. So a retry starts nothing anew: it finds the same
    /// execution, and can report it.
    StartRecreation(StartRecreation),
    /// Remove entries of a prefix list.
    RemoveEntries(RemoveEntries),
}

impl Action {
    /// Its name, in kebab case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RevokeIngress { .. } => "revoke-ingress",
            Self::StartRecreation(_) => "start-move",
            Self::RemoveEntries(_) => "remove-entries",
        }
    }

    /// The key of its outcome: the id of the rule, of the re-creation, or of the prefix list.
    pub fn id(&self) -> &str {
        match self {
            Self::RevokeIngress { rule, .. } => &rule.id,
            Self::StartRecreation(start) => &start.id,
            Self::RemoveEntries(remove) => &remove.list,
        }
    }

    /// The rule that it revokes, with its group.
    pub fn revokes(&self) -> Option<(&str, &IngressRule)> {
        match self {
            Self::RevokeIngress { group, rule, .. } => Some((group, rule)),
            Self::StartRecreation(_) | Self::RemoveEntries(_) => None,
        }
    }

    /// Whether it keeps somebody out: then it counts towards the limits.
    pub fn closes(&self) -> bool {
        match self {
            Self::RevokeIngress { .. } | Self::RemoveEntries(_) => true,
            Self::StartRecreation(_) => false,
        }
    }

    /// The entries that it removes.
    pub fn removes(&self) -> Option<&RemoveEntries> {
        match self {
            Self::RemoveEntries(remove) => Some(remove),
            Self::RevokeIngress { .. } | Self::StartRecreation(_) => None,
        }
    }

    /// What the known networks get before its rule is revoked.
    pub fn grants(&self) -> Option<&Grants> {
        match self {
            Self::RevokeIngress { grants, .. } => Some(grants),
            Self::StartRecreation(_) | Self::RemoveEntries(_) => None,
        }
    }

    /// What would be granted before the revoke, if anything: `TCP 22 would be granted to pl-1 first`.
    pub fn granting(&self) -> Option<String> {
        let ((_, rule), grants) = (self.revokes()?, self.grants()?);
        let to: Vec<String> = grants.to.iter().map(ToString::to_string).collect();
        (!to.is_empty())
            .then(|| format!("{} would be granted to {} first", rule.traffic(), to.join(" and ")))
    }

    /// What a group shows of these grants, as [`Granted::of`] has it.
    pub fn granted(&self, shown: &[IngressRule], why: Option<(&str, bool)>) -> Option<Granted> {
        match self {
            Self::RevokeIngress { rule, grants, .. } => Granted::of(rule, grants, shown, why),
            Self::StartRecreation(_) | Self::RemoveEntries(_) => None,
        }
    }

    /// The re-creation that it starts.
    pub fn starts(&self) -> Option<&StartRecreation> {
        match self {
            Self::StartRecreation(start) => Some(start),
            Self::RevokeIngress { .. } | Self::RemoveEntries(_) => None,
        }
    }
}

/// What is to be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Portcullis remediates it.
    Do(Action),
    /// Portcullis could remediate it, and does not; the reason.
    NotRemediated {
        /// The remediation.
        action: Action,
        /// Why not.
        because: Because,
    },
    /// Only a person can remediate it; the reason, and the change if it is a single one.
    Manual {
        /// The change, if it is a single one.
        action: Option<Action>,
        /// Why only a person can.
        because: Because,
    },
    /// It cannot be decided yet; the reason.
    Pending(String),
    /// The rule is gone already. It is reported all the same: perhaps an earlier attempt of Portcullis removed it,
    /// and its alert was lost. The rule is as the event describes it, so without tags.
    Gone(Action),
}

impl Remedy {
    /// The change, if it is a single one, whether Portcullis makes it or not.
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
            Self::Do(Action::RevokeIngress { grants, .. }) => write!(f, "{grants}revoke"),
            Self::Do(Action::StartRecreation(start)) => write!(f, "start move {}", start.id),
            Self::Do(Action::RemoveEntries(remove)) => {
                write!(f, "remove {} of {}", ListEntry::words(&remove.entries), remove.list)
            }
            Self::NotRemediated { action, because } => {
                write!(f, "not remediated: {because}")?;
                action.granting().map_or(Ok(()), |granting| write!(f, "; {granting}"))
            }
            Self::Manual { because, .. } => write!(f, "manual: {because}"),
            Self::Pending(why) => write!(f, "pending: {why}"),
            Self::Gone(_) => f.write_str("already removed"),
        }
    }
}

/// Why Portcullis does not remediate a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// `PORTCULLIS_MODE=observe`
    Observe,
    /// It is an audit, which changes nothing.
    Audit,
    /// The group has the tag [`crate::facts::PROTECT`].
    Protected,
    /// The exceptions cannot be read; the reason.
    ExceptionsUnreadable(String),
    /// An exception asks for a fact that could not be read.
    ExceptionsNotKnown,
    /// An exception asks who called, and nothing was called.
    CallerNotKnown,
    /// An exception asks for the tags of a cache, which only the call that created it names.
    TagsNotKnown,
    /// The event did not touch the rule.
    NotTouched,
    /// The event does not say which rules it touched; the reason.
    TouchedUnknown(String),
    /// The record of the call does not name the resource: a `security group` or a `cache`.
    SubjectUnknown(&'static str),
    /// The rule's source could not be read.
    SourceUnknown(String),
    /// The rule's source may lie in the address space of the group's VPC, which could not be read: why.
    SpaceUnknown(String),
    /// The rule's source lies in the address space of one of the VPCs that the group is in, and not of all: the VPCs that
    /// it is associated with besides its own.
    LocalInSome(Vec<String>),
    /// The group belongs to this other account, and only that account can change it.
    OtherOwner(String),
    /// The group is also on these interfaces, which are not a cache's.
    SharedGroup(Vec<String>),
    /// The rule is older than the call that put its group here, and other interfaces carry the group too.
    OthersCarry {
        /// These.
        others: Vec<String>,
        /// How the group is taken off again, where that is one call.
        detach: Option<Detach>,
    },
    /// The call only associated the group with this VPC, `vpc-…`.
    OnlyAssociated(String),
    /// It could not be read which other interfaces have the group.
    SharingUnknown(String),
    /// The prefix list is left to a person.
    ListStays(ListStays),
    /// The rule admits all traffic of a few addresses: to revoke it would cut off much more than UDP 11211.
    AllTraffic,
    /// The port of a cache cannot be changed after its creation.
    PortIsFixed,
    /// Encryption in transit changes how every client connects.
    ClientsMustChange,
    /// The subnets of a serverless cache cannot be changed after its creation.
    ConnectionIsFixed,
    /// The routes of a subnet serve everything in it, and a cache cannot leave its subnet group.
    SubnetsAreShared,
    /// The finding is flapping: its rule recurred too often within an hour.
    Flapping {
        /// The recurrences in the hour before the event.
        times: usize,
        /// The caller of the last one.
        who: String,
        /// The tool or service that the call came through, where the event shows it.
        through: Option<String>,
        /// When it is revoked if it has not recurred until then, in seconds since 1970.
        until: i64,
    },
    /// The limit is reached: the rest is revoked in the next minutes.
    TooMany {
        /// The limit.
        most: usize,
        /// The limit of one event, or of one minute.
        per: Per,
    },
}

/// How a group is taken off the interface that a call put it on, also that of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detach {
    /// `eni-…`
    pub interface: String,
    /// The groups that it keeps; never none.
    pub keep: Vec<String>,
}

/// What a limit counts revoked rules in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One event.
    Event,
    /// A minute, by all invocations together.
    Minute,
}

impl Per {
    /// The parameter of the stack that says how many.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Event => "ActionsPerEvent",
            Self::Minute => "ActionsPerMinute",
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observe => f.write_str("Portcullis is in observe mode"),
            Self::Audit => f.write_str("an audit changes nothing"),
            Self::Protected => write!(f, "the group has the tag {PROTECT}"),
            Self::ExceptionsUnreadable(why) => write!(
                f,
                "the exceptions cannot be read, so nothing is suppressed and nothing is remediated: {why}"
            ),
            Self::ExceptionsNotKnown => f.write_str(
                "an exception may suppress it, but asks for facts that could not be read: tags, name or interfaces",
            ),
            Self::CallerNotKnown => f.write_str(
                "an exception may suppress it, but asks who made the call, which only CloudTrail knows",
            ),
            Self::TagsNotKnown => f.write_str(
                "an exception may suppress it, but asks for the cache's tags, which only the call that created it names",
            ),
            Self::NotTouched => f.write_str("this event did not touch the rule"),
            Self::TouchedUnknown(why) => write!(f, "the event does not say which rules it touched: {why}"),
            Self::SubjectUnknown(what) => {
                write!(f, "the record names no {what}, so there was nothing to read or to change")
            }
            Self::SourceUnknown(why) => write!(f, "its sources could not be read: {why}"),
            Self::SpaceUnknown(why) => write!(
                f,
                "its source may lie in the address space of the group's own VPC, which could not be read: {why}"
            ),
            Self::LocalInSome(vpcs) => write!(
                f,
                "the group is associated with {} besides its own VPC, and the source lies in the address space of one of \
                 them: it is local there, and the internet in the others",
                vpcs.join(", ")
            ),
            Self::OtherOwner(owner) => write!(f, "the group belongs to account {owner}"),
            Self::SharedGroup(ids) => {
                write!(f, "other resources than caches use the group too: {}", ids.join(", "))
            }
            Self::OthersCarry { others, .. } => write!(
                f,
                "the rule is older than the call, and the group is on other interfaces too, which may need it: {}",
                others.join(", ")
            ),
            Self::OnlyAssociated(vpc) => write!(
                f,
                "the rule is older than the call, which only lets the group be used in {vpc}: that puts it before nothing"
            ),
            Self::SharingUnknown(why) => {
                write!(f, "it is unknown which other resources use the group: {why}")
            }
            Self::ListStays(stays) => stays.fmt(f),
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
            Self::Flapping { times, who, through, until } => {
                write!(
                    f,
                    "it is flapping: it recurred {times} times within an hour after a revoke, the last time by {}{}. \
                     It is open now (ComebacksPerHour), and is revoked at {} if it has not recurred until \
                     then: {}",
                    who.escape_debug(),
                    through_what(through.as_deref()),
                    iso(*until),
                    end_of_fight(through.as_deref())
                )
            }
            Self::TooMany { most, per } => {
                let within = match per {
                    Per::Event => "at once for one event",
                    Per::Minute => "within a minute",
                };
                write!(
                    f,
                    "more than {most} rules were to be revoked {within} ({}). The most dangerous are revoked first, and \
                     this one is open until its turn comes in one of the next minutes",
                    per.setting()
                )
            }
        }
    }
}

/// Whose word it is that a machine made a call, and will make it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A service of AWS acted by itself (`userIdentity.invokedBy`): AWS says so.
    Aws,
    /// A controller, or infrastructure as code: the user agent, and so the caller, says so.
    Tool,
    /// Nobody: a person on the console, a command line or an SDK.
    Nobody,
}

impl Word {
    /// By what a call came through.
    pub fn of(through: Option<&str>) -> Self {
        match through {
            Some("Terraform" | "OpenTofu" | "Pulumi" | "AWS Load Balancer Controller") => {
                Self::Tool
            }
            Some(service) if service.ends_with(".amazonaws.com") => Self::Aws,
            Some(_) | None => Self::Nobody,
        }
    }
}

fn through_what(through: Option<&str>) -> String {
    match through {
        Some("AWS console") => " through the AWS console".to_owned(),
        Some(through) if Word::of(Some(through)) == Word::Tool => {
            format!(" through {}, by its own word", through.escape_debug())
        }
        Some(through) => format!(" through {}", through.escape_debug()),
        None => String::new(),
    }
}

/// What ends the recurrences, by the tool that the call came through.
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

/// The outcome of one remediation, as the account shows it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and a second read proved it. With the rule as it was revoked, if somebody edited it after the first
    /// read.
    Done(Option<Box<IngressRule>>),
    /// The rule was gone before Portcullis could revoke it.
    AlreadyGone,
    /// The re-creation is started, as this execution.
    Started(String),
    /// An earlier attempt at the same event started the re-creation, as this execution, which may have ended.
    AlreadyStarted(String),
    /// Not done; the reason.
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

    /// The rule as it was revoked, if it was edited after it was read.
    pub fn went_as(&self) -> Option<&IngressRule> {
        match self {
            Self::Done(changed) => changed.as_deref(),
            Self::AlreadyGone | Self::Started(_) | Self::AlreadyStarted(_) | Self::Failed(_) => {
                None
            }
        }
    }
}

/// The outcomes of the remediations, by [`Action::id`].
pub type Outcomes = BTreeMap<String, Outcome>;
