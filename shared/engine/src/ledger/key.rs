//! The identity of a finding.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::RuleShape;
use crate::facts::{CacheKind, IngressRule, ListEntry, Protocol, Source};
use crate::finding::{Check, Evidence, Finding, Subject};

/// The identity of a finding: the same fault of the same resource has the same key in every occurrence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// `sg-…`, or the kind and id of another resource as `replication-group/orders` or `prefix-list/pl-…`.
    pub subject: String,
    /// The check, and for a rule its shape: `open-ingress#tcp#6379#6379#0.0.0.0/0`. Where the rule opens a cache,
    /// the cache: `open-cache#tcp#6379#6379#0.0.0.0/0#replication-group/orders`.
    pub finding: String,
}

impl Key {
    /// The key of a finding of a decision about `subject`.
    pub fn of(finding: &Finding, subject: &Subject) -> Self {
        let check = finding.check.as_str();
        let about = format!("{}/{}", subject.kind, subject.id);
        match &finding.evidence {
            Evidence::Rule { group, rule, .. } | Evidence::UnreadableRule { group, rule, .. } => {
                let shape = shape(rule);
                // One rule may open several caches, and each of them is a finding of its own: a cache that is created
                // tomorrow behind the same rule must be reported tomorrow.
                let finding = if finding.check == Check::OpenCache {
                    format!("{check}#{shape}#{about}")
                } else {
                    format!("{check}#{shape}")
                };
                Self { subject: group.clone(), finding }
            }
            // Nobody can say whether two such events are about the same resource, so each is a finding of its own.
            Evidence::UnnamedSubject { event, .. } => {
                Self { subject: about, finding: format!("{check}#{event}") }
            }
            // The same entries are the same fault, in whatever order and with whatever others they came.
            Evidence::Entries { entries, .. } => {
                Self { subject: about, finding: format!("{check}#{}", ListEntry::digest(entries)) }
            }
            Evidence::UnreadableGroups(_) | Evidence::Port { .. } | Evidence::Setting { .. } => {
                Self { subject: about, finding: check.to_owned() }
            }
        }
    }

    /// The partition of the findings about a prefix list.
    pub fn list_subject(id: &str) -> String {
        format!("prefix-list/{id}")
    }

    /// The partition of the findings about a cache.
    pub fn cache_subject(kind: CacheKind, id: &str) -> String {
        let kind = match kind {
            CacheKind::CacheCluster => "cache-cluster",
            CacheKind::ReplicationGroup => "replication-group",
            CacheKind::ServerlessCache => "serverless-cache",
        };
        format!("{kind}/{id}")
    }

    /// What `finding` is made of: the check, the shape of the rule, and the cache that the rule opens.
    pub(crate) fn parts(&self) -> (&str, Option<String>, Option<&str>) {
        let mut parts = self.finding.split('#');
        let check = parts.next().unwrap_or_default();
        let shape: Vec<&str> = parts.by_ref().take(4).collect();
        (check, (!shape.is_empty()).then(|| shape.join("#")), parts.next())
    }

    /// The id of the finding for people, as `f-3c9909afec25`. Of the 281 trillion that there are, a table with
    /// a million findings has the same one twice with a chance of 1 in 560.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.subject, self.finding));
        digest.iter().take(6).fold("f-".to_owned(), |id, byte| id + &format!("{byte:02x}"))
    }
}

/// What makes two rules of a group the same rule, whatever their ids: EC2 refuses a second rule of the same shape.
pub fn shape(rule: &IngressRule) -> String {
    spell(&rule.protocol, (rule.from_port, rule.to_port), &rule.source)
}

/// The same of a rule as an event describes it.
pub(super) fn shape_of(rule: &RuleShape) -> String {
    spell(&rule.protocol, (rule.from_port, rule.to_port), &rule.source)
}

fn spell(protocol: &Protocol, ports: (i32, i32), source: &Source) -> String {
    let (from, to) = match protocol {
        Protocol::All | Protocol::Other(_) => (-1, -1),
        Protocol::Tcp | Protocol::Udp | Protocol::Icmp | Protocol::Icmpv6 => ports,
    };
    format!("{}#{from}#{to}#{source}", protocol.as_str())
}
