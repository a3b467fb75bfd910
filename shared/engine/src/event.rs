//! What can happen: the events that Portcullis looks at.
//!
//! INVARIANT: an event is a hint. It says where to look, which rules were touched and whom to
//! name; what is true is read from the account afterwards.

mod actor;
mod attaching;
mod cache;
mod caches;
mod carrier;
mod history;
mod json;
mod list;
mod lists;
mod parse;
mod revisit;
mod stop;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::facts::{IngressRule, Protocol, Source};
use crate::time::seconds;

pub use cache::{Altered, CacheLead, Inherits};
pub use carrier::Carrier;
pub use history::{CHANGES, Change, Changed, Requested};
pub use list::ListLead;
pub use parse::{Parsed, is_redelivered, is_replay, parse, redelivered};
pub use revisit::RevisitRef;
pub use stop::{Ignored, Malformed};

/// A successful API call that may have opened something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// CloudTrail's `eventID`, the same in every delivery of one call; else the envelope's id.
    pub id: String,
    /// Which API was called; `None` where nothing was called: what is there is looked at.
    pub name: Option<EventName>,
    /// CloudTrail's `eventTime`, ISO 8601 in UTC. It is "now" for every decision.
    pub time: String,
    /// The account that owns the resource (`recipientAccountId`), 12 digits.
    pub account: String,
    /// The Region of the call, as `eu-west-1`.
    pub region: String,
    /// Who called; empty where nothing was called.
    pub actor: Actor,
    /// Where to look.
    pub lead: Lead,
}

/// EC2 and ElastiCache show what a call did within seconds, and in the worst cases that are known within minutes. So
/// for as many seconds what is not shown may still come, and after that it is gone.
pub const YOUNG: i64 = 300;

impl Event {
    /// Whether somebody called: then it is known who.
    pub fn is_call(&self) -> bool {
        self.name.is_some()
    }

    /// The name of the call; empty where nothing was called.
    pub fn call(&self) -> &'static str {
        self.name.map_or("", EventName::as_str)
    }

    /// Whether what AWS does not show yet may still come. An event of a time that lies ahead is as young as one that
    /// lies as far behind: clocks differ, and a time may be forged. `now` is in seconds since 1970.
    pub fn is_young(&self, now: i64) -> bool {
        now.saturating_sub(seconds(&self.time)).unsigned_abs() < YOUNG.unsigned_abs()
    }

    /// Whether it is about a security group, or a prefix list that groups name; else about a cache.
    pub fn is_of_group(&self) -> bool {
        match &self.lead {
            Lead::Group(_) | Lead::List(_) => true,
            Lead::Cache(_) => false,
            Lead::Unknown => self.name.is_some_and(EventName::is_of_group),
        }
    }

    /// The AWS partition of the event's Region, for ARNs.
    pub fn partition(&self) -> &'static str {
        if self.region.starts_with("cn-") {
            "aws-cn"
        } else if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

/// The API calls that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventName {
    /// `ec2:AuthorizeSecurityGroupIngress`
    AuthorizeSecurityGroupIngress,
    /// `ec2:ModifySecurityGroupRules`: may turn a private rule public in place.
    ModifySecurityGroupRules,
    /// `ec2:ModifyNetworkInterfaceAttribute`: with groups, it puts them before what the interface belongs to.
    ModifyNetworkInterfaceAttribute,
    /// `ec2:ModifyInstanceAttribute`: with groups, it puts them before the instance.
    ModifyInstanceAttribute,
    /// `ec2:AssociateSecurityGroupVpc`: the group may be used in another VPC.
    AssociateSecurityGroupVpc,
    /// `ec2:ModifyManagedPrefixList`: what it adds is let in by every rule that names the list.
    ModifyManagedPrefixList,
    /// `ec2:RestoreManagedPrefixListVersion`: the same.
    RestoreManagedPrefixListVersion,
    /// `elasticache:CreateCacheCluster`
    CreateCacheCluster,
    /// `elasticache:CreateReplicationGroup`
    CreateReplicationGroup,
    /// `elasticache:CreateServerlessCache`
    CreateServerlessCache,
    /// `elasticache:ModifyCacheCluster`: may put a cache behind other groups, or take its encryption or authentication.
    ModifyCacheCluster,
    /// `elasticache:ModifyReplicationGroup`: the same.
    ModifyReplicationGroup,
    /// `elasticache:ModifyServerlessCache`: other groups, or another user group or none.
    ModifyServerlessCache,
}

impl EventName {
    /// Every watched call, in the order of the README's table.
    pub const ALL: [Self; 13] = [
        Self::AuthorizeSecurityGroupIngress,
        Self::ModifySecurityGroupRules,
        Self::ModifyNetworkInterfaceAttribute,
        Self::ModifyInstanceAttribute,
        Self::AssociateSecurityGroupVpc,
        Self::ModifyManagedPrefixList,
        Self::RestoreManagedPrefixListVersion,
        Self::CreateCacheCluster,
        Self::CreateReplicationGroup,
        Self::CreateServerlessCache,
        Self::ModifyCacheCluster,
        Self::ModifyReplicationGroup,
        Self::ModifyServerlessCache,
    ];

