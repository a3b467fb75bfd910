//! Known networks in place of a public rule: what they get before it is revoked, and why some get nothing.

use std::collections::BTreeMap;
use std::fmt;

use crate::facts::{IngressRule, Source, Tag};

/// The tag of a rule that was granted in place of a public one. Its value names the findings, as `f-… f-…`: one call grants
/// for all rules of a group, and gives all that it makes the same tags (EC2 API reference, AuthorizeSecurityGroupIngress).
pub const REPLACES: &str = "portcullis:replaces";

/// How many findings the value of a tag names at the most: it has 256 characters, and an id 14.
pub const MOST_NAMED: usize = 17;

/// What the known networks get in place of a rule that is revoked: its protocol and ports. Without known networks, nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// The id of the finding, as `f-1a2b3c4d5e6f`.
    pub finding: String,
    /// The known networks that get a rule.
    pub to: Vec<Source>,
    /// The known networks that get none: why.
    pub none: BTreeMap<Source, NoGrant>,
}

/// Why a known network gets no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoGrant {
    /// Rules of this kind are revoked only: all traffic, all ports, UDP 11211, a protocol without ports, a rule that opens a
    /// cache.
    Kind,
    /// This rule admits it at the same ports already.
    Covered(String),
    /// The rule admits addresses of the other family.
    Family,
    /// The rule would be a fault itself: the exceptions do not permit it, whoever asks.
    Fault,
    /// The entries of the list could not be read: why.
    Unread(String),
}

impl fmt::Display for NoGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind => f.write_str("a rule of this kind is only revoked, never replaced"),
            Self::Covered(rule) => write!(f, "{rule} admits it at the same ports already"),
            Self::Family => f.write_str("the revoked rule is of the other address family"),
            Self::Fault => f.write_str("the exceptions do not permit it there"),
            Self::Unread(why) => write!(f, "its entries could not be read: {why}"),
        }
    }
}

impl Grants {
    /// The rules that are made in place of this one, without their ids.
    pub fn rules<'a>(&'a self, rule: &'a IngressRule) -> impl Iterator<Item = IngressRule> + 'a {
        self.to.iter().map(|network| self.rule(rule, network.clone()))
    }

    /// One of them.
    pub fn rule(&self, rule: &IngressRule, network: Source) -> IngressRule {
        let tag = Tag { key: REPLACES.to_owned(), value: self.finding.clone() };
        IngressRule {
            id: String::new(),
            source: network,
            description: Some(description(&rule.source.to_string(), &self.finding)),
            tags: vec![tag],
            ..rule.clone()
        }
    }
}

/// The description of a rule that was granted in place of one from this source.
pub fn description(source: &str, finding: &str) -> String {
    format!("Portcullis: known networks in place of {source} ({finding})")
}

impl IngressRule {
    /// Whether Portcullis granted it for this finding, as its tag says.
    pub fn is_granted_for(&self, finding: &str) -> bool {
        let names = |tag: &Tag| tag.key == REPLACES && tag.value.split(' ').any(|id| id == finding);
        self.tags.iter().any(names)
    }
}

/// `grant the same to pl-1 and 203.0.113.0/24, then `
impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.to.is_empty() {
            return Ok(());
        }
        let to: Vec<String> = self.to.iter().map(ToString::to_string).collect();
        write!(f, "grant the same to {}, then ", to.join(" and "))
    }
}

/// What became of the grants in place of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted {
    /// The rules that are there, as EC2 shows them.
    pub rules: Vec<IngressRule>,
    /// The rules that are not, and why.
    pub not: Option<NotGranted>,
}

/// Why rules are not there that were to be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotGranted {
    /// The rules, without ids.
    pub rules: Vec<IngressRule>,
    /// Whether the group has as many rules as its quota permits: it counts a list by its largest size, and IPv4 and IPv6
    /// apart (Amazon VPC user guide, "Amazon VPC quotas").
    pub is_full: bool,
    /// What EC2 answered.
    pub why: String,
}

/// What became of all grants, by the id of the rule in whose place they are.
pub type AllGranted = BTreeMap<String, Granted>;

impl Granted {
    /// What the group shows of the grants in place of a rule. `why`: EC2's refusal, if it refused, and whether the group is
    /// full. `None` if there were none to make.
    pub fn of(
        rule: &IngressRule,
        grants: &Grants,
        shown: &[IngressRule],
        why: Option<(&str, bool)>,
    ) -> Option<Self> {
        if grants.to.is_empty() {
            return None;
        }
        let is_there = |grant: &IngressRule| {
            shown.iter().any(|there| {
                (&there.protocol, there.from_port, there.to_port, &there.source)
                    == (&grant.protocol, grant.from_port, grant.to_port, &grant.source)
            })
        };
        let missing: Vec<IngressRule> =
            grants.rules(rule).filter(|grant| !is_there(grant)).collect();
        let ours = shown.iter().filter(|shown| shown.is_granted_for(&grants.finding));
        let (why, is_full) = why.unwrap_or(("EC2 does not show it", false));
        let not = NotGranted { rules: missing, is_full, why: why.to_owned() };
        Some(Self {
            rules: ours.cloned().collect(),
            not: Some(not).filter(|not| !not.rules.is_empty()),
        })
    }
}
