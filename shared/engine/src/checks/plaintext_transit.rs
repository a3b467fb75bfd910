//! `plaintext-transit`: a cache is not encrypted in transit.
//!
//! Serverless caches always are (ElastiCache user guide, "In-transit encryption").

use super::{Check, Evidence, Finding, Severity};
use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, CacheKind, Engine};

/// At fault only if Describe says that there is none.
pub fn check(engine: &Engine, cache: &CacheFacts) -> Option<Finding> {
    let plaintext =
        cache.kind != CacheKind::ServerlessCache && cache.transit_encryption == Some(false);
    plaintext.then(|| Finding {
        check: Check::PlaintextTransit,
        severity: Severity::Medium,
        evidence: Evidence::Setting { engine: engine.clone() },
        remedy: Remedy::ByHand { action: None, because: Because::ClientsMustChange },
    })
}