    /// AWS's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizeSecurityGroupIngress => "AuthorizeSecurityGroupIngress",
            Self::ModifySecurityGroupRules => "ModifySecurityGroupRules",
            Self::ModifyNetworkInterfaceAttribute => "ModifyNetworkInterfaceAttribute",
            Self::ModifyInstanceAttribute => "ModifyInstanceAttribute",
            Self::AssociateSecurityGroupVpc => "AssociateSecurityGroupVpc",
            Self::ModifyManagedPrefixList => "ModifyManagedPrefixList",
            Self::RestoreManagedPrefixListVersion => "RestoreManagedPrefixListVersion",
            Self::CreateCacheCluster => "CreateCacheCluster",
            Self::CreateReplicationGroup => "CreateReplicationGroup",
            Self::CreateServerlessCache => "CreateServerlessCache",
            Self::ModifyCacheCluster => "ModifyCacheCluster",
            Self::ModifyReplicationGroup => "ModifyReplicationGroup",
            Self::ModifyServerlessCache => "ModifyServerlessCache",
        }
    }

    /// Whether it changes a security group, or a prefix list that groups name; else a cache.
    pub fn is_of_group(self) -> bool {
        match self {
            Self::AuthorizeSecurityGroupIngress
            | Self::ModifySecurityGroupRules
            | Self::ModifyNetworkInterfaceAttribute
            | Self::ModifyInstanceAttribute
            | Self::AssociateSecurityGroupVpc
            | Self::ModifyManagedPrefixList
            | Self::RestoreManagedPrefixListVersion => true,
            Self::CreateCacheCluster
            | Self::CreateReplicationGroup
            | Self::CreateServerlessCache
            | Self::ModifyCacheCluster
            | Self::ModifyReplicationGroup
            | Self::ModifyServerlessCache => false,
        }
    }

    /// CloudTrail's `eventSource`.
    pub fn source(self) -> &'static str {
        if self.is_of_group() { "ec2.amazonaws.com" } else { "elasticache.amazonaws.com" }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who called the API, as CloudTrail saw it. Every text here is controlled by users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// `userIdentity.arn`, or the next best that the record has.
    pub arn: String,
    /// A name for people: `deploy-role/alice`, `alice`, `root`, `cloudformation.amazonaws.com`.
    pub name: String,
    /// `userIdentity.type`: `AssumedRole`, `IAMUser`, `Root`, `AWSService`, …; empty if the record has none.
    pub kind: String,
    /// `userIdentity.accountId`: the account that the caller is of.
    pub account: Option<String>,
    /// The name of the role that the session was made of, without its path.
    pub role: Option<String>,
    /// `sessionContext.sourceIdentity`: whom the session stands for. It is set when the first role is assumed, stays
    /// through every role that is assumed from there, and cannot be changed (IAM user guide, "Monitor and control
    /// actions taken with assumed roles"). Which values there may be is up to the trust policy of the first role.
    pub source_identity: Option<String>,
    /// What the call came through, where that can be told: `Terraform`, `AWS console`, ….
    pub via: Option<String>,
    /// `sourceIPAddress`: an address, or a service's host name.
    pub ip: String,
    /// `userAgent`
    pub agent: String,
}

/// Where an event says to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// A security group's rules were touched, or the group was put before something.
    Group(GroupLead),
    /// A prefix list may have got entries.
    List(ListLead),
    /// A cache was made, or changed.
    Cache(CacheLead),
    /// Nowhere: the record is truncated so far that it names no resource. Who called, and when, is reported all the same.
    Unknown,
}

/// The security group that an event is about, and what it touched there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLead {
    /// Which group.
    pub group: GroupRef,
    /// Which of its rules.
    pub touched: Touched,
}

/// How the event names the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRef {
    /// `sg-…`
    Id(String),
    /// By name alone, which EC2 allows in the default VPC only.
    Name(String),
}

impl GroupRef {
    /// Whether it is the group of this id.
    pub fn is(&self, group: &str) -> bool {
        matches!(self, Self::Id(id) if id == group)
    }
}

/// Which rules an event touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// These.
    Rules(Vec<RuleLead>),
    /// The record does not say (it was truncated): the reason. We report, and do not act.
    Unknown(String),
    /// All of them: they are older than the call, and it put their group before something.
    Attached(Attached),
}

/// A group that a call put before something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Before what.
    pub to: Carrier,
    /// The rules that an earlier attempt at the event went to revoke, and did not report: the event names none.
    pub unreported: Vec<RuleLead>,
}

impl GroupLead {
    /// What the call put the group before, if it did that.
    pub fn carrier(&self) -> Option<&Carrier> {
        match &self.touched {
            Touched::Attached(attached) => Some(&attached.to),
            Touched::Rules(_) | Touched::Unknown(_) => None,
        }
    }
}

