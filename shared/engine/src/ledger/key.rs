//! Which finding it is.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::facts::{CacheKind, IngressRule, Protocol};
use crate::finding::{Check, Evidence, Finding, Subject};

/// Which finding it is, however often it comes: the same fault of the same thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// `sg-…`, or the kind and id of a cache as `replication-group/orders`.
    pub subject: String,
    /// The check, and for a rule its shape: `open-ingress#tcp#6379#6379#0.0.0.0/0`. Where the rule opens a cache,
    /// the cache: `open-cache#tcp#6379#6379#0.0.0.0/0#replication-group/orders`.
    pub finding: String,
}

impl Key {
    /// Of a finding that a decision about `subject` holds.
    pub fn of(finding: &Finding, subject: &Subject) -> Self {
        let check = finding.check.as_str();
        let about = format!("{}/{}", subject.kind, subject.id);
        match &finding.evidence {
            Evidence::Rule { group, rule, .. } | Evidence::UnreadableRule { group, rule, .. } => {
                let shape = shape(rule);
                // The same rule may open one cache today, and tomorrow one that is made then.
                let finding = match finding.check == Check::OpenCache {
                    true => format!("{check}#{shape}#{about}"),
                    false => format!("{check}#{shape}"),
                };
                Self { subject: group.clone(), finding }
            }
            Evidence::UnreadableGroups(_) | Evidence::Port { .. } | Evidence::Setting { .. } => {
                Self { subject: about, finding: check.to_owned() }
            }
        }
    }

    /// What findings about a cache are remembered under.
    pub fn cache_subject(kind: CacheKind, id: &str) -> String {
        let kind = match kind {
            CacheKind::CacheCluster => "cache-cluster",
            CacheKind::ReplicationGroup => "replication-group",
            CacheKind::ServerlessCache => "serverless-cache",
        };
        format!("{kind}/{id}")
    }

    /// The id of the finding for people, as `f-3c9909afec25`. Of the 281 trillion that there are, a table with
    /// a million findings has the same one twice with a chance of 1 in 560.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.subject, self.finding));
        digest.iter().take(6).fold("f-".to_owned(), |id, byte| id + &format!("{byte:02x}"))
    }
}

/// What makes two rules of a group the same rule, whatever its id: EC2 refuses a second one of it.
pub fn shape(rule: &IngressRule) -> String {
    let (from, to) = match rule.protocol {
        Protocol::All | Protocol::Other(_) => (-1, -1),
        Protocol::Tcp | Protocol::Udp | Protocol::Icmp | Protocol::Icmpv6 => {
            (rule.from_port, rule.to_port)
        }
    };
    format!("{}#{from}#{to}#{}", rule.protocol.as_str(), rule.source)
}