/// One touched rule: its id where the event has it, and what it must look like by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLead {
    /// `sgr-…`
    pub id: Option<String>,
    /// What the event says of it: protocol, ports and source.
    pub shape: Option<RuleShape>,
    /// Whether the event edited it: then Describe may for some seconds show it as it was before.
    pub edit: bool,
}

impl RuleLead {
    /// Whether it is about this rule, by its id or its shape.
    pub fn is_about(&self, rule: &IngressRule) -> bool {
        self.id.as_ref() == Some(&rule.id)
            || self.shape.as_ref().is_some_and(|shape| shape.matches(rule))
    }
}

/// The identity of an ingress rule within its group: EC2 refuses a second one of the same shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleShape {
    /// Normalised protocol.
    pub protocol: Protocol,
    /// `FromPort`, -1 where absent.
    pub from_port: i32,
    /// `ToPort`, -1 where absent.
    pub to_port: i32,
    /// Canonical source.
    pub source: Source,
}

impl From<IngressRule> for RuleShape {
    fn from(rule: IngressRule) -> Self {
        let IngressRule { protocol, from_port, to_port, source, .. } = rule;
        Self { protocol, from_port, to_port, source }
    }
}

impl RuleShape {
    /// Whether the live rule is the one that was asked for.
    ///
    /// Ports count only where the protocol has them: EC2 stores none for `-1` and for protocol
    /// numbers other than tcp, udp and icmp, whatever was sent (API reference, `IpPermission`).
    pub fn matches(&self, rule: &IngressRule) -> bool {
        self.protocol == rule.protocol
            && self.source == rule.source
            && (!self.protocol.has_ports()
                || (self.from_port, self.to_port) == (rule.from_port, rule.to_port))
    }
}

/// What the touched rules are among the group's live ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Ids of live ingress rules that the event touched.
    pub ids: Vec<String>,
    /// What Describe does not show (any more, or yet).
    pub missing: Vec<RuleLead>,
    /// Touched rules that Describe shows otherwise than the event says they were edited, with
    /// what the event says.
    pub unlike: Vec<(String, RuleShape)>,
}

impl Resolved {
    /// Whether Describe shows all that the event says.
    pub fn is_settled(&self) -> bool {
        self.missing.is_empty() && self.unlike.is_empty()
    }
}

impl Touched {
    /// What the event says of this rule; `None` if it says nothing.
    pub fn about(&self, rule: &IngressRule) -> Option<Vec<RuleLead>> {
        let Self::Rules(leads) = self else { return None };
        let by_id = |lead: &&RuleLead| lead.id.as_ref() == Some(&rule.id);
        let by_shape = |lead: &&RuleLead| lead.id.is_none() && lead.is_about(rule);
        let found = leads.iter().find(by_id).or_else(|| leads.iter().find(by_shape))?;
        Some(vec![found.clone()])
    }

    /// What the event says of these rules.
    pub fn of(&self, ids: &[String]) -> Vec<RuleLead> {
        let Self::Rules(leads) = self else { return Vec::new() };
        let is_of = |lead: &&RuleLead| lead.id.as_ref().is_some_and(|id| ids.contains(id));
        leads.iter().filter(is_of).cloned().collect()
    }

    /// Finds the touched rules among the live ones. `egress` holds the ids of the egress rules:
    /// ModifySecurityGroupRules does not say which direction it edits.
    pub fn resolve(&self, ingress: &[IngressRule], egress: &[String]) -> Resolved {
        let mut found = Resolved::default();
        let leads = match self {
            Self::Rules(leads) => leads,
            Self::Unknown(_) => return found,
            Self::Attached(Attached { unreported, .. }) => {
                found.ids = ingress.iter().map(|rule| rule.id.clone()).collect();
                let is_there =
                    |lead: &&RuleLead| lead.id.as_ref().is_some_and(|id| found.ids.contains(id));
                found.missing = unreported.iter().filter(|lead| !is_there(lead)).cloned().collect();
                return found;
            }
        };
        let by_id: HashMap<&str, &IngressRule> =
            ingress.iter().map(|rule| (rule.id.as_str(), rule)).collect();
        let mut seen = HashSet::new();
        for lead in leads {
            let live = match (&lead.id, &lead.shape) {
                (Some(id), _) => by_id.get(id.as_str()).copied(),
                (None, Some(shape)) => ingress.iter().find(|rule| shape.matches(rule)),
                (None, None) => None,
            };
            if let Some(rule) = live {
                if let Some(shape) =
                    lead.shape.as_ref().filter(|shape| lead.edit && !shape.matches(rule))
                {
                    found.unlike.push((rule.id.clone(), shape.clone()));
                }
                if seen.insert(rule.id.as_str()) {
                    found.ids.push(rule.id.clone());
                }
            } else if !lead.id.as_ref().is_some_and(|id| egress.contains(id)) {
                found.missing.push(lead.clone());
            }
        }
        found
    }
}

impl fmt::Display for RuleLead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.id, &self.shape) {
            (Some(id), _) => f.write_str(id),
            (None, Some(shape)) => write!(f, "the rule for {}", shape.source),
            (None, None) => f.write_str("a rule that the event does not name"),
        }
    }
}
